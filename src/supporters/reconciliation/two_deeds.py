"""What one person decides up to a limit and two above it: money back, a bank line on an account, and opening again.

Each is done at once, or waits until a second person agrees. Where nobody else does the books, whoever works alone writes
why; that stands with the deed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.resolve import checked_reason, held
from supporters.donations.other_queries import paid_back_of
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.lock import lock_ledger
from supporters.ledger.periods import NOTE_CHARS, first_day, reopen_month, require_opens
from supporters.reconciliation.matches import Because, Part, confirm, require_parts
from supporters.reconciliation.models import SecondRequest, Side
from supporters.reconciliation.money_back import Back, pay_back, require_may_go_back
from supporters.reconciliation.resolutions import Rules, decides, reopen, what_moved
from supporters.reconciliation.second_person import needs_second as month_needs_second
from supporters.reconciliation.second_request import Deed, Done, ask, asked_for, take_agreed, why_alone
from supporters.settings import Settings


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who does it, and when; the reason why alone, where nobody else can be asked."""

    actor_id: str
    ids: Ids
    now: datetime
    alone: str = ""


async def pay_back_or_ask(
    session: AsyncSession, payment_id: str, back: Back, who: Who, *, second_above_minor: int, settings: Settings
) -> Done:
    """The money is on its way back to its giver, or a second person is asked. *Raises* as `pay_back`, MissingAlone, Conflict.

    What went back of the same payment before counts: two halves are one sum.
    """
    payment = await require_may_go_back(session, payment_id, back, now=who.now, settings=settings)
    if await asked_for(session, Deed.MONEY_BACK, payment_id):
        raise Conflict(_("A colleague is asked to agree to this already. Nothing was changed."))
    total = back.amount.minor + await paid_back_of(session, payment.id)
    if second_above_minor and total > second_above_minor:
        alone = await why_alone(session, who.actor_id, who.alone)
        if alone is None:
            wanted = msgspec.to_builtins(back)
            await _ask(session, Deed.MONEY_BACK, payment_id, wanted, back.amount, who)
            return Done.ASKED
        back = msgspec.structs.replace(back, alone_reason=alone)
    await pay_back(session, payment_id, back, actor_id=who.actor_id, ids=who.ids, now=who.now, settings=settings)
    return Done.DONE


async def agree_to_pay_back(
    session: AsyncSession, payment_id: str, who: Who, *, seen_at: datetime | None, settings: Settings
) -> str:
    """The money is on its way back as the first person asked, and both are on record; returns the refund's id."""
    found = await take_agreed(session, Deed.MONEY_BACK, payment_id, actor_id=who.actor_id, seen_at=seen_at)
    back = msgspec.structs.replace(wanted_back(found), agreed_by=who.actor_id)
    return await pay_back(
        session, payment_id, back, actor_id=found.asked_by, ids=who.ids, now=who.now, settings=settings
    )


def wanted_back(found: SecondRequest) -> Back:
    """What was asked for, of money that is to go back."""
    return msgspec.convert(found.wanted, Back)


async def book_or_ask(
    session: AsyncSession,
    line_id: str,
    parts: Sequence[Part],
    because: Because,
    who: Who,
    *,
    second_above_minor: int,
) -> Done:
    """The line is these parts, or, where much of it goes on accounts, a second person is asked. *Raises* as `confirm`."""
    by_hand = sum(abs(part.amount_minor) for part in parts if part.side == Side.ACCOUNT)
    if second_above_minor and by_hand > second_above_minor:
        alone = await why_alone(session, who.actor_id, who.alone)
        if alone is None:
            line = await require_parts(session, line_id, parts)
            wanted = {"parts": msgspec.to_builtins(list(parts)), "because": msgspec.to_builtins(because)}
            await _ask(session, Deed.BANK_LINE, line_id, wanted, Money(by_hand, line.currency), who)
            return Done.ASKED
        because = msgspec.structs.replace(because, alone_reason=alone)
    await confirm(session, [line_id], parts, because=because, actor_id=who.actor_id, ids=who.ids, now=who.now)
    return Done.DONE


