"""listmonk's interface.

Source: listmonk's own documentation, docs/content/apis/{subscribers,lists,bounces}.md and docs/content/bounces.md, and its
queries/subscribers.sql, read 2026-11-22. From there: basic authentication with an API user and its token; answers wrapped in
`data`; a subscriber is enabled, disabled or blocklisted, and unconfirmed, confirmed or unsubscribed on a list; a search is an
SQL expression over `subscribers` joined with `subscriber_lists`; creating an address that exists answers 409; `PATCH` keeps
lists, `PUT` (all that older versions have) removes those that are left out; unsubscribing moves the time of the subscription
and not of the subscriber, blocklisting in the form of a subscriber moves only the subscriber's, and a stop by a bulk change
of lists moves neither: so both times are asked for, and once a day all who are unsubscribed are read.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from supporters.connectors.rules import Standing, What
from supporters.connectors.wire import AddressRefused, Api, Heard, ListGone, OutsideList, Pushed, read_as
from supporters.kit.outside import Reply
from supporters.kit.strings import gettext as _

PAGE = 500
MOST_PAGES = 400
OVERLAP = timedelta(hours=1)  # clocks differ, and a bounce may be filed late
ATTRIBUTE = "giving"
KINDS_OF_BOUNCE = {"hard": What.BOUNCED, "complaint": What.COMPLAINED}


class _Membership(msgspec.Struct):
    id: int
    name: str = ""
    subscription_status: str = ""
    subscription_updated_at: datetime | None = None


class _Subscriber(msgspec.Struct):
    id: int
    email: str
    name: str = ""
    status: str = "enabled"
    updated_at: datetime | None = None
    attribs: dict[str, Any] | None = None
    lists: list[_Membership] = []


class _Subscribers(msgspec.Struct):
    results: list[_Subscriber] = []


class _SubscriberPage(msgspec.Struct):
    data: _Subscribers


class _Lists(msgspec.Struct):
    results: list[_Membership] = []


class _ListPage(msgspec.Struct):
    data: _Lists


class _Bounce(msgspec.Struct):
    email: str
    created_at: datetime
    type: str = "soft"


class _Bounces(msgspec.Struct):
    results: list[_Bounce] = []


class _BouncePage(msgspec.Struct):
    data: _Bounces


class _Report(msgspec.Struct):
    """What scripts and mail servers post: the same fields as listmonk's own bounce webhook."""

    email: str
    type: str


