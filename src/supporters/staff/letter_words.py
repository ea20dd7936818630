"""What a member of staff is told about their own sign-in. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from supporters.kit.strings import gettext as _
from supporters.staff.models import Role


class Notice(StrEnum):
    """What was done to somebody's sign-in."""

    PASSWORD = "password"  # noqa: S105 - it names the notice: the password was changed.
    PASSWORD_BY_LINK = "password_by_link"  # noqa: S105 - it names the notice: an admin's link was used.
    FACTOR_ON = "factor_on"  # A second factor was set up.
    FACTOR_OFF = "factor_off"  # Its owner took it away.
    FACTOR_RESET = "factor_reset"  # Somebody else took it away.
    NEW_CODES = "new_codes"  # New recovery codes were made.
    CODE_USED = "code_used"  # Somebody signed in, or showed that it was them, with a recovery code.
    ROLE = "role"  # An admin gave another role.
    SUSPENDED = "suspended"  # An admin took the sign-in away.
    RESTORED = "restored"  # An admin gave it back.


OVER = frozenset({Notice.SUSPENDED})
"""Notices to somebody who can no longer open the desk."""


def notice_words(what: Notice, facts: Mapping[str, object]) -> tuple[str, str, str]:
    """Subject, what happened, and what to do if it was not oneself. `facts` holds `role`, `browser` and `left` where told of."""
    head, lead = _happened(what, facts)
    return head, lead, _if_not_you(what)


def role_word(role: Role) -> str:
    """What the role is called."""
    return {
        Role.VIEWER: _("viewer"),
        Role.SUPPORT: _("support"),
        Role.FINANCE: _("finance"),
        Role.EDITOR: _("editor"),
        Role.ADMIN: _("admin"),
    }[role]


def _happened(what: Notice, facts: Mapping[str, object]) -> tuple[str, str]:
    match what:
        case Notice.PASSWORD:
            head, lead = _("Your password was changed"), _("Every other browser was signed out.")
        case Notice.PASSWORD_BY_LINK:
            head = _("A new password was set")
            lead = _("It was set with the link that you were sent, and every browser was signed out.")
        case Notice.FACTOR_ON:
            head = _("A second factor was set up")
            lead = _(
                "From now on you sign in with your password and a code of your app. Every other browser was signed out."
            )
        case Notice.FACTOR_OFF:
            head, lead = _("Your second factor was taken away"), _("You sign in with your password alone.")
        case Notice.FACTOR_RESET:
            head = _("Your second factor was reset")
            lead = _(
                "Your app's codes and your recovery codes open nothing any more, and you were signed out. Sign in to set up anew."
            )
        case Notice.NEW_CODES:
            head = _("New recovery codes were made")
            lead = _("The new ones were shown once, and the old ones open nothing any more.")
        case Notice.CODE_USED:
            head, lead = _("A recovery code was used"), _code_used(facts)
        case Notice.ROLE:
            head = _("Your role was changed")
            name = role_word(Role(str(facts["role"])))
            lead = _("Your role at the desk is %(role)s now. You were signed out; sign in again.") % {"role": name}
        case Notice.SUSPENDED:
            head, lead = (
                _("You can no longer sign in"),
                _("Your sign-in was suspended, and you were signed out everywhere."),
            )
        case Notice.RESTORED:
            head, lead = _("You can sign in again"), _("Your password and your role are those of before.")
    return head, lead


def _code_used(facts: Mapping[str, object]) -> str:
    browser, left = str(facts.get("browser") or ""), str(facts["left"])
    if browser:
        return _("It was used in %(browser)s. Codes left: %(left)s.") % {"browser": browser, "left": left}
    return _("Codes left: %(left)s.") % {"left": left}


def _if_not_you(what: Notice) -> str:
    match what:
        case Notice.PASSWORD | Notice.FACTOR_ON | Notice.FACTOR_OFF | Notice.NEW_CODES:
            return _("Was it not you? Whoever did it has used your sign-in: ask an admin at once to suspend it.")
        case Notice.PASSWORD_BY_LINK:
            return _("Was it not you? Whoever did it reads your letters: ask an admin at once to suspend you.")
        case Notice.CODE_USED:
            return _(
                "Was it not you? Whoever did it knows your password and has your codes: ask an admin at once to suspend you."
            )
        case Notice.FACTOR_RESET:
            return _(
                "An admin does this for somebody whose phone is gone. Did you not ask for it? Ask an admin at once."
            )
        case Notice.ROLE | Notice.SUSPENDED | Notice.RESTORED:
            return _("An admin did it. Is it a mistake? Ask an admin.")
