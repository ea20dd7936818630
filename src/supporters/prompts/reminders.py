"""Being asked again in a later month: one letter then, and the address is gone."""

from datetime import date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.models import GuardCount
from supporters.jobs.models import WorkState
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids, is_ulid
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.mail.models import Letter, Stream
from supporters.mail.outbox import queue_letter, withdraw_letters
from supporters.mail.rules import GIVE_UP_AFTER, mailbox_of
from supporters.prompts.models import Reminder
from supporters.prompts.words import later_month, month_name, next_month
from supporters.settings import Settings

CONFIRM_WITHIN = timedelta(days=7)
MONTHS_AHEAD = 12
AT_ONCE = 200
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
KINDS = CONFIRM, REMIND = "remind_confirm", "reminder"
ASKED_PER_NETWORK = 10  # wishes in an hour
LETTERS_PER_WISH, LETTERS_PER_ADDRESS, ASKED_BY_ALL = 3, 3, 2_000  # letters in all, and in a day
ALL_LETTERS = "remind_all"


class ReminderLinks:
    """Makes and reads the links that confirm and cancel a reminder. A link shows; a button acts, as mail scanners open links
    too.
    """

    def __init__(self, secret_key: str, base_url: str) -> None:
        self._confirms = Signer(secret_key, "remind")
        self._cancels = Signer(secret_key, "remind-cancel")
        self._base_url = base_url

    def confirm_url(self, reminder_id: str) -> str:
        """Where the button is that confirms it."""
        return f"{self._base_url}/remind/{self._confirms.sign(reminder_id)}"

    def cancel_url(self, reminder_id: str) -> str:
        """What stands in `List-Unsubscribe`: a POST cancels it, a GET shows the page with the button."""
        return f"{self._base_url}/remind/cancel/{self._cancels.sign(reminder_id)}"

    def read(self, token: str) -> str | None:
        """The reminder's id, or None for a link that is not ours."""
        return _id_in(self._confirms, token)

    def read_cancel(self, token: str) -> str | None:
        """The id of the reminder to cancel, or None for a link that is not ours."""
        return _id_in(self._cancels, token)


def months_offered(today: date) -> tuple[date, ...]:
    """The first days of the months that a reader may choose, the nearest sensible one first."""
    first = next_month(today)
    return tuple(later_month(first, ahead) for ahead in range(MONTHS_AHEAD))


async def ask_reminder(
    session: AsyncSession, *, email: str, month: date, network: str, settings: Settings, ids: Ids, now: datetime
) -> None:
    """A letter with the confirming link is on its way, or waits for a day with fewer. Raises Refused for the network.

    None goes to a mailbox that had three today. An address that wishes the same month again gets the letter again, three
    in all, and keeps one row. The answer never tells which.
    """
    places = _Places(session, settings.secret_key, now)
    if await places.count_network(network) > ASKED_PER_NETWORK:
        raise Refused(_("There were too many wishes from where you are. Please try again in an hour."))
    # the limit of all comes first everywhere: whoever holds a mailbox holds it too, so that no two wait for each other
    is_quiet = await places.is_free(ALL_LETTERS)
    if not await places.is_free(places.mailbox(email)):
        return
    reminder = await _reminder_of(session, email, month, ids=ids, now=now)
    # the breaker, too, is silent: whoever floods us learns nothing
    if is_quiet:
        await _ask_to_confirm(session, reminder, places, settings=settings, ids=ids, now=now)
    else:
        await places.take(places.mailbox(email))  # so that one mailbox can't fill the queue


async def ask_those_waiting(session: AsyncSession, *, settings: Settings, ids: Ids, now: datetime) -> int:
    """Wishes that came while too many letters went out get theirs, the oldest first, as far as there is room; returns how
    many. Their seven days begin now.
    """
    places = _Places(session, settings.secret_key, now)
    asked = 0
    if not await places.is_free(ALL_LETTERS):
        return asked
    waiting = (
        select(Reminder)
        .where(Reminder.letters == 0, Reminder.is_confirmed.is_(False))
        .order_by(Reminder.asked_at, Reminder.id)
        .limit(AT_ONCE)
        .with_for_update()
    )
    for reminder in (await session.scalars(waiting)).all():
        if not await places.is_free(ALL_LETTERS):
            break
        if await places.is_free(places.mailbox(reminder.email)):
            reminder.asked_at = now
            asked += await _ask_to_confirm(session, reminder, places, settings=settings, ids=ids, now=now)
    return asked


async def reminder_of(session: AsyncSession, reminder_id: str) -> Reminder | None:
    """The reminder, until it was sent or forgotten."""
    return await session.get(Reminder, reminder_id)


async def confirm_reminder(session: AsyncSession, reminder_id: str) -> bool:
    """The letter will be sent in its month. False when nothing waits under that id; twice is once."""
    mine = update(Reminder).where(Reminder.id == reminder_id).values(is_confirmed=True)
    return changed_rows(await session.execute(mine.execution_options(synchronize_session=False))) == 1


async def cancel_reminder(session: AsyncSession, reminder_id: str) -> None:
    """No letter comes, nor one that waits to be sent, and the address is gone. Once is as good as twice."""
    mine = delete(Reminder).where(Reminder.id == reminder_id)
    await session.execute(mine.execution_options(synchronize_session=False))
    await withdraw_letters(session, about=reminder_id)


