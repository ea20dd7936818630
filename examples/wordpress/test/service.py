"""A stand-in for the service: publishes prompt files as the real one does, and can be changed, slowed and stopped."""

import base64
import hashlib
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SCRIPT = (Path(__file__).resolve().parents[3] / "src/supporters/web/static/prompt.js").read_bytes()
WORDS = {
    "how_often": "How often?",
    "once": "One-off",
    "monthly": "Monthly",
    "yearly": "Yearly",
    "how_much_once": "How much?",
    "how_much_monthly": "How much a month?",
    "how_much_yearly": "How much a year?",
    "other": "Other",
    "continue": "Continue",
    "give_once": "Give {amount}",
    "give_monthly": "Give {amount} a month",
    "give_yearly": "Give {amount} a year",
    "next": "Payment comes next, on a page of its own. Nothing is taken yet.",
    "going": "One moment…",
    "not_now": "Not now",
    "gives": "I already give",
    "remind": "Remind me in January",
    "remind_note": "One email in January, then we delete your address.",
    "email": "Email",
    "sign_up": "Sign up",
    "error_none": "Choose an amount.",
    "error_amount": "Give an amount between £1 and £10,000.",
    "given": "Thank you for giving to The Weekly Lamp.",
    "thanks": "Thank you – readers like you pay for The Weekly Lamp.",
    "manage": "Your giving",
    "again": "You may ask me again",
    "print": "Give at give.example/give",
    "issue": "This issue was paid for by readers.",
    "news": "Sign up for our daily email Morning Light",
    "news_note": "Five stories at 7 each morning. You can stop with one click.",
}


def published(service: str, placement: str) -> dict[str, Any]:
    """What the service publishes for a placement, before anybody changed it."""
    digest = base64.b64encode(hashlib.sha384(SCRIPT).digest()).decode()
    return {
        "v": 1,
        "version": 1,
        "placement": placement,
        "published_at": "2026-11-22T10:00:00Z",
        "is_on": True,
        "paper": "The Weekly Lamp",
        "language": "en-GB",
        "action": f"{service}/give",
        "link": f"{service}/give",
        "short": "give.example/give",
        "appeal": "general",
        "heading": "Make a donation to The Weekly Lamp",
        "why": "No owner stands behind this paper. Readers pay for every issue, so help fund the next.",
        "currency": "GBP",
        "currency_words": "Amount in pounds",
        "sign": "£",
        "frequencies": ["monthly", "yearly", "once"],
        "amounts": {
            "once": [["5", "£5"], ["10", "£10"], ["25", "£25"], ["50", "£50"]],
            "monthly": [["3", "£3"], ["5", "£5"], ["10", "£10"], ["20", "£20"]],
            "yearly": [["25", "£25"], ["50", "£50"], ["100", "£100"], ["200", "£200"]],
        },
        "limits": ["1", "10000"],
        "ends_at": None,
        "ticker": None,
        "newsletter": {
            "slug": "daily",
            "list": "daily~0123456789abcdef",
            "name": "Morning Light",
            "words": "Sign up for our daily email Morning Light",
            "note": "Five stories at 7 each morning. You can stop with one click.",
            "action": f"{service}/news",
        },
        "remind": f"{service}/remind",
        "manage": f"{service}/sign-in",
        "quiet": {"paths": [], "tags": [], "ranges": []},
        "words": dict(WORDS),
        "script": {"src": f"{service}/p/v1/prompt.0123456789.js", "integrity": f"sha384-{digest}"},
        "colors": {"brand": "#b3141e", "on_brand": "#ffffff"},
    }


class Service:
    """One publisher's service on a loopback port; `requests` lists (path, query, answered status) in order."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[tuple[str, dict[str, list[str]], int]] = []
        self._server: ThreadingHTTPServer | None = None
        self.start()
        self.reset()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """It publishes again what it published at first, at once."""
        places = ("article-foot", "issue-page")
        self.files: dict[str, dict[str, Any]] = {place: published(self.address, place) for place in places}
        self.body: bytes | None = None
        self.slow_seconds = 0.0
        self.start()

    def start(self) -> None:
        """It listens, on the port that it had before."""
        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler_of(self))
            self._server.daemon_threads = True
            self.port = self._server.server_port
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Nobody answers on its port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, path: str, known: str | None) -> tuple[int, str, bytes, str]:
        """Status, media type, body and validator for a request."""
        if path == "/give":
            return 200, "text/html", b"<title>Give</title>", ""
        name = path.removeprefix("/p/v1/")
        if name.endswith(".js"):
            return 200, "text/javascript", SCRIPT, ""
        content = self.files.get(name.removesuffix(".json"))
        if content is None or not name.endswith(".json"):
            return 404, "text/plain", b"", ""
        body = self.body if self.body is not None else json.dumps(content).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        return (304, "application/json", b"", etag) if known == etag else (200, "application/json", body, etag)


def handler_of(service: Service) -> type[BaseHTTPRequestHandler]:
    """The request handler of one service."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, media, body, etag = service.answer(parts.path, self.headers.get("If-None-Match"))
            service.requests.append((parts.path, parse_qs(parts.query), status))
            time.sleep(service.slow_seconds)
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Cache-Control", "public, max-age=60, stale-while-revalidate=600")
            if etag:
                self.send_header("ETag", etag)
            self.end_headers()
            with suppress(BrokenPipeError):  # whoever waited too long has gone
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler
