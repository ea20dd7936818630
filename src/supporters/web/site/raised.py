"""How far an appeal has come, as its page shows it: true, and at most a minute old."""

from datetime import timedelta
from weakref import WeakKeyDictionary, ref

from supporters.appeals.queries import AppealView
from supporters.kit.db import Database
from supporters.kit.errors import DatabaseBusy
from supporters.reports.tickers import Ticker, raised_by
from supporters.web.common.cache import Cached
from supporters.web.common.house import House

KEEP = timedelta(seconds=55)  # and a drawn page is kept for two seconds more

_caches: WeakKeyDictionary[Database, Cached[Ticker | None]] = WeakKeyDictionary()


async def raised_of(house: House, appeal: AppealView) -> Ticker | None:
    """What the appeal has brought in, if readers are shown it; none while the database is too busy to count."""
    if not appeal.has_ticker:
        return None
    try:
        return await _cache_of(house).get(appeal.id)
    except DatabaseBusy:
        return None


def _cache_of(house: House) -> Cached[Ticker | None]:
    """One cache for each database of this process."""
    if house.db not in _caches:
        _caches[house.db] = Cached(_Loader(house), house.clock, keep=KEEP)
    return _caches[house.db]


class _Loader:
    """Counts for one appeal. Holds the database weakly, so that the cache does not keep its own key alive."""

    def __init__(self, house: House) -> None:
        self._db, self._clock = ref(house.db), house.clock

    async def __call__(self, appeal_id: str) -> Ticker | None:
        db = self._db()
        if db is None:  # nobody can ask for a database that is gone
            return None
        async with db.reading() as session:
            found = await raised_by(session, [appeal_id], now=self._clock.now())
        return next(iter(found.values()), None)
