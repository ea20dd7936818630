"""Paying cash and cheques in: what goes to the bank together, and what was counted."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.bank.models import BankAccount
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.donations.other_models import Deposit, DepositState, OtherKind, OtherPayment, OtherState
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.lock import lock_ledger

REFERENCE_CHARS = 40
SHORTEST_REFERENCE = 6  # a shorter one may stand in a bank line by chance
PAID_IN_KINDS = (OtherKind.CASH, OtherKind.CHEQUE)
MOST = 500  # payments of one deposit


class PayingIn(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to the bank: which payments, what was counted, when, and what the slip says (empty: we make something)."""

    payment_ids: Sequence[str]
    counted: Money
    paid_in_on: date
    reference: str = ""
    bank_account_id: str | None = None


async def pay_in(
    session: AsyncSession, paying: PayingIn, *, actor_id: str, today: date, ids: Ids, now: datetime
) -> str:
    """The payments are on their way into the bank as one sum; returns the deposit's id.

    Where more or less was counted than was written down, a discrepancy says so. *Raises* Refused for nothing, another
    currency, a day to come, or a reference that is too short or was used; Conflict where a payment does not wait any more.
    """
    payments = await _waiting(session, paying)
    _require(paying, payments, today)
    reference = clean_line(paying.reference, limit=REFERENCE_CHARS) or ids.reference("PI")
    await _require_new(session, reference, paying)
    deposit = Deposit(
        id=ids.ulid(),
        reference=reference,
        bank_account_id=paying.bank_account_id or None,
        currency=paying.counted.currency,
        state=DepositState.PAID_IN.value,
        counted_minor=paying.counted.minor,
        paid_in_on=paying.paid_in_on,
        made_by=actor_id,
        made_at=now,
    )
    session.add(deposit)
    await session.flush()
    for payment in payments:
        payment.state, payment.deposit_id = OtherState.DEPOSITED.value, deposit.id
    await session.flush()
    written = sum(payment.amount_minor for payment in payments)
    if written != deposit.counted_minor:
        await _tell_difference(session, deposit, written, ids=ids, now=now)
    await _audit(session, "deposit.pay_in", deposit, payments=len(payments), actor_id=actor_id, now=now)
    return deposit.id


async def undo_pay_in(session: AsyncSession, deposit_id: str, *, actor_id: str, now: datetime) -> None:
    """The cash and cheques wait again, and the deposit is not expected at the bank. *Raises* NotFound, Conflict."""
    await lock_ledger(session)  # nobody matches it meanwhile
    wanted = select(Deposit).where(Deposit.id == deposit_id).with_for_update()
    deposit = await session.scalar(wanted.execution_options(populate_existing=True))
    if deposit is None:
        raise NotFound(_("There is no such deposit."))
    if deposit.state != DepositState.PAID_IN:
        raise Conflict(_("Only a deposit that the bank has not shown yet can be taken back. Undo its match first."))
    bounced = (OtherPayment.deposit_id == deposit_id) & (OtherPayment.state == OtherState.BOUNCED.value)
    if await session.scalar(select(OtherPayment.id).where(bounced).limit(1)):
        raise Conflict(_("A cheque of this deposit has bounced, so it was at the bank. Nothing was changed."))
    await _settle_difference(session, deposit_id, now=now)
    deposit.state, deposit.undone_by, deposit.undone_at = DepositState.UNDONE.value, actor_id, now
    mine = update(OtherPayment).where(OtherPayment.deposit_id == deposit_id)
    back = mine.values(state=OtherState.RECORDED.value, deposit_id=None)
    await session.execute(back.execution_options(synchronize_session=False))
    await session.flush()
    await _audit(session, "deposit.undo", deposit, payments=0, actor_id=actor_id, now=now)


async def _waiting(session: AsyncSession, paying: PayingIn) -> Sequence[OtherPayment]:
    wanted = sorted(set(paying.payment_ids))
    if not wanted:
        raise Refused(_("Choose the cash and cheques that go to the bank."))
    if len(wanted) > MOST:
        raise Refused(_("At most 500 payments go into one deposit. Please make two."))
    query = select(OtherPayment).where(OtherPayment.id.in_(wanted)).order_by(OtherPayment.id).with_for_update()
    found = (await session.scalars(query.execution_options(populate_existing=True))).all()
    is_waiting = all(each.state == OtherState.RECORDED and each.kind in PAID_IN_KINDS for each in found)
    if len(found) != len(wanted) or not is_waiting:
        raise Conflict(
            _("Some of this was paid in or taken back meanwhile. Look at the list again; nothing was changed.")
        )
    return found


def _require(paying: PayingIn, payments: Sequence[OtherPayment], today: date) -> None:
    if any(each.currency != paying.counted.currency for each in payments):
        raise Refused(_("One deposit has one currency. Nothing was changed."))
    if paying.counted.minor <= 0:
        raise Refused(_("Please write what was counted."))
    if paying.paid_in_on > today:
        raise Refused(_("That day has not come yet. Money is paid in once it is at the bank."))
    if paying.paid_in_on < max(each.received_on for each in payments):
        raise Refused(_("Some of this was received after that day. Please look at the day again."))


async def _require_new(session: AsyncSession, reference: str, paying: PayingIn) -> None:
    if sum(char.isalnum() for char in reference) < SHORTEST_REFERENCE:
        raise Refused(_("A reference needs six letters or figures, so that the bank's line is known by it."))
    if await session.scalar(select(Deposit.id).where(Deposit.reference == reference)):
        raise Refused(_("Another deposit has this reference already. Please use one that is new."))
    if paying.bank_account_id:
        account = await session.get(BankAccount, paying.bank_account_id)
        if account is None or account.currency != paying.counted.currency:
            raise Refused(_("That bank account is not here, or is in another currency."))


async def _tell_difference(session: AsyncSession, deposit: Deposit, written: int, *, ids: Ids, now: datetime) -> None:
    await open_discrepancy(
        session,
        code=Code.DEPOSIT_BATCH_OFF,
        subject=deposit.id,
        ids=ids,
        now=now,
        amount=Money(deposit.counted_minor - written, deposit.currency),
        detail={"reference": deposit.reference, "counted_minor": deposit.counted_minor, "written_minor": written},
    )


async def _settle_difference(session: AsyncSession, deposit_id: str, *, now: datetime) -> None:
    """What was counted differently is no difference any more, unless it is in the books as one."""
    mine = (Discrepancy.code == Code.DEPOSIT_BATCH_OFF.value) & (Discrepancy.subject == deposit_id)
    if await session.scalar(select(Discrepancy.id).where(mine, Discrepancy.postings.is_not(None))):
        raise Conflict(_("Its difference is in the books as over or short. Open that discrepancy again first."))
    reason = _("The deposit was taken back.")
    way = Resolution.EXPLAINED
    await settle_discrepancy(
        session, code=Code.DEPOSIT_BATCH_OFF, subject=deposit_id, resolution=way, reason=reason, now=now
    )


async def _audit(
    session: AsyncSession, action: str, deposit: Deposit, *, payments: int, actor_id: str, now: datetime
) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="deposit",
        record_id=deposit.id,
        detail={
            "reference": deposit.reference,
            "counted_minor": deposit.counted_minor,
            "currency": deposit.currency,
            "payments": payments,
        },
        now=now,
    )
