"""Money that never met Stripe, in the books: written down, bounced, taken back.

Each payment is a donation like any other, with its receipt. The ledger has it as "undeposited" from the day it came until a
bank line shows it. Nothing is deleted: what was a mistake has the opposite entries, its receipt is void.
"""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import note_origin
from supporters.appeals.models import Appeal
from supporters.appeals.rules import Claim
from supporters.audit.record import record
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.instalments import Payment, add_paid
from supporters.donations.messages import paid_message
from supporters.donations.models import Donation, Frequency
from supporters.donations.other_models import OtherKind, OtherPayment, OtherState
from supporters.donations.other_queries import paid_back_of
from supporters.donations.timeline import note
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import LedgerTransaction
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.reverse import reverse
from supporters.ledger.start import start_day
from supporters.outgoing.emit import emit_all
from supporters.people.actions import find_or_add
from supporters.people.models import Supporter
from supporters.receipts.models import Receipt
from supporters.receipts.returned import VOID
from supporters.receipts.yearly import prove
from supporters.reconciliation.second_request import Deed, forget
from supporters.settings import Settings

OTHER_PAYMENT = "other_payment"
RECORD, BOUNCE = "record", "bounce"
NOTE_CHARS, CHEQUE_CHARS = 400, 40
OLDEST_YEARS = 2  # what is older is a slip of the keyboard
MIDDAY = time(12)
LIVE = (OtherState.RECORDED, OtherState.DEPOSITED, OtherState.CLEARED)


class Giver(msgspec.Struct, frozen=True, kw_only=True):
    """Who gave: somebody on file, or a name, with an address where there is one."""

    supporter_id: str | None = None
    name: str = ""
    email: str = ""


class NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came, as staff or the bank statement say."""

    giver: Giver
    kind: OtherKind
    amount: Money
    received_on: date
    appeal_id: str
    locale: str
    livemode: bool
    attribution_id: str | None = None
    frequency: Frequency = Frequency.ONCE
    is_renewal: bool = False
    cheque_number: str = ""
    note: str = ""
    state: OtherState = OtherState.RECORDED
    promise_id: str | None = None
    promise_turn: int | None = None
    bank_line_id: str | None = None  # of the line that shows it already
    wants_receipt: bool = True
    payment_id: str | None = None  # which it is to have: what is sent twice meets itself


class Recorded(msgspec.Struct, frozen=True):
    """What was written down."""

    payment_id: str
    donation_id: str
    supporter_id: str


async def record_payment(
    session: AsyncSession, new: NewPayment, *, actor_id: str | None, ids: Ids, now: datetime, settings: Settings
) -> Recorded:
    """The money is a paid donation with a receipt, and in the books as received and not at the bank yet.

    *Raises* NotFound for an appeal or supporter that is not there; Refused for a day to come or long past, and for somebody
    without a name. *Writes* supporter, donation, receipt, letter, ledger, audit; others are told.
    """
    if actor_id and not new.bank_line_id:  # what a bank statement says is right, however old
        _require_day(new.received_on, local_date(now, settings.time_zone), began=await start_day(session))
    appeal = await session.get(Appeal, new.appeal_id)
    if appeal is None:
        raise NotFound(_("There is no such appeal."))
    giver = await put_on_file(session, new.giver, ids=ids, now=now)
    payment_id = new.payment_id or ids.ulid()
    payment = Payment(
        supporter_id=giver.supporter_id or "",
        email=giver.email,
        name=giver.name,
        amount=new.amount,
        frequency=new.frequency.value,
        fund_id=appeal.fund_id,
        appeal_id=appeal.id,
        attribution_id=new.attribution_id or await note_origin(session, Claim(), ids=ids, now=now),
        locale=new.locale,
        livemode=new.livemode,
        paid_at=_moment(new.received_on, now, settings.time_zone),
        bill_id=payment_id,
        is_renewal=new.is_renewal,
        fee_minor=0,  # nobody took one
    )
    paid = await add_paid(session, payment, ids=ids, now=now)
    row = _row(new, payment_id, paid.id, actor_id=actor_id, now=now)
    await session.execute(insert(OtherPayment).values(**row))
    await prove(session, paid, each=new.wants_receipt, ids=ids, now=now, settings=settings)
    await post(session, [_received(new, payment_id, payment, paid.id)], ids=ids, now=now)
    await emit_all(session, [paid_message(paid)], ids=ids, now=now)
    await _audit(session, "other_money.record", row, actor_id=actor_id, now=now)
    return Recorded(payment_id, paid.id, payment.supporter_id)


async def bounce(
    session: AsyncSession, payment_id: str, *, words: str, actor_id: str, ids: Ids, now: datetime, settings: Settings
) -> None:
    """The giver's bank did not pay the cheque: the income stands, and so does that it went back; the receipt is void.

    Where the cheque had been paid in, a discrepancy waits for the bank's debit. What the bank takes for it is a bank line
    of its own. What had been paid back of it before is lost: a cost, which the discrepancy tells of. *Raises* NotFound,
    Conflict when it is no cheque or is over. *Writes* ledger, donation, receipt, audit.
    """
    payment = await held_payment(session, payment_id)
    if payment.kind != OtherKind.CHEQUE or payment.state not in LIVE:
        raise Conflict(_("Only a cheque that was not taken back can bounce. Nothing was changed."))
    was_paid_in, lost = payment.state != OtherState.RECORDED, await paid_back_of(session, payment.id)
    donation = await _donation(session, payment)
    today = local_date(now, settings.time_zone)
    posting = Posting(
        source_kind=OTHER_PAYMENT,
        source_id=payment.id,
        purpose=BOUNCE,
        booked_on=today,
        memo=BOUNCE,
        entries=bounced_entries(donation, payment.amount_minor, lost),
    )
    await post(session, [posting], ids=ids, now=now)
    await _end(session, payment, donation, OtherState.BOUNCED, words=words, actor_id=actor_id, ids=ids, now=now)
    if was_paid_in or lost:
        known = {"cheque": payment.cheque_number, "lost_minor": lost}
        await open_discrepancy(
            session,
            code=Code.CHEQUE_BOUNCED,
            subject=payment.id,
            ids=ids,
            now=now,
            donation_id=donation.id,
            amount=Money(payment.amount_minor, payment.currency),
            detail={name: value for name, value in known.items() if value},
        )


async def void_payment(
    session: AsyncSession,
    payment_id: str,
    *,
    words: str,
    actor_id: str | None,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    """What was written down by mistake is taken back: the books have the opposite entries, and the receipt is void.

    *Raises* NotFound; Conflict where it is at the bank already, or over; Refused without a reason.
    """
    payment = await held_payment(session, payment_id)
    if payment.state != OtherState.RECORDED:
        raise Conflict(
            _("Only money that is not at the bank yet can be taken back here. Undo its match or paying-in first.")
        )
    if not clean_line(words, limit=NOTE_CHARS):
        raise Refused(_("Please write why it is taken back. Nothing was changed."))
    await take_back(session, payment, words=words, actor_id=actor_id, ids=ids, now=now, settings=settings)


async def take_back(
    session: AsyncSession,
    payment: OtherPayment,
    *,
    words: str,
    actor_id: str | None,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    """The payment is void and the books have the opposite of its entries. The caller has looked whether it may be.

    *Raises* Conflict where some of it was paid back.
    """
    await _require_not_paid_back(session, payment)
    row = LedgerTransaction
    wanted = select(row.id).where(row.source_kind == OTHER_PAYMENT, row.source_id == payment.id, row.purpose == RECORD)
    transaction_id = await session.scalar(wanted)
    assert transaction_id, "what was written down is in the books"
    today = local_date(now, settings.time_zone)
    await reverse(session, transaction_id, booked_on=today, memo="other_money.void", ids=ids, now=now)
    donation = await _donation(session, payment)
    await _end(session, payment, donation, OtherState.VOID, words=words, actor_id=actor_id, ids=ids, now=now)


async def held_payment(session: AsyncSession, payment_id: str) -> OtherPayment:
    """The payment as it is now, held until the transaction ends, the ledger first. *Raises* NotFound."""
    await lock_ledger(session)
    wanted = select(OtherPayment).where(OtherPayment.id == payment_id).with_for_update()
    found = await session.scalar(wanted.execution_options(populate_existing=True))
    if found is None:
        raise NotFound(_("There is no such payment."))
    return found


async def _require_not_paid_back(session: AsyncSession, payment: OtherPayment) -> None:
    if await paid_back_of(session, payment.id):
        raise Conflict(_("Some of this was paid back to its giver. Take that back first; nothing was changed."))


def _require_day(received_on: date, today: date, *, began: date | None) -> None:
    if received_on > today:
        raise Refused(_("That day has not come yet. Money is written down once it is here."))
    if received_on.year < today.year - OLDEST_YEARS:
        raise Refused(_("That day is more than two years ago. Please look at the year again."))
    if began and received_on < began:
        words = _("These books begin on %(day)s. Money from before that day stays in those that were kept until then.")
        raise Refused(words % {"day": began.isoformat()})


async def put_on_file(session: AsyncSession, giver: Giver, *, ids: Ids, now: datetime) -> Giver:
    """Whoever gave is on file. A typed address finds its supporter, whose name stays as it is. *Raises* NotFound, Refused."""
    if giver.supporter_id:
        known = await session.get(Supporter, giver.supporter_id)
        if known is None:
            raise NotFound(_("There is no such supporter."))
        return msgspec.structs.replace(giver, name=giver.name or known.name)
    if giver.email:
        found = await find_or_add(session, giver.email, giver.name, ids=ids, now=now)
        return msgspec.structs.replace(giver, supporter_id=found.supporter_id)
    if not giver.name:
        raise Refused(_("Please write who gave it, or an address. Nothing was written down."))
    supporter_id = ids.ulid()
    await session.execute(
        insert(Supporter).values(id=supporter_id, name=giver.name, merged_into_id=None, created_at=now)
    )
    return msgspec.structs.replace(giver, supporter_id=supporter_id)


def _moment(received_on: date, now: datetime, zone: str) -> datetime:
    """Midday of that day, in the newsroom's time zone, but not later than now."""
    return min(datetime.combine(received_on, MIDDAY, tzinfo=ZoneInfo(zone)).astimezone(now.tzinfo), now)


