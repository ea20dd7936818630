"""/desk/match/{id}/except: an open bank line stands on the list of discrepancies, without a word to anybody yet."""

from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.reconciliation.ask import put_on_list
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.match_line import ONE, find_open
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed


@post(ONE + "/except", status_code=303, opt={"access": DOES_BOOKS})
async def take_exception(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """The line is on the list of discrepancies, where it can be given to somebody, discussed and closed."""
    house = house_of(request)
    await read_sealed(request, member_of(request), [])
    line = await find_open(session, line_id)
    found = await put_on_list(session, line, ids=house.ids, now=house.clock.now())
    return Redirect(f"/desk/discrepancies/{found}", status_code=303)


HANDLERS = [take_exception]