async def agree_to_book(session: AsyncSession, line_id: str, who: Who, *, seen_at: datetime | None) -> None:
    """The line is what the first person asked for, and both are on record. *Raises* as `take_agreed` and `confirm`."""
    found = await take_agreed(session, Deed.BANK_LINE, line_id, actor_id=who.actor_id, seen_at=seen_at)
    parts, because = wanted_parts(found)
    because = msgspec.structs.replace(because, agreed_by=who.actor_id)
    await confirm(session, [line_id], parts, because=because, actor_id=found.asked_by, ids=who.ids, now=who.now)


def wanted_parts(found: SecondRequest) -> tuple[list[Part], Because]:
    """What was asked for, of a bank line."""
    return msgspec.convert(found.wanted["parts"], list[Part]), msgspec.convert(found.wanted["because"], Because)


async def open_month_or_ask(
    session: AsyncSession, period: str, reason: str, who: Who, *, second_above_minor: int
) -> Done:
    """The month takes postings again, or a second person is asked. *Raises* as `reopen_month`, MissingAlone, Conflict."""
    await lock_ledger(session)
    await require_opens(session, period, reason)
    alone: str | None = ""
    if await month_needs_second(session, first_day(period), second_above_minor):
        alone = await why_alone(session, who.actor_id, who.alone)
    if alone is None:
        wanted = {"reason": clean_line(reason, limit=NOTE_CHARS)}
        await _ask(session, Deed.OPEN_MONTH, period, wanted, None, who)
        return Done.ASKED
    await reopen_month(session, period, reason=reason, alone_reason=alone, actor_id=who.actor_id, now=who.now)
    return Done.DONE


async def agree_to_open_month(session: AsyncSession, period: str, who: Who, *, seen_at: datetime | None) -> None:
    """The month takes postings again as the first person asked, and both are on record."""
    found = await take_agreed(session, Deed.OPEN_MONTH, period, actor_id=who.actor_id, seen_at=seen_at)
    await reopen_month(
        session, period, reason=found.wanted["reason"], actor_id=found.asked_by, agreed_by=who.actor_id, now=who.now
    )


async def open_discrepancy_or_ask(
    session: AsyncSession, discrepancy_id: str, reason: str, who: Who, *, rules: Rules
) -> Done:
    """The discrepancy is open again and the books as before it was closed, or a second person is asked.

    *Raises* as `resolutions.reopen`, MissingAlone, Conflict.
    """
    await lock_ledger(session)
    found = await held(session, discrepancy_id)
    if found.state != DiscrepancyState.RESOLVED:
        raise Conflict(_("This discrepancy is open. Nothing was changed."))
    reason, alone = checked_reason(reason), ""
    largest = await largest_of(session, found)
    if rules.second_above_minor and largest > rules.second_above_minor:
        why = await why_alone(session, who.actor_id, who.alone)
        if why is None:
            amount = Money(largest, found.currency) if found.currency else None
            await _ask(session, Deed.OPEN_DISCREPANCY, discrepancy_id, {"reason": reason}, amount, who)
            return Done.ASKED
        alone = why
    await reopen(
        session,
        discrepancy_id,
        reason=reason,
        alone_reason=alone,
        rules=rules,
        actor_id=who.actor_id,
        ids=who.ids,
        now=who.now,
    )
    return Done.DONE


async def agree_to_open_discrepancy(
    session: AsyncSession, discrepancy_id: str, who: Who, *, rules: Rules, seen_at: datetime | None
) -> None:
    """The discrepancy is open again as the first person asked, and both are on record."""
    found = await take_agreed(session, Deed.OPEN_DISCREPANCY, discrepancy_id, actor_id=who.actor_id, seen_at=seen_at)
    await reopen(
        session,
        discrepancy_id,
        reason=found.wanted["reason"],
        rules=rules,
        actor_id=found.asked_by,
        agreed_by=who.actor_id,
        ids=who.ids,
        now=who.now,
    )


async def largest_of(session: AsyncSession, found: Discrepancy) -> int:
    """The largest sum about which a person decided when they closed it; 0 where the house closed it."""
    if found.resolution is None or found.resolved_by is None or not decides(found, Resolution(found.resolution)):
        return 0
    moved = [abs(entry.amount_minor) for entry in await what_moved(session, found)]
    return max([*moved, abs(found.amount_minor or 0)])


async def _ask(
    session: AsyncSession, deed: Deed, subject: str, wanted: dict[str, Any], amount: Money | None, who: Who
) -> None:
    await ask(session, deed, subject, wanted, amount=amount, actor_id=who.actor_id, now=who.now)
