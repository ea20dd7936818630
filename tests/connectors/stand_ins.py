"""Two newsletter senders that behave like the real ones where we meet them: state, authentication, errors.

Written from their public documentation (see the docstrings of `supporters.connectors.listmonk` and `.mailchimp`), and from
nothing of ours.
"""

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from supporters.kit.clock import FixedClock

Answer = tuple[int, Any]


class StandIn:
    """A JSON interface with basic authentication. `faults` are answered first, one for each request."""

    def __init__(self, clock: FixedClock, user: str, key: str) -> None:
        self.clock = clock
        self.user, self.key = user, key
        self.faults: list[tuple[int, dict[str, str]]] = []
        self.calls: list[tuple[str, str]] = []
        self.running = self.most_running = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, found, headers = self._answer(scope, body)
        self.running -= 1
        raw = b"" if found is None else json.dumps(found).encode()
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": raw})

    @property
    def changes(self) -> list[tuple[str, str]]:
        """The calls that changed something."""
        return [call for call in self.calls if call[0] != "GET"]

    def _answer(self, scope: Any, body: bytes) -> tuple[int, Any, dict[str, str]]:
        method, path = scope["method"], scope["path"]
        self.calls.append((method, path))
        if self.faults:
            status, headers = self.faults.pop(0)
            return status, {"message": "no"}, headers
        headers = dict(scope["headers"])
        user, _, key = base64.b64decode(headers.get(b"authorization", b"").partition(b" ")[2]).decode().partition(":")
        if key != self.key or (self.user and user != self.user):
            return *self.refusal, {}
        query = parse_qs(scope["query_string"].decode())
        given: dict[str, Any] = json.loads(body) if body else {}
        return *self.answer(method, path, {name: values[0] for name, values in query.items()}, given), {}

    refusal: Answer = (403, {"message": "invalid API credentials"})

    def answer(self, method: str, path: str, query: dict[str, str], given: dict[str, Any]) -> Answer:
        raise NotImplementedError

    def now(self) -> str:
        return self.clock.now().isoformat()


