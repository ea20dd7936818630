"""POST /desk/you/density: how close the lines of one's lists stand. The way stands under every list."""

from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.staff.accounts import choose_density
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.desk.roles import EVERYBODY
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.sign_in import safe_next


@post("/desk/you/density", status_code=303, opt={"access": EVERYBODY})
async def take_density(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Redirect:
    """Every list of this person's stands closer, or with more room, from now on; back to where one was."""
    member = member_of(request)
    form = await read_sealed(request, member, ["compact"])
    await choose_density(session, member, is_compact=form.get("compact") == "yes")
    return Redirect(safe_next(read_query(request.scope["query_string"], ("back",)).get("back", "")), status_code=303)


HANDLERS = [take_density]
