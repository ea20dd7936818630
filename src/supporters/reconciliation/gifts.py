"""A gift written down straight from the bank line that shows it: donation, receipt, books and match in one act."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.donations.other_models import OtherKind, Promise
from supporters.donations.reference import find_references
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.lock import lock_ledger
from supporters.reconciliation.lines import Line
from supporters.reconciliation.matches import Because, Part, begin_action, confirm
from supporters.reconciliation.models import Side
from supporters.reconciliation.other_money import Giver, NewPayment, Recorded, record_payment
from supporters.reconciliation.settle import EXPECTING
from supporters.settings import Settings

GIFT = "gift"


class Gift(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a bank line: who gave it, and for what."""

    giver: Giver
    appeal_id: str
    note: str = ""


class Named(msgspec.Struct, frozen=True):
    """A promise that a line names though nothing more is expected of it: it came late, or came again."""

    reference: str
    state: str
    name: str
    email: str
    supporter_id: str | None
    appeal_id: str


async def promises_named(session: AsyncSession, lines: Sequence[Line]) -> dict[str, Named]:
    """By line of money that came in, the promise that it names and that is kept, lapsed or ended; the first, if several."""
    names = {
        line.id: find_references(" ".join((line.bank_reference, line.end_to_end, line.text)))
        for line in lines
        if line.amount_minor > 0 and not line.is_reversal
    }
    wanted = {name for each in names.values() for name in each}
    if not wanted:
        return {}
    over = select(Promise).where(Promise.reference.in_(wanted), Promise.state.not_in(EXPECTING))
    known = {
        each.reference: Named(each.reference, each.state, each.name, each.email, each.supporter_id, each.appeal_id)
        for each in await session.scalars(over)
    }
    found = {line_id: next((known[name] for name in mine if name in known), None) for line_id, mine in names.items()}
    return {line_id: named for line_id, named in found.items() if named}


async def write_gift(
    session: AsyncSession,
    line_id: str,
    gift: Gift,
    *,
    actor_id: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> Recorded:
    """The line is this giver's donation: paid, with its receipt, in the books as received and as arrived.

    *Raises* NotFound for a line, an appeal or a supporter that is not there; Conflict where somebody has dealt with the line;
    Refused for money that went out, for a line older than the books, and for nobody. *Writes* as `record_payment` and `confirm`.
    """
    await lock_ledger(session)
    wanted = select(BankLine).where(BankLine.id == line_id).with_for_update()
    line = await session.scalar(wanted.execution_options(populate_existing=True))
    if line is None or line.state == LineState.UNDONE:
        raise NotFound(_("There is no such bank line."))
    if line.state != LineState.OPEN:
        raise Conflict(_("Somebody has dealt with this bank line already. Nothing was changed."))
    if line.amount_minor <= 0:
        raise Refused(_("This line is money that went out. It is no gift."))
    new = NewPayment(
        giver=gift.giver,
        kind=OtherKind.TRANSFER,
        amount=Money(line.amount_minor, line.currency),
        received_on=line.booked_on,
        appeal_id=gift.appeal_id,
        locale=settings.locale,
        livemode=not settings.is_test_mode,
        note=gift.note,
        bank_line_id=line.id,
    )
    recorded = await record_payment(session, new, actor_id=actor_id, ids=ids, now=now, settings=settings)
    part = Part(Side.OTHER_PAYMENT, recorded.payment_id, line.amount_minor)
    action_id = await begin_action(session, kind=GIFT, actor_id=actor_id, ids=ids, now=now, matches=1)
    because = Because(note=gift.note)
    await confirm(session, [line.id], [part], because=because, actor_id=actor_id, ids=ids, now=now, action_id=action_id)
    return recorded
