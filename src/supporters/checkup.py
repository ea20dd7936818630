"""What `supporters check` tries: the database, Stripe, the mail server, the clock, the books."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import text

from supporters.appeals.contrast import fault_of
from supporters.checks import BrokenCheck, run_each
from supporters.kit.errors import SupportersError
from supporters.kit.migrate import is_current
from supporters.worker import Tools

CLOCK_TOLERANCE = timedelta(seconds=30)


class Finding(NamedTuple):
    """One thing that was tried, and what came of it in words."""

    name: str
    is_ok: bool
    words: str
    rows: tuple[str, ...] = ()  # of the books: which ones show that the check does not hold


async def check_all(tools: Tools) -> list[Finding]:
    """Everything that the settings name was tried; the books last, if there is a database to hold them."""
    database = await _try("database", _database, tools)
    stripe = await _try("Stripe", _stripe, tools)
    mail = await _try("mail server", _mail, tools)
    clock = await _try("clock", _clock, tools)
    colour = await _try("colour", _colour, tools)
    if not database.is_ok:
        return [database, stripe, mail, clock, colour, Finding("books", False, "not looked at: no database")]
    books = await check_books(tools, against_stripe=stripe.is_ok)
    return [database, stripe, mail, clock, colour, *books]


async def check_books(tools: Tools, *, against_stripe: bool = False) -> list[Finding]:
    """Every invariant of the books; each broken one by name, with the rows that break it, or one finding that all hold.

    With `against_stripe` the ledger is also held to Stripe's balance; what was given in the last minutes may be on its way.
    """
    found = await check_each(tools, against_stripe=against_stripe)
    broken = [one for one in found if not one.is_ok]
    return broken or [Finding("books", True, "they hold")]


async def check_each(tools: Tools, *, against_stripe: bool = False) -> list[Finding]:
    """Every invariant of the books by name: what must hold, and the rows that break it, if any."""
    if not await is_current(tools.db):
        return [Finding("books", False, "the database is not up to date: run `supporters migrate`")]
    balance = await tools.gateway.balance() if against_stripe else None
    async with tools.db.reading() as session:
        found = await run_each(session, now=tools.clock.now(), stripe_balance=balance)
    return [_finding(one) for one in found]


def in_json(findings: Sequence[Finding]) -> str:
    """The findings for a program to read: whether all is well, and each with its name, words and rows."""
    told = [{"name": one.name, "ok": one.is_ok, "words": one.words, "rows": list(one.rows)} for one in findings]
    return json.dumps({"ok": all(one.is_ok for one in findings), "findings": told}, indent=2, ensure_ascii=False)


def _finding(one: BrokenCheck) -> Finding:
    words = f"{one.sentence} Rows: {one.rows}" if one.rows else one.sentence
    return Finding(f"books: {one.name}", not one.rows, words, one.rows)


async def _database(tools: Tools) -> str:
    async with tools.db.reading() as session:
        await session.execute(text("SELECT 1"))
    if not await is_current(tools.db):
        raise SupportersError("it answers, but is not up to date: run `supporters migrate`")
    return "answers and is up to date"


async def _stripe(tools: Tools) -> str:
    await tools.gateway.ping()
    return f"answers at {tools.settings.stripe_api_base}"


async def _clock(tools: Tools) -> str:
    theirs = await tools.gateway.ping()
    if theirs is None:
        return "Stripe names no time to compare with"
    apart = abs(theirs - tools.clock.now())
    if apart > CLOCK_TOLERANCE:
        raise SupportersError(f"this machine's clock is {int(apart.total_seconds())} s away from Stripe's")
    return "agrees with Stripe's"


async def _colour(tools: Tools) -> str:
    fault = fault_of(tools.settings.brand_color)
    if fault:
        raise SupportersError(fault)
    return "can be read on white and on dark paper"


async def _mail(tools: Tools) -> str:
    await tools.transport.check()
    return "answers"


async def _try(name: str, attempt: Callable[[Tools], Awaitable[str]], tools: Tools) -> Finding:
    try:
        return Finding(name, True, await attempt(tools))
    except (SupportersError, OSError) as error:
        return Finding(name, False, str(error) or type(error).__name__)