async def send_reminders(session: AsyncSession, *, settings: Settings, ids: Ids, now: datetime) -> int:
    """Whoever confirmed for a month that has begun gets one letter, and their row is gone; returns how many."""
    today = now.astimezone(ZoneInfo(settings.time_zone)).date()
    due = (
        select(Reminder)
        .where(Reminder.month <= today, Reminder.is_confirmed)
        .order_by(Reminder.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = (await session.scalars(due)).all()
    links = ReminderLinks(settings.secret_key, settings.base_url)
    for reminder in found:
        await queue_letter(
            session,
            kind=REMIND,
            stream=Stream.MARKETING,  # it asks for money: whoever stopped such letters since gets none
            recipient=reminder.email,
            dedupe_key=reminder.id,
            context={
                "give_url": f"{settings.base_url}/give?source=reminder",
                "unsubscribe_url": links.cancel_url(reminder.id),
            },
            about=reminder.id,
            ids=ids,
            now=now,
            domain=_domain(settings),
        )
        await session.delete(reminder)
    await session.flush()
    return len(found)


async def forget_unconfirmed(session: AsyncSession, *, now: datetime) -> int:
    """Addresses that nobody confirmed within seven days are gone; returns how many."""
    old = delete(Reminder).where(Reminder.is_confirmed.is_(False), Reminder.asked_at < now - CONFIRM_WITHIN)
    return changed_rows(await session.execute(old.execution_options(synchronize_session=False)))


async def forget_letters(session: AsyncSession, *, now: datetime) -> int:
    """Letters about reminders that were over a day ago are gone, addresses with them; returns how many.

    Over: sent, withheld from an address that may not be written to, or given up.
    """
    is_over = (Letter.state == WorkState.DONE) & (func.coalesce(Letter.sent_at, Letter.queued_at) < now - DAY)
    is_lost = (Letter.state == WorkState.BURIED) & (Letter.queued_at < now - GIVE_UP_AFTER - DAY)
    gone = delete(Letter).where(Letter.kind.in_(KINDS), is_over | is_lost)
    return changed_rows(await session.execute(gone.execution_options(synchronize_session=False)))


class _Places:
    """The limits on letters that confirm. Networks and mailboxes are stored as keyed digests only."""

    def __init__(self, session: AsyncSession, secret_key: str, now: datetime) -> None:
        self._session = session
        self._signer = Signer(secret_key, "remind-limits")
        self._now = now

    def mailbox(self, email: str) -> str:
        """The key of the mailbox that the address ends in."""
        return f"remind_email:{self._signer.digest(mailbox_of(email))}"

    async def count_network(self, network: str) -> int:
        """One more wish of this network; returns how many within the hour."""
        return await self._count(f"remind_network:{self._signer.digest(network)}", 1, within=HOUR)

    async def is_free(self, key: str) -> bool:
        """Whether one more letter may go out today. Until the end of the transaction nobody else takes its place."""
        most = ASKED_BY_ALL if key == ALL_LETTERS else LETTERS_PER_ADDRESS
        return await self._count(key, 0, within=DAY) < most

    async def take(self, key: str) -> None:
        """One place fewer under this key."""
        await self._count(key, 1, within=DAY)

    async def _count(self, key: str, more: int, *, within: timedelta) -> int:
        """As many more under this key; returns how many within the time. Written first, so that many at once can't all be
        first.
        """
        hour = self._now.replace(minute=0, second=0, microsecond=0)
        insert = insert_for(self._session, GuardCount).values(key=key, window_start=hour, count=more)
        summed = {"count": GuardCount.count + more}
        await self._session.execute(insert.on_conflict_do_update(index_elements=["key", "window_start"], set_=summed))
        mine = (GuardCount.key == key) & (GuardCount.window_start > self._now - within - HOUR)
        return int(await self._session.scalar(select(func.coalesce(func.sum(GuardCount.count), 0)).where(mine)) or 0)


async def _reminder_of(session: AsyncSession, email: str, month: date, *, ids: Ids, now: datetime) -> Reminder:
    same = (
        select(Reminder)
        .where(func.lower(Reminder.email) == email.lower(), Reminder.month == month)
        .limit(1)
        .with_for_update()
    )
    known = await session.scalar(same)
    if known:
        return known
    made = Reminder(id=ids.ulid(), email=email, month=month, is_confirmed=False, letters=0, asked_at=now)
    session.add(made)
    await session.flush()
    return made


async def _ask_to_confirm(
    session: AsyncSession, reminder: Reminder, places: _Places, *, settings: Settings, ids: Ids, now: datetime
) -> bool:
    """The letter is on its way; False when the wish had all of its letters."""
    if reminder.letters >= LETTERS_PER_WISH:
        return False
    reminder.letters += 1
    await places.take(ALL_LETTERS)
    await places.take(places.mailbox(reminder.email))
    return await queue_letter(
        session,
        kind=CONFIRM,
        stream=Stream.SERVICE,
        recipient=reminder.email,
        dedupe_key=ids.ulid(),
        context={
            "confirm_url": ReminderLinks(settings.secret_key, settings.base_url).confirm_url(reminder.id),
            "month": month_name(reminder.month, settings.locale),
        },
        about=None,
        ids=ids,
        now=now,
        domain=_domain(settings),
    )


def _id_in(signer: Signer, token: str) -> str | None:
    found = signer.unsign(token)
    return found if found and is_ulid(found) else None


def _domain(settings: Settings) -> str:
    return urlsplit(settings.base_url).hostname or "localhost"
