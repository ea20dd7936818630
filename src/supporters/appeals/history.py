"""The history of an appeal: drafts, what was published when, and what readers see now.

A version is never changed: whoever changes words saves a new one. Readers see the row `appeal` itself, which publishing
fills from a version. Numbers have no gaps: the appeal's row is locked while the next one is given out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.content import Content, Source
from supporters.appeals.models import Appeal, AppealVersion
from supporters.appeals.queries import GENERAL, AppealView
from supporters.audit.record import record
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.outgoing.emit import emit

SEED = ""  # who saved what an appeal said before anybody changed it


class ChangedMeanwhile(Conflict):
    """Somebody else has saved a version since the form was opened; `newest` is its number."""

    def __init__(self, newest: int) -> None:
        super().__init__(_("Somebody else has saved this appeal meanwhile."))
        self.newest = newest


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One saved version. `publish_at` is when it is to be published, `published_at` when it last was."""

    number: int
    content: Content
    saved_by: str
    saved_at: datetime
    publish_at: datetime | None
    published_at: datetime | None

    @property
    def is_planned(self) -> bool:
        """Whether it is to be published later."""
        return self.publish_at is not None and self.published_at is None


async def create_appeal(
    session: AsyncSession, content: Content, *, currency: str, actor_id: str, ids: Ids, now: datetime
) -> str:
    """An appeal that no reader sees yet exists, with version 1; returns its id. Raises Conflict when its address is taken."""
    appeal_id = ids.ulid()
    values = {**_columns(content), "id": appeal_id, "currency": currency, "is_published": False, "created_at": now}
    made = await session.execute(insert_for(session, Appeal).values(**values, version=0).on_conflict_do_nothing())
    if not changed_rows(made):
        raise _taken()
    await _store(session, appeal_id, 1, content, saved_by=actor_id, ids=ids, now=now)
    return appeal_id


async def save_version(
    session: AsyncSession, appeal_id: str, content: Content, *, base: int, actor_id: str, ids: Ids, now: datetime
) -> int:
    """The content is the appeal's newest version; returns its number. Nothing is stored when it says what that one says.

    `base` is the newest version that the writer saw. Raises ChangedMeanwhile when there is a newer one, Conflict when the
    address is taken or can't change any more.
    """
    appeal = await _hold(session, appeal_id)
    newest = (await versions_of(session, appeal))[0]
    if newest.number != base:
        raise ChangedMeanwhile(newest.number)
    number = newest.number or await _store_seed(session, appeal, newest, ids=ids)
    if newest.content == content:
        return number
    await _keep_address(session, appeal, content.slug)
    await _store(session, appeal_id, number + 1, content, saved_by=actor_id, ids=ids, now=now)
    return number + 1


async def publish_version(session: AsyncSession, appeal_id: str, number: int, *, ids: Ids, now: datetime) -> None:
    """Readers see this version. What was planned for later is called off. *Writes* appeal, appeal_version, webhooks."""
    appeal = await _hold(session, appeal_id)
    version = await find_version(session, appeal_id, number)
    await _mark(session, appeal_id, number, published_at=now)
    await call_off(session, appeal_id)
    await _show(session, appeal, version, ids=ids, now=now)


async def plan_version(session: AsyncSession, appeal_id: str, number: int, *, at: datetime) -> None:
    """This version, and no other, is published at that time. Raises Conflict when it is what readers see already."""
    appeal = await _hold(session, appeal_id)
    await find_version(session, appeal_id, number)
    if appeal.is_published and appeal.version == number:
        raise Conflict(_("Readers see these words already. Change them first, then choose when they are published."))
    await call_off(session, appeal_id)
    await _mark(session, appeal_id, number, publish_at=at, published_at=None)


async def call_off(session: AsyncSession, appeal_id: str) -> list[int]:
    """Nothing of this appeal is published later; returns the numbers of the versions that would have been."""
    planned = (
        (AppealVersion.appeal_id == appeal_id)
        & AppealVersion.publish_at.is_not(None)
        & AppealVersion.published_at.is_(None)
    )
    off = update(AppealVersion).where(planned).values(publish_at=None).returning(AppealVersion.number)
    return sorted((await session.scalars(off.execution_options(synchronize_session=False))).all())