class Listmonk:
    """A listmonk."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def lists(self) -> Sequence[OutsideList]:
        """Every list there is."""
        reply = await self._api.ask("GET", "/api/lists", query={"page": 1, "per_page": "all"})
        return [OutsideList(str(each.id), each.name) for each in read_as(reply, _ListPage).data.results]

    async def subscribe(
        self, address: str, outside_id: str, standing: Standing, *, said_at: datetime, heed_after: datetime | None
    ) -> Pushed:
        """The address is on the list, confirmed; one that was blocklisted before the yes is not any more.

        A stop of the list after `heed_after` stays. Raises AddressRefused.
        """
        found = await self._find(address) or await self._create(address, outside_id, standing)
        if found is None:  # just made
            return Pushed.DONE
        if found.status == "blocklisted" and (found.updated_at is None or found.updated_at > said_at):
            return Pushed.BLOCKED
        if heed_after is not None and _has_left(found, outside_id, heed_after):
            return Pushed.LEFT
        await self._change(found, standing, status="enabled")
        await self._move(found.id, outside_id, {"action": "add", "status": "confirmed"})
        return Pushed.DONE

    async def stop(self, address: str, outside_id: str, *, is_suppressed: bool) -> Pushed:
        """The address is unsubscribed from the list; when suppressed, blocklisted."""
        found = await self._find(address)
        if found is None:
            return Pushed.MISSING
        if is_suppressed:
            _check(await self._api.ask("PUT", f"/api/subscribers/{found.id}/blocklist", body={}))
        elif any(str(each.id) == outside_id for each in found.lists):
            await self._move(found.id, outside_id, {"action": "unsubscribe"})
        return Pushed.DONE

    async def tag(self, address: str, outside_id: str, standing: Standing) -> Pushed:
        """The attribute `giving` says how the address stands. Raises AddressRefused."""
        del outside_id
        found = await self._find(address)
        if found is None:
            return Pushed.MISSING
        await self._change(found, standing, status=found.status)
        return Pushed.DONE

    async def heard(
        self, outside_ids: Sequence[str], since: datetime | None, *, is_whole: bool
    ) -> AsyncIterator[Sequence[Heard]]:
        """Who is unsubscribed or blocklisted, and whose mailbox bounced or complained."""
        for outside_id in outside_ids:
            async for portion in self._unsubscribed(outside_id, None if is_whole else since):
                yield portion
        async for portion in self._bounced(since):
            yield portion

    async def _unsubscribed(self, outside_id: str, since: datetime | None) -> AsyncIterator[Sequence[Heard]]:
        query = {"list_id": outside_id, "subscription_status": "unsubscribed", "order_by": "created_at"}
        if since is not None:
            query["query"] = _changed_after(since - OVERLAP)
        for page in range(1, MOST_PAGES + 1):
            reply = await self._api.ask("GET", "/api/subscribers", query={**query, "page": page, "per_page": PAGE})
            found = read_as(_check(reply), _SubscriberPage).data.results
            yield [_left(each, outside_id) for each in found]
            if len(found) < PAGE:
                return

    async def _bounced(self, since: datetime | None) -> AsyncIterator[Sequence[Heard]]:
        query = {"order_by": "created_at", "order": "desc", "per_page": PAGE}
        for page in range(1, MOST_PAGES + 1):
            reply = await self._api.ask("GET", "/api/bounces", query={**query, "page": page})
            found = read_as(_check(reply), _BouncePage).data.results
            fresh = [each for each in found if since is None or each.created_at >= since - OVERLAP]
            yield [
                Heard(address=each.email, what=KINDS_OF_BOUNCE[each.type], outside_id=None, at=each.created_at)
                for each in fresh
                if each.type in KINDS_OF_BOUNCE
            ]
            if len(fresh) < PAGE:
                return

    async def _find(self, address: str) -> _Subscriber | None:
        quoted = address.lower().replace("'", "''")
        query = {"query": f"LOWER(subscribers.email) = '{quoted}'", "page": 1, "per_page": 1}
        found = read_as(_check(await self._api.ask("GET", "/api/subscribers", query=query)), _SubscriberPage)
        return found.data.results[0] if found.data.results else None

    async def _create(self, address: str, outside_id: str, standing: Standing) -> _Subscriber | None:
        """None when the address is new there; somebody who was quicker, when it is not."""
        body = {
            "email": address,
            "name": address.partition("@")[0],
            "status": "enabled",
            "lists": [int(outside_id)],
            "attribs": {ATTRIBUTE: standing},
            "preconfirm_subscriptions": True,
        }
        reply = await self._api.ask("POST", "/api/subscribers", body=body)
        if reply.status == 409:
            return await self._find(address)
        _check(reply)
        return None

    async def _change(self, found: _Subscriber, standing: Standing, *, status: str) -> None:
        attribs = {**(found.attribs or {}), ATTRIBUTE: standing}
        if found.attribs == attribs and found.status == status:
            return
        path, change = f"/api/subscribers/{found.id}", {"status": status, "attribs": attribs}
        reply = await self._api.ask("PATCH", path, body=change)
        if reply.status in (404, 405):  # older than PATCH: everything must be said
            kept = {"email": found.email, "name": found.name, "lists": [each.id for each in found.lists]}
            reply = await self._api.ask("PUT", path, body={**kept, **change})
        _check(reply)

    async def _move(self, subscriber_id: int, outside_id: str, how: dict[str, str]) -> None:
        body = {"ids": [subscriber_id], "target_list_ids": [int(outside_id)], **how}
        _check(await self._api.ask("PUT", "/api/subscribers/lists", body=body))


def _changed_after(moment: datetime) -> str:
    at = moment.astimezone(UTC).isoformat(timespec="seconds")
    return f"(subscriber_lists.updated_at >= '{at}' OR subscribers.updated_at >= '{at}')"


def heard_in_report(body: bytes) -> list[Heard]:
    """What a bounce report that was posted to us says; nothing when it is none or the bounce is soft."""
    try:
        report = msgspec.json.decode(body, type=_Report)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    what = KINDS_OF_BOUNCE.get(report.type)
    return [Heard(address=report.email, what=what, outside_id=None, at=None)] if what else []


def _left(each: _Subscriber, outside_id: str) -> Heard:
    at = next((mine.subscription_updated_at for mine in each.lists if str(mine.id) == outside_id), None)
    if each.status == "blocklisted":
        return Heard(address=each.email, what=What.BLOCKED, outside_id=None, at=at)
    return Heard(address=each.email, what=What.UNSUBSCRIBED, outside_id=outside_id, at=at)


def _has_left(found: _Subscriber, outside_id: str, after: datetime) -> bool:
    """Whether the list was stopped later than that; when its time is not told, before."""
    mine = next((each for each in found.lists if str(each.id) == outside_id), None)
    if mine is None or mine.subscription_status != "unsubscribed":
        return False
    return mine.subscription_updated_at is not None and mine.subscription_updated_at > after


def _check(reply: Reply) -> Reply:
    """Raises ListGone, AddressRefused."""
    if reply.status == 404:
        raise ListGone(_("It does not know what we asked for (404): choose the lists again."))
    if not reply.is_ok:
        raise AddressRefused(_("It refused the address (%(status)s).") % {"status": reply.status})
    return reply
