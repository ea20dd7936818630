"""The seal of the desk's forms: it stays as long as somebody is signed in, so one page is enough to learn it."""

from weakref import WeakKeyDictionary

import httpx

from whole import hidden_fields

_known: WeakKeyDictionary[httpx.AsyncClient, str] = WeakKeyDictionary()


async def seal_of(desk: httpx.AsyncClient, *, anew: bool = False) -> dict[str, str]:
    """The field that every form of this browser carries, as its first page had it; `anew` after a second sign-in."""
    if anew or desk not in _known:
        _known[desk] = hidden_fields((await desk.get("/desk/you")).text)["seal"]
    return {"seal": _known[desk]}