async def withdraw(session: AsyncSession, appeal_id: str) -> None:
    """Readers no longer see the appeal, now or later; its history stays. Raises Conflict for the general appeal."""
    appeal = await _hold(session, appeal_id)
    if appeal.slug == GENERAL:
        raise Conflict(
            _("The general appeal can't be withdrawn: it is what readers find when no other appeal is open.")
        )
    await call_off(session, appeal_id)
    await _change(session, appeal_id, is_published=False)


async def publish_due(session: AsyncSession, *, now: datetime, ids: Ids) -> list[str]:
    """Every version whose time has come is what readers see; returns the addresses of their appeals.

    *Idempotent by* the version's `published_at`, also when two workers do it at once.
    """
    due = (
        select(AppealVersion.appeal_id, AppealVersion.number)
        .where(AppealVersion.publish_at <= now, AppealVersion.published_at.is_(None))
        .order_by(AppealVersion.publish_at, AppealVersion.appeal_id)
    )
    slugs: list[str] = []
    for appeal_id, number in (await session.execute(due)).all():
        appeal = await _hold(session, appeal_id)
        version = await find_version(session, appeal_id, number)
        if version.is_planned:
            await _mark(session, appeal_id, number, published_at=now)
            await _show(session, appeal, version, ids=ids, now=now)
            await note(session, "publish", appeal_id, {"version": number}, actor_id=None, now=now)
            slugs.append(appeal.slug)
    return slugs


async def note(
    session: AsyncSession, deed: str, appeal_id: str, detail: dict[str, object], *, actor_id: str | None, now: datetime
) -> None:
    """The deed is in the audit log: by a member of staff or, without one, by the clock."""
    await record(
        session,
        actor_kind="staff" if actor_id else "system",
        actor_id=actor_id,
        action=f"appeal.{deed}",
        record_kind="appeal",
        record_id=appeal_id,
        detail=detail,
        now=now,
    )


async def versions_of(session: AsyncSession, appeal: Appeal) -> Sequence[Version]:
    """Every version of the appeal, newest first. Before anybody saved one: what the appeal says, as number 0."""
    wanted = select(AppealVersion).where(AppealVersion.appeal_id == appeal.id).order_by(AppealVersion.number.desc())
    found = [_view(row) for row in await session.scalars(wanted.execution_options(populate_existing=True))]
    return found or [_seed(appeal)]


async def latest_versions(session: AsyncSession, appeals: Sequence[Appeal]) -> dict[str, list[Version]]:
    """Of each appeal, by id, the newest version and those that wait for their time, the newest first; in one query."""
    newest = select(AppealVersion.appeal_id, func.max(AppealVersion.number)).group_by(AppealVersion.appeal_id)
    is_newest = tuple_(AppealVersion.appeal_id, AppealVersion.number).in_(newest)
    waits = AppealVersion.publish_at.is_not(None) & AppealVersion.published_at.is_(None)
    wanted = select(AppealVersion).where(is_newest | waits).order_by(AppealVersion.number.desc())
    found: dict[str, list[Version]] = {}
    for row in await session.scalars(wanted.execution_options(populate_existing=True)):
        found.setdefault(row.appeal_id, []).append(_view(row))
    return {appeal.id: found.get(appeal.id) or [_seed(appeal)] for appeal in appeals}


