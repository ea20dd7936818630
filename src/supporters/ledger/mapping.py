"""How the accountant's books call our accounts: code, name, tax code and tracking, for all money or for one fund or kind."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.chart import Account, AccountKind, describe, kind_of
from supporters.ledger.models import AccountMapping

KINDS = ("once", "monthly", "quarterly", "yearly")
CODE_CHARS, NAME_CHARS, TRACKING_CHARS = 60, 200, 120


class Outside(NamedTuple):
    """What the accountant's books call an account. Empty tax code and tracking: none."""

    code: str
    name: str
    tax_code: str = ""
    tracking: str = ""


class MappingKey(NamedTuple):
    """Which money a line of the mapping is for; "" stands for every fund, or every kind."""

    account: Account
    fund_id: str = ""
    kind: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks the mapping to be for some money."""

    account: Account
    fund_id: str = ""
    kind: str = ""
    code: str
    name: str
    tax_code: str = ""
    tracking: str = ""


Lines = Mapping[MappingKey, Outside]


async def read_mapping(session: AsyncSession) -> Lines:
    """Every line of the mapping; it is small, and `find_mapping` looks in it."""
    rows = await session.scalars(select(AccountMapping))
    known = {account.value for account in Account}
    return {
        MappingKey(Account(row.account), row.fund_id, row.kind): Outside(
            row.outside_code, row.outside_name, row.tax_code, row.tracking
        )
        for row in rows
        if row.account in known
    }


def find_mapping(lines: Lines, account: Account, *, fund_id: str | None = None, kind: str | None = None) -> Outside:
    """What this money's account is called outside. Most specific wins: fund and kind, fund, kind, all money; else ours."""
    for key in (
        MappingKey(account, fund_id or "", kind or ""),
        MappingKey(account, fund_id or "", ""),
        MappingKey(account, "", kind or ""),
        MappingKey(account),
    ):
        if key in lines:
            return lines[key]
    return Outside(account.value, describe(account).name)


def takes_kind(account: Account) -> bool:
    """Whether a line may be for one kind of income only: others know no kinds."""
    return kind_of(account) is AccountKind.INCOME


async def list_mapping(session: AsyncSession) -> Sequence[AccountMapping]:
    """Every line of the mapping, in the order of the chart, the general ones first."""
    row = AccountMapping
    return (await session.scalars(select(row).order_by(row.account, row.fund_id, row.kind))).all()


async def set_mapping(session: AsyncSession, wanted: Wanted, *, actor_id: str, ids: Ids, now: datetime) -> None:
    """This money's account is called so from now on, in exports that are made from now on; the audit says by whom.

    *Idempotent by* account, fund and kind. *Raises* Refused without a code or name, or for a kind that does not exist.
    """
    values = _values(wanted)
    key = {"account": wanted.account.value, "fund_id": wanted.fund_id, "kind": wanted.kind}
    before = await session.scalar(select(AccountMapping).filter_by(**key))
    was = {name: getattr(before, name) if before else "" for name in values}
    insert = insert_for(session, AccountMapping).values(id=ids.ulid(), **key, **values, changed_at=now)
    await session.execute(insert.on_conflict_do_update(index_elements=list(key), set_={**values, "changed_at": now}))
    changes = {name: {"before": was[name], "after": values[name]} for name in values if was[name] != values[name]}
    detail = {"fund_id": wanted.fund_id, "kind": wanted.kind, **changes}
    await _record(session, "account.map", wanted.account, detail, actor_id=actor_id, now=now)


async def remove_mapping(session: AsyncSession, mapping_id: str, *, actor_id: str, now: datetime) -> None:
    """The line is gone and the next more general one counts. *Raises* NotFound."""
    row = await session.get(AccountMapping, mapping_id)
    gone = await session.execute(delete(AccountMapping).where(AccountMapping.id == mapping_id))
    if row is None or not changed_rows(gone):
        raise NotFound(_("There is no such line."))
    detail = {"fund_id": row.fund_id, "kind": row.kind, "outside_code": row.outside_code}
    await _record(session, "account.unmap", Account(row.account), detail, actor_id=actor_id, now=now)


def faults_of(wanted: Wanted) -> Iterable[tuple[str, str]]:
    """What a person must put right first: pairs of field and words."""
    if not clean_line(wanted.code, limit=CODE_CHARS):
        yield "code", _("Write the code that your accountant's books have for it.")
    if not clean_line(wanted.name, limit=NAME_CHARS):
        yield "name", _("Write the name that your accountant's books have for it.")
    if wanted.kind and (wanted.kind not in KINDS or not takes_kind(wanted.account)):
        yield "kind", _("Only income is told apart by how often it is given.")


def _values(wanted: Wanted) -> dict[str, str]:
    for _field, words in faults_of(wanted):
        raise Refused(words)
    return {
        "outside_code": clean_line(wanted.code, limit=CODE_CHARS),
        "outside_name": clean_line(wanted.name, limit=NAME_CHARS),
        "tax_code": clean_line(wanted.tax_code, limit=CODE_CHARS),
        "tracking": clean_line(wanted.tracking, limit=TRACKING_CHARS),
    }


async def _record(
    session: AsyncSession, action: str, account: Account, detail: Mapping[str, object], *, actor_id: str, now: datetime
) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="account",
        record_id=account.value,
        detail=detail,
        now=now,
    )
