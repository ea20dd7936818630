"""Making and changing lists. A changed wording is a new wording; the old ones are kept, since evidence names them."""

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.newsletters.models import Newsletter, Wording
from supporters.newsletters.rules import sha256_of
from supporters.settings import Settings

FIRST_SLUG = "daily"
ASSUMED = "wording_assumed"  # in the detail of evidence: the form did not name the words
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class ListForm(msgspec.Struct, frozen=True, kw_only=True):
    """What staff say of a list, cleaned and checked."""

    slug: str
    name: str
    how_often: str
    sender_name: str
    wording: str
    is_double_opt_in: bool = True
    is_public: bool = True


async def ensure_first_list(session: AsyncSession, *, settings: Settings, ids: Ids, now: datetime) -> None:
    """There is at least one list: the newsletter that the settings name."""
    if await session.scalar(select(Newsletter.id).limit(1)):
        return
    form = ListForm(
        slug=FIRST_SLUG,
        name=settings.newsletter_name[:80],
        how_often=_("Every day"),
        sender_name=settings.publisher_name,
        wording=settings.newsletter_wording,
    )
    await create_list(session, form, ids=ids, now=now)


async def create_list(session: AsyncSession, form: ListForm, *, ids: Ids, now: datetime) -> str:
    """There is a new list; returns its id. Raises Conflict when its short name is taken."""
    newsletter_id = ids.ulid()
    values = {**msgspec.structs.asdict(form), "wording_id": "", "created_at": now, "updated_at": now}
    row = insert_for(session, Newsletter).values(id=newsletter_id, **values).on_conflict_do_nothing()
    if (await session.execute(row.returning(Newsletter.id))).scalar_one_or_none() is None:
        raise Conflict(_("Another list has this short name. Choose another one."))
    await _use_wording(session, newsletter_id, form.wording, ids=ids, now=now)
    return newsletter_id


async def edit_list(session: AsyncSession, newsletter_id: str, form: ListForm, *, ids: Ids, now: datetime) -> list[str]:
    """The list is as the form says, its short name excepted; returns the names of what has changed. Raises NotFound."""
    found = await find_list(session, newsletter_id)
    values = {name: value for name, value in msgspec.structs.asdict(form).items() if name != "slug"}
    changed = [name for name, value in values.items() if getattr(found, name) != value]
    if not changed:
        return []
    await session.execute(
        update(Newsletter)
        .where(Newsletter.id == newsletter_id)
        .values(**values, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    if "wording" in changed:
        await _use_wording(session, newsletter_id, form.wording, ids=ids, now=now)
    return changed


async def find_list(session: AsyncSession, newsletter_id: str) -> Newsletter:
    """The list with this id. Raises NotFound."""
    found = await session.get(Newsletter, newsletter_id)
    if found is None:
        raise NotFound(_("There is no such list."))
    return found


async def keep_wording(session: AsyncSession, newsletter_id: str, words: str, *, ids: Ids, now: datetime) -> str:
    """These words stand on file for the list; returns their id. *Idempotent by* list and digest."""
    row = {
        "id": ids.ulid(),
        "newsletter_id": newsletter_id,
        "words": words,
        "sha256": sha256_of(words),
        "created_at": now,
    }
    known = select(Wording.id).where(Wording.newsletter_id == newsletter_id, Wording.sha256 == row["sha256"])
    found = await session.scalar(known)
    if found:
        return found
    await session.execute(insert_for(session, Wording).values(**row).on_conflict_do_nothing())
    return (await session.execute(known)).scalar_one()


class Shown(msgspec.Struct, frozen=True):
    """Words on file that a reader saw. `is_told`: the form named them; False: assumed, since it did not; None: ours."""

    id: str
    sha256: str
    is_told: bool | None

    @property
    def detail(self) -> dict[str, object]:
        """What the evidence says of it."""
        return {ASSUMED: True} if self.is_told is False else {}


async def shown_wording(session: AsyncSession, newsletter: Newsletter, marks: Mapping[str, str]) -> Shown:
    """The words that a reader saw beside the box: those that the form names, if they are on file, else the list's own.

    `marks` are what the form told, by short name of the list. An empty mark: it should have told, and did not.
    """
    mark = marks.get(newsletter.slug)
    if mark:
        mine = select(Wording).where(
            Wording.newsletter_id == newsletter.id, Wording.sha256.startswith(mark, autoescape=True)
        )
        found = await session.scalar(mine.limit(1))
        if found is not None:
            return Shown(found.id, found.sha256, is_told=True)
    return Shown(newsletter.wording_id, sha256_of(newsletter.wording), is_told=None if mark is None else False)


async def _use_wording(session: AsyncSession, newsletter_id: str, words: str, *, ids: Ids, now: datetime) -> None:
    wording_id = await keep_wording(session, newsletter_id, words, ids=ids, now=now)
    used = update(Newsletter).where(Newsletter.id == newsletter_id).values(wording_id=wording_id)
    await session.execute(used.execution_options(synchronize_session=False))
