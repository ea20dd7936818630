"""The desk's session cookie, and who it stands for.

On https it is `__Host-desk`: no subdomain can set or read it. On this machine over plain http, where browsers refuse that
prefix, it is `desk`. Anywhere else over http there is no desk.
"""

from litestar.datastructures import Cookie

from supporters.kit.strings import gettext as _
from supporters.settings import Settings
from supporters.staff.rules import ABSOLUTE
from supporters.staff.sessions import Member, find_member
from supporters.web.common.errors import PageError
from supporters.web.common.house import Connection, house_of

SECURE_NAME = "__Host-desk"
LOOPBACK_NAME = "desk"


def cookie_name(settings: Settings) -> str:
    """What the cookie is called at this address. Raises PageError 403 where nobody may sign in."""
    if settings.is_https:
        return SECURE_NAME
    if settings.is_loopback:
        return LOOPBACK_NAME
    raise PageError(403, _("The desk opens over https only."))


def token_of(connection: Connection) -> str | None:
    """The token that the browser brought, if any."""
    return connection.cookies.get(cookie_name(house_of(connection).settings))


async def member_of_cookie(connection: Connection) -> Member | None:
    """Who is signed in with this browser. This is the house's `find_member`."""
    house = house_of(connection)
    is_required = house.settings.second_factor == "required"
    return await find_member(house.db, token_of(connection), now=house.clock.now(), second_required=is_required)


def session_cookie(settings: Settings, token: str) -> Cookie:
    """The cookie that carries a new session's token."""
    return _cookie(settings, token, max_age=int(ABSOLUTE.total_seconds()))


def no_cookie(settings: Settings) -> Cookie:
    """The cookie that ends the browser's session."""
    return _cookie(settings, "", max_age=0)


def _cookie(settings: Settings, value: str, *, max_age: int) -> Cookie:
    return Cookie(
        key=cookie_name(settings),
        value=value,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
        max_age=max_age,
    )
