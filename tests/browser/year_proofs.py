"""What must be so when the year is closed: in the books, at Stripe, on the board, and of every kind of difference."""

import csv
import io
import re
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path

from beancount import loader
from beancount.core.data import Transaction
from sqlalchemy import func, select
from year_world import KNOWN, YEAR, Town

from supporters.discrepancies.codes import Code, Resolution, describe_resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from whole import Whole

Sums = dict[tuple[str, str, str], Decimal]
HOW = {Code.REFUND_PRIOR_PERIOD: "January is closed, and a gift of it is refunded"}  # where the year tells it otherwise
# Whatever passes through these has gone through, to the penny.
PASSED_THROUGH = (
    Account.STRIPE_RESERVE,
    Account.PAYOUTS_IN_TRANSIT,
    Account.DISPUTES_RECEIVABLE,
    Account.UNDEPOSITED,
    Account.SUSPENSE,
    Account.REFUNDS_PAYABLE,
)


async def books(site: Whole) -> dict[tuple[str, str], int]:
    """What each account holds in each currency."""
    entry = LedgerEntry
    summed = select(entry.account, entry.currency, func.sum(entry.amount_minor)).group_by(entry.account, entry.currency)
    async with site.db.reading() as session:
        return {(account, currency): int(minor) for account, currency, minor in await session.execute(summed)}


async def by_month(site: Whole) -> Sums:
    """What each account moved, by its code, currency and month, in major units."""
    entry, row = LedgerEntry, LedgerTransaction
    key = (entry.account, entry.currency, row.period)
    summed = select(*key, func.sum(entry.amount_minor)).join(row, row.id == entry.transaction_id).group_by(*key)
    async with site.db.reading() as session:
        found = [(*names, Decimal(int(minor)).scaleb(-2)) for *names, minor in await session.execute(summed)]
    return {(code, currency, month): total for code, currency, month, total in found if total}


def told_by_beancount(file: Path) -> Sums:
    """The same, as beancount reads the file; it must find nothing wrong with it."""
    entries, errors, _options = loader.load_file(str(file))
    if errors:
        raise AssertionError(errors)
    sums: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                sums[_code(posting.account), posting.units.currency, f"{entry.date:%Y-%m}"] += posting.units.number
    return {key: total for key, total in sums.items() if total}


def told_by_hledger(file: Path) -> Sums:
    """The same, as hledger reads the file, after its own strict check."""
    subprocess.run(["hledger", "-f", str(file), "check", "--strict"], check=True, capture_output=True)
    told = subprocess.run(
        ["hledger", "-f", str(file), "print", "-O", "csv"], check=True, capture_output=True, text=True
    )
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in csv.DictReader(io.StringIO(told.stdout)):
        sums[_code(row["account"]), row["commodity"], row["date"][:7]] += Decimal(row["amount"])
    return {key: total for key, total in sums.items() if total}


def _code(name: str) -> str:
    found = re.search(r"\d{4}", name)
    return found[0] if found else name


async def what_is_left(site: Whole) -> dict[tuple[str, str], int]:
    """Money that is still on its way or waits for somebody, by account and currency."""
    return {key: minor for key, minor in (await books(site)).items() if key[0] in PASSED_THROUGH and minor}


async def differs_from_stripe(site: Whole) -> dict[str, int]:
    """By how much the books' Stripe account is off what the sandbox itself says that it holds, by currency."""
    told = (
        await site.bank.get("/v1/balance", headers={"Authorization": f"Bearer {site.settings.stripe_secret_key}"})
    ).json()
    held = {
        currency: minor
        for (account, currency), minor in (await books(site)).items()
        if account == Account.STRIPE_BALANCE
    }
    for part in (*told["available"], *told["pending"]):
        currency = part["currency"].upper()
        held[currency] = held.get(currency, 0) - part["amount"]
    return {currency: minor for currency, minor in held.items() if minor}


def unfinished(board: list[list[str]]) -> list[list[str]]:
    """Months of the year on the board that are not closed, or where a payout, a line or a difference is left."""
    mine = [cells for cells in board if str(YEAR) in cells[0]]
    assert len(mine) == 12
    return [cells for cells in mine if "Closed" not in cells[1] or any(map(_is_part, cells[2:])) or cells[-1] != "–"]


def _is_part(cell: str) -> bool:
    found = re.fullmatch(r"(\d+)/(\d+)", cell.strip())
    return found is not None and found[1] != found[2]


async def how_each_was_closed(town: Town) -> list[str]:
    """Every kind came and is closed; says of each how it came about, and how it was closed and by whom."""
    async with town.site.db.reading() as session:
        rows = (await session.scalars(select(Discrepancy).order_by(Discrepancy.opened_at))).all()
    still = [(row.code, row.subject) for row in rows if row.state == DiscrepancyState.OPEN]
    missing = [code for code in KNOWN if all(row.code != code.value for row in rows)]
    if still or missing:
        raise AssertionError(f"open: {still}; never came: {missing}")
    return [_said(code, [row for row in rows if row.code == code.value], town.told.get(code)) for code in KNOWN]


def _said(code: Code, rows: list[Discrepancy], subject: str | None) -> str:
    row = next((each for each in rows if each.subject == subject), None)
    row = row or next((each for each in rows if each.resolved_by), rows[0])
    by = "by the house" if row.resolved_by is None else "at the desk"
    way = describe_resolution(Resolution(row.resolution or ""))
    return f"{code.value} ({len(rows)}): {HOW.get(code, KNOWN[code].how)} -> closed {by}: {way}"
