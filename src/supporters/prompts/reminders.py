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
from supporters.mail.outbox import queue_letter
from supporters.prompts.models import Reminder
from supporters.prompts.words import later_month, month_name, next_month
from supporters.settings import Settings

CONFIRM_WITHIN = timedelta(days=7)
MONTHS_AHEAD = 12
AT_ONCE = 200
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
KINDS = CONFIRM, REMIND = "remind_confirm", "reminder"
LETTERS_PER_ADDRESS, ASKED_PER_NETWORK, ASKED_BY_ALL = 3, 10, 2_000


class ReminderLinks:
    """Makes and reads the link that confirms a reminder. A link shows; a button acts, as mail scanners open links too."""

    def __init__(self, secret_key: str, base_url: str) -> None:
        self._signer = Signer(secret_key, "remind")
        self._base_url = base_url

    def confirm_url(self, reminder_id: str) -> str:
        """Where the button is that confirms it."""
        return f"{self._base_url}/remind/{self._signer.sign(reminder_id)}"

    def read(self, token: str) -> str | None:
        """The reminder's id, or None for a link that is not ours."""
        found = self._signer.unsign(token)
        return found if found and is_ulid(found) else None


def months_offered(today: date) -> tuple[date, ...]:
    """The first days of the months that a reader may choose, the nearest sensible one first."""
    first = next_month(today)
    return tuple(later_month(first, ahead) for ahead in range(MONTHS_AHEAD))


async def ask_reminder(
    session: AsyncSession, *, email: str, month: date, network: str, settings: Settings, ids: Ids, now: datetime
) -> None:
    """A letter with the confirming link is on its way, unless the address had three today. Raises Refused for the network.

    An address that wishes the same month again gets the letter again and keeps one row. The answer never tells which.
    """
    signer = Signer(settings.secret_key, "remind-limits")
    if await _count(session, f"remind_network:{signer.digest(network)}", within=HOUR, now=now) > ASKED_PER_NETWORK:
        raise Refused(_("There were too many wishes from where you are. Please try again in an hour."))
    # the breaker, too, is silent: whoever floods us learns nothing
    if await _count(session, "remind_all", within=DAY, now=now) > ASKED_BY_ALL:
        return
    folded = signer.digest(email.casefold())
    letters = await _count(session, f"remind_email:{folded}", within=DAY, now=now)
    if letters > LETTERS_PER_ADDRESS:
        return
    reminder_id = await _reminder_of(session, email, month, ids=ids, now=now)
    await queue_letter(
        session,
        kind=CONFIRM,
        stream=Stream.SERVICE,
        recipient=email,
        dedupe_key=ids.ulid(),
        context={
            "confirm_url": ReminderLinks(settings.secret_key, settings.base_url).confirm_url(reminder_id),
            "month": month_name(month, settings.locale),
        },
        about=None,
        ids=ids,
        now=now,
        domain=_domain(settings),
    )


async def reminder_of(session: AsyncSession, reminder_id: str) -> Reminder | None:
    """The reminder, until it was sent or forgotten."""
    return await session.get(Reminder, reminder_id)


async def confirm_reminder(session: AsyncSession, reminder_id: str) -> bool:
    """The letter will be sent in its month. False when nothing waits under that id; twice is once."""
    mine = update(Reminder).where(Reminder.id == reminder_id).values(is_confirmed=True)
    return changed_rows(await session.execute(mine.execution_options(synchronize_session=False))) == 1


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
    for reminder in found:
        await queue_letter(
            session,
            kind=REMIND,
            stream=Stream.SERVICE,
            recipient=reminder.email,
            dedupe_key=reminder.id,
            context={"give_url": f"{settings.base_url}/give?source=reminder"},
            about=None,
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
    """Letters about reminders that went out a day ago are gone, addresses with them; returns how many."""
    gone = Letter.kind.in_(KINDS) & (Letter.state == WorkState.DONE) & (Letter.sent_at < now - DAY)
    return changed_rows(await session.execute(delete(Letter).where(gone).execution_options(synchronize_session=False)))


async def _reminder_of(session: AsyncSession, email: str, month: date, *, ids: Ids, now: datetime) -> str:
    same = select(Reminder.id).where(func.lower(Reminder.email) == email.lower(), Reminder.month == month).limit(1)
    known = await session.scalar(same)
    if known:
        return known
    reminder_id = ids.ulid()
    session.add(Reminder(id=reminder_id, email=email, month=month, is_confirmed=False, asked_at=now))
    await session.flush()
    return reminder_id


async def _count(session: AsyncSession, key: str, *, within: timedelta, now: datetime) -> int:
    """One more under this key; returns how many within the time. Counted first, so that many at once can't all be first."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    insert = insert_for(session, GuardCount).values(key=key, window_start=hour, count=1)
    more = {"count": GuardCount.count + 1}
    await session.execute(insert.on_conflict_do_update(index_elements=["key", "window_start"], set_=more))
    mine = (GuardCount.key == key) & (GuardCount.window_start > now - within - HOUR)
    return int(await session.scalar(select(func.coalesce(func.sum(GuardCount.count), 0)).where(mine)) or 0)


def _domain(settings: Settings) -> str:
    return urlsplit(settings.base_url).hostname or "localhost"