def _row(
    new: NewPayment, payment_id: str, donation_id: str, *, actor_id: str | None, now: datetime
) -> dict[str, object]:
    return {
        "id": payment_id,
        "donation_id": donation_id,
        "kind": new.kind.value,
        "amount_minor": new.amount.minor,
        "currency": new.amount.currency,
        "received_on": new.received_on,
        "state": new.state.value,
        "deposit_id": None,
        "promise_id": new.promise_id,
        "promise_turn": new.promise_turn,
        "bank_line_id": new.bank_line_id,
        "cheque_number": clean_line(new.cheque_number, limit=CHEQUE_CHARS),
        "note": clean_line(new.note, limit=NOTE_CHARS) or None,
        "recorded_by": actor_id,
        "recorded_at": now,
    }


def _received(new: NewPayment, payment_id: str, payment: Payment, donation_id: str) -> Posting:
    income = Account.DONATIONS_ONCE if new.frequency is Frequency.ONCE else Account.DONATIONS_RECURRING
    same = {
        "currency": new.amount.currency,
        "fund_id": payment.fund_id,
        "appeal_id": payment.appeal_id,
        "donation_id": donation_id,
    }
    return Posting(
        source_kind=OTHER_PAYMENT,
        source_id=payment_id,
        purpose=RECORD,
        booked_on=new.received_on,
        memo=new.kind.value,
        entries=(
            Entry(account=Account.UNDEPOSITED, amount_minor=new.amount.minor, **same),
            Entry(account=income, amount_minor=-new.amount.minor, **same),
        ),
    )


def bounced_entries(donation: Donation, minor: int, lost: int) -> tuple[Entry, ...]:
    """What bounced was never received: income is less by what was left of it; what had gone back before is a cost of ours."""
    named = {"currency": donation.currency, "fund_id": donation.fund_id, "appeal_id": donation.appeal_id}
    sides = (
        Entry(account=Account.RETURNED, amount_minor=minor - lost, donation_id=donation.id, **named),
        Entry(account=Account.OVER_SHORT, amount_minor=lost, **named),  # costs belong to no donation
        Entry(account=Account.UNDEPOSITED, amount_minor=-minor, donation_id=donation.id, **named),
    )
    return tuple(each for each in sides if each.amount_minor)


async def _donation(session: AsyncSession, payment: OtherPayment) -> Donation:
    found = await session.get(Donation, payment.donation_id, populate_existing=True)
    assert found, "the database holds them together"
    return found


async def _end(
    session: AsyncSession,
    payment: OtherPayment,
    donation: Donation,
    state: OtherState,
    *,
    words: str,
    actor_id: str | None,
    ids: Ids,
    now: datetime,
) -> None:
    """The payment is over, the donation says that its money went back, and its receipt counts no more."""
    payment.state, payment.ended_by, payment.ended_at = state.value, actor_id, now
    payment.end_note = clean_line(words, limit=NOTE_CHARS) or None
    if state is OtherState.VOID:
        payment.deposit_id = None
    donation.returned_minor, donation.updated_at = donation.amount_minor - donation.refunded_minor, now
    await session.flush()
    await forget(session, Deed.MONEY_BACK, [payment.id])
    await note(session, donation.id, f"other_{state.value}", cause=payment.id, ids=ids, now=now)
    await _void_receipt(session, donation.id, payment.id, actor_id=actor_id, now=now)
    row: dict[str, object] = {"id": payment.id, "kind": payment.kind, "amount_minor": payment.amount_minor}
    row |= {"currency": payment.currency, "donation_id": donation.id}
    verb = "other_money.bounce" if state is OtherState.BOUNCED else "other_money.void"
    await _audit(session, verb, row, actor_id=actor_id, now=now)


async def _void_receipt(
    session: AsyncSession, donation_id: str, payment_id: str, *, actor_id: str | None, now: datetime
) -> None:
    mine = (Receipt.donation_id == donation_id) & Receipt.voided_at.is_(None)
    found = (await session.execute(select(Receipt.id, Receipt.number).where(mine).with_for_update())).one_or_none()
    if found is None:
        return
    await session.execute(update(Receipt).where(Receipt.id == found.id).values(voided_at=now))
    await record(
        session,
        actor_kind="staff" if actor_id else "system",
        actor_id=actor_id,
        action=VOID,
        record_kind="receipt",
        record_id=found.id,
        detail={"number": found.number, "payment_id": payment_id},
        now=now,
    )


async def _audit(
    session: AsyncSession, action: str, row: dict[str, object], *, actor_id: str | None, now: datetime
) -> None:
    kept = ("kind", "amount_minor", "currency", "donation_id", "promise_id")  # words stand with the payment
    await record(
        session,
        actor_kind="staff" if actor_id else "system",
        actor_id=actor_id,
        action=action,
        record_kind="other_payment",
        record_id=str(row["id"]),
        detail={name: row[name] for name in kept if row.get(name) is not None},
        now=now,
    )
