"""How people call what a line was matched with: the references of promises and deposits, and of written down gifts."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Donation
from supporters.donations.other_models import Deposit, OtherPayment, OtherRefund, Promise
from supporters.reconciliation.matching import Expected
from supporters.reconciliation.models import BankMatch, Side

AT_ONCE = 500  # of a file that holds everything


async def references_of(session: AsyncSession, matches: Iterable[BankMatch | Expected]) -> Mapping[str, str]:
    """The references of those among them that have one, by what the matches call them; of a gift, its donation's."""
    found = list(matches)
    known: dict[str, str] = {}
    for side in (Side.PROMISE, Side.DEPOSIT, Side.OTHER_PAYMENT, Side.OTHER_REFUND):
        ids = {each.ref_id: each.ref_id.partition(":")[0] for each in found if each.side == side}  # a promise has turns
        wanted, named = sorted(set(ids.values())), dict[str, str]()
        for start in range(0, len(wanted), AT_ONCE):
            for row_id, reference in await session.execute(_named(side, wanted[start : start + AT_ONCE])):
                named[row_id] = reference
        known |= {ref_id: named[own] for ref_id, own in ids.items() if own in named}
    return known


def _named(side: Side, ids: list[str]) -> Select[str, str]:
    """Id and reference of the records of one side."""
    if side in (Side.PROMISE, Side.DEPOSIT):
        table = Promise if side == Side.PROMISE else Deposit
        return select(table.id, table.reference).where(table.id.in_(ids))
    of_donation = Donation.id == OtherPayment.donation_id
    if side == Side.OTHER_PAYMENT:
        return select(OtherPayment.id, Donation.reference).join(Donation, of_donation).where(OtherPayment.id.in_(ids))
    whose = select(OtherRefund.id, Donation.reference).join(
        OtherPayment, OtherPayment.id == OtherRefund.other_payment_id
    )
    return whose.join(Donation, of_donation).where(OtherRefund.id.in_(ids))
