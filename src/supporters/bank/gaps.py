"""Statements that do not go on where others ended: a discrepancy for each, closed by itself once the missing file is here."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.continuity import Gap, find_gaps
from supporters.bank.missing import Missing, find_missing
from supporters.bank.models import BankAccount, BankStatement
from supporters.bank.queries import day_sums, live_spans
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _


async def account_gaps(session: AsyncSession, account_id: str) -> list[Gap]:
    """Every statement of the account that does not go on from the others, the earliest first."""
    return find_gaps(await live_spans(session, account_id), await day_sums(session, account_id))


async def account_missing(session: AsyncSession, account_id: str) -> list[Missing]:
    """Days and numbers of the account that no statement tells of, and that no balance shows, the earliest first."""
    return find_missing(await live_spans(session, account_id))


async def unseen_gaps(session: AsyncSession, *, limit: int) -> list[str]:
    """Statements of any account that do not go on from the others though no discrepancy says so. Ids, days and sums only."""
    told = await session.execute(
        select(Discrepancy.subject, Discrepancy.state, Discrepancy.fingerprint).where(
            Discrepancy.code == Code.STATEMENT_GAP.value
        )
    )
    open_, explained = set[str](), set[tuple[str, str | None]]()
    for subject, state, fingerprint in told:
        if state == DiscrepancyState.OPEN.value:
            open_.add(subject)
        explained.add((subject, fingerprint))
    found: list[str] = []
    several = select(BankStatement.bank_account_id).group_by(BankStatement.bank_account_id).having(func.count() > 1)
    for account_id in (await session.scalars(several.order_by(BankStatement.bank_account_id))).all():
        for gap in await account_gaps(session, account_id):
            if gap.statement_id not in open_ and (gap.statement_id, _fingerprint(gap)) not in explained:
                found.append(f"statement={gap.statement_id} starts_on={gap.starts_on} off_minor={gap.off_minor}")
    return found[:limit]


def _fingerprint(gap: Gap) -> str:
    return f"{gap.known_until}:{gap.expected_minor}:{gap.opening_minor}"


async def mind_gaps(session: AsyncSession, account: BankAccount, *, ids: Ids, now: datetime) -> list[Gap]:
    """Each gap of the account has a discrepancy, and what is no gap any more has none open. *Idempotent*."""
    gaps = await account_gaps(session, account.id)
    for gap in gaps:
        await open_discrepancy(
            session,
            code=Code.STATEMENT_GAP,
            subject=gap.statement_id,
            amount=Money(gap.off_minor, account.currency),
            detail={
                "bank_account_id": account.id,
                "starts_on": gap.starts_on.isoformat(),
                "known_until": gap.known_until.isoformat(),
                "expected_minor": gap.expected_minor,
                "opening_minor": gap.opening_minor,
                **({"opening_balance": _("worked out: the bank gave none")} if gap.is_derived else {}),
            },
            fingerprint=_fingerprint(gap),
            ids=ids,
            now=now,
        )
    for statement_id in await _open_gaps(session, account.id) - {gap.statement_id for gap in gaps}:
        await _settle(session, statement_id, now=now)
    return gaps


async def _settle(session: AsyncSession, statement_id: str, *, now: datetime) -> None:
    """Closed by the house; without a fingerprint, so that the same gap opens it again."""
    reason = _("The statements go on without a gap now, or this one was taken back.")
    code, way = Code.STATEMENT_GAP, Resolution.FIXED_HERE
    await settle_discrepancy(session, code=code, subject=statement_id, resolution=way, reason=reason, now=now)
    same = (Discrepancy.code == code.value) & (Discrepancy.subject == statement_id)
    await session.execute(
        update(Discrepancy).where(same).values(fingerprint=None).execution_options(synchronize_session=False)
    )


async def _open_gaps(session: AsyncSession, account_id: str) -> set[str]:
    """The statements of the account of which a gap is open."""
    query = (
        select(Discrepancy.subject)
        .join(BankStatement, BankStatement.id == Discrepancy.subject)
        .where(
            Discrepancy.code == Code.STATEMENT_GAP.value,
            Discrepancy.state == DiscrepancyState.OPEN.value,
            BankStatement.bank_account_id == account_id,
        )
    )
    return set(await session.scalars(query))
