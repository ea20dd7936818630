"""What closing a discrepancy does to the books: money leaves where it waited and goes where a person says it belongs.

Nothing is rewritten: a resolution posts a balanced pair, opening the discrepancy again reverses it. The amount is what
stands in the ledger at that moment, never what a form says; where nothing stands there, nothing can be moved.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Fund
from supporters.discrepancies.codes import MOVES, Code, Resolution
from supporters.discrepancies.discuss import ask_second, withdraw_asked
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.resolve import checked_reason, held, reopen_discrepancy, resolve_discrepancy
from supporters.discrepancies.rules import QUIET, ways
from supporters.donations.models import Dispute
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import LedgerEntry
from supporters.ledger.post import Entry, Posting, post
from supporters.reconciliation.disputes import close_disputes, moved_to_exchange
from supporters.reconciliation.matches import Because, Part, confirm, undo
from supporters.reconciliation.models import Side
from supporters.reconciliation.resolution_entries import pairs_of
from supporters.reconciliation.resolution_facts import require_shown
from supporters.reconciliation.resolution_sources import (
    DISCREPANCY_KIND,
    OF_DISPUTES,
    in_suspense,
    last_write_off,
    money_of,
    posted_by,
    source_of,
    take_back,
)
from supporters.reconciliation.second_request import Deed, forget, why_alone


class Outcome(StrEnum):
    """What came of closing one."""

    CLOSED = "closed"  # It is closed, and the books show it.
    ASKED = "asked"  # It waits for a second person.


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants: how it is closed, why, for which fund if it is income, and why nobody else looks at it."""

    resolution: Resolution
    reason: str
    fund_id: str | None = None
    alone_reason: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the house says about it. `second_above_minor`: 0 asks nobody."""

    second_above_minor: int
    time_zone: str


async def close(
    session: AsyncSession, discrepancy_id: str, asked: Asked, *, rules: Rules, actor_id: str, ids: Ids, now: datetime
) -> Outcome:
    """The discrepancy is closed and its money is where it belongs, or a second person is asked to agree.

    *Raises* Refused without a reason, for a way that it does not have, where there is nothing to move, and where nobody
    else can be asked and no reason says why; Conflict when it is closed. *Writes* ledger, discrepancy, bank line, audit.
    """
    if asked.resolution in MOVES:
        await lock_ledger(session)  # first, as everybody does who posts: nobody waits for one who waits for them
    found = await _open_one(session, discrepancy_id)
    asked = msgspec.structs.replace(asked, reason=checked_reason(asked.reason))
    if asked.resolution not in ways(Code(found.code)):
        raise Refused(_("A discrepancy of this kind can't be closed in that way. It is still open."))
    entries = await _entries(session, found, asked)
    await require_shown(session, found, asked.resolution)
    standing = 0 if entries or found.amount_minor else await _standing_minor(session, found)
    if not needs_second(found, asked.resolution, entries, rules, standing_minor=standing):
        await _carry_out(session, found, asked, entries, rules=rules, actor_id=actor_id, ids=ids, now=now)
        return Outcome.CLOSED
    why = await why_alone(session, actor_id, asked.alone_reason)
    if why is not None:
        asked = msgspec.structs.replace(asked, alone_reason=why)
        await _carry_out(session, found, asked, entries, rules=rules, actor_id=actor_id, ids=ids, now=now)
        return Outcome.CLOSED
    if found.asked_by is not None:
        raise Conflict(_("A colleague is asked to agree to this already. Nothing was changed."))
    await ask_second(
        session,
        discrepancy_id,
        resolution=asked.resolution,
        reason=asked.reason,
        fund_id=asked.fund_id,
        actor_id=actor_id,
        now=now,
    )
    return Outcome.ASKED


async def agree(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    rules: Rules,
    actor_id: str,
    ids: Ids,
    now: datetime,
    seen_at: datetime | None = None,
) -> None:
    """What the first person asked for is done, and both names are on record.

    `seen_at`: when that was asked to which this person agrees. *Raises* Conflict when nothing is asked or something else
    is asked since, Refused for the one who asked. *Writes* as `close`.
    """
    await lock_ledger(session)
    found = await _open_one(session, discrepancy_id)
    if found.asked_by is None or found.asked_resolution is None:
        raise Conflict(_("Nobody is asked to agree here any more. Nothing was changed."))
    if found.asked_by == actor_id:
        raise Refused(_("Somebody else has to agree: you asked for it yourself."))
    if seen_at is not None and seen_at != found.asked_at:
        raise Conflict(_("Something else is asked for by now. Look at it again; nothing was changed."))
    asked = Asked(
        resolution=Resolution(found.asked_resolution), reason=found.asked_reason or "", fund_id=found.asked_fund_id
    )
    first = found.asked_by
    entries = await _entries(session, found, asked)
    await require_shown(session, found, asked.resolution)
    await _carry_out(session, found, asked, entries, rules=rules, actor_id=first, agreed_by=actor_id, ids=ids, now=now)


async def decline(session: AsyncSession, discrepancy_id: str, *, actor_id: str, now: datetime) -> None:
    """What was asked for is not done, and the discrepancy waits for another answer. *Raises* Conflict, NotFound."""
    found = await _open_one(session, discrepancy_id)
    if found.asked_by is None:
        raise Conflict(_("Nobody is asked to agree here any more. Nothing was changed."))
    await withdraw_asked(session, discrepancy_id, actor_id=actor_id, now=now)


async def reopen(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    reason: str,
    rules: Rules,
    actor_id: str,
    ids: Ids,
    now: datetime,
    alone_reason: str = "",
    agreed_by: str | None = None,
) -> None:
    """It is open again, and what its resolution did to the books is reversed. *Raises* as `reopen_discrepancy`."""
    await lock_ledger(session)
    found = await held(session, discrepancy_id)
    was = Resolution(found.resolution) if found.resolution else None
    await forget(session, Deed.OPEN_DISCREPANCY, [discrepancy_id])
    await reopen_discrepancy(
        session,
        discrepancy_id,
        reason=reason,
        alone_reason=alone_reason,
        actor_id=actor_id,
        agreed_by=agreed_by,
        now=now,
    )
    await take_back(session, found, today=local_date(now, rules.time_zone), ids=ids, now=now)
    if was is not None and was in MOVES and Code(found.code) in OF_DISPUTES:
        await _take_back_of_dispute(session, found, was, rules=rules, ids=ids, now=now)
    is_credit = Code(found.code) is Code.BANK_CREDIT_UNKNOWN and was in MOVES
    if is_credit and await session.scalar(select(in_suspense(found.subject))):  # else a colleague has said what it is
        await undo(session, found.subject, actor_id=actor_id, ids=ids, now=now)


def decides(found: Discrepancy, resolution: Resolution) -> bool:
    """Whether closing it so decides about its money. Whoever reads what is for information only decides nothing."""
    return resolution is not Resolution.NOTED or Code(found.code) not in QUIET


def needs_second(
    found: Discrepancy, resolution: Resolution, entries: tuple[Entry, ...], rules: Rules, *, standing_minor: int = 0
) -> bool:
    """Whether two people have to agree: it is about more than the house lets one person decide, whatever they call it.

    `standing_minor`: what waits in the books of one that has no amount of its own.
    """
    if not rules.second_above_minor or not decides(found, resolution):
        return False
    named = abs(found.amount_minor or standing_minor)
    return max((abs(entry.amount_minor) for entry in entries), default=named) > rules.second_above_minor


async def what_moves(session: AsyncSession, found: Discrepancy) -> Mapping[Resolution, tuple[Entry, ...]]:
    """For each way of closing it: the entries that it would make now; none where the books stay as they are."""
    allowed = ways(Code(found.code))
    if not MOVES.intersection(allowed):
        return dict.fromkeys(allowed, ())
    money = await money_of(session, found)
    return {way: pairs_of(found, way, money, fund_id=None) if way in MOVES else () for way in allowed}


async def what_moved(session: AsyncSession, found: Discrepancy) -> Sequence[Entry]:
    """The entries that its resolution has made and that stand, in pairs as they were posted."""
    way = Resolution(found.resolution) if found.resolution else None
    if Code(found.code) in OF_DISPUTES:
        return await _moved_of_dispute(session, found, way) if way is not None and way in MOVES else ()
    posted = await posted_by(session, found)
    in_pairs = (LedgerEntry.transaction_id, LedgerEntry.currency, LedgerEntry.id)
    rows = await session.scalars(select(LedgerEntry).where(LedgerEntry.transaction_id.in_(posted)).order_by(*in_pairs))
    return [
        Entry(account=Account(row.account), amount_minor=row.amount_minor, currency=row.currency) for row in rows.all()
    ]


async def _take_back_of_dispute(
    session: AsyncSession, found: Discrepancy, way: Resolution, *, rules: Rules, ids: Ids, now: datetime
) -> None:
    """Of a dispute the opposite is posted under its own name: what is left of one is counted there."""
    moved = await _moved_of_dispute(session, found, way)
    if moved:
        entries = tuple(msgspec.structs.replace(each, amount_minor=-each.amount_minor) for each in moved)
        await _post(session, found, Asked(resolution=way, reason=""), entries, rules=rules, ids=ids, now=now)
    if way is Resolution.AS_EXCHANGE:
        await _even_out(session, found, rules=rules, ids=ids, now=now)


async def _moved_of_dispute(session: AsyncSession, found: Discrepancy, way: Resolution) -> tuple[Entry, ...]:
    """What this way has taken off its dispute, and not given back since."""
    if way is Resolution.AS_EXCHANGE:
        sums = await moved_to_exchange(session, found.subject)
    else:
        sums = {currency: -minor for currency, minor in (await last_write_off(session, found)).items()}
    money = msgspec.structs.replace(await money_of(session, found), sums=sums)
    return pairs_of(found, way, money, fund_id=None)


async def _even_out(session: AsyncSession, found: Discrepancy, *, rules: Rules, ids: Ids, now: datetime) -> None:
    """If its dispute has ended, nothing is left standing against it now either."""
    mine = update(Dispute).where(Dispute.stripe_dispute_id == found.subject).values(settled_at=None)
    await session.execute(mine.execution_options(synchronize_session=False))
    await close_disputes(session, ids=ids, now=now, time_zone=rules.time_zone)


async def _standing_minor(session: AsyncSession, found: Discrepancy) -> int:
    """The largest sum of it that waits in the books."""
    sums = (await money_of(session, found)).sums
    return max((abs(minor) for minor in sums.values()), default=0)


async def _open_one(session: AsyncSession, discrepancy_id: str) -> Discrepancy:
    found = await held(session, discrepancy_id)
    if found.state != DiscrepancyState.OPEN:
        raise Conflict(_("Somebody has closed this discrepancy already. Nothing was changed."))
    return found


async def _entries(session: AsyncSession, found: Discrepancy, asked: Asked) -> tuple[Entry, ...]:
    if asked.resolution not in MOVES:
        return ()
    money = await money_of(session, found)
    if asked.resolution is Resolution.AS_DONATION and not await _has_fund(session, asked.fund_id or money.fund_id):
        raise Refused(_("Choose the fund that the donation is for. It is still open."))
    if not any(money.sums.values()):
        raise Refused(_("The books have nothing of it that could be moved, or not yet. It is still open."))
    return pairs_of(found, asked.resolution, money, fund_id=asked.fund_id)


async def _has_fund(session: AsyncSession, fund_id: str | None) -> bool:
    return fund_id is not None and await session.get(Fund, fund_id) is not None


async def _carry_out(
    session: AsyncSession,
    found: Discrepancy,
    asked: Asked,
    entries: tuple[Entry, ...],
    *,
    rules: Rules,
    actor_id: str,
    ids: Ids,
    now: datetime,
    agreed_by: str | None = None,
) -> None:
    if entries and Code(found.code) is Code.BANK_CREDIT_UNKNOWN:
        entries = await _take_credit(session, found, asked, entries, rules=rules, actor_id=actor_id, ids=ids, now=now)
    if entries:
        await _post(session, found, asked, entries, rules=rules, ids=ids, now=now)
    if entries and asked.resolution is Resolution.AS_EXCHANGE and Code(found.code) in OF_DISPUTES:
        await _even_out(session, found, rules=rules, ids=ids, now=now)
    await forget(session, Deed.OPEN_DISCREPANCY, [found.id])
    await resolve_discrepancy(
        session,
        found.id,
        resolution=asked.resolution,
        reason=asked.reason,
        alone_reason=asked.alone_reason or None,
        actor_id=actor_id,
        agreed_by=agreed_by,
        now=now,
    )


async def _take_credit(
    session: AsyncSession,
    found: Discrepancy,
    asked: Asked,
    entries: tuple[Entry, ...],
    *,
    rules: Rules,
    actor_id: str,
    ids: Ids,
    now: datetime,
) -> tuple[Entry, ...]:
    """The bank line is matched, with suspense; returns what is left to post: from there to where it belongs, if elsewhere.

    What an earlier resolution posted is reversed first: its match may have been undone meanwhile.
    """
    await take_back(session, found, today=local_date(now, rules.time_zone), ids=ids, now=now)
    [minor] = [entry.amount_minor for entry in entries if entry.account is Account.BANK]
    part, because = Part(Side.ACCOUNT, Account.SUSPENSE.value, minor), Because(note=asked.reason)
    await confirm(session, [found.subject], [part], because=because, actor_id=actor_id, ids=ids, now=now)
    if asked.resolution is Resolution.TO_SUSPENSE:
        return ()
    return tuple(
        msgspec.structs.replace(entry, account=Account.SUSPENSE, bank_line_id=None)
        if entry.account is Account.BANK
        else entry
        for entry in entries
    )


async def _post(
    session: AsyncSession,
    found: Discrepancy,
    asked: Asked,
    entries: tuple[Entry, ...],
    *,
    rules: Rules,
    ids: Ids,
    now: datetime,
) -> None:
    source = await source_of(session, found)
    posting = Posting(
        source_kind=source.kind,
        source_id=source.id,
        purpose=source.purpose,
        revision=source.revision,
        booked_on=source.booked_on or local_date(now, rules.time_zone),
        memo=f"{DISCREPANCY_KIND}: {asked.resolution.value}",
        entries=entries,
    )
    await post(session, [posting], ids=ids, now=now)
    found.postings = (found.postings or 0) + 1
    await session.flush()
