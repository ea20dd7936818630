"""Two people about one month at the same moment."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import insert

from books import NOW
from engines import on_postgresql
from supporters.kit.db import Database
from supporters.kit.errors import Conflict
from supporters.ledger.models import Period
from supporters.reconciliation.certify import Maker
from supporters.reconciliation.models import CloseRequest
from supporters.reconciliation.second_person import agree_to_close, withdraw_close

MONTH = date(2026, 10, 1)


@on_postgresql
async def test_closing_that_is_taken_back_while_a_colleague_agrees_is_not_done(db: Database) -> None:
    async with db.unit_of_work() as session:
        row = {"period": "2026-10", "bank_proof": "elsewhere", "note": "", "asked_by": "dana", "asked_at": NOW}
        await session.execute(insert(CloseRequest).values(**row))

    async def agree() -> None:
        async with db.unit_of_work() as session:
            eve = Maker(publisher="The Lamp", zone="Europe/London", actor_id="eve", now=NOW)
            await agree_to_close(session, MONTH, eve, broken=0)

    async with db.unit_of_work() as session:
        await withdraw_close(session, MONTH, actor_id="dana", now=NOW)
        agreeing = asyncio.create_task(agree())
        await asyncio.sleep(0.3)

    with pytest.raises(Conflict, match="any more"):
        await agreeing
    async with db.reading() as session:
        assert await session.get(Period, "2026-10") is None
