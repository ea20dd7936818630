"""Names of lists in a sentence."""

from collections.abc import Sequence

from supporters.kit.strings import gettext as _


def in_a_row(names: Sequence[str]) -> str:
    """The names as a sentence holds them: A, B and C."""
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
