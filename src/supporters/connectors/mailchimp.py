"""Mailchimp's Marketing API 3.0.

Source: developer.mailchimp.com (guides "Manage Subscribers", "How to Use Tags", reference lists/members, tags, abuse-reports,
webhooks) and mailchimp.com/developer error glossary, read 2026-11-22. From there: basic authentication with any name and the
key, whose end names the data centre; a member is found by the MD5 of the small-letter address; statuses subscribed,
unsubscribed, cleaned, pending; who unsubscribed or bounced there can't be subscribed again by us ("Member In Compliance
State"), only asked by them (`pending`); at most ten calls at the same time; webhooks are forms without a signature, so that
their address holds a secret, and `action` is unsub or delete, `reason` manual or abuse.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import msgspec

from supporters.connectors.rules import Standing, What
from supporters.connectors.wire import AddressRefused, Api, Heard, ListGone, OutsideList, Pushed, read_as
from supporters.kit.outside import Reply
from supporters.kit.strings import gettext as _

PAGE = 1000
MOST_PAGES = 200
OVERLAP = timedelta(hours=1)
IN_COMPLIANCE_STATE = "Member In Compliance State"
LEFT = {"unsubscribed": What.UNSUBSCRIBED, "cleaned": What.BOUNCED}


class _List(msgspec.Struct):
    id: str
    name: str = ""


class _ListPage(msgspec.Struct):
    lists: list[_List] = []


class _Member(msgspec.Struct):
    email_address: str
    status: str = ""
    last_changed: datetime | None = None


class _MemberPage(msgspec.Struct):
    members: list[_Member] = []


class _Abuse(msgspec.Struct):
    email_address: str
    date: datetime | None = None


class _AbusePage(msgspec.Struct):
    abuse_reports: list[_Abuse] = []


class _Problem(msgspec.Struct):
    title: str = ""


def base_of(key: str) -> str | None:
    """The address that a key belongs to: its end names the data centre. None when it has no such end."""
    centre = re.fullmatch(r".+-([a-z]{2}[0-9]{1,3})", key.strip())
    return f"https://{centre[1]}.api.mailchimp.com/3.0" if centre else None


class Mailchimp:
    """Mailchimp, or another that speaks its language."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def lists(self) -> Sequence[OutsideList]:
        """Every audience there is."""
        query = {"count": PAGE, "fields": "lists.id,lists.name"}
        found = read_as(_check(await self._api.ask("GET", "/lists", query=query)), _ListPage)
        return [OutsideList(each.id, each.name) for each in found.lists]

    async def subscribe(
        self, address: str, outside_id: str, standing: Standing, *, said_at: datetime, heed_after: datetime | None
    ) -> Pushed:
        """The address is subscribed, or asked by them where it had left before; a stop after `heed_after` stays.

        Raises AddressRefused.
        """
        del said_at  # they themselves refuse whoever left, or may not be written to
        body = {"email_address": address, "status": "subscribed", "status_if_new": "subscribed"}
        reply = await self._api.ask("PUT", _path(outside_id, address), body=body)
        pushed = Pushed.DONE
        if _is_in_compliance(reply):
            if heed_after is not None and await self._has_left(address, outside_id, heed_after):
                return Pushed.LEFT
            again = {"email_address": address, "status": "pending", "status_if_new": "pending"}
            reply = await self._api.ask("PUT", _path(outside_id, address), body=again)
            pushed = Pushed.ASKED
        _check(reply)
        await self.tag(address, outside_id, standing)
        return pushed

    async def stop(self, address: str, outside_id: str, *, is_suppressed: bool) -> Pushed:
        """The address is unsubscribed. They have no stronger word that we may say."""
        del is_suppressed
        reply = await self._api.ask("PATCH", _path(outside_id, address), body={"status": "unsubscribed"})
        if reply.status == 404:
            return Pushed.MISSING
        _check(reply)
        return Pushed.DONE

    async def tag(self, address: str, outside_id: str, standing: Standing) -> Pushed:
        """One of the three tags is active. Raises AddressRefused."""
        tags = [{"name": each, "status": "active" if each == standing else "inactive"} for each in Standing]
        reply = await self._api.ask("POST", f"{_path(outside_id, address)}/tags", body={"tags": tags})
        if reply.status == 404:
            return Pushed.MISSING
        _check(reply)
        return Pushed.DONE

    async def heard(
        self, outside_ids: Sequence[str], since: datetime | None, *, is_whole: bool
    ) -> AsyncIterator[Sequence[Heard]]:
        """Who left, whose mailbox was cleaned away, and who complained."""
        del is_whole  # everything has its time there
        for outside_id in outside_ids:
            async for portion in self._complained(outside_id):
                yield portion
            for status in LEFT:
                async for portion in self._left(outside_id, status, since):
                    yield portion

    async def _has_left(self, address: str, outside_id: str, after: datetime) -> bool:
        query = {"fields": "email_address,status,last_changed"}
        member = read_as(_check(await self._api.ask("GET", _path(outside_id, address), query=query)), _Member)
        return member.status in LEFT and member.last_changed is not None and member.last_changed > after

    async def _left(self, outside_id: str, status: str, since: datetime | None) -> AsyncIterator[Sequence[Heard]]:
        query: dict[str, str | int] = {"status": status, "count": PAGE}
        query["fields"] = "members.email_address,members.status,members.last_changed"
        if since is not None:
            query["since_last_changed"] = (since - OVERLAP).astimezone(UTC).isoformat(timespec="seconds")
        for page in range(MOST_PAGES):
            path = f"/lists/{outside_id}/members"
            reply = _check_list(await self._api.ask("GET", path, query={**query, "offset": page * PAGE}))
            found = read_as(reply, _MemberPage).members
            yield [
                Heard(address=each.email_address, what=LEFT[status], outside_id=outside_id, at=each.last_changed)
                for each in found
            ]
            if len(found) < PAGE:
                return

    async def _complained(self, outside_id: str) -> AsyncIterator[Sequence[Heard]]:
        for page in range(MOST_PAGES):
            query: dict[str, str | int] = {"count": PAGE, "offset": page * PAGE}
            reply = _check_list(await self._api.ask("GET", f"/lists/{outside_id}/abuse-reports", query=query))
            found = read_as(reply, _AbusePage).abuse_reports
            yield [
                Heard(address=each.email_address, what=What.COMPLAINED, outside_id=outside_id, at=each.date)
                for each in found
            ]
            if len(found) < PAGE:
                return