async def find_version(session: AsyncSession, appeal_id: str, number: int) -> Version:
    """One version. Raises NotFound."""
    wanted = select(AppealVersion).where(AppealVersion.appeal_id == appeal_id, AppealVersion.number == number)
    row = await session.scalar(wanted.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(_("There is no such version of this appeal."))
    return _view(row)


def content_of(appeal: Appeal) -> Content:
    """What readers see of the appeal, as content."""
    values: dict[str, Any] = {name: getattr(appeal, name) for name in Content.__struct_fields__}
    values["name"] = appeal.name or appeal.heading
    values["amounts"] = {name: tuple(int(rung) for rung in rungs) for name, rungs in appeal.amounts.items()}
    values["sources"] = tuple(Source(each["claim"], each["source"]) for each in appeal.sources or [])
    return Content(**values)


def view_of(appeal: Appeal, version: Version) -> AppealView:
    """The appeal as pages would show it if this version were published."""
    values: dict[str, Any] = {name: getattr(version.content, name) for name in Content.__struct_fields__}
    del values["sources"]
    values |= {"slug": appeal.slug, "id": appeal.id, "currency": appeal.currency, "version": version.number}
    return AppealView(**values)


def is_address_fixed(appeal: Appeal) -> bool:
    """Whether the appeal's address stands for good: links to it are out there once readers have seen it."""
    return appeal.slug == GENERAL or appeal.is_published or appeal.version > 0


async def _hold(session: AsyncSession, appeal_id: str) -> Appeal:
    """The appeal, nobody else changing it until this transaction ends; donations to it go on."""
    wanted = select(Appeal).where(Appeal.id == appeal_id).with_for_update(key_share=True)
    appeal = await session.scalar(wanted.execution_options(populate_existing=True))
    if appeal is None:
        raise NotFound(_("There is no such appeal."))
    return appeal


async def _store_seed(session: AsyncSession, appeal: Appeal, seed: Version, *, ids: Ids) -> int:
    """What the appeal said before anybody saved a version is kept as version 1; returns that number."""
    await _store(session, appeal.id, 1, seed.content, saved_by=SEED, ids=ids, now=appeal.created_at)
    if seed.published_at is not None:
        await _mark(session, appeal.id, 1, published_at=seed.published_at)
        await _change(session, appeal.id, version=1)
    return 1


async def _keep_address(session: AsyncSession, appeal: Appeal, slug: str) -> None:
    """The appeal has this address. An address that readers may hold stays."""
    if slug == appeal.slug:
        return
    if is_address_fixed(appeal):
        raise Conflict(_("This appeal's address can't change any more: readers may hold links to it."))
    if await session.scalar(select(Appeal.id).where(Appeal.slug == slug)):
        raise _taken()
    await _change(session, appeal.id, slug=slug)


def _taken() -> Conflict:
    return Conflict(_("Another appeal has this address."))


async def _store(
    session: AsyncSession, appeal_id: str, number: int, content: Content, *, saved_by: str, ids: Ids, now: datetime
) -> None:
    row: dict[str, Any] = {
        "id": ids.ulid(),
        "appeal_id": appeal_id,
        "number": number,
        "content": msgspec.to_builtins(content),
        "saved_by": saved_by,
        "saved_at": now,
        "publish_at": None,
        "published_at": None,
    }
    await session.execute(insert(AppealVersion).values(**row))


async def _mark(session: AsyncSession, appeal_id: str, number: int, **times: datetime | None) -> None:
    mine = (AppealVersion.appeal_id == appeal_id) & (AppealVersion.number == number)
    marked = update(AppealVersion).where(mine).values(**times)
    await session.execute(marked.execution_options(synchronize_session=False))


async def _show(session: AsyncSession, appeal: Appeal, version: Version, *, ids: Ids, now: datetime) -> None:
    """Readers see the version, under the address that the appeal has today."""
    values = {**_columns(version.content), "slug": appeal.slug, "is_published": True, "version": version.number}
    await _change(session, appeal.id, **values)
    data = {"id": appeal.id, "slug": appeal.slug, "version": version.number, "heading": version.content.heading}
    await emit(session, kind="appeal.published", about=appeal.id, data=data, ids=ids, now=now)


async def _change(session: AsyncSession, appeal_id: str, **values: Any) -> None:
    changed = update(Appeal).where(Appeal.id == appeal_id).values(**values)
    await session.execute(changed.execution_options(synchronize_session=False))


def _columns(content: Content) -> dict[str, Any]:
    """The content as columns of `appeal`."""
    plain: dict[str, Any] = msgspec.to_builtins(content)
    return {**plain, "starts_at": content.starts_at, "ends_at": content.ends_at}


def _view(row: AppealVersion) -> Version:
    return Version(
        number=row.number,
        content=msgspec.convert(row.content, Content),
        saved_by=row.saved_by,
        saved_at=row.saved_at,
        publish_at=row.publish_at,
        published_at=row.published_at,
    )


def _seed(appeal: Appeal) -> Version:
    return Version(
        number=0,
        content=content_of(appeal),
        saved_by=SEED,
        saved_at=appeal.created_at,
        publish_at=None,
        published_at=appeal.created_at if appeal.is_published else None,
    )
