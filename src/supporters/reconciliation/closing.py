"""A month is closed: what must be so first, what a person has to say a word about, the lock, and the certificate."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import describe
from supporters.kit.clock import local_date
from supporters.kit.errors import Refused
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import language
from supporters.kit.text import clean_line
from supporters.ledger.models import BankProof, Period, PeriodState
from supporters.ledger.periods import NOTE_CHARS, lock_month, month_of, next_month, open_month_before, say_month
from supporters.reconciliation.certify import Maker, certify_month
from supporters.reconciliation.fact_days import LeftOpen, left_open
from supporters.reconciliation.left_over import Waiting, in_suspense, last_day, not_at_the_bank, sums_of
from supporters.reconciliation.models import Certificate, CloseRequest
from supporters.reconciliation.month_queries import Coverage, MonthRow, board, coverage
from supporters.reconciliation.payout_queries import Standing
from supporters.reconciliation.second_request import Deed, forget
from supporters.reconciliation.stripe_side import is_explained, stripe_sides


class Ready(StrEnum):
    """Whether something lets the month be closed."""

    DONE = "done"  # It is as it should be.
    NOTE = "note"  # It may be closed so, with a word why.
    STOP = "stop"  # It cannot be closed like this.


class Item(msgspec.Struct, frozen=True):
    """One line of the checklist; `count` is how many are left to do."""

    key: str
    state: Ready
    count: int = 0
    detail: str = ""  # a month, or the name of an account


class Checklist(msgspec.Struct, frozen=True):
    """All of it, for one way of proving the bank."""

    items: list[Item]

    @property
    def is_stopped(self) -> bool:
        """Whether it cannot be closed."""
        return any(item.state is Ready.STOP for item in self.items)

    @property
    def needs_note(self) -> bool:
        """Whether somebody has to say why it is closed all the same."""
        return any(item.state is Ready.NOTE for item in self.items)


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for. `broken`: how many of the books' checks do not hold at this moment.

    `alone_reason`: why nobody else agrees to it, where two people should.
    """

    month: date
    bank_proof: BankProof
    note: str = ""
    alone_reason: str = ""
    broken: int = 0


async def checklist(
    session: AsyncSession, month: date, *, bank_proof: BankProof, broken: int, zone: str, now: datetime
) -> Checklist:
    """What must be so before the month is closed, in the order in which one does it."""
    row = (await board(session, [month], zone=zone))[0]
    items = [
        _stop("over", next_month(month) > local_date(now, zone)),
        _earlier(await open_month_before(session, month_of(month))),
        _stop("books", broken),
        _stop("posted", row.unposted),
        await _stripe(session, month, zone=zone),
        _note("payouts", row.count(Standing.COLLECTING)),
        _note("payouts_off", row.count(Standing.OFF)),
    ]
    if bank_proof is BankProof.STATEMENT:
        items += _bank(row, await coverage(session, month, zone=zone))
        items.append(_waiting("at_bank", await not_at_the_bank(session, until=last_day(month))))
    items.append(_waiting("suspense", await in_suspense(session, until=last_day(month))))
    return Checklist([*items, *_open(await left_open(session, month, zone=zone))])


async def close_month(
    session: AsyncSession, wanted: Close, maker: Maker, *, asked_by: str | None = None
) -> Certificate:
    """The month is locked and certified. `asked_by`: who asked for it, where the maker is the second person.

    *Raises* Refused while something stands in the way or a word why is missing, Conflict when it is locked.
    """
    found = await require_ready(session, wanted, maker)
    await lock_month(
        session,
        month_of(wanted.month),
        bank_proof=wanted.bank_proof,
        note=wanted.note,
        alone_reason=wanted.alone_reason,
        actor_id=asked_by or maker.actor_id,
        agreed_by=maker.actor_id if asked_by else None,
        now=maker.now,
        time_zone=maker.zone,
    )
    await forget(session, Deed.OPEN_MONTH, [month_of(wanted.month)])
    await session.execute(delete(CloseRequest).where(CloseRequest.period == month_of(wanted.month)))
    return await certify_month(session, wanted.month, in_certificate(found), maker)


async def certify_as_it_is(session: AsyncSession, month: date, maker: Maker, *, broken: int) -> Certificate:
    """The month is certified as it stands now, open or closed, with all that was looked at; its state stays."""
    period = await session.get(Period, month_of(month))
    is_closed = period is not None and period.state == PeriodState.LOCKED.value and period.bank_proof
    proof = BankProof(period.bank_proof) if period and is_closed else BankProof.STATEMENT
    found = await checklist(session, month, bank_proof=proof, broken=broken, zone=maker.zone, now=maker.now)
    return await certify_month(session, month, in_certificate(found), maker)


def in_certificate(found: Checklist) -> list[dict[str, str | int]]:
    """What was looked at, as a certificate keeps it."""
    return [{"key": item.key, "state": item.state.value, "count": item.count} for item in found.items]


async def require_ready(session: AsyncSession, wanted: Close, maker: Maker) -> Checklist:
    """What was looked at. *Raises* Refused while something stands in the way or a word why is missing."""
    found = await checklist(
        session,
        wanted.month,
        bank_proof=wanted.bank_proof,
        broken=wanted.broken,
        zone=maker.zone,
        now=maker.now,
    )
    if found.is_stopped:
        raise Refused(_("Something still stands in the way of closing this month. It is still open."))
    if found.needs_note and not clean_line(wanted.note, limit=NOTE_CHARS):
        raise Refused(_("Something is left to do. Write why the month is closed all the same. It is still open."))
    return found


