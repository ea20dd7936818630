"""A note for a colleague about a bank line: a discrepancy, since that is where colleagues look and write."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.discrepancies.codes import Code
from supporters.discrepancies.discuss import add_comment
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.ids import Ids
from supporters.reconciliation.detect_bank import unknown_credit


async def ask_about(
    session: AsyncSession, line: BankLine, words: str, *, actor_id: str, ids: Ids, now: datetime
) -> str:
    """The line's discrepancy is open and has the words as a comment; returns its id. *Raises* as `add_comment`."""
    discrepancy_id = await put_on_list(session, line, ids=ids, now=now)
    await add_comment(session, discrepancy_id, words, actor_id=actor_id, ids=ids, now=now)
    return discrepancy_id


async def put_on_list(session: AsyncSession, line: BankLine, *, ids: Ids, now: datetime) -> str:
    """The line's discrepancy is open; returns its id. *Idempotent*."""
    found, known = unknown_credit(line), await question_of(session, Code.BANK_CREDIT_UNKNOWN, line.id)
    if known is None:
        await open_discrepancy(
            session,
            code=found.code,
            subject=found.subject,
            amount=found.amount,
            detail=found.detail,
            fingerprint=f"asked {now.isoformat()}",
            ids=ids,
            now=now,
        )
    same = (Discrepancy.code == found.code.value) & (Discrepancy.subject == line.id)
    return (await session.scalars(select(Discrepancy.id).where(same))).one()


async def question_of(session: AsyncSession, code: Code, subject: str) -> str | None:
    """The open discrepancy of that kind about it, if there is one."""
    d = Discrepancy
    wanted = select(d.id).where(d.code == code.value, d.subject == subject, d.state == DiscrepancyState.OPEN)
    return await session.scalar(wanted)
