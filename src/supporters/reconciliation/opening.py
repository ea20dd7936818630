"""Cut-over: these books begin on a day, with what was there on its first moment.

What came before that day stays in the books that were kept until then: it is mirrored, and never posted. Without a start
the books hold everything that Stripe shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.donations.models import Dispute
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import BooksStart, LedgerTransaction
from supporters.ledger.periods import is_closed, locked_months
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.reverse import reverse
from supporters.ledger.start import OPENING, read_start
from supporters.reconciliation.opening_before import take_back_older

DISPUTE_KIND = "dispute"
GIVEN_APART = (Account.STRIPE_BALANCE, Account.PAYOUTS_IN_TRANSIT, Account.DISPUTES_RECEIVABLE, Account.OPENING)


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What was there when `starts_on` began, in the book's time zone. *Money*: what we own is positive, what we owe negative.

    `stripe`: Stripe's balance per currency, available and pending together. What Stripe holds in reserve is no part of it:
    that is the Stripe reserve, among `others`.
    `in_transit`: payouts that had left Stripe and not reached the bank, each by its Stripe id.
    `disputes`: what a bank had taken back and not decided yet, each by its Stripe id.
    `others`: what the books until then had on other accounts; debit positive.
    """

    starts_on: date
    stripe: tuple[Money, ...] = ()
    in_transit: tuple[tuple[str, Money], ...] = ()
    disputes: tuple[tuple[str, Money], ...] = ()
    others: tuple[tuple[Account, Money], ...] = ()


class Begun(NamedTuple):
    """How many opening balances were posted, and how many older postings of Stripe's lines were taken back."""

    posted: int
    taken_back: int


async def begin_books(
    session: AsyncSession, opening: Opening, *, actor_id: str, ids: Ids, now: datetime, time_zone: str
) -> Begun:
    """The books begin on that day with these balances, each against "opening balances"; says how many were posted.

    What Stripe's older lines have in the ledger is taken back. *Raises* Conflict when the books began before, or hold
    something older that a person wrote down; Refused for a day to come, a locked month, an account that is given apart, a
    currency given twice, or a dispute that is not on file. *Writes* the start, ledger and audit.
    """
    await lock_ledger(session)
    await _check_day(session, opening.starts_on, today=local_date(now, time_zone))
    await _check_parts(session, opening)
    taken_back = await take_back_older(session, opening.starts_on, ids=ids, now=now)
    revision = (await session.scalar(select(func.max(BooksStart.revision))) or 0) + 1
    starts_at = datetime.combine(opening.starts_on, time.min, ZoneInfo(time_zone))
    session.add(
        BooksStart(revision=revision, starts_on=opening.starts_on, starts_at=starts_at, made_by=actor_id, made_at=now)
    )
    await session.flush()
    posted = await post(session, list(_postings(opening, revision=revision)), ids=ids, now=now)
    await _look_again(session, [dispute_id for dispute_id, _money in opening.disputes])
    detail = {"starts_on": opening.starts_on.isoformat(), "postings": posted, "taken_back": taken_back}
    await _record(session, "books.begin", revision, detail, actor_id=actor_id, now=now)
    return Begun(posted, taken_back)


async def withdraw_opening(session: AsyncSession, *, actor_id: str, ids: Ids, now: datetime) -> None:
    """The opening balances are reversed, so that right ones can be given; nothing older is posted meanwhile.

    *Raises* NotFound where there is none.
    """
    await lock_ledger(session)
    start = await read_start(session)
    if start is None:
        raise NotFound(_("These books have no opening day."))
    transaction = LedgerTransaction
    mine = (transaction.purpose == OPENING) & (transaction.revision == start.revision)
    for posted in (await session.scalars(select(transaction).where(mine).order_by(transaction.id))).all():
        await reverse(session, posted.id, booked_on=start.starts_on, memo=OPENING, ids=ids, now=now)
        await _look_again(session, [posted.source_id] if posted.source_kind == DISPUTE_KIND else [])
    start.withdrawn_at, start.withdrawn_by = now, actor_id
    await session.flush()
    detail = {"starts_on": start.starts_on.isoformat()}
    await _record(session, "books.withdraw_opening", start.revision, detail, actor_id=actor_id, now=now)


