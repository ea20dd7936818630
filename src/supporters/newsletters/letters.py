"""Letters of newsletters: please confirm, its one reminder, and the welcome. None holds a word that a stranger chose."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.kit.text import clean_line
from supporters.mail.models import Letter, Stream
from supporters.mail.outbox import queue_letter
from supporters.newsletters import rules
from supporters.newsletters.links import NewsletterLinks
from supporters.newsletters.models import Newsletter, Signup, SignupChoice
from supporters.newsletters.words import in_a_row
from supporters.settings import Settings

LIST_LABEL = "news"
_NO_PHRASE = re.compile(r"[^\w '-]")  # so that the words need no quotes, which mean nothing around what is encoded
CONFIRM, REMINDER, WELCOME = "confirm_signup", "confirm_again", "newsletter_welcome"


async def queue_confirm(
    session: AsyncSession,
    signup_id: str,
    address: str,
    *,
    is_reminder: bool,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> bool:
    """A letter with one button waits to be sent, and the request knows how many there were. False when there were enough."""
    counted = (
        update(Signup)
        .where(Signup.id == signup_id, Signup.letters < rules.LETTERS_PER_SIGNUP)
        .values({"letters": Signup.letters + 1} | _moved(is_reminder=is_reminder, now=now))
        .returning(Signup.letters)
        .execution_options(synchronize_session=False)
    )
    number = (await session.execute(counted)).scalar_one_or_none()
    if number is None:
        return False
    links = NewsletterLinks(settings.secret_key, settings.base_url)
    return await queue_letter(
        session,
        kind=REMINDER if is_reminder else CONFIRM,
        stream=Stream.SERVICE,
        recipient=address,
        dedupe_key=f"{signup_id}:{now.timestamp():.0f}:{number}",
        context={**_described(await _asked_for(session, signup_id)), "confirm_url": links.confirm_url(signup_id)},
        about=signup_id,
        ids=ids,
        now=now,
        domain=domain_of(settings),
    )


async def queue_welcome(
    session: AsyncSession,
    subscriber_id: str,
    address: str,
    lists: Sequence[Newsletter],
    *,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> None:
    """The first letter of these lists waits to be sent, with the link to the preferences and the one-click stop."""
    links = NewsletterLinks(settings.secret_key, settings.base_url)
    await queue_letter(
        session,
        kind=WELCOME,
        stream=Stream.MARKETING,
        recipient=address,
        dedupe_key=f"{subscriber_id}:{now.timestamp():.0f}",
        context={
            **_described(lists),
            "preferences_url": links.preferences_url(subscriber_id),
            "unsubscribe_url": links.one_click_url(subscriber_id, *(each.slug for each in lists)),
            "list_id": list_id_of(lists, settings),
        },
        about=subscriber_id,
        ids=ids,
        now=now,
        domain=domain_of(settings),
    )


async def forget(session: AsyncSession, about: Sequence[str]) -> None:
    """Letters about these requests are gone, sent or not: they hold the address of somebody who never joined."""
    kinds = (CONFIRM, REMINDER)
    letters = delete(Letter).where(Letter.about.in_(list(about)), Letter.kind.in_(kinds))
    await session.execute(letters.execution_options(synchronize_session=False))


def domain_of(settings: Settings) -> str:
    """The domain of our Message-IDs."""
    return settings.mail_from.rpartition("@")[2]


def list_id_of(lists: Sequence[Newsletter], settings: Settings) -> str:
    """The `List-Id` of a letter that belongs to these lists: the one list's own, or for several the paper's for all of them.

    *Source*: RFC 2919 §2, §3: at most one, words and then the id in angle brackets; it stays while the list lives.
    """
    one = lists[0] if len(lists) == 1 else None
    name = one.name if one else settings.publisher_name
    label = f"{one.slug}.{LIST_LABEL}" if one else LIST_LABEL
    words = " ".join(_NO_PHRASE.sub(" ", clean_line(name, limit=80)).split())
    return f"{words} <{label}.{domain_of(settings)}>".strip()


def _moved(*, is_reminder: bool, now: datetime) -> dict[str, object]:
    """A letter that was asked for gives the request seven more days; a reminder does not."""
    return {"reminded_at": now} if is_reminder else {"expires_at": now + rules.WAITS_FOR}


async def _asked_for(session: AsyncSession, signup_id: str) -> Sequence[Newsletter]:
    wanted = (
        select(Newsletter)
        .join(SignupChoice, SignupChoice.newsletter_id == Newsletter.id)
        .where(SignupChoice.signup_id == signup_id)
        .order_by(Newsletter.id)
    )
    return (await session.scalars(wanted)).all()


def _described(lists: Sequence[Newsletter]) -> dict[str, object]:
    """The lists as the templates want them; their names are staff's words."""
    return {
        "lists": [{"name": each.name, "how_often": each.how_often} for each in lists],
        "names": in_a_row([each.name for each in lists]),
        "senders": in_a_row(list(dict.fromkeys(each.sender_name for each in lists))),
    }
