"""What the desk shows of money that never met Stripe."""

from collections.abc import Sequence
from datetime import date

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.donations.deposits import PAID_IN_KINDS
from supporters.donations.models import Donation
from supporters.donations.other_models import (
    Deposit,
    GivingAccount,
    OtherPayment,
    OtherRefund,
    OtherRefundState,
    OtherState,
    Promise,
    PromiseState,
)
from supporters.kit.money import Money
from supporters.people.models import EmailAddress, Supporter

SHOWN = 50
NAMESAKES = 10
OVER = (OtherState.BOUNCED.value, OtherState.VOID.value)
PaymentRow = Row[OtherPayment, str, str]


class Namesake(msgspec.Struct, frozen=True):
    """Somebody on file with that name; `address` is empty where none is known."""

    id: str
    name: str
    address: str


async def paid_back_of(session: AsyncSession, payment_id: str) -> int:
    """How much of the payment went back to its giver, in minor units."""
    live = (OtherRefund.other_payment_id == payment_id) & (OtherRefund.state != OtherRefundState.VOID.value)
    return int(await session.scalar(select(func.coalesce(func.sum(OtherRefund.amount_minor), 0)).where(live)) or 0)


async def find_written(
    session: AsyncSession, payment_id: str, *, kind: str, amount: Money, received_on: date, name: str
) -> OtherPayment | None:
    """What was written down under that id, if it says the same: a form that was sent twice."""
    payment = OtherPayment
    same = (payment.id == payment_id, payment.kind == kind, payment.amount_minor == amount.minor)
    query = select(payment).join(Donation, Donation.id == payment.donation_id).where(*same)
    same = (payment.currency == amount.currency, payment.received_on == received_on)
    return await session.scalar(query.where(*same, func.lower(Donation.name) == name.lower()))


async def list_payments(session: AsyncSession, *, page: int) -> tuple[Sequence[PaymentRow], bool]:
    """One page of payments with the giver's name and the donation's reference, the latest first; and whether there are older."""
    payment = OtherPayment
    query = _with_donation().order_by(payment.received_on.desc(), payment.id.desc())
    found = (await session.execute(query.offset((page - 1) * SHOWN).limit(SHOWN + 1))).all()
    return found[:SHOWN], len(found) > SHOWN


async def list_waiting(session: AsyncSession) -> Sequence[PaymentRow]:
    """Cash and cheques that were not paid in yet, the oldest first."""
    payment = OtherPayment
    waiting = (payment.state == OtherState.RECORDED.value) & payment.kind.in_([each.value for each in PAID_IN_KINDS])
    query = _with_donation().where(waiting).order_by(payment.received_on, payment.id).limit(SHOWN)
    return (await session.execute(query)).all()


async def find_payment(session: AsyncSession, payment_id: str) -> PaymentRow | None:
    """One payment with the giver's name and the donation's reference."""
    return (await session.execute(_with_donation().where(OtherPayment.id == payment_id))).one_or_none()


async def payment_of(session: AsyncSession, donation_id: str) -> OtherPayment | None:
    """How a donation came that never met Stripe."""
    return await session.scalar(select(OtherPayment).where(OtherPayment.donation_id == donation_id))


async def list_deposits(session: AsyncSession, *, limit: int | None = SHOWN) -> Sequence[Deposit]:
    """The latest deposits; without a limit all of them."""
    query = select(Deposit).order_by(Deposit.paid_in_on.desc(), Deposit.id.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def list_promises(session: AsyncSession, *, limit: int | None = 4 * SHOWN) -> Sequence[Promise]:
    """What is promised and not here yet: standing orders first, by the day on which they are expected."""
    expecting = Promise.state.in_([PromiseState.OPEN.value, PromiseState.RUNNING.value])
    query = select(Promise).where(expecting).order_by(Promise.state.desc(), Promise.expected_on, Promise.id)
    return (await session.scalars(query.limit(limit))).all()


async def sums_by_state(session: AsyncSession) -> dict[tuple[str, str], tuple[int, int]]:
    """How many payments and how much, by state and currency. *Money*: minor units."""
    payment = OtherPayment
    wanted = (payment.state, payment.currency)
    query = select(*wanted, func.count(), func.sum(payment.amount_minor)).group_by(*wanted)
    return {(row[0], row[1]): (row[2], int(row[3])) for row in await session.execute(query)}


async def find_namesakes(session: AsyncSession, name: str) -> list[Namesake]:
    """People on file with exactly this name, whatever its case, and the oldest address of each."""
    alike: ColumnElement[bool] = func.lower(Supporter.name) == name.lower()
    return await _people(session, alike)


async def find_givers(session: AsyncSession, words: str) -> list[Namesake]:
    """People on file whose name has every one of these words, or one of whose addresses has them as they stand."""
    parts = words.split()
    if not parts:
        return []
    named = and_(*(Supporter.name.icontains(part, autoescape=True) for part in parts[:NAMESAKES]))
    told = EmailAddress.address.icontains(words.strip(), autoescape=True)
    by_address = select(EmailAddress.supporter_id).where(told, EmailAddress.retired_at.is_(None))
    return await _people(session, or_(named, Supporter.id.in_(by_address)))


async def find_giver(session: AsyncSession, supporter_id: str) -> Namesake | None:
    """Who is on file under this id, or under the one that it was joined with; the address is the one that letters go to."""
    joined = select(Supporter.merged_into_id).where(Supporter.id == supporter_id).scalar_subquery()
    found = await _people(session, Supporter.id == func.coalesce(joined, supporter_id))
    return found[0] if found else None


async def known_payers(session: AsyncSession, payer_hash: str) -> list[Namesake]:
    """People on file for whom this bank account has paid before."""
    if not payer_hash:
        return []
    line, payment = BankLine, OtherPayment
    paid = (
        select(Donation.supporter_id)
        .join(payment, payment.donation_id == Donation.id)
        .join(line, line.id == payment.bank_line_id)
        .where(line.counterparty_hash == payer_hash, payment.state.not_in(OVER))
    )
    promised = select(Promise.supporter_id).where(Promise.payer_hash == payer_hash, Promise.supporter_id.is_not(None))
    return await _people(session, or_(Supporter.id.in_(paid), Supporter.id.in_(promised)))


async def list_giving_accounts(session: AsyncSession) -> Sequence[GivingAccount]:
    """The accounts that readers are asked to pay into."""
    return (await session.scalars(select(GivingAccount).order_by(GivingAccount.currency))).all()


async def _people(session: AsyncSession, wanted: ColumnElement[bool]) -> list[Namesake]:
    address = (
        select(EmailAddress.address)
        .where(EmailAddress.supporter_id == Supporter.id, EmailAddress.retired_at.is_(None))
        .order_by(EmailAddress.created_at)
        .limit(1)
        .scalar_subquery()
    )
    query = select(Supporter.id, Supporter.name, address).where(wanted, Supporter.merged_into_id.is_(None))
    rows = await session.execute(query.order_by(Supporter.id).limit(NAMESAKES))
    return [Namesake(row[0], row[1], row[2] or "") for row in rows]


def _with_donation() -> Select[OtherPayment, str, str]:
    return select(OtherPayment, Donation.name, Donation.reference).join(
        Donation, Donation.id == OtherPayment.donation_id
    )