def is_locked(row: MonthRow) -> bool:
    """Whether the month takes no postings now."""
    return row.period is not None and row.period.state == PeriodState.LOCKED.value


def describe_item(item: Item) -> str:
    """What must be so, in one sentence of the reader's language; of what is not so, what is left."""
    if item.state is Ready.DONE:
        return _so()[item.key]
    detail = say_month(item.detail) if item.key == "earlier" else item.detail
    return _not_so()[item.key] % {"count": item.count, "detail": detail}


def _bank(row: MonthRow, covered: list[Coverage]) -> Iterator[Item]:
    missing = [each for each in covered if each.missing_on]
    yield _note("arrived", row.count(Standing.ARRIVING))
    if not covered:
        yield Item("no_account", Ready.NOTE, 1)
    else:
        state = Ready.NOTE if missing else Ready.DONE
        yield Item("statements", state, len(missing), ", ".join(each.account for each in missing))
    yield _note("bank_lines", row.open_lines)


async def _stripe(session: AsyncSession, month: date, *, zone: str) -> Item:
    """Stripe's own word against the books; a difference that somebody has explained needs a note, no more."""
    sides = await stripe_sides(session, month, zone=zone)
    off = [each for each in sides if each.off_minor]
    if off:
        are_known = [await is_explained(session, each) for each in off]
        state = Ready.NOTE if all(are_known) else Ready.STOP
        return Item("stripe", state, len(off), _say(Money(each.off_minor, each.currency) for each in off))
    unasked = [each.currency for each in sides if each.told is None]
    return Item("stripe_unasked", Ready.NOTE, len(unasked), ", ".join(unasked)) if unasked else _stop("stripe", 0)


def _open(left: Sequence[LeftOpen]) -> Iterator[Item]:
    stops = [each for each in left if each.stops]
    words = " ".join(describe(each.code) for each in stops)
    yield Item("put_right", Ready.STOP if stops else Ready.DONE, sum(each.count for each in stops), words)
    yield _note("explained", sum(each.count for each in left if not each.stops))


def _waiting(key: str, items: Sequence[Waiting]) -> Item:
    return Item(key, Ready.NOTE if items else Ready.DONE, len(items), _say(sums_of(items)))


def _say(amounts: Iterable[Money]) -> str:
    return ", ".join(format_money(each, locale=language() or "en_GB") for each in amounts)


def _earlier(month: str | None) -> Item:
    return Item("earlier", Ready.STOP if month else Ready.DONE, int(bool(month)), month or "")


def _stop(key: str, count: int) -> Item:
    return Item(key, Ready.STOP if count else Ready.DONE, int(count))


def _note(key: str, count: int) -> Item:
    return Item(key, Ready.NOTE if count else Ready.DONE, count)


def _so() -> dict[str, str]:
    return {
        "over": _("The month is over."),
        "earlier": _("Every month before it is closed."),
        "books": _("The books hold."),
        "posted": _("Everything that Stripe's balance shows of it is in the books."),
        "stripe": _("Stripe holds what the books say that it holds."),
        "payouts": _("It is proved what every payout is made of."),
        "payouts_off": _("No payout differs from its lines or from the bank."),
        "arrived": _("The bank shows every payout."),
        "no_account": _("A bank account is known."),
        "statements": _("Statements cover every day of it."),
        "bank_lines": _("Every bank line is explained."),
        "at_bank": _("The bank shows all other money that was received."),
        "suspense": _("Nothing waits in suspense."),
        "put_right": _("Nothing is open that must be put right before the month is closed."),
        "explained": _("Every discrepancy of it, and of earlier months, is explained."),
    }


def _not_so() -> dict[str, str]:
    return {
        "over": _("The month is not over yet."),
        "earlier": _("%(detail)s is still open: close it first."),
        "books": _("The books do not hold; checks that fail: %(count)s."),
        "posted": _("Lines of Stripe's balance that are not in the books yet: %(count)s."),
        "stripe": _("Stripe held another sum when the month ended than the books say; the difference is %(detail)s."),
        "stripe_unasked": _(
            "Stripe has not said yet what it holds in %(detail)s, so nothing shows that the books agree."
        ),
        "payouts": _("Payouts of which it is not proved yet what is in them: %(count)s."),
        "payouts_off": _("Payouts that differ from their lines or from the bank: %(count)s."),
        "arrived": _("Payouts that no bank line shows yet: %(count)s."),
        "no_account": _("No bank account is known for this month, so no statement can show that payouts arrived."),
        "statements": _("Statements do not cover every day of it: %(detail)s."),
        "bank_lines": _("Bank lines that nobody has explained: %(count)s."),
        "at_bank": _("Other money that no bank line shows yet: %(count)s, together %(detail)s."),
        "suspense": _("Suspense holds %(detail)s that nobody has placed."),
        "put_right": _("To be put right before the month is closed: %(detail)s"),
        "explained": _("Discrepancies of it, or of earlier months, that nobody has explained: %(count)s."),
    }
