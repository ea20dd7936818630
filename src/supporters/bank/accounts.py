"""Accounts at banks: opened here, renamed, closed. Their numbers are never stored."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.bank.fingerprint import SHORTEST, Keys, clean_number, last4
from supporters.bank.models import BankAccount
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

NAME_CHARS = 80
LONGEST_NUMBER = 40
KIND = "bank_account"


class Number(msgspec.Struct, frozen=True):
    """All that is kept of an account's number."""

    last4: str
    account_hash: str
    also_hashes: list[str]


def number_of(written: str, *, keys: Keys) -> Number:
    """What is kept of a number; empty for none. Raises Refused when it can't be one."""
    cleaned = clean_number(written)
    if not cleaned and not written.strip():
        return Number("", "", [])
    if not SHORTEST <= len(cleaned) <= LONGEST_NUMBER or not any(char.isdigit() for char in cleaned):
        raise Refused(_("Write the account's number as it stands on the statement, or leave it empty."))
    return Number(last4(cleaned), keys.account(cleaned), keys.account_forms(cleaned))


async def add_account(
    session: AsyncSession, *, name: str, currency: str, number: Number, actor_id: str, ids: Ids, now: datetime
) -> str:
    """The account is known and may be given statements; returns its id. Raises Refused: no name; Conflict: known already."""
    name = clean_line(name, limit=NAME_CHARS)
    if not name:
        raise Refused(_("Give the account a name, such as the bank's."))
    await _refuse_twin(session, name, number)
    account = BankAccount(
        id=ids.ulid(),
        name=name,
        currency=currency,
        last4=number.last4,
        account_hash=number.account_hash,
        also_hashes=number.also_hashes,
        profile=None,
        revision=0,
        created_by=actor_id,
        created_at=now,
    )
    session.add(account)
    await session.flush()
    detail = {"name": name, "currency": currency, "last4": number.last4}
    await note(session, KIND, account.id, "bank.account_add", actor_id=actor_id, detail=detail, now=now)
    return account.id


async def owner_of(session: AsyncSession, number: str, account: BankAccount, *, keys: Keys) -> str | None:
    """The name of another account in the same currency that has this number, however it is written."""
    forms = keys.account_forms(number)
    others = select(BankAccount).where(BankAccount.id != account.id, BankAccount.currency == account.currency)
    known = await session.scalars(others.order_by(BankAccount.id))
    return next((other.name for other in known if not set(forms).isdisjoint(other.also_hashes)), None)


async def close_account(session: AsyncSession, account_id: str, *, actor_id: str, now: datetime) -> bool:
    """The account takes no more files; what is here stays. False when it was closed before."""
    await _refuse_unknown(session, account_id)
    return await _set_closed(session, account_id, "bank.account_close", closed_at=now, actor_id=actor_id, now=now)


async def reopen_account(session: AsyncSession, account_id: str, *, actor_id: str, now: datetime) -> bool:
    """The account takes files again. False when it was open."""
    await _refuse_unknown(session, account_id)
    return await _set_closed(session, account_id, "bank.account_open", closed_at=None, actor_id=actor_id, now=now)


async def set_begin(
    session: AsyncSession, account_id: str, starts_on: date | None, *, actor_id: str, now: datetime
) -> bool:
    """From that day on the account's months want statements; without one, from its first statement. False when so before."""
    other = BankAccount.starts_on.is_distinct_from(starts_on)
    changed = update(BankAccount).where(BankAccount.id == account_id, other).values(starts_on=starts_on)
    if changed_rows(await session.execute(changed.execution_options(synchronize_session=False))) != 1:
        return False
    detail = {"starts_on": starts_on.isoformat() if starts_on else None}
    await note(session, KIND, account_id, "bank.account_begin", actor_id=actor_id, detail=detail, now=now)
    return True


async def note(
    session: AsyncSession,
    record_kind: str,
    record_id: str,
    action: str,
    *,
    actor_id: str | None,
    detail: Mapping[str, object],
    now: datetime,
) -> None:
    """The deed is in the audit log."""
    await record(
        session,
        actor_kind="staff" if actor_id else "system",
        actor_id=actor_id,
        action=action,
        record_kind=record_kind,
        record_id=record_id,
        detail=detail,
        now=now,
    )


async def _refuse_twin(session: AsyncSession, name: str, number: Number) -> None:
    taken = await session.scalar(select(BankAccount.id).where(func.lower(BankAccount.name) == name.lower()))
    if taken:
        raise Conflict(_("There is an account of this name already. Give this one another."))
    if number.account_hash:
        query = select(BankAccount.name).where(BankAccount.account_hash == number.account_hash)
        other = await session.scalar(query.limit(1))
        if other:
            raise Conflict(_("This number is known already: it is the account “%(name)s”.") % {"name": other})


async def _refuse_unknown(session: AsyncSession, account_id: str) -> None:
    if await session.get(BankAccount, account_id) is None:
        raise Refused(_("There is no such account."))


async def _set_closed(
    session: AsyncSession, account_id: str, action: str, *, closed_at: datetime | None, actor_id: str, now: datetime
) -> bool:
    was = BankAccount.closed_at.is_(None) if closed_at else BankAccount.closed_at.is_not(None)
    moved = await session.execute(
        update(BankAccount)
        .where(BankAccount.id == account_id, was)
        .values(closed_at=closed_at)
        .execution_options(synchronize_session=False)
    )
    if changed_rows(moved) != 1:
        return False
    await note(session, KIND, account_id, action, actor_id=actor_id, detail={}, now=now)
    return True
