"""What the desk says about those who work at it. Pure."""

from supporters.kit.strings import gettext as _
from supporters.staff.models import Role, Staff
from supporters.staff.rules import is_erased
from supporters.web.desk.words import Tag


def role_about(role: Role) -> str:
    """What the role may do, in one sentence."""
    return {
        Role.VIEWER: _("Sees donations and totals, no names or addresses. Changes nothing."),
        Role.SUPPORT: _("Helps supporters: sees them, corrects their details, sends receipts again. No refunds."),
        Role.FINANCE: _("Does the books: refunds, discrepancies, exports, switches, audit log."),
        Role.EDITOR: _("Writes appeals and newsletters. Sees totals, never names."),
        Role.ADMIN: _("Everything, and who else may do what."),
    }[role]


def staff_tag(staff: Staff) -> Tag:
    """Whether the member of staff may sign in."""
    if is_erased(staff.email):
        return Tag(_("Erased"), "dash", "", _("Worked here; who it was is erased."))
    if not staff.is_active:
        return Tag(_("Suspended"), "dash", "warn", _("Can't sign in."))
    return Tag(_("Active"), "check", "pos", _("May sign in."))
