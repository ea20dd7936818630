"""States and ways of evidence, in words."""

from supporters.kit.strings import gettext as _
from supporters.newsletters.models import State
from supporters.web.desk.words import Tag


def state_tag(state: str) -> Tag:
    """What a subscription is at the moment."""
    known = {
        State.CONFIRMED: Tag(_("On the list"), "check", "pos", _("May be written to.")),
        State.STOPPED: Tag(_("Stopped"), "undo", "", _("The reader, or staff for them, has stopped it.")),
        State.SUPPRESSED: Tag(_("Suppressed"), "alert", "warn", _("The mailbox bounced or complained.")),
    }
    return known[State(state)]


def status_word(status: str) -> str:
    """What a piece of evidence says."""
    known = {State.CONFIRMED: _("Consent given"), State.STOPPED: _("Withdrawn"), State.SUPPRESSED: _("Suppressed")}
    return known[State(status)]


def method_word(method: str) -> str:
    """The way it was said. A way that we have no word for is shown as it is."""
    known = {
        "double_opt_in": _("Button in the confirmation letter"),
        "single_opt_in": _("Form, without a confirmation letter"),
        "preferences": _("Preferences page"),
        "one_click": _("One-click stop"),
        "stop_all": _("Stop all"),
        "staff": _("Staff, on request"),
        "bounce": _("Letters came back"),
        "complaint": _("Reported as spam"),
        "provider": _("Told by the mail provider"),
        "sender": _("Told by whoever sends the list"),
        "import": _("Import"),
        "import_undone": _("Import undone"),
    }
    return known.get(method, method)
