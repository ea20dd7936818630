"""Supporters on their own pages: who is signed in with this browser, by which cookies, and the seal of their forms.

On https the cookies are `__Host-me`, `__Host-me-asked` and `__Host-me-known`: no subdomain can set or read them. On this
machine over plain http, where browsers refuse that prefix, they go without it. Anywhere else over http nobody signs in.
"""

import hmac
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, cast

from litestar.connection import Request
from litestar.datastructures import Cookie

from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.people.limits import KNOWN_FOR
from supporters.people.sessions import ABSOLUTE, SignedIn, find_signed_in
from supporters.people.sign_in import GOOD_FOR
from supporters.settings import Settings
from supporters.web.common.errors import PageError, SignInNeeded
from supporters.web.common.forms import read_form
from supporters.web.common.house import Connection, house_of

SESSION, NONCE, KNOWN = "me", "me-asked", "me-known"
FIELD = "seal"
LONGEST_COOKIE = 100
# Not "no-referrer": browsers would then send `Origin: null` with our own forms.
PRIVATE = {"referrer-policy": "same-origin", "x-robots-tag": "noindex"}


SIGN_IN = "/sign-in"


async def signed_in(connection: Connection) -> str | None:
    """The id of the supporter who is signed in with this browser, on any route; None when nobody is."""
    found = await find_supporter(connection)
    return found.supporter_id if found else None


async def find_supporter(connection: Connection) -> SignedIn | None:
    """Who is signed in with this browser; looked up once a request."""
    state = connection.scope["state"]
    if "supporter" not in state:
        house = house_of(connection)
        state["supporter"] = await find_signed_in(house.db, token_of(connection), now=house.clock.now())
    return cast("SignedIn | None", state["supporter"])


async def require_supporter(connection: Connection) -> None:
    """The request goes on only if a supporter is signed in. Raises SignInNeeded."""
    if await find_supporter(connection) is None:
        raise SignInNeeded(SIGN_IN)


def supporter_of(connection: Connection) -> SignedIn:
    """Who is signed in, on a route for supporters."""
    return cast("SignedIn", connection.scope["state"]["supporter"])


def seal_for(settings: Settings, key: str) -> str:
    """The form token under `key`: the session's hash, or the token of the link that opened the page."""
    return Signer(settings.secret_key, "supporter-form").digest(key)


async def read_sealed(request: Request[Any, Any, Any], key: str, fields: Collection[str]) -> Mapping[str, str]:
    """The fields of a supporter's form, once its token fits `key`. Raises PageError 403, and what `read_form` raises."""
    found = await read_form(request, {*fields, FIELD})
    expected = seal_for(house_of(request).settings, key)
    if not hmac.compare_digest(found.pop(FIELD, "").encode("utf-8", "replace"), expected.encode()):
        raise PageError(
            403, _("This form is from an earlier sign-in, so nothing was done. Open the page and try again.")
        )
    return found


def token_of(connection: Connection) -> str | None:
    """The session's token that the browser brought, if any."""
    settings = house_of(connection).settings
    return connection.cookies.get(_name(settings, SESSION)) if _is_possible(settings) else None


def nonce_of(connection: Connection) -> str | None:
    """What this browser was given when it asked to sign in, if anything."""
    settings = house_of(connection).settings
    found = connection.cookies.get(_name(settings, NONCE), "") if _is_possible(settings) else ""
    return found if 0 < len(found) <= LONGEST_COOKIE else None


def known_of(connection: Connection) -> str | None:
    """What this browser keeps since a supporter signed in with it, if anything. It says nothing of who that was."""
    settings = house_of(connection).settings
    found = connection.cookies.get(_name(settings, KNOWN), "") if _is_possible(settings) else ""
    return found if 0 < len(found) <= LONGEST_COOKIE else None


def check_possible(settings: Settings) -> None:
    """Somebody may sign in at this address. Raises PageError 403 over plain http elsewhere than on this machine."""
    if not _is_possible(settings):
        raise PageError(403, _("Signing in works over https only."))


def session_cookie(settings: Settings, token: str) -> Cookie:
    """The cookie that carries a new session's token."""
    return _cookie(settings, SESSION, token, lasts=ABSOLUTE)


def nonce_cookie(settings: Settings, nonce: str) -> Cookie:
    """The cookie by which the browser that asked is known again."""
    return _cookie(settings, NONCE, nonce, lasts=GOOD_FOR)


def known_cookie(settings: Settings, known: str) -> Cookie:
    """The cookie by which a browser that was let in is not taken for a stranger's."""
    return _cookie(settings, KNOWN, known, lasts=KNOWN_FOR)


def spent(settings: Settings, name: str) -> Cookie:
    """The cookie that ends the one of that name."""
    return _cookie(settings, name, "", lasts=timedelta())


def _is_possible(settings: Settings) -> bool:
    return settings.is_https or settings.is_loopback


def _name(settings: Settings, name: str) -> str:
    return f"__Host-{name}" if settings.is_https else name


def _cookie(settings: Settings, name: str, value: str, *, lasts: timedelta) -> Cookie:
    return Cookie(
        key=_name(settings, name),
        value=value,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
        max_age=int(lasts.total_seconds()),
    )
