"""Letters that come back: read, believed only where we sent one, and followed by silence."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import enqueue, run_due
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.outside import Outside
from supporters.mail.bounces import Trouble
from supporters.mail.models import Bounce, BounceKind, Letter, Stream, Suppression
from supporters.mail.outbox import queue_letter
from supporters.mail.reports import NotAReport, is_hard, read_report
from supporters.mail.suppression import Suppressions
from supporters.newsletters.jobs import TEND, handlers
from supporters.newsletters.lists import ensure_first_list
from supporters.newsletters.models import Consent, Subscription
from supporters.newsletters.troubles import take_bounce, take_word
from supporters.settings import Settings
from whole import Mailbag, Whole, running

CLEO = "cleo.marsh@example.org"
SECRET = "a secret between us and the mail provider"


def report(
    message_id: str | None,
    *,
    address: str = CLEO,
    status: str = "5.1.1",
    action: str = "failed",
    returned: str = "headers",
) -> bytes:
    """A notification as a mail server writes it (RFC 3464)."""
    original = f"From: receipts@give.example\r\nMessage-ID: {message_id}\r\nSubject: Hello\r\n"
    kind = {"headers": "text/rfc822-headers", "letter": "message/rfc822"}.get(returned)
    third = f"--b\r\nContent-Type: {kind}\r\n\r\n{original}\r\nbody\r\n" if kind and message_id else ""
    refers = f"In-Reply-To: {message_id}\r\n" if returned == "reply" else ""
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: bounces@give.example\r\nSubject: Undelivered\r\n"
        f"{refers}MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"{third}--b--\r\n"
    ).encode()


@pytest.mark.parametrize("returned", ["headers", "letter", "reply"])
def test_the_letter_is_found_wherever_the_server_put_its_id(returned: str) -> None:
    found = read_report(report("<01letter@give.example>", returned=returned))

    assert found.message_ids == ("<01letter@give.example>",)
    assert [(each.address, each.code, each.is_hard) for each in found.failures] == [(CLEO, "5.1.1", True)]


@pytest.mark.parametrize(
    ("code", "hard"),
    [
        ("5.1.1", True),
        ("5.1.10", True),
        ("5.2.1", True),
        ("5.2.2", False),
        ("4.4.7", False),
        ("5.7.1", False),
        ("", False),
    ],
)
def test_only_a_mailbox_that_will_never_take_letters_is_hard(code: str, hard: bool) -> None:
    assert is_hard(code) is hard


def test_delays_end_nothing() -> None:
    assert read_report(report("<1@x>", action="delayed", status="4.4.1")).failures == ()


@pytest.mark.parametrize("raw", [b"", b"Subject: hello\r\n\r\nhi", b"\x00\xff" * 50, b"x" * 300_000])
def test_what_is_no_report_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(NotAReport):
        read_report(raw)


@given(st.binary(max_size=300))
@hypothesis_settings(max_examples=40, deadline=None)
def test_no_bytes_upset_the_reader(noise: bytes) -> None:
    whole = report("<1@x>").replace(b"Final-Recipient", noise + b"Final-Recipient")
    for raw in (noise, whole):
        with suppress(NotAReport):
            assert len(read_report(raw).failures) <= 2


async def letter_to(db: Database, clock: FixedClock, ids: Ids, address: str = CLEO, key: str = "1") -> str:
    """A receipt that went out to the address; returns its Message-ID."""
    async with db.unit_of_work() as session:
        await queue_letter(
            session, kind="receipt", stream=Stream.SERVICE, recipient=address, dedupe_key=key, context={}, about=None,
            ids=ids, now=clock.now(), domain="give.example",
        )  # fmt: skip
        letter = (await session.scalars(select(Letter).order_by(Letter.id.desc()).limit(1))).one()
        letter.sent_at = clock.now()
        await session.flush()
        return letter.message_id


async def bounce(db: Database, raw: bytes, settings: Settings, ids: Ids, clock: FixedClock) -> int:
    async with db.unit_of_work() as session:
        return await take_bounce(session, raw, settings=settings, ids=ids, now=clock.now())


async def is_refused(db: Database, settings: Settings, stream: Stream, address: str = CLEO) -> bool:
    async with db.reading() as session:
        return await Suppressions(settings.secret_key).is_refused(session, address, stream)


async def test_a_hard_bounce_forbids_every_letter_marks_its_own_and_counts_once(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    message_id = await letter_to(db, clock, ids)

    assert await bounce(db, report(message_id), settings, ids, clock) == 1
    assert await bounce(db, report(message_id), settings, ids, clock) == 0

    assert await is_refused(db, settings, Stream.SERVICE)
    async with db.reading() as session:
        assert await session.scalar(select(Letter.bounced_at)) == clock.now()
        assert await session.scalar(select(func.count()).select_from(Bounce)) == 1


async def test_the_third_soft_bounce_in_seven_days_is_a_hard_one(
    sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    ended: list[int] = []
    for number in range(5):
        message_id = await letter_to(sqlite_db, clock, ids, key=str(number))
        ended.append(await bounce(sqlite_db, report(message_id, status="4.2.2"), settings, ids, clock))
        clock.advance(timedelta(days=6 if number == 0 else 2))

    assert ended == [0, 0, 0, 1, 1]
    assert await is_refused(sqlite_db, settings, Stream.SERVICE)


@pytest.mark.parametrize("message_id", ["<never@give.example>", None])
async def test_a_forged_report_about_a_stranger_does_nothing(
    sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings, message_id: str | None
) -> None:
    other = await letter_to(sqlite_db, clock, ids, "ben@example.org")

    assert await bounce(sqlite_db, report(message_id), settings, ids, clock) == 0
    assert await bounce(sqlite_db, report(other), settings, ids, clock) == 0

    async with sqlite_db.reading() as session:
        assert (await session.scalars(select(Suppression))).all() == []


@pytest.mark.parametrize("message_id", ["<invented@give.example>", None])
async def test_a_forger_who_never_saw_the_letter_silences_nobody(
    sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings, message_id: str | None
) -> None:
    for number in range(7):
        await letter_to(sqlite_db, clock, ids, key=str(number))
        assert await bounce(sqlite_db, report(message_id), settings, ids, clock) == 0
        clock.advance(timedelta(days=1))

    assert not await is_refused(sqlite_db, settings, Stream.MARKETING)


async def test_a_report_that_names_no_letter_is_a_soft_one_beside_those_that_do(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    ended: list[int] = []
    for number in range(3):
        named = await letter_to(db, clock, ids, "Cleo.Marsh@example.org", key=str(number))
        raw = report(named, status="4.2.2") if number == 2 else report(None)
        ended.append(await bounce(db, raw, settings, ids, clock))
        clock.advance(timedelta(days=1))

    assert ended == [0, 0, 1]
    assert await is_refused(db, settings, Stream.SERVICE)


async def test_reports_are_kept_for_90_days_and_what_followed_stays(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    await bounce(db, report(await letter_to(db, clock, ids)), settings, ids, clock)
    kept: list[int] = []
    for days in (89, 1):
        clock.advance(timedelta(days=days))
        async with db.unit_of_work() as session:
            await enqueue(session, TEND, {}, ids=ids, now=clock.now())
        stage = Backstage(settings=settings, ids=ids, clock=clock, outside=Outside())
        await run_due(db, handlers(stage), clock=clock, ids=ids)
        async with db.reading() as session:
            kept.append(await session.scalar(select(func.count()).select_from(Bounce)) or 0)

    assert kept == [1, 0]
    assert await is_refused(db, settings, Stream.SERVICE)


async def test_a_complaint_forbids_letters_of_our_own_wish_only(
    sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    trouble = Trouble(address=CLEO, kind=BounceKind.COMPLAINT, source="hook")
    async with sqlite_db.unit_of_work() as session:
        assert await take_word(session, trouble, settings=settings, ids=ids, now=clock.now())
        assert not await take_word(session, trouble, settings=settings, ids=ids, now=clock.now())

    assert await is_refused(sqlite_db, settings, Stream.MARKETING)
    assert not await is_refused(sqlite_db, settings, Stream.SERVICE)


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    told = replace(settings, mail_hook_secret=SECRET, bounce_address="bounces@give.weeklylamp.example")
    async with running(sqlite_db, clock, Ids(clock), told, mailbag) as product:
        async with sqlite_db.unit_of_work() as session:
            await ensure_first_list(session, settings=told, ids=product.ids, now=clock.now())
        yield product


async def tell(site: Whole, body: bytes, kind: str = "application/json", **headers: str) -> httpx.Response:
    """As the mail provider posts: from elsewhere, without a cookie."""
    transport = httpx.ASGITransport(app=site.app)
    sent = {"content-type": kind, "authorization": f"Bearer {SECRET}"} | headers
    async with httpx.AsyncClient(transport=transport, base_url=site.settings.base_url) as provider:
        return await provider.post("/hooks/mail", content=body, headers=sent)


async def test_a_bounced_address_gets_no_further_letter(site: Whole) -> None:
    await site.pay(await site.give(email=CLEO))
    await site.settle()
    (receipt,) = site.mailbag.letters

    answer = await tell(site, report(str(receipt["Message-ID"])), "message/rfc822")
    assert (answer.status_code, answer.json()) == (200, {"taken": 1})

    await site.pay(await site.give(email=CLEO.upper(), newsletter="on"))
    await site.settle()
    assert site.mailbag.letters == [receipt]
    await site.books_hold()


async def test_bounces_go_to_their_own_address(site: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    senders: list[str] = []

    async def look(_self: object, _server: object, _session: object, envelope: object) -> str:
        senders.append(envelope.mail_from)  # pyright: ignore[reportAttributeAccessIssue]
        return "250 taken"

    monkeypatch.setattr(Mailbag, "handle_DATA", look)
    await site.pay(await site.give(email=CLEO))
    await site.settle()

    assert senders == ["bounces@give.weeklylamp.example"]


async def test_a_complaint_stops_the_list_with_evidence(site: Whole) -> None:
    await site.reader.post("/news", data={"email": CLEO, "list": "daily"})
    await site.worker.drain()
    body = site.mailbag.letters[0].get_body(("plain",))
    assert body is not None
    link = next(line for line in body.get_content().splitlines() if "/news/confirm/" in line)
    await site.reader.post(link, data={"lists": "daily"})

    events = {"events": [{"type": "complaint", "address": CLEO}, {"type": "bounce", "address": "not an address"}]}
    assert (await tell(site, json.dumps(events).encode())).json() == {"taken": 1}

    async with site.db.reading() as session:
        assert await session.scalar(select(Subscription.state)) == "suppressed"
        proofs = (await session.scalars(select(Consent.method).order_by(Consent.id))).all()
    assert proofs == ["double_opt_in", "complaint"]


async def test_a_signed_body_is_taken_and_a_changed_one_is_not(site: Whole) -> None:
    body = json.dumps({"events": [{"type": "bounce", "address": CLEO, "is_hard": True, "message_id": "m1@x"}]}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    taken = await tell(site, body, authorization="", **{"x-signature": f"sha256={signature}"})
    changed = await tell(site, body + b" ", authorization="", **{"x-signature": signature})

    assert (taken.status_code, changed.status_code) == (200, 401)
    assert await is_refused(site.db, site.settings, Stream.SERVICE)


UNREADABLE = (
    (b"{", "application/json", 400),
    (b'{"events": [{"type": "dance", "address": "a@b.example"}]}', "application/json", 400),
    (b'{"events": "x"}', "application/json", 400),
    (b"\xff\xfe", "application/json", 400),
    (b"hello", "message/rfc822", 400),
    (b"a=b", "application/x-www-form-urlencoded", 415),
    (b"x" * 300_000, "message/rfc822", 413),
)


async def test_what_can_not_be_read_is_refused_in_words(site: Whole) -> None:
    for body, kind, status in UNREADABLE:
        assert (await tell(site, body, kind)).status_code == status, body[:40]
        assert (await tell(site, body, kind, authorization="Bearer wrong")).status_code in {401, 413}


async def test_the_hook_is_off_without_a_secret(
    sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> None:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        assert (await tell(product, b"{}", authorization="Bearer ")).status_code == 404


def test_a_report_made_by_the_email_package_reads_the_same() -> None:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = "A plain answer, out of office"
    message.set_content("Back on Monday.")

    with pytest.raises(NotAReport):
        read_report(message.as_bytes())