def heard_in_form(body: bytes, *, now: datetime) -> list[Heard]:
    """What a webhook of theirs says; nothing when it is about something else, or empty, as when they try the address."""
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
    except (UnicodeDecodeError, ValueError):
        return []
    address, outside_id = fields.get("data[email]", ""), fields.get("data[list_id]", "")
    if not address or not outside_id:
        return []
    what = {"unsubscribe": What.UNSUBSCRIBED, "cleaned": What.BOUNCED}.get(fields.get("type", ""))
    if fields.get("data[reason]") == "abuse":
        what = What.COMPLAINED if what else None
    return [Heard(address=address, what=what, outside_id=outside_id, at=now)] if what else []


def member_hash(address: str) -> str:
    """What stands for an address there."""
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()


def _path(outside_id: str, address: str) -> str:
    return f"/lists/{outside_id}/members/{member_hash(address)}"


def _is_in_compliance(reply: Reply) -> bool:
    return reply.status == 400 and read_as(reply, _Problem).title == IN_COMPLIANCE_STATE


def _check_list(reply: Reply) -> Reply:
    """Raises ListGone, AddressRefused."""
    if reply.status == 404:
        raise ListGone(_("It does not know the list any more (404): choose the lists again."))
    return _check(reply)


def _check(reply: Reply) -> Reply:
    if reply.status == 404:
        raise ListGone(_("It does not know what we asked for (404): choose the lists again."))
    if not reply.is_ok:
        raise AddressRefused(_("It refused the address (%(status)s).") % {"status": reply.status})
    return reply
