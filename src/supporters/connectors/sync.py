"""One round with one sender: first what it tells us, then what it must hear. No transaction is open during a call.

Their news comes first, so that a stop there is never overtaken by our older yes. What was done is stored after each portion; a
round that breaks off goes on from there the next time, and what is repeated changes nothing. Consents of the last minutes are
read again each time: where clocks differ, one may commit with an id before the cursor.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors import rules
from supporters.connectors.giving import head_at, moved_since, standings
from supporters.connectors.hear import Mark, apply_heard, write_marks
from supporters.connectors.models import Connector, WhyPaused
from supporters.connectors.opening import open_credentials, open_sender
from supporters.connectors.queries import find_connector, lists_of, lock_connector, standing_marks, told_of
from supporters.connectors.rules import CONFIRMED, SUPPRESSED, Standing, Told, What
from supporters.connectors.wire import AddressRefused, CredentialsWrong, Heard, ListGone, Pushed, Sender, SenderBusy
from supporters.jobs.backstage import Backstage
from supporters.kit.db import Database, changed_rows
from supporters.kit.errors import SupportersError
from supporters.kit.sealing import SealBroken
from supporters.mail.models import Stream
from supporters.mail.suppression import Suppressions
from supporters.newsletters.queries import ConsentChange, changes_since

BUSY = timedelta(minutes=3)
HEAR_EVERY = timedelta(minutes=5)
HEARD_JUST_NOW = timedelta(seconds=30)  # so that a long list that goes out in portions does not ask before each
PORTION = 100
CALLS_AT_ONCE = 4
STARTS_FOR_SECONDS = 15.0  # after that no new call is begun, so that other jobs have their turn

UNTOLD = {Pushed.BLOCKED: What.BLOCKED, Pushed.LEFT: What.UNSUBSCRIBED}  # what we hear in place of telling

log = structlog.get_logger("connectors")


async def sync(db: Database, connector_id: str, backstage: Backstage) -> bool:
    """One round was made with the sender, or its failure stands on its row; returns whether more waits to go out."""
    async with db.unit_of_work() as session:
        if not await _take(session, connector_id, now=backstage.clock.now()):
            return False
        connector = await find_connector(session, connector_id)
        lists = await lists_of(session, connector_id)
    round_ = _Round(db, connector, lists, backstage)
    try:
        more = await round_.run() if lists else False
    except SupportersError as error:
        await _fail(db, connector_id, error, now=backstage.clock.now())
        return False
    async with db.unit_of_work() as session:
        done = await lock_connector(session, connector_id)
        done.busy_until, done.rest_until, done.failures, done.last_error = None, None, 0, None
        done.synced_at = backstage.clock.now()
    return more


async def _take(session: AsyncSession, connector_id: str, *, now: datetime) -> bool:
    free = or_(Connector.busy_until.is_(None), Connector.busy_until <= now)
    rested = or_(Connector.rest_until.is_(None), Connector.rest_until <= now)
    mine = update(Connector).where(Connector.id == connector_id, Connector.is_active, free, rested)
    taken = await session.execute(mine.values(busy_until=now + BUSY).execution_options(synchronize_session=False))
    return changed_rows(taken) == 1


async def _fail(db: Database, connector_id: str, error: SupportersError, *, now: datetime) -> None:
    """The row says what went wrong; what only a person can mend pauses the connector."""
    async with db.unit_of_work() as session:
        connector = await lock_connector(session, connector_id)
        connector.busy_until, connector.last_error = None, error.message[:300]
        connector.failures += 1
        if isinstance(error, CredentialsWrong | SealBroken | ListGone):
            connector.is_active = False
            connector.why_paused = WhyPaused.LIST if isinstance(error, ListGone) else WhyPaused.CREDENTIALS
        asked = error.wait if isinstance(error, SenderBusy) else None
        connector.rest_until = now + max(rules.rest_after(connector.failures), asked or timedelta())
    log.warning("connector_failed", record_id=connector_id, error=type(error).__name__)


class _Wanted(NamedTuple):
    change: ConsentChange
    standing: Standing
    told: Told | None


class _Waiting(NamedTuple):
    wanted: Sequence[_Wanted]
    cursor: str  # where the next round begins when these are told
    is_more: bool


class _Round:
    def __init__(self, db: Database, connector: Connector, lists: dict[str, str], backstage: Backstage) -> None:
        self._db = db
        self._connector = connector
        self._lists = lists
        self._settings = backstage.settings
        self._clock = backstage.clock
        self._ids = backstage.ids
        self._outside = backstage.outside
        self._digest = Suppressions(backstage.settings.secret_key).digest
        self._gate = asyncio.Semaphore(CALLS_AT_ONCE)
        self._stop_at = asyncio.get_running_loop().time() + STARTS_FOR_SECONDS
        self._heard_until = connector.heard_until
        self._failure: SupportersError | None = None
        self._is_cut = False  # something was not told for want of time

    async def run(self) -> bool:
        """Raises SenderBusy, CredentialsWrong, ListGone, SealBroken."""
        credentials = open_credentials(self._connector.secret_sealed, self._settings)
        sender = open_sender(self._connector.kind, self._connector.base_url, credentials, self._outside)
        await self._hear(sender, unless_within=HEAR_EVERY)
        more = await self._push_consents(sender)
        return more or await self._push_standings(sender)

    async def _hear(self, sender: Sender, *, unless_within: timedelta) -> bool:
        """Their news is known here, up to now or to less than `unless_within` ago; returns whether it was asked for."""
        since, began = self._heard_until, self._clock.now()
        if since is not None and began - since < unless_within:
            return False
        is_whole = since is None or began.date() != since.date()
        async for portion in sender.heard(list(self._lists.values()), since, is_whole=is_whole):
            if portion:
                await self._apply(portion)
        async with self._db.unit_of_work() as session:
            (await lock_connector(session, self._connector.id)).heard_until = began
        self._heard_until = began
        return True

    async def _apply(self, portion: Sequence[Heard]) -> None:
        async with self._db.unit_of_work() as session:
            connector = await lock_connector(session, self._connector.id)
            now = self._clock.now()
            await apply_heard(session, connector, portion, settings=self._settings, ids=self._ids, now=now)

    async def _push_consents(self, sender: Sender) -> bool:
        """Up to a portion of consents is told; the cursor moves on only past what was. No yes goes out unless we heard them."""
        waiting = await self._waiting()
        if any(change.status == CONFIRMED for change, *_rest in waiting.wanted) and await self._hear(
            sender, unless_within=HEARD_JUST_NOW
        ):
            waiting = await self._waiting()
        marks = await asyncio.gather(*(self._tell(sender, *one) for one in waiting.wanted))
        await self._store([mark for mark in marks if mark], cursor=waiting.cursor)
        return waiting.is_more or self._is_cut

    async def _waiting(self) -> _Waiting:
        """What must be told next. Of the last minutes, which are read again, portions that are all told are passed over."""
        cursor = self._connector.cursor
        start = min(cursor, head_at(self._clock.now()))
        while True:
            async with self._db.reading() as session:
                changes = await changes_since(session, start, limit=PORTION)
                wanted = await self._wanted(session, changes)
            is_full, start = len(changes) == PORTION, changes[-1].id if changes else start
            if wanted or not is_full or start > cursor:
                return _Waiting(wanted, max(cursor, start), is_full)

    async def _wanted(self, session: AsyncSession, changes: Sequence[ConsentChange]) -> list[_Wanted]:
        standing_ones = [each for each in changes if each.list_slug in self._lists and not each.is_superseded]
        latest = {(each.list_slug, self._digest(each.address)): each for each in standing_ones}
        told = await told_of(session, self._connector.id, {digest for _slug, digest in latest})
        new = {key: each for key, each in latest.items() if _goes_out(each, told.get(key))}
        standing = await standings(session, {each.address for each in new.values()})
        refused = await self._refused(session, list(new.values()))
        return [
            _Wanted(each, standing[each.address], told.get(key))
            for key, each in new.items()
            if not (each.status == CONFIRMED and each.id in refused)
        ]

    async def _refused(self, session: AsyncSession, changes: Sequence[ConsentChange]) -> set[str]:
        named = {each.id: (each.address, str(Stream.MARKETING)) for each in changes}
        return await Suppressions(self._settings.secret_key).refused(session, named) if named else set()

    async def _tell(self, sender: Sender, change: ConsentChange, standing: Standing, told: Told | None) -> Mark | None:
        """What the sender knows then; None when it could not be told now."""
        async with self._gate:
            if self._is_over():
                self._is_cut = True
                return None
            outside_id, problem, pushed = self._lists[change.list_slug], None, Pushed.DONE
            try:
                if change.status == CONFIRMED:
                    after = rules.heed_after(told, said_at=change.at)
                    pushed = await sender.subscribe(
                        change.address, outside_id, standing, said_at=change.at, heed_after=after
                    )
                else:
                    is_suppressed = change.status == SUPPRESSED
                    pushed = await sender.stop(change.address, outside_id, is_suppressed=is_suppressed)
            except AddressRefused as error:
                problem = error.message[:200]
            except SupportersError as error:
                self._failure, self._is_cut = self._failure or error, True
                return None
        if pushed in UNTOLD:
            where = outside_id if pushed is Pushed.LEFT else None
            at = self._clock.now()
            await self._apply([Heard(address=change.address, what=UNTOLD[pushed], outside_id=where, at=at)])
            return None
        return Mark(
            list_slug=change.list_slug,
            digest=self._digest(change.address),
            status=change.status,
            is_theirs=False,
            change_id=change.id,
            standing=standing if change.status == CONFIRMED else None,
            at=change.at,
            problem=problem,
        )

    async def _push_standings(self, sender: Sender) -> bool:
        """Those who gave, got their money back, began or ended a plan since we last looked carry the right tag."""
        async with self._db.reading() as session:
            moved = await moved_since(session, self._connector.giving_cursor, limit=PORTION, now=self._clock.now())
            by_digest = {self._digest(address): address for address in moved.addresses}
            rows = await standing_marks(session, self._connector.id, by_digest)
            standing = await standings(session, by_digest.values())
        changed = [
            Mark(
                list_slug=row.list_slug,
                digest=row.address_digest,
                status=row.status,
                is_theirs=row.is_theirs,
                change_id=row.change_id,
                standing=standing[by_digest[row.address_digest]],
                at=row.at,  # how somebody stands is no consent
            )
            for row in rows
            if row.list_slug in self._lists and row.standing != standing[by_digest[row.address_digest]]
        ]
        marks = await asyncio.gather(*(self._tag(sender, by_digest[mark.digest], mark) for mark in changed))
        await self._store([mark for mark in marks if mark], giving_cursor=moved.cursor)
        return moved.is_more or self._is_cut

    async def _tag(self, sender: Sender, address: str, mark: Mark) -> Mark | None:
        async with self._gate:
            if self._is_over():
                self._is_cut = True
                return None
            try:
                await sender.tag(address, self._lists[mark.list_slug], Standing(mark.standing or Standing.NEVER))
            except AddressRefused:
                return mark
            except SupportersError as error:
                self._failure, self._is_cut = self._failure or error, True
                return None
        return mark

    async def _store(
        self, marks: Sequence[Mark], *, cursor: str | None = None, giving_cursor: str | None = None
    ) -> None:
        """What was told is stored, also when the rest failed. Raises what made it fail."""
        async with self._db.unit_of_work() as session:
            await write_marks(session, self._connector.id, marks)
            connector = await lock_connector(session, self._connector.id)
            connector.sent_count += sum(not mark.problem for mark in marks)
            connector.refused_count += sum(bool(mark.problem) for mark in marks)
            if not self._is_cut:
                connector.cursor = cursor or connector.cursor
                connector.giving_cursor = giving_cursor or connector.giving_cursor
        if self._failure:
            raise self._failure

    def _is_over(self) -> bool:
        return self._failure is not None or asyncio.get_running_loop().time() > self._stop_at


def _goes_out(change: ConsentChange, told: Told | None) -> bool:
    return rules.must_push(told, change_id=change.id, status=change.status)
