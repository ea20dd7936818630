"""GET /thanks/{token}: where the reader lands after paying. Reads the donation's state; never trusts the redirect."""

from datetime import datetime, timedelta
from typing import Any

from litestar import route
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Response

from supporters.donations.models import DonationState, Frequency
from supporters.donations.queries import DonationView, donation_page
from supporters.kit.errors import DeadLink
from supporters.kit.strings import gettext as _
from supporters.newsletters.queries import public_lists
from supporters.plans.begun import BegunView, begun_by
from supporters.plans.models import ChangeKind, ChangeState
from supporters.plans.offered import OfferView
from supporters.receipts.queries import receipt_of
from supporters.web.common.access import PUBLIC
from supporters.web.common.house import house_of
from supporters.web.common.shell import page
from supporters.web.common.supporter import PRIVATE
from supporters.web.site.monthly import monthly_offer, plan_url

SAID = "#supporters-thanks"  # the article's own script reads it, shows its thanks, and takes it off the address
LOOK_AGAIN_SECONDS = 4
BACK_IN = timedelta(days=10)  # what banks take at the longest
LOOK_AGAIN_FOR = timedelta(minutes=45)  # the payment page lives 35 minutes, then somebody is long gone


@route("/thanks/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def thanks(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[bytes]:
    """Paid, still being confirmed, or not charged: what is true at this moment."""
    house = house_of(request)
    donation_id = house.links.read_thanks(token)
    if donation_id is None:
        raise _unknown()
    async with house.db.reading() as session:
        donation = await donation_page(session, donation_id, sites=house.settings.sites)
        receipt = await receipt_of(session, donation_id)
        lists = await public_lists(session)
        is_once = donation is None or donation.frequency is Frequency.ONCE
        begun = None if is_once else await begun_by(session, donation_id)
    if donation is None:
        raise _unknown()
    state, now = state_words(donation.state), house.clock.now()
    returned_by = _returned_by(begun, donation) if state == "paid" else None
    is_returned = returned_by is not None or donation.refunded == donation.amount
    if is_returned or _is_being_undone(begun):
        lists = []  # whoever has their money back is asked for nothing
    asks = state == "paid" and is_once and not is_returned
    monthly = await monthly_offer(request, house, donation) if asks else None
    article = donation.article_url or house.settings.site_url
    headers = dict(PRIVATE)
    if donation.state is DonationState.STARTED and _is_recent(donation, now):
        headers["refresh"] = str(LOOK_AGAIN_SECONDS)
    return page(
        request,
        "site/thanks.html",
        headers=headers,
        state=state,
        is_returned=is_returned,
        returned_by=returned_by,
        looks_again="refresh" in headers,
        is_at_bank=donation.state is DonationState.PROCESSING,
        begun=begun,
        sum_back=begun.sum_back if begun and begun.sum_back.minor else donation.amount,
        may_undo=begun is not None and begun.may_undo(now),
        may_make_one_off=begun is not None and begun.may_make_one_off(now),
        plan_url=plan_url(house, begun, now) if begun else None,
        monthly=monthly,
        token=token,
        donation=donation,
        first_name=first_name(donation.name),
        receipt_number=receipt.number if receipt else None,
        again_url=house.links.attempt_url(donation.attempt_id),
        offer=lists[0] if lists and state == "paid" and not donation.wants_newsletter and not _asks(monthly) else None,
        article=donation.article_url,
        back_url=f"{article}{SAID}" if state == "paid" else article,
        quiet_url=f"{article}{SAID}-quiet",
    )


def state_words(state: DonationState) -> str:
    """Which of the three pages a state shows."""
    if state is DonationState.PAID:
        return "paid"
    return "not_charged" if state is DonationState.EXPIRED else "waiting"


def first_name(name: str) -> str:
    """How the page greets: the first word of what was typed, or all of it when that is an initial."""
    first = name.split()[0] if name.split() else name
    return name if len(first.rstrip(".")) == 1 else first


def _returned_by(begun: BegunView | None, donation: DonationView) -> datetime | None:
    """The day by which the money of a plan that was undone is back; None where none was undone."""
    if begun is None or begun.undoing is not ChangeKind.UNDO or begun.undone is not ChangeState.DONE:
        return None
    return (begun.undone_at or donation.created_at) + BACK_IN


def _is_being_undone(begun: BegunView | None) -> bool:
    return begun is not None and begun.undoing is ChangeKind.UNDO and begun.undone is ChangeState.REQUESTED


def _is_recent(donation: DonationView, now: datetime) -> bool:
    return now - donation.created_at < LOOK_AGAIN_FOR


def _asks(monthly: object) -> bool:
    """One offer at a time: the newsletter's waits until the other is answered."""
    return isinstance(monthly, OfferView)


def _unknown() -> DeadLink:
    return DeadLink(_("There is no donation at this address. Check that the whole link was copied."))
