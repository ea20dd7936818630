"""What is the matter with a plan, in words for its supporter."""

from supporters.kit.strings import gettext as _
from supporters.plans.mine import PlanCard
from supporters.plans.models import PlanState
from supporters.plans.words import reason_words


def trouble_words(plan: PlanCard) -> str | None:
    """Why a payment of a plan did not come; None when nothing is owed."""
    if plan.at_bank:  # what had failed is asked for again: that is what counts now
        return None
    if plan.action_url:
        return _("Your bank wants you to confirm this payment.")
    is_owed = plan.failed_at is not None and plan.state is not PlanState.STOPPED
    return reason_words(plan.failure_code) if is_owed or plan.state is PlanState.FAILING else None
