"""Hands at the pages of other money: a reader's promise, staff who write down, the bank's line that arrives."""

import re
from typing import Any

import httpx
from sqlalchemy import func, insert, select

from arrivals import bank_line_row, found_bank
from sealed import seal_of
from supporters.bank.models import BankLine
from supporters.donations.other_models import GivingAccount
from supporters.jobs.queue import enqueue
from supporters.reconciliation.match_jobs import MATCH_LINES
from whole import Whole, hidden_fields

PATH = "/desk/other-money"
JO = {"frequency": "once", "amount": "40", "email": "jo@reader.example", "name": "Jo Smith"}


async def open_account(site: Whole) -> None:
    account = {"currency": "GBP", "holder": "The Weekly Lamp Ltd", "numbers": "Sort code 12-34-56\nAccount 12345678"}
    async with site.db.unit_of_work() as session:
        await session.execute(
            insert(GivingAccount).values(**account, is_shown=True, changed_by="dana", changed_at=site.clock.now())
        )


async def promise(site: Whole, **changes: str) -> httpx.Response:
    page = await site.reader.get("/other-ways")
    return await site.reader.post("/other-ways", data=hidden_fields(page.text) | JO | changes)


async def arrive(site: Whole, **line: Any) -> None:
    """The bank's line is there, and the house has looked."""
    async with site.db.unit_of_work() as session:
        await found_bank(session)
        row = bank_line_row(1, **({"counterparty": "J SMITH", "booked_on": site.clock.now().date()} | line))
        await session.execute(insert(BankLine), [row])
        await enqueue(session, MATCH_LINES, {}, ids=site.ids, now=site.clock.now())
    await site.settle()


async def send(desk: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await desk.post(path, data={**await seal_of(desk), **fields})


async def write_down(desk: httpx.AsyncClient, **changes: str) -> httpx.Response:
    fields = {"kind": "cheque", "amount": "50", "name": "Rosa Kane", "email": "rosa@reader.example"}
    page = await desk.get(f"{PATH}/new")
    day = re.search(r'name="received_on"[^>]*value="([^"]+)"', page.text)
    return await send(
        desk, f"{PATH}/new", **({"received_on": day[1] if day else "", "appeal": "general"} | fields | changes)
    )


async def one(site: Whole, model: Any) -> Any:
    async with site.db.reading() as session:
        return (await session.scalars(select(model))).one()


async def all_of(site: Whole, model: Any) -> list[Any]:
    async with site.db.reading() as session:
        return list(await session.scalars(select(model).order_by(model.id)))


async def count(site: Whole, model: Any) -> int:
    async with site.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0
