"""Editors' veto: where and when nothing is asked for."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.ids import Ids
from supporters.prompts.content import Quiet
from supporters.prompts.models import AskVeto

MOST_VETOES = 500  # in force at once; they are sent to every page


async def add_veto(
    session: AsyncSession,
    *,
    path: str | None = None,
    tag: str | None = None,
    days: tuple[date, date] | None = None,
    reason: str,
    actor: str,
    ids: Ids,
    now: datetime,
) -> str:
    """Nothing is asked for there from the next publishing on; returns the veto's id. Exactly one of the three is given."""
    if sum(each is not None for each in (path, tag, days)) != 1:
        raise ValueError("a veto is on a path, a tag, or days")
    veto = AskVeto(
        id=ids.ulid(),
        path=path,
        tag=tag,
        starts_on=days[0] if days else None,
        ends_on=days[1] if days else None,
        reason=reason,
        made_by=actor,
        made_at=now,
        lifted_by=None,
        lifted_at=None,
    )
    session.add(veto)
    await session.flush()
    return veto.id


async def lift_veto(session: AsyncSession, veto_id: str, *, actor: str, now: datetime) -> bool:
    """The veto no longer holds; its row stays. False when it was lifted before, or never was."""
    mine = (AskVeto.id == veto_id) & AskVeto.lifted_at.is_(None)
    lifted = update(AskVeto).where(mine).values(lifted_by=actor, lifted_at=now)
    return changed_rows(await session.execute(lifted.execution_options(synchronize_session=False))) == 1


async def vetoes(session: AsyncSession, *, limit: int = 200) -> Sequence[AskVeto]:
    """The vetoes, those in force first, then the newest."""
    newest = select(AskVeto).order_by(AskVeto.lifted_at.is_not(None), AskVeto.id.desc()).limit(limit)
    return (await session.scalars(newest)).all()


async def is_vetoes_full(session: AsyncSession) -> bool:
    """Whether so many are in force that one must be lifted first."""
    held = select(AskVeto.id).where(AskVeto.lifted_at.is_(None)).limit(MOST_VETOES)
    return len((await session.scalars(held)).all()) >= MOST_VETOES


async def quiet_now(session: AsyncSession) -> Quiet:
    """All that is in force."""
    held = (await session.scalars(select(AskVeto).where(AskVeto.lifted_at.is_(None)))).all()
    return Quiet(
        paths=tuple(sorted({veto.path for veto in held if veto.path})),
        tags=tuple(sorted({veto.tag for veto in held if veto.tag})),
        ranges=tuple((veto.starts_on, veto.ends_on) for veto in held if veto.starts_on and veto.ends_on),
    )
