"""Sending what waits in the outbox: claimed many at a time, sent outside any transaction, marked behind the fence.

A crash between the mail server's yes and our mark sends a letter twice, with the same Message-ID; the other way round it
would be lost.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs import claims
from supporters.jobs.models import WorkState
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.errors import in_short
from supporters.kit.templates import Templates
from supporters.mail import rules
from supporters.mail.models import Letter
from supporters.mail.render import compose, render_letter
from supporters.mail.suppression import Suppressions
from supporters.mail.transport import Connection, MailDown, MailLater, MailRefused, Transport
from supporters.settings import Settings

LEASE = timedelta(minutes=15)  # fifty letters at the mail server's slowest
FAULTS_UNTIL_BURIED = (
    5  # of a letter that can't be rendered or is refused for good, so that a person sees it the same day
)

log = structlog.get_logger("mail")


async def send_due(
    db: Database, transport: Transport, templates: Templates, *, clock: Clock, settings: Settings, limit: int
) -> int:
    """Up to `limit` letters that are due were tried; returns how many went out. A mail server that is down is no error."""
    async with db.unit_of_work() as session:
        letters = await claims.claim(session, Letter, limit=limit, now=clock.now(), lease=LEASE)
        known = {letter.id: (letter.recipient, letter.stream) for letter in letters}
        refused = await Suppressions(settings.secret_key).refused(session, known) if letters else set[str]()
        for letter in letters:
            if letter.id in refused:
                await _mark(session, letter, sent_at=None, error="suppressed")
    waiting = [letter for letter in letters if letter.id not in refused]
    return await _Round(db, templates, clock, settings).send_all(transport, waiting) if waiting else 0


class _Round:
    """One batch over one connection."""

    def __init__(self, db: Database, templates: Templates, clock: Clock, settings: Settings) -> None:
        self._db = db
        self._templates = templates
        self._clock = clock
        self._settings = settings

    async def send_all(self, transport: Transport, letters: list[Letter]) -> int:
        """How many of the letters went out. Those that a broken line leaves over wait."""
        left = list(letters)
        sent = 0
        try:
            async with transport.open() as line:
                while left:
                    sent += await self._send(line, left[0])
                    left.pop(0)
        except MailDown as error:
            log.warning("mail_server_down", count=len(left))
            for letter in left:
                await self._wait(letter, error.message)
        return sent

    async def _send(self, line: Connection, letter: Letter) -> int:
        """1 when the letter went out. Raises MailDown."""
        try:
            rendered = render_letter(self._templates, letter)
            message = compose(
                letter,
                rendered,
                self._settings,
                now=self._clock.now(),
                unsubscribe_url=letter.context.get("unsubscribe_url"),
                list_id=letter.context.get("list_id"),
            )
        except Exception as error:  # one letter's fault must not stop the others
            log.error("letter_not_rendered", letter_id=letter.id, kind=letter.kind, error=type(error).__name__)
            await self._fail(letter, in_short(error), bury_after=FAULTS_UNTIL_BURIED)
            return 0
        try:
            await line.send(message, sender=self._settings.bounce_address)
        except MailRefused as error:
            log.warning("letter_refused", letter_id=letter.id, kind=letter.kind)
            await self._fail(letter, error.message, bury_after=letter.attempts)
            return 0
        except MailLater as error:
            await self._wait(letter, error.message)
            return 0
        async with self._db.unit_of_work() as session:
            await _mark(session, letter, sent_at=self._clock.now(), error=None)
        return 1

    async def _wait(self, letter: Letter, error: str) -> None:
        """Tried again, ever more rarely, and buried only after three days."""
        is_hopeless = self._clock.now() - letter.queued_at >= rules.GIVE_UP_AFTER
        await self._fail(letter, error, bury_after=letter.attempts if is_hopeless else letter.attempts + 1)

    async def _fail(self, letter: Letter, error: str, *, bury_after: int) -> None:
        async with self._db.unit_of_work() as session:
            await claims.retry_later(
                session,
                letter,
                error=error,
                now=self._clock.now(),
                bury_after=bury_after,
                delay=rules.retry_after(letter.attempts),
            )


async def _mark(session: AsyncSession, letter: Letter, *, sent_at: datetime | None, error: str | None) -> None:
    """Done, if this worker still holds the letter. A letter that was lost to another worker is that worker's."""
    mine = (Letter.id == letter.id) & (Letter.fence == letter.fence) & (Letter.state == WorkState.RUNNING)
    done = update(Letter).where(mine).values(state=WorkState.DONE, lease_until=None, sent_at=sent_at, last_error=error)
    await session.execute(done.execution_options(synchronize_session=False))
