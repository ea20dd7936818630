"""The outbox and a real mail server: once each, waiting while it is down, never lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from sqlalchemy import select, update

from supporters.jobs.models import WorkState
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.templates import Templates
from supporters.mail.models import Letter, Stream
from supporters.mail.outbox import complete_letter, letters_about, queue_letter, send_now
from supporters.mail.send import send_due
from supporters.mail.suppression import Suppressions
from supporters.mail.transport import MailDown, SmtpTransport
from supporters.settings import Settings, SettingsError

REFUND: dict[str, Any] = {
    "amount_minor": 1000,
    "donation_minor": 2500,
    "currency": "GBP",
    "reference": "D-7K3F9QXZ",
    "name": "Ben",
    "card_last4": None,
    "paid_at": "2026-11-20T09:37:00+00:00",
}


@dataclass
class Sink:
    """A mail server on this machine that keeps what it takes."""

    port: int = 0
    answer: str = "250 OK"
    hang_up_after: int | None = None
    taken: list[Any] = field(default_factory=list)
    connections: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 No such person"
        if address.startswith("busy"):
            return "451 Later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:
        if self.hang_up_after is not None and len(self.taken) >= self.hang_up_after:
            server.transport.abort()
        elif self.answer.startswith("250"):
            self.taken.append(message_from_bytes(envelope.content or b"", policy=default))
        return self.answer


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    made = Sink()

    def accept() -> SMTP:
        made.connections += 1
        return SMTP(made, hostname="sink.example", loop=asyncio.get_running_loop())

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


@dataclass
class Office:
    """An outbox with its tools."""

    db: Database
    settings: Settings
    clock: FixedClock
    ids: Ids
    transport: SmtpTransport

    async def queue(self, recipient: str, key: str = "k", stream: Stream = Stream.SERVICE) -> bool:
        async with self.db.unit_of_work() as session:
            return await queue_letter(
                session, kind="refund", stream=stream, recipient=recipient, dedupe_key=key, context=REFUND,
                about="01DONATION", ids=self.ids, now=self.clock.now(), domain="give.example",
            )  # fmt: skip

    async def send(self, limit: int = 50) -> int:
        templates = Templates(self.settings, clock=self.clock)
        return await send_due(self.db, self.transport, templates, clock=self.clock, settings=self.settings, limit=limit)

    async def letters(self) -> list[Letter]:
        async with self.db.reading() as session:
            return list(await letters_about(session, "01DONATION"))


@pytest.fixture
def office(db: Database, settings: Settings, clock: FixedClock, ids: Ids, sink: Sink) -> Office:
    return Office(db, settings, clock, ids, SmtpTransport(f"smtp://127.0.0.1:{sink.port}", timeout=5))


async def test_letters_go_out_once_over_one_connection(office: Office, sink: Sink) -> None:
    for number in range(5):
        await office.queue(f"reader{number}@example.org")

    assert await office.send() == 5
    assert await office.send() == 0

    assert sink.connections == 1
    assert sorted(each["To"] for each in sink.taken) == [f"reader{number}@example.org" for number in range(5)]
    letters = await office.letters()
    assert {letter.state for letter in letters} == {WorkState.DONE}
    assert {letter.sent_at for letter in letters} == {office.clock.now()}
    assert {each["Message-ID"] for each in sink.taken} == {letter.message_id for letter in letters}


async def test_same_letter_is_queued_once(office: Office) -> None:
    assert await office.queue("ben@example.org")
    assert not await office.queue("ben@example.org")
    assert await office.queue("ben@example.org", key="other")

    assert len(await office.letters()) == 2


async def test_letters_wait_while_the_server_is_down_and_none_is_lost(office: Office, sink: Sink) -> None:
    await office.queue("ben@example.org")
    up = office.transport
    office.transport = SmtpTransport("smtp://127.0.0.1:9", timeout=1)

    waits: list[timedelta] = []
    for _ in range(12):
        assert await office.send() == 0
        [letter] = await office.letters()
        assert letter.state == WorkState.READY
        waits.append(letter.run_at - office.clock.now())
        office.clock.set(letter.run_at)
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert waits[-1] == timedelta(hours=4)

    office.transport = up
    assert await office.send() == 1
    assert len(sink.taken) == 1


async def test_letter_is_buried_after_three_days_and_sent_when_a_person_says_so(office: Office, sink: Sink) -> None:
    await office.queue("ben@example.org")
    up = office.transport
    office.transport = SmtpTransport("smtp://127.0.0.1:9", timeout=1)
    office.clock.advance(timedelta(days=3))

    await office.send()

    [letter] = await office.letters()
    assert letter.state == WorkState.BURIED
    async with office.db.unit_of_work() as session:
        assert await send_now(session, letter.id, now=office.clock.now())
    office.transport = up
    assert await office.send() == 1
    async with office.db.unit_of_work() as session:
        assert not await send_now(session, letter.id, now=office.clock.now())


async def test_refused_address_is_buried_and_others_go_out(office: Office, sink: Sink) -> None:
    for recipient in ("gone@example.org", "busy@example.org", "ben@example.org"):
        await office.queue(recipient)

    assert await office.send() == 1

    states = {letter.recipient.partition("@")[0]: letter.state for letter in await office.letters()}
    assert states == {"gone": WorkState.BURIED, "busy": WorkState.READY, "ben": WorkState.DONE}
    errors = " ".join(letter.last_error or "" for letter in await office.letters())
    assert "550" in errors
    assert "@" not in errors


async def test_line_that_breaks_leaves_the_rest_waiting(office: Office, sink: Sink) -> None:
    for number in range(4):
        await office.queue(f"reader{number}@example.org")
    sink.hang_up_after = 2

    assert await office.send() == 2

    sink.hang_up_after = None
    office.clock.advance(timedelta(minutes=1))
    assert await office.send() == 2
    assert len({each["Message-ID"] for each in sink.taken}) == 4


async def test_letter_that_cannot_be_rendered_does_not_stop_others(office: Office, sink: Sink) -> None:
    await office.queue("broken@example.org")
    async with office.db.unit_of_work() as session:
        await session.execute(update(Letter).values(context={}))
    office.clock.advance(timedelta(seconds=1))
    await office.queue("ben@example.org")

    assert await office.send() == 1

    broken, fine = await office.letters()
    assert (broken.state, fine.state) == (WorkState.READY, WorkState.DONE)
    assert "UndefinedError" in str(broken.last_error)


async def test_suppressed_address_gets_nothing_and_marketing_only_where_that_is_all(office: Office, sink: Sink) -> None:
    book = Suppressions(office.settings.secret_key)
    async with office.db.unit_of_work() as session:
        now = office.clock.now()
        await book.add(session, "Never@example.org", scope="all", reason="bounced", now=now)
        await book.add(session, "quiet@example.org", scope="marketing", reason="asked", now=now)
    await office.queue("never@example.org")
    await office.queue("quiet@example.org")
    await office.queue("quiet@example.org", key="m", stream=Stream.MARKETING)

    assert await office.send() == 1

    assert [each["To"] for each in sink.taken] == ["quiet@example.org"]
    letters = await office.letters()
    assert {each.state for each in letters} == {WorkState.DONE}
    assert [(each.recipient, each.stream) for each in letters if each.sent_at] == [("quiet@example.org", "service")]


async def test_two_workers_send_each_letter_once(office: Office, sink: Sink) -> None:
    for number in range(30):
        await office.queue(f"reader{number}@example.org")

    counts = await asyncio.gather(*(office.send(limit=10) for _ in range(4)))

    assert sum(counts) == 30
    assert len({each["To"] for each in sink.taken}) == len(sink.taken) == 30


async def test_letter_of_a_worker_that_died_is_sent_by_the_next(office: Office, sink: Sink) -> None:
    await office.queue("ben@example.org")
    async with office.db.unit_of_work() as session:
        lease = office.clock.now() + timedelta(minutes=15)
        await session.execute(update(Letter).values(state=WorkState.RUNNING, lease_until=lease, fence=1, attempts=1))

    assert await office.send() == 0
    office.clock.advance(timedelta(minutes=15))
    assert await office.send() == 1


async def test_waiting_letter_learns_more_and_a_sent_one_does_not(office: Office, sink: Sink) -> None:
    await office.queue("ben@example.org")
    async with office.db.unit_of_work() as session:
        assert await complete_letter(session, kind="refund", about="01DONATION", facts={"card_last4": "4242"})
    await office.send()
    async with office.db.unit_of_work() as session:
        assert not await complete_letter(session, kind="refund", about="01DONATION", facts={"card_last4": "9"})

    async with office.db.reading() as session:
        [context] = await session.scalars(select(Letter.context))
    assert context == REFUND | {"card_last4": "4242"}
    assert "4242" in sink.taken[0].get_body(("plain",)).get_content()


async def test_transport_sends_one_message_and_says_when_it_cannot(sink: Sink) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Hello"
    message.set_content("Hello")

    await SmtpTransport(f"smtp://127.0.0.1:{sink.port}").send(message)
    await SmtpTransport(f"smtp://127.0.0.1:{sink.port}").check()

    assert len(sink.taken) == 1
    with pytest.raises(MailDown):  # STARTTLS was asked for, and this server has none
        await SmtpTransport(f"smtp://127.0.0.1:{sink.port}?starttls=1").check()
    with pytest.raises(MailDown):
        await SmtpTransport(f"smtp://ada:secret@127.0.0.1:{sink.port}").check()
    with pytest.raises(SettingsError):
        SmtpTransport("http://127.0.0.1")
