"""How long something has waited, in words. Pure."""

from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext


def band_words(since_days: int, until_days: int | None) -> str:
    """An age that begins with so many days, and ends before so many."""
    if until_days is None:
        return _("%(days)s days and longer") % {"days": since_days}
    if since_days == 0:
        return _("less than %(days)s days") % {"days": until_days}
    return _("%(since)s to %(until)s days") % {"since": since_days, "until": until_days - 1}


def days_old(days: int) -> str:
    """How old the oldest of several is."""
    if days <= 0:
        return _("of today")
    return ngettext("%(days)s day old", "%(days)s days old", days) % {"days": days}
