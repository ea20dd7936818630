"""Who may use a route. Every handler says so by `opt={"access": ...}`; one that says nothing is closed to everybody.

`PUBLIC` lets anyone in. `SUPPORTER` lets in supporters who are signed in to their own pages. `STAFF` lets in whoever is signed
in at the desk. A role or several let in those roles; admins always.
Whoever still owes a code, or has to set up a second factor, gets only to routes that name that stage in `opt={"stages": ...}`.
"""

from collections.abc import Collection
from typing import cast

from litestar.handlers import BaseRouteHandler
from litestar.types import HTTPScope

from supporters.kit.strings import gettext as _
from supporters.staff.models import Role
from supporters.staff.sessions import Member, Stage
from supporters.web.common.errors import SIGN_IN, PageError, SignInNeeded
from supporters.web.common.house import Connection, house_of
from supporters.web.common.supporter import require_supporter

PUBLIC = "public"
SUPPORTER = "supporter"
STAFF: frozenset[Role] = frozenset(Role)
Access = str | Role | Collection[Role]
SIGNED_IN = frozenset({Stage.FULL})
WAY_ON = {Stage.CODE: "/desk/sign-in/code", Stage.SET_UP: "/desk/you/second-factor"}


async def access_guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """The request goes on only if its route is open to whoever asks. Raises SignInNeeded, PageError 403."""
    access: Access | None = handler.opt.get("access")
    if access == PUBLIC or _only_asks_for_methods(connection, access):
        return
    if access == SUPPORTER:
        await require_supporter(connection)
        return
    await require(connection, roles_of(access), stages=handler.opt.get("stages", SIGNED_IN))


async def require(connection: Connection, roles: frozenset[Role], *, stages: Collection[Stage] = SIGNED_IN) -> Member:
    """The signed-in member, who holds one of `roles` or is an admin. Raises SignInNeeded, PageError 403."""
    member = await house_of(connection).find_member(connection)
    if member is None:
        raise SignInNeeded
    if member.stage not in stages:
        raise SignInNeeded(WAY_ON.get(member.stage, SIGN_IN))
    if member.role not in roles and not (roles and member.role == Role.ADMIN):
        raise PageError(403, _("Your role does not include this page. An admin can change that."))
    connection.scope["state"]["member"] = member
    return member


def member_of(connection: Connection) -> Member:
    """Who is signed in, on a route that is not public."""
    return cast("Member", connection.scope["state"]["member"])


def roles_of(access: Access | None) -> frozenset[Role]:
    """The roles that `access` names; none for a route that says nothing."""
    if access is None:
        return frozenset()
    if isinstance(access, str):
        return frozenset({Role(access)})
    return frozenset(access)


def _only_asks_for_methods(connection: Connection, access: Access | None) -> bool:
    """Whether the framework's own answer to OPTIONS is asked for: which methods an address knows, and nothing else."""
    return access is None and cast("HTTPScope", connection.scope)["method"] == "OPTIONS"