async def _check_day(session: AsyncSession, starts_on: date, *, today: date) -> None:
    if await read_start(session) is not None:
        raise Conflict(_("These books have an opening day already. Withdraw it first."))
    if starts_on > today:
        raise Refused(_("The opening day is still to come. Nothing was posted."))
    if is_closed(starts_on, await locked_months(session)):
        raise Refused(_("The month of the opening day is locked. Nothing was posted."))


async def _check_parts(session: AsyncSession, opening: Opening) -> None:
    for account, _money in opening.others:
        if account in GIVEN_APART:
            raise Refused(_("Account %(code)s is not given here. Nothing was posted.") % {"code": account.value})
    keys = [key for key, _posting in _parts(opening)]
    twice = sorted({f"{kind} {name}" for kind, name in keys if keys.count((kind, name)) > 1})
    if twice:
        raise Refused(_("%(what)s is given twice. Nothing was posted.") % {"what": twice[0]})
    named = {dispute_id for dispute_id, _money in opening.disputes}
    row = Dispute.stripe_dispute_id
    known = set(await session.scalars(select(row).where(row.in_(named)))) if named else set[str]()
    if named - known:
        told = {"dispute": min(named - known)}
        words = _(
            "There is no dispute %(dispute)s on file. If its payment was made elsewhere, give its amount as --account "
            "2010:%(example)s; else run `supporters sync` first. Nothing was posted."
        )
        raise Refused(words % (told | {"example": "GBP:10.00"}))


def _parts(opening: Opening) -> Iterator[tuple[tuple[str, str], tuple[Account, Money, str | None]]]:
    """Every balance under the key of its posting."""
    for money in opening.stripe:
        yield (OPENING, f"stripe:{money.currency}"), (Account.STRIPE_BALANCE, money, None)
    for payout_id, money in opening.in_transit:
        yield (OPENING, payout_id), (Account.PAYOUTS_IN_TRANSIT, money, payout_id)
    for dispute_id, money in opening.disputes:
        yield (DISPUTE_KIND, dispute_id), (Account.DISPUTES_RECEIVABLE, money, None)
    for account, money in opening.others:
        yield (OPENING, f"{account.value}:{money.currency}"), (account, money, None)


def _postings(opening: Opening, *, revision: int) -> Iterator[Posting]:
    for (kind, name), (account, money, payout_id) in _parts(opening):
        if not money.minor:
            continue
        pair = ((account, money.minor), (Account.OPENING, -money.minor))
        yield Posting(
            source_kind=kind,
            source_id=name,
            purpose=OPENING,
            revision=revision,
            booked_on=opening.starts_on,
            memo=OPENING,
            entries=tuple(
                Entry(
                    account=each,
                    amount_minor=minor,
                    currency=money.currency,
                    stripe_payout_id=payout_id if each is Account.PAYOUTS_IN_TRANSIT else None,
                )
                for each, minor in pair
            ),
        )


async def _look_again(session: AsyncSession, dispute_ids: Sequence[str]) -> None:
    """Disputes that have ended are evened out anew: what stands there has changed without a line of theirs."""
    if dispute_ids:
        named = update(Dispute).where(Dispute.stripe_dispute_id.in_(dispute_ids)).values(settled_at=None)
        await session.execute(named.execution_options(synchronize_session=False))


async def _record(
    session: AsyncSession, action: str, revision: int, detail: Mapping[str, object], *, actor_id: str, now: datetime
) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="books",
        record_id=str(revision),
        detail=detail,
        now=now,
    )
