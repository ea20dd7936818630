"""What is the matter with a plan, in words for its supporter."""

from supporters.kit.strings import gettext as _
from supporters.plans.mine import PlanCard
from supporters.plans.models import PlanState


def trouble_words(plan: PlanCard) -> str | None:
    """Why the last payment of a plan did not come; None when nothing is the matter."""
    if plan.action_url:
        return _("Your bank wants you to confirm this payment.")
    return reason_words(plan.failure_code) if plan.state is PlanState.FAILING else None


def reason_words(code: str | None) -> str:
    """A bank's refusal in plain words. *Source*: https://docs.stripe.com/declines/codes, read 2026-11-22."""
    known = {
        "insufficient_funds": _("There was not enough money in the account."),
        "expired_card": _("The card has expired."),
        "card_not_supported": _("The card cannot be used for this."),
        "authentication_required": _("Your bank wants you to confirm this payment."),
        "lost_card": _("The card is no longer valid."),
        "stolen_card": _("The card is no longer valid."),
        "pickup_card": _("The card is no longer valid."),
        "debit_not_authorized": _("Your bank no longer allows this Direct Debit."),
        "account_closed": _("The bank account is closed."),
    }
    return known.get(code or "", _("Your bank said no, without a reason that we could pass on."))
