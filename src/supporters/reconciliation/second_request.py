"""What waits for a second person: one asks, nothing is done, another who does the books agrees or does not.

The deeds themselves are in `two_deeds`; closing a month and closing a discrepancy keep their requests with the month and
the discrepancy, and follow the same rules.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.discrepancies.discuss import is_alone
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Conflict, Refused
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.lock import lock_ledger
from supporters.reconciliation.models import SecondRequest

REASON_CHARS = 1000


class Deed(StrEnum):
    """What may take two people, besides closing."""

    MONEY_BACK = "money_back"  # Money that never met Stripe goes back to its giver.
    BANK_LINE = "bank_line"  # A bank line, or what is left of it, is booked on an account.
    OPEN_MONTH = "open_month"  # A closed month is opened again.
    OPEN_DISCREPANCY = "open_discrepancy"  # A closed discrepancy is opened again.


class Done(StrEnum):
    """What came of it."""

    DONE = "done"  # It is done.
    ASKED = "asked"  # It waits for a second person.


class MissingAlone(Refused):
    """Nobody else can be asked, and nothing says why one person decides."""


RECORDS: Mapping[Deed, tuple[str, str]] = {  # the kind of record and the deed, as the audit names them
    Deed.MONEY_BACK: ("other_payment", "other_money.refund"),
    Deed.BANK_LINE: ("bank_line", "bank.match"),
    Deed.OPEN_MONTH: ("month", "month.reopen"),
    Deed.OPEN_DISCREPANCY: ("discrepancy", "discrepancy.reopen"),
}


async def why_alone(session: AsyncSession, actor_id: str, words: str) -> str | None:
    """Why one person decides what takes two: None where a colleague can be asked instead.

    *Raises* MissingAlone where nobody can be asked and the words are empty.
    """
    if not await is_alone(session, actor_id):
        return None
    why = clean_line(words, limit=REASON_CHARS)
    if not why:
        raise MissingAlone(_("Nobody else does the books here. Please write why you decide this alone."))
    return why


async def ask(
    session: AsyncSession,
    deed: Deed,
    subject: str,
    wanted: Mapping[str, Any],
    *,
    amount: Money | None,
    actor_id: str,
    now: datetime,
) -> None:
    """A second person is asked to agree; until then nothing is done. *Raises* Conflict where somebody has asked already."""
    values = {
        "kind": deed.value,
        "subject": subject,
        "wanted": dict(wanted),
        "amount_minor": abs(amount.minor) if amount else None,
        "currency": amount.currency if amount else None,
        "asked_by": actor_id,
        "asked_at": now,
    }
    asking = insert_for(session, SecondRequest).values(**values).on_conflict_do_nothing()
    if not changed_rows(await session.execute(asking)):
        raise Conflict(_("A colleague is asked to agree to this already. Nothing was changed."))
    told = {"amount_minor": abs(amount.minor), "currency": amount.currency} if amount else {}
    await _note(session, deed, subject, "ask", told, actor_id=actor_id, now=now)


async def asked_for(session: AsyncSession, deed: Deed, subject: str) -> SecondRequest | None:
    """What waits for a second person, if anything."""
    mine = (SecondRequest.kind == deed.value) & (SecondRequest.subject == subject)
    return await session.scalar(select(SecondRequest).where(mine).execution_options(populate_existing=True))


async def take_agreed(
    session: AsyncSession, deed: Deed, subject: str, *, actor_id: str, seen_at: datetime | None
) -> SecondRequest:
    """The request, which waits no more: the caller does what it asks for.

    `seen_at`: when that was asked to which this person agrees. *Raises* Conflict when nothing is asked or something else is
    asked since, Refused for the one who asked.
    """
    await lock_ledger(session)
    found = await asked_for(session, deed, subject)
    if found is None:
        raise Conflict(_("Nobody is asked to agree here any more. Nothing was changed."))
    if found.asked_by == actor_id:
        raise Refused(_("Somebody else has to agree: you asked for it yourself."))
    if seen_at is not None and seen_at != found.asked_at:
        raise Conflict(_("Something else is asked for by now. Look at it again; nothing was changed."))
    session.expunge(found)
    if not await forget(session, deed, [subject]):  # taken back since it was read
        raise Conflict(_("Nobody is asked to agree here any more. Nothing was changed."))
    return found


async def withdraw(session: AsyncSession, deed: Deed, subject: str, *, actor_id: str, now: datetime) -> None:
    """Nobody is asked any more, whether the first person took it back or the second said no. *Raises* Conflict."""
    if not await forget(session, deed, [subject]):
        raise Conflict(_("Nobody is asked to agree here any more. Nothing was changed."))
    await _note(session, deed, subject, "decline", {}, actor_id=actor_id, now=now)


async def forget(session: AsyncSession, deed: Deed, subjects: Collection[str]) -> int:
    """Nothing waits about these any more: it is done, or what it was about has changed. Says how many waited."""
    mine = (SecondRequest.kind == deed.value) & SecondRequest.subject.in_(subjects)
    gone = delete(SecondRequest).where(mine).execution_options(synchronize_session=False)
    return changed_rows(await session.execute(gone))


async def all_waiting(session: AsyncSession, *, but: str) -> list[SecondRequest]:
    """Everything that waits for somebody other than this person to have asked: what they may agree to, the oldest first."""
    wanted = select(SecondRequest).where(SecondRequest.asked_by != but)
    return list(await session.scalars(wanted.order_by(SecondRequest.asked_at, SecondRequest.subject)))


async def _note(
    session: AsyncSession,
    deed: Deed,
    subject: str,
    verb: str,
    told: Mapping[str, object],
    *,
    actor_id: str,
    now: datetime,
) -> None:
    kind, action = RECORDS[deed]
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=f"{action}_{verb}",
        record_kind=kind,
        record_id=subject,
        detail=told,
        now=now,
    )
