"""Whether readers may pay by bank transfer: a few seconds old, so that the donation page needs no query to know."""

from weakref import WeakKeyDictionary, ref

from supporters.donations.promises import account_of
from supporters.kit.db import Database
from supporters.kit.errors import DatabaseBusy
from supporters.web.common.cache import Cached
from supporters.web.common.house import House

_caches: WeakKeyDictionary[Database, Cached[bool]] = WeakKeyDictionary()


async def takes_transfers(house: House) -> bool:
    """Whether an account is shown to readers who give in the house's currency; not while the database is busy."""
    if house.db not in _caches:
        _caches[house.db] = Cached(_Loader(house), house.clock)
    try:
        return await _caches[house.db].get(house.settings.currency)
    except DatabaseBusy:
        return False


class _Loader:
    """Asks for the account. Holds the database weakly, so that the cache does not keep its own key alive."""

    def __init__(self, house: House) -> None:
        self._db = ref(house.db)

    async def __call__(self, currency: str) -> bool:
        db = self._db()
        if db is None:  # nobody can ask for a database that is gone
            return False
        async with db.reading() as session:
            return await account_of(session, currency) is not None