class ListmonkStandIn(StandIn):
    """A listmonk with two lists. `has_patch` is false for older versions."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock, "api_user", "token-1")
        self.lists = {3: "Daily", 4: "Weekly"}
        self.people: dict[int, dict[str, Any]] = {}
        self.bounces: list[dict[str, Any]] = []
        self.has_patch = True
        self.shown: list[str] = []  # every address that a list of people has named

    def person(self, email: str) -> dict[str, Any] | None:
        return next((each for each in self.people.values() if each["email"].lower() == email.lower()), None)

    def on(self, email: str, list_id: int = 3) -> str | None:
        """How the address stands on a list."""
        found = self.person(email)
        return found["on"].get(list_id, {}).get("status") if found else None

    def add(self, email: str, list_id: int = 3, on: str = "confirmed", **more: Any) -> dict[str, Any]:
        number = len(self.people) + 1
        person: dict[str, Any] = {
            "id": number,
            "email": email,
            "name": "x",
            "status": "enabled",
            "attribs": {},
            "on": {},
        }
        person |= {"created_at": self.now(), "updated_at": self.now(), **more}
        person["on"][list_id] = {"status": on, "at": self.now()}
        self.people[number] = person
        return person

    def unsubscribe(self, email: str, list_id: int = 3) -> None:
        """The reader pressed the link in a letter."""
        found = self.person(email)
        assert found
        found["on"][list_id] = {"status": "unsubscribed", "at": self.now()}

    def block(self, found: dict[str, Any]) -> None:
        found["status"], found["updated_at"] = "blocklisted", self.now()
        for mine in found["on"].values():
            mine.update(status="unsubscribed", at=self.now())

    def bounce(self, email: str, kind: str = "hard") -> None:
        self.bounces.insert(0, {"id": len(self.bounces), "type": kind, "email": email, "created_at": self.now()})

    def answer(self, method: str, path: str, query: dict[str, str], given: dict[str, Any]) -> Answer:
        if path == "/api/lists":
            rows = [{"id": number, "name": name, "type": "public"} for number, name in self.lists.items()]
            return 200, {"data": {"results": rows, "total": len(rows)}}
        if path == "/api/bounces":
            return 200, {"data": {"results": _page(self.bounces, query)}}
        if path == "/api/subscribers":
            return self._create(given) if method == "POST" else self._list(query)
        if path == "/api/subscribers/lists" and method == "PUT":
            return self._move(given)
        number = re.fullmatch(r"/api/subscribers/(\d+)(/blocklist)?", path)
        if number and int(number[1]) in self.people:
            return self._change(method, self.people[int(number[1])], given, blocks=bool(number[2]))
        return 404, {"message": "not found"}

    def _list(self, query: dict[str, str]) -> Answer:
        found = list(self.people.values())
        if "query" in query:
            wanted = re.fullmatch(r"LOWER\(subscribers\.email\) = '((?:[^']|'')*)'", query["query"])
            times = r"\(subscriber_lists\.updated_at >= '([^']+)' OR subscribers\.updated_at >= '\1'\)"
            changed = re.fullmatch(times, query["query"])
            if wanted:
                found = [each for each in found if each["email"].lower() == wanted[1].replace("''", "'")]
            elif changed and "list_id" in query:
                found = [each for each in found if self._is_changed(each, int(query["list_id"]), changed[1])]
            else:
                return 400, {"message": "syntax error in the query"}
        if "list_id" in query:
            list_id, status = int(query["list_id"]), query.get("subscription_status")
            found = [each for each in found if each["on"].get(list_id, {}).get("status") == status]
        return 200, {"data": {"results": [self._shown(each) for each in _page(found, query)]}}

    def _is_changed(self, person: dict[str, Any], list_id: int, moment: str) -> bool:
        """Whether the subscription or the subscriber is no older than that."""
        times = (person["on"].get(list_id, {}).get("at"), person["updated_at"])
        after = datetime.fromisoformat(moment)
        return any(datetime.fromisoformat(each) >= after for each in times if each)

    def _shown(self, person: dict[str, Any]) -> dict[str, Any]:
        self.shown.append(person["email"])
        lists = [
            {"id": number, "name": self.lists[number], "subscription_status": mine["status"]}
            | {"subscription_updated_at": mine["at"]}
            for number, mine in person["on"].items()
        ]
        return {**{name: value for name, value in person.items() if name != "on"}, "lists": lists}

    def _create(self, given: dict[str, Any]) -> Answer:
        if "@" not in given.get("email", "") or not given.get("name") or given.get("status") not in ("enabled",):
            return 400, {"message": "invalid"}
        if self.person(given["email"]):
            return 409, {"message": "E-mail already exists."}
        if any(number not in self.lists for number in given["lists"]):
            return 400, {"message": "unknown list"}
        person = self.add(given["email"], attribs=given.get("attribs", {}))
        status = "confirmed" if given.get("preconfirm_subscriptions") else "unconfirmed"
        person["on"] = {number: {"status": status, "at": self.now()} for number in given["lists"]}
        return 200, {"data": {"id": person["id"], "email": person["email"], "lists": given["lists"]}}

    def _change(self, method: str, person: dict[str, Any], given: dict[str, Any], *, blocks: bool) -> Answer:
        if blocks and method == "PUT":
            self.block(person)
            return 200, {"data": True}
        if method == "PATCH" and not self.has_patch:
            return 405, {"message": "Method Not Allowed"}
        if method not in ("PATCH", "PUT"):
            return 405, {"message": "Method Not Allowed"}
        if method == "PUT":  # what is left out is taken away
            person["on"] = {number: mine for number, mine in person["on"].items() if number in given.get("lists", [])}
        person |= {name: given[name] for name in ("email", "name", "status", "attribs") if name in given}
        person["updated_at"] = self.now()
        return 200, {"data": self._shown(person)}

    def _move(self, given: dict[str, Any]) -> Answer:
        if any(number not in self.lists for number in given["target_list_ids"]):
            return 400, {"message": "unknown list"}
        for person_id in given["ids"]:
            for number in given["target_list_ids"]:
                on = self.people[person_id]["on"]
                if given["action"] == "add":
                    on[number] = {"status": given["status"], "at": self.now()}
                elif given["action"] == "unsubscribe" and number in on:
                    on[number] = {"status": "unsubscribed", "at": self.now()}
        return 200, {"data": True}


class MailchimpStandIn(StandIn):
    """A Mailchimp account with one audience. `refused` addresses look fake to it; `left` can't be subscribed again."""

    refusal: Answer = (401, {"title": "API Key Invalid", "status": 401, "detail": "…", "instance": "…"})

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock, "", "0123456789abcdef-us21")
        self.lists = {"a6b5da1054": "Readers"}
        self.members: dict[str, dict[str, Any]] = {}
        self.abuse: list[dict[str, Any]] = []
        self.refused: set[str] = set()

    def member(self, email: str) -> dict[str, Any]:
        return self.members[self.key_of(email)]

    @staticmethod
    def key_of(email: str) -> str:
        return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()

    def add(self, email: str, status: str = "subscribed") -> dict[str, Any]:
        changed = (self.clock.now() - timedelta(0)).isoformat()
        member = {"email_address": email, "status": status, "last_changed": changed, "tags": set[str](), "left": False}
        self.members[self.key_of(email)] = member
        return member

    def leave(self, email: str, status: str = "unsubscribed") -> None:
        """The reader pressed the link in a letter (unsubscribed), or the mailbox is no more (cleaned)."""
        self.member(email).update(status=status, last_changed=self.now(), left=True)

    def complain(self, email: str) -> None:
        self.leave(email)
        self.abuse.append({"email_address": email, "date": self.now(), "list_id": "a6b5da1054"})

    def answer(self, method: str, path: str, query: dict[str, str], given: dict[str, Any]) -> Answer:
        path = path.removeprefix("/3.0")
        if path == "/lists":
            return 200, {"lists": [{"id": key, "name": name} for key, name in self.lists.items()], "total_items": 1}
        parts = path.strip("/").split("/")
        if parts[1] not in self.lists:
            return 404, {"title": "Resource Not Found", "status": 404}
        match method, parts[2:]:
            case "GET", ["members"]:
                return 200, {"members": self._members(query)}
            case "GET", ["abuse-reports"]:
                return 200, {"abuse_reports": self.abuse[int(query.get("offset", 0)) :][: int(query["count"])]}
            case "GET", ["members", key] if key in self.members:
                return 200, self._shown(self.members[key])
            case "PUT", ["members", key]:
                return self._put(key, given)
            case "PATCH", ["members", key] if key in self.members:
                self.members[key].update(status=given["status"], last_changed=self.now())
                return 200, self._shown(self.members[key])
            case "POST", ["members", key, "tags"] if key in self.members:
                for tag in given["tags"]:
                    change = (
                        self.members[key]["tags"].add
                        if tag["status"] == "active"
                        else self.members[key]["tags"].discard
                    )
                    change(tag["name"])
                return 204, None
            case _:
                return 404, {"title": "Resource Not Found", "status": 404}

    def _put(self, key: str, given: dict[str, Any]) -> Answer:
        email = given["email_address"]
        if key != self.key_of(email) or given["status"] not in ("subscribed", "unsubscribed", "pending", "cleaned"):
            return 400, {"title": "Invalid Resource", "status": 400}
        if email in self.refused:
            detail = f"{email} looks fake or invalid, please enter a real email address."
            return 400, {"title": "Invalid Resource", "status": 400, "detail": detail}
        known = self.members.get(key)
        if known and known["left"] and given["status"] == "subscribed":
            detail = f"{email} is in a compliance state due to unsubscribe, bounce, or compliance review."
            return 400, {"title": "Member In Compliance State", "status": 400, "detail": detail}
        member = known or self.add(email, given["status_if_new"])
        member.update(status=given["status"] if known else given["status_if_new"], last_changed=self.now())
        return 200, self._shown(member)

    def _members(self, query: dict[str, str]) -> list[dict[str, Any]]:
        since = query.get("since_last_changed")
        found = [
            self._shown(each)
            for each in self.members.values()
            if each["status"] == query.get("status", each["status"])
            and (since is None or datetime.fromisoformat(each["last_changed"]) > datetime.fromisoformat(since))
        ]
        return found[int(query.get("offset", 0)) :][: min(int(query.get("count", 10)), 1000)]

    def _shown(self, member: dict[str, Any]) -> dict[str, Any]:
        return {name: member[name] for name in ("email_address", "status", "last_changed")}


def _page(rows: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    if query.get("per_page") == "all":
        return rows
    size, number = int(query.get("per_page", 20)), int(query.get("page", 1))
    return rows[(number - 1) * size : number * size]
