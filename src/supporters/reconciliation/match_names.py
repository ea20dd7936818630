"""How people call what a line was matched with: the references of promises and deposits."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.other_models import Deposit, Promise
from supporters.reconciliation.models import BankMatch, Side
from supporters.reconciliation.settle import turn_of

AT_ONCE = 500  # of a file that holds everything


async def references_of(session: AsyncSession, matches: Iterable[BankMatch]) -> Mapping[str, str]:
    """The references of the promises and deposits among them, by what the matches call them."""
    wanted = {side: {each.ref_id for each in matches if each.side == side} for side in (Side.PROMISE, Side.DEPOSIT)}
    of_promise = {ref_id: turn_of(ref_id)[0] for ref_id in wanted[Side.PROMISE]}
    ids = {Promise: sorted(set(of_promise.values())), Deposit: sorted(wanted[Side.DEPOSIT])}
    known: dict[str, str] = {}
    for table, mine in ids.items():
        for start in range(0, len(mine), AT_ONCE):
            found = await session.execute(
                select(table.id, table.reference).where(table.id.in_(mine[start : start + AT_ONCE]))
            )
            known |= {row.id: row.reference for row in found}
    return known | {ref_id: known[promise_id] for ref_id, promise_id in of_promise.items() if promise_id in known}
