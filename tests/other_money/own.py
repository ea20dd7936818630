"""Promises, deposits and payments as rows and verbs, for tests."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, insert, select, text

from arrivals import NOW, arrive, bank_line_id, bank_line_row, found_bank
from books import APPEAL, ATTRIBUTION, FUND, found
from supporters.checks import all_checks
from supporters.donations.deposits import PayingIn, pay_in
from supporters.donations.other_models import GivingAccount, OtherKind, OtherPayment, Promise
from supporters.donations.reference import make_reference
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.ledger.models import LedgerEntry
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.matches import Because, Part, confirm, undo
from supporters.reconciliation.other_money import Giver, NewPayment, Recorded, record_payment
from supporters.reconciliation.promises_kept import keep_some, take_back_unmatched
from supporters.settings import Settings

TODAY = NOW.date()


def reference_of(number: int) -> str:
    return make_reference(f"{number:08d}".encode())


def promise_id(number: int) -> str:
    return f"0P{number:024d}"


def promise_row(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": promise_id(number), "attempt_id": f"{number:026d}", "reference": reference_of(number),
        "amount_minor": 4_000, "currency": "GBP", "frequency": "once", "email": f"jo{number}@reader.example",
        "name": "Jo Smith", "fund_id": FUND, "appeal_id": APPEAL, "attribution_id": ATTRIBUTION, "locale": "en_GB",
        "livemode": False, "state": "open", "turn": 1, "expected_on": date(2026, 10, 1), "payer_hash": "",
        "made_at": NOW,
    }  # fmt: skip
    return row | changes


def credit(number: int, amount_minor: int, said: str, **changes: Any) -> dict[str, Any]:
    return bank_line_row(number, **({"amount_minor": amount_minor, "text": said, "counterparty": "J SMITH"} | changes))


async def begin(db: Database, *, promises: Sequence[dict[str, Any]] = (), lines: Sequence[dict[str, Any]] = ()) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await found_bank(session)
        account = {"currency": "GBP", "holder": "The Weekly", "numbers": "12-34-56 12345678", "is_shown": True}
        await session.execute(insert(GivingAccount).values(**account, changed_by="dana", changed_at=NOW))
        if promises:
            await session.execute(insert(Promise), list(promises))
        await arrive(session, [], list(lines))


async def match(db: Database, ids: Ids, settings: Settings) -> int:
    """The house matches what is certain, and the jobs that follow have run."""
    async with db.unit_of_work() as session:
        count = await match_certain(session, ids=ids, now=NOW)
    await follow(db, ids, settings)
    return count


async def follow(db: Database, ids: Ids, settings: Settings) -> None:
    async with db.unit_of_work() as session:
        await keep_some(session, ids=ids, now=NOW, settings=settings)
        await take_back_unmatched(session, ids=ids, now=NOW, settings=settings)


async def write_down(
    db: Database, ids: Ids, settings: Settings, amount_minor: int, kind: OtherKind = OtherKind.CASH, **changes: Any
) -> Recorded:
    fields = {"giver": Giver(name="Rosa Kane", email="rosa@reader.example"), "received_on": TODAY} | changes
    new = NewPayment(
        kind=kind, amount=Money(amount_minor, "GBP"), appeal_id=APPEAL, locale="en_GB", livemode=False, **fields
    )
    async with db.unit_of_work() as session:
        return await record_payment(session, new, actor_id="dana", ids=ids, now=NOW, settings=settings)


async def balances(db: Database) -> dict[str, int]:
    """The ledger's accounts that are not empty, after every check of the books held."""
    async with db.reading() as session:
        for check in all_checks():
            sql = check.sqlite if db.is_sqlite and check.sqlite else check.sql
            if ":day_ago" not in sql:
                assert not (await session.execute(text(sql))).all(), check.name
        sums = select(LedgerEntry.account, func.sum(LedgerEntry.amount_minor)).group_by(LedgerEntry.account)
        return {account: int(total) for account, total in await session.execute(sums) if total}


async def payments(db: Database) -> list[OtherPayment]:
    async with db.reading() as session:
        return list(await session.scalars(select(OtherPayment).order_by(OtherPayment.id)))


RULES: dict[str, Any] = {"actor_id": "dana", "now": NOW}


async def paid_in(db: Database, ids: Ids, payment_ids: list[str], counted: int, **more: Any) -> str:
    paying = PayingIn(payment_ids=payment_ids, counted=Money(counted, "GBP"), paid_in_on=TODAY, **more)
    async with db.unit_of_work() as session:
        return await pay_in(session, paying, today=TODAY, ids=ids, **RULES)


async def say(db: Database, ids: Ids, number: int, *parts: Part) -> None:
    async with db.unit_of_work() as session:
        await confirm(session, [bank_line_id(number)], parts, because=Because(), ids=ids, **RULES)


async def take_back(db: Database, ids: Ids, number: int) -> None:
    async with db.unit_of_work() as session:
        await undo(session, bank_line_id(number), ids=ids, **RULES)


async def count(db: Database, model: Any) -> int:
    async with db.reading() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0
