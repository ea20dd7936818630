"""/desk/books: whether the books hold, check by check, as the last run found; and asking for a run now."""

from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.checks import CHECK_BOOKS, sentences
from supporters.jobs.queue import enqueue
from supporters.ledger.models import BooksVerdict
from supporters.ledger.verdict import last_verdict
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

PATH = "/desk/books"


class Line(msgspec.Struct, frozen=True):
    """One check: what must hold, and the rows that show that it does not."""

    name: str
    sentence: str
    rows: list[str]


@get(PATH, opt={"access": DOES_BOOKS})
async def show_books(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What the last run found: what does not hold first, with the rows that show it, then all that holds."""
    verdict = await last_verdict(reading)
    lines = check_lines(verdict)
    return await desk_page(
        request,
        reading,
        "desk/books.html",
        here="books",
        verdict=verdict,
        broken=[line for line in lines if line.rows],
        holding=[line for line in lines if not line.rows],
        is_asked="asked" in request.query_params,
    )


@post(PATH, status_code=303, opt={"access": DOES_BOOKS})
async def take_books(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The books are checked within seconds, once for however many ask."""
    house = house_of(request)
    await read_sealed(request, member_of(request), [])
    await enqueue(session, CHECK_BOOKS, {}, ids=house.ids, now=house.clock.now(), dedupe="timer")
    return Redirect(PATH + "?asked=1", status_code=303)


def check_lines(verdict: BooksVerdict | None) -> list[Line]:
    """Every check of the verdict; one that the house does not know any more keeps its name."""
    if verdict is None:
        return []
    known = sentences()
    broken: dict[str, list[str]] = {each["name"]: each["rows"] for each in verdict.broken}
    names = [*known, *(name for name in broken if name not in known)]
    return [Line(name, known.get(name, name), broken.get(name, [])) for name in names]


HANDLERS = [show_books, take_books]
