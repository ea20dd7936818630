"""The newsletter that the donation page offers beside its form: the first list that anybody may join, in its own words."""

from weakref import WeakKeyDictionary, ref

from supporters.kit.db import Database
from supporters.kit.errors import DatabaseBusy
from supporters.newsletters.queries import first_list
from supporters.web.common.cache import Cached
from supporters.web.common.house import House

_caches: WeakKeyDictionary[Database, Cached[str]] = WeakKeyDictionary()


async def offered_newsletter(house: House) -> str:
    """What stands beside the newsletter's box, a few seconds old; empty when no list is public, or the database is busy."""
    if house.db not in _caches:
        _caches[house.db] = Cached(_Loader(house), house.clock)
    try:
        return await _caches[house.db].get("")
    except DatabaseBusy:
        return ""


class _Loader:
    """Asks for the list. Holds the database weakly, so that the cache does not keep its own key alive."""

    def __init__(self, house: House) -> None:
        self._db = ref(house.db)

    async def __call__(self, _key: str) -> str:
        db = self._db()
        if db is None:  # nobody can ask for a database that is gone
            return ""
        async with db.reading() as session:
            found = await first_list(session)
        if found is None or found.name in found.wording:
            return found.wording if found else ""
        return f"{found.name}: {found.wording}"  # else nobody could tell which of the paper's letters it is
