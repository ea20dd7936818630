"""Seeding the first fund and appeal, and noting where a donation came from."""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Attribution, Fund
from supporters.appeals.queries import GENERAL
from supporters.appeals.rules import Claim, default_amounts
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _


async def ensure_general(session: AsyncSession, *, currency: str, ids: Ids, now: datetime, signed_by: str = "") -> None:
    """The fund and the appeal called `general` exist; what staff have changed in them stays.

    Where nobody is named in `signed_by`, letters are signed by the publisher's contact.
    *Idempotent by* the fund's code and the appeal's slug, also when two processes start at once.
    """
    fund = insert_for(session, Fund).values(id=ids.ulid(), code=GENERAL, name=_("General fund"))
    await session.execute(fund.on_conflict_do_nothing())
    fund_id = await session.scalar(select(Fund.id).where(Fund.code == GENERAL))
    appeal = insert_for(session, Appeal).values(
        id=ids.ulid(),
        slug=GENERAL,
        fund_id=fund_id,
        heading=_("Help fund the paper"),
        message=_(
            "Reporting takes time, and time is paid for by readers. "
            "Whatever you give goes into the next issues: the people who write them and the post that brings them."
        ),
        thanks=_("It goes into the next issues: the people who write them and the post that brings them."),
        signed_by=signed_by,
        amounts=default_amounts(currency),
        currency=currency,
        goal_minor=None,
        starts_at=None,
        ends_at=None,
        is_published=True,
        created_at=now,
    )
    await session.execute(appeal.on_conflict_do_nothing())


async def note_origin(session: AsyncSession, claim: Claim, *, ids: Ids, now: datetime) -> str:
    """Where a donation came from is on record as a claim; returns its id."""
    attribution_id = ids.ulid()
    await session.execute(
        insert(Attribution).values(
            id=attribution_id,
            article_path=claim.article_path,
            issue=claim.issue,
            appeal_slug=claim.appeal_slug,
            placement=claim.placement,
            variant=claim.variant,
            source=claim.source,
            utm=claim.utm,
            referrer_host=claim.referrer_host,
            is_claimed=True,
            created_at=now,
        )
    )
    return attribution_id
