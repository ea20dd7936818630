"""Making funds, and seeding the first fund and appeal."""

import re
import unicodedata
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Fund
from supporters.appeals.queries import GENERAL
from supporters.appeals.rules import default_amounts
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _


async def create_fund(session: AsyncSession, name: str, *, ids: Ids) -> str:
    """A fund of that name exists; returns its id. One that has the name already is that fund."""
    known = await session.scalar(select(Fund.id).where(Fund.name == name))
    if known:
        return known
    fund_id = ids.ulid()
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall(r"[a-z0-9]+", plain))[:13].strip("-")
    code = f"{words}-{fund_id[-6:].lower()}".strip("-")
    await session.execute(insert(Fund).values(id=fund_id, code=code, name=name))
    return fund_id


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
