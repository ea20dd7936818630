"""A sample reader at the donation form: the form sent, and the payment page that it leads to."""

from supporters.donations.checkout import begin_checkout
from supporters.donations.forms import GiveForm, GoTo
from supporters.donations.gate import Visitor
from supporters.kit.clock import Clock
from supporters.worker import Tools


async def open_page(tools: Tools, form: GiveForm, *, network: str, clock: Clock) -> str | None:
    """The id of Stripe's page that the form leads to; None when it leads to none."""
    answer = await begin_checkout(
        tools.db,
        tools.gateway,
        form,
        attempt_id=tools.ids.ulid(),
        visitor=Visitor(network=network),
        limits=tools.limits,
        settings=tools.settings,
        ids=tools.ids,
        clock=clock,
    )
    return answer.url.rpartition("/")[2] if isinstance(answer, GoTo) else None
