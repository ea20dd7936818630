"""beancount and hledger load what goes out, hold its balances, and count what our books count.

To the penny, in every account and month.
"""

import csv
import io
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction
from seeded_year import YEAR, Books, add_year, our_books
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engines import on_postgresql
from supporters.exports.batches import Maker, make_batch, reverse_batch, unpack
from supporters.exports.claims import StillClaimed, claims_on, require_unclaimed
from supporters.exports.gather import Wanted
from supporters.exports.journals import Balance
from supporters.exports.ledgers import name_of
from supporters.exports.models import ExportBatch
from supporters.exports.queries import find_batch, read_body
from supporters.exports.targets import CLAIMS, Mode, Target
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.money import exponent
from supporters.ledger.chart import Account, describe
from supporters.ledger.models import BankProof
from supporters.ledger.periods import lock_month, reopen_month
from supporters.ledger.post import Entry, Posting, post
from whole import Whole

NOW = datetime(YEAR + 1, 1, 3, tzinfo=UTC)
BEAN = Path(sys.executable).parent
QUARTERS = ((1, 3), (4, 6), (7, 9), (10, 12))


@on_postgresql
async def test_both_accept_a_quarter_and_count_what_our_books_count(db: Database, ids: Ids, tmp_path: Path) -> None:
    async with db.unit_of_work() as session:
        await add_year(session, ids, months=3)
        await lock(session, 2)
        beans = await save(session, await export(session, ids, Target.BEANCOUNT), tmp_path)
        journal = await save(session, await export(session, ids, Target.HLEDGER, Mode.LINE), tmp_path)
        ours = outside_names(await our_books(session))

    run(BEAN / "bean-check", beans)
    run(hledger(), "-f", journal, "check", "--strict")

    assert len(ours) > 75
    assert told_by_beancount(beans) == ours
    assert told_by_hledger(journal) == ours


async def test_quarters_beside_each_other_are_the_year_and_a_penny_is_noticed(
    sqlite_db: Database, ids: Ids, tmp_path: Path
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids)
        await lock(session, 12)
        beans = [
            await save(session, await export(session, ids, Target.BEANCOUNT, months=q), tmp_path) for q in QUARTERS
        ]
        texts = [await save(session, await export(session, ids, Target.HLEDGER, months=q), tmp_path) for q in QUARTERS]
        ours = outside_names(await our_books(session))
    whole_beans, whole_text = tmp_path / "whole.beancount", tmp_path / "whole.journal"
    whole_beans.write_text("".join(f'include "{file.name}"\n' for file in beans))
    whole_text.write_text("".join(f"include {file.name}\n" for file in texts))

    assert told_by_beancount(whole_beans) == ours
    run(hledger(), "-f", whole_text, "check", "--strict")
    assert told_by_hledger(whole_text) == ours

    extra = '\n2026-05-05 * "a penny"\n  {}  0.01 GBP\n  {}  -0.01 GBP\n'
    bank, fees = (name_of(balance_of(each)) for each in (Account.BANK, Account.BANK_FEES))
    whole_beans.write_text(whole_beans.read_text() + extra.format(bank, fees))
    whole_text.write_text(whole_text.read_text() + extra.format(bank, fees))
    _, errors, _ = loader.load_file(str(whole_beans))
    assert errors
    assert {error.entry.date for error in errors} >= {date(YEAR, month, 1) for month in range(6, 13)}
    assert "balance assertion" in run(hledger(), "-f", whole_text, "check", fails=True)


async def test_no_file_claims_a_balance_that_a_later_file_changes(
    sqlite_db: Database, ids: Ids, tmp_path: Path
) -> None:
    files: list[Path] = []
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids, months=4)
        await lock(session, 3)
        for months in ((1, 1), (3, 3), (2, 2), (4, 4)):  # February is left out at first, and April is not closed
            files.append(await save(session, await export(session, ids, Target.BEANCOUNT, months=months), tmp_path))
        await post(session, [posted_late(4)], ids=ids, now=NOW)
        files.append(await save(session, await export(session, ids, Target.BEANCOUNT), tmp_path))
        ours = outside_names(await our_books(session))
    whole = tmp_path / "whole.beancount"
    whole.write_text("".join(f'include "{file.name}"\n' for file in files))

    assert told_by_beancount(whole) == ours
    assert [" balance " in file.read_text() for file in files] == [True, False, False, False, False]


async def test_a_month_is_not_opened_again_under_a_file_that_claims_it_unless_somebody_says_so(
    sqlite_db: Database, ids: Ids, tmp_path: Path
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids, months=3)
        await lock(session, 2)
        first = {target: await export(session, ids, target, months=(1, 2)) for target in sorted(CLAIMS)}
        await export(session, ids, Target.CSV, months=(1, 2))
        claimed = {each.batch_id for each in await claims_on(session, f"{YEAR}-02")}
        assert (claimed, await claims_on(session, f"{YEAR}-03")) == (set(first.values()), [])
        with pytest.raises(StillClaimed, match="at the end of February 2026: beancount-2026-01-01"):
            await require_unclaimed(session, f"{YEAR}-02", are_left=False)
        await require_unclaimed(session, f"{YEAR}-02", are_left=True)
        await reopen_month(session, f"{YEAR}-02", reason="a bank line was taken back", actor_id="dana", now=NOW)
        await post(session, [posted_late(2)], ids=ids, now=NOW)
        later = {target: await save(session, await export(session, ids, target), tmp_path) for target in sorted(CLAIMS)}
        for target, file in later.items():
            [name] = [each.file_name for each in [await find_batch(session, first[target])] if each]
            assert f"Changes balances that {name} claims: a month was opened again." in file.read_text()
            assert "after 2026-02-03 out of that file" in file.read_text()

        maker = Maker(organisation="The Paper", actor_id="A" * 26, ids=ids, now=NOW, broken=[])
        for batch_id in first.values():
            await reverse_batch(session, batch_id, home_currency="GBP", maker=maker)
        assert await claims_on(session, f"{YEAR}-02") == []
        again = {target: await save(session, await export(session, ids, target), tmp_path) for target in sorted(CLAIMS)}
    bean, text = Target.BEANCOUNT, Target.HLEDGER
    whole = tmp_path / "whole.beancount"
    whole.write_text(f'include "{later[bean].name}"\ninclude "{again[bean].name}"\n')
    run(BEAN / "bean-check", whole)
    assert "Changes balances" not in again[bean].read_text() + again[text].read_text()


async def test_what_takes_a_batch_back_leaves_nothing_of_it_and_all_of_it_goes_out_again(
    sqlite_db: Database, ids: Ids, tmp_path: Path
) -> None:
    texts: dict[Target, str] = {}
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids, months=4)
        await lock(session, 4)
        for target in (Target.BEANCOUNT, Target.HLEDGER):
            made = await export(session, ids, target, months=(2, 3))
            first = await save(session, made, tmp_path)
            maker = Maker(organisation="The Paper", actor_id="A" * 26, ids=ids, now=NOW, broken=[])
            back = await save(session, await reverse_batch(session, made, home_currency="GBP", maker=maker), tmp_path)
            mark = " balance " if target is Target.BEANCOUNT else " = "  # claims hold before the second file is loaded
            kept = [line for line in first.read_text().splitlines() if mark not in line]
            texts[target] = "\n".join([*kept, back.read_text()])
            again = await save(session, await export(session, ids, target, months=(2, 3)), tmp_path)
            told = told_by_beancount(again) if target is Target.BEANCOUNT else told_by_hledger(again)
            assert {month for _, _, month in told} == {"2026-02", "2026-03"}
    both_beans, both_text = tmp_path / "both.beancount", tmp_path / "both.journal"
    both_beans.write_text(texts[Target.BEANCOUNT])
    both_text.write_text(texts[Target.HLEDGER])

    assert texts[Target.HLEDGER].count("2026-02-") > 30
    assert told_by_beancount(both_beans) == {}
    assert told_by_hledger(both_text) == {}


async def test_files_hold_without_one_that_was_taken_back_and_with_what_replaced_it(
    sqlite_db: Database, ids: Ids, tmp_path: Path
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids, months=3)
        await lock(session, 3)
        ours = {key: minor for key, minor in outside_names(await our_books(session)).items() if key[2] <= f"{YEAR}-03"}
        for target, told in ((Target.BEANCOUNT, told_by_beancount), (Target.HLEDGER, told_by_hledger)):
            first = await export(session, ids, target, months=(1, 1))
            files = [await save(session, await export(session, ids, target, months=(2, 2)), tmp_path)]
            maker = Maker(organisation="The Paper", actor_id="A" * 26, ids=ids, now=NOW, broken=[])
            await reverse_batch(session, first, home_currency="GBP", maker=maker)
            files += [
                await save(session, await export(session, ids, target, months=months), tmp_path)
                for months in ((1, 1), (3, 3))
            ]
            whole = tmp_path / f"whole.{target}"
            form = 'include "{}"' if target is Target.BEANCOUNT else "include {}"
            whole.write_text("".join(f"{form.format(file.name)}\n" for file in files))
            if target is Target.HLEDGER:
                run(hledger(), "-f", whole, "check", "--strict")
            assert told(whole) == ours
            assert "closed months" not in files[-1].read_text()


async def test_a_payout_of_the_sandbox_is_one_journal_with_all_that_it_took(site: Whole, tmp_path: Path) -> None:
    await site.bank.post("/_control/payout-interval", json={"interval": "daily"})
    for amount in ("25", "10"):
        await site.pay(await site.give(amount=amount))
    await site.settle()
    for _ in range(12):  # until it is available, is sent, and Stripe has said what is in it
        site.clock.advance(timedelta(days=1))
        await site.sandbox.tick()
    await site.settle()
    wanted = Wanted(
        target=Target.HLEDGER,
        mode=Mode.PAYOUT,
        starts_on=date(2026, 11, 1),
        ends_on=date(2026, 12, 31),
        home_currency="GBP",
    )
    maker = Maker(organisation="The Paper", actor_id="A" * 26, ids=site.ids, now=NOW, broken=[])

    async with site.db.unit_of_work() as session:
        batch_id = await make_batch(session, wanted, maker)
        journals = unpack((await session.scalars(select(ExportBatch.journals))).one())
        file = await save(session, batch_id, tmp_path)

    [payout] = site.sandbox.objects("payout")
    [journal] = journals
    assert (journal.reference, journal.text) == (payout["id"], f"Stripe payout {payout['id']}")
    assert [(line.account, line.text, line.amount_minor) for line in journal.lines] == [
        ("1100", "Stripe balance", 3407),
        ("4000", "One-off donations, General fund", -3500),
        ("5000", "Processing fees", 93),
        ("1100", "Payout", -3407),
        ("1150", "Payout", 3407),
    ]
    run(hledger(), "-f", file, "check", "--strict")


def posted_late(month: int) -> Posting:
    """A pound that comes into the books after their month went out."""
    return Posting(
        source_kind="other_payment", source_id="late", purpose="test", booked_on=date(YEAR, month, 3), memo="late",
        entries=(
            Entry(account=Account.UNDEPOSITED, amount_minor=100, currency="GBP"),
            Entry(account=Account.FEE_COVER, amount_minor=-100, currency="GBP"),
        ),
    )  # fmt: skip


async def lock(session: AsyncSession, last: int) -> None:
    """Every month to this one is closed, so that its balances can be claimed."""
    for month in range(1, last + 1):
        await lock_month(
            session, f"{YEAR}-{month:02d}", bank_proof=BankProof.STATEMENT, actor_id="dana", now=NOW,
            time_zone="Europe/London",
        )  # fmt: skip


async def export(
    session: AsyncSession, ids: Ids, target: Target, mode: Mode = Mode.PAYOUT, months: tuple[int, int] = (1, 12)
) -> str:
    first, last = months
    ends_on = date(YEAR, last, {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}.get(last, 31))
    wanted = Wanted(target=target, mode=mode, starts_on=date(YEAR, first, 1), ends_on=ends_on, home_currency="GBP")
    maker = Maker(organisation="The Paper", actor_id="A" * 26, ids=ids, now=NOW, broken=[])
    return await make_batch(session, wanted, maker)


async def save(session: AsyncSession, batch_id: str, folder: Path) -> Path:
    batch: ExportBatch | None = await find_batch(session, batch_id)
    body = await read_body(session, batch_id)
    assert batch is not None
    assert body
    path = folder / batch.file_name
    path.write_bytes(body)
    return path


def outside_names(books: Books) -> dict[tuple[str, str, str], Decimal]:
    return {
        (name_of(balance_of(Account(account))), currency, month): Decimal(minor).scaleb(-exponent(currency))
        for (account, currency, month), minor in books.items()
    }


def balance_of(account: Account) -> Balance:
    name = describe(account).name
    return Balance(account=account, code=account, name=name, currency="GBP", debit_minor=0, credit_minor=0)


def told_by_beancount(file: Path) -> dict[tuple[str, str, str], Decimal]:
    """Through beancount's own parser, by account, currency and month."""
    entries, errors, _ = loader.load_file(str(file))
    assert not errors
    sums: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                sums[posting.account, posting.units.currency, f"{entry.date:%Y-%m}"] += posting.units.number
    return {key: total for key, total in sums.items() if total}


def told_by_hledger(file: Path) -> dict[tuple[str, str, str], Decimal]:
    """Through hledger's own register of every posting."""
    told = run(hledger(), "-f", file, "print", "-O", "csv")
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in csv.DictReader(io.StringIO(told)):
        sums[row["account"], row["commodity"], row["date"][:7]] += Decimal(row["amount"])
    return {key: total for key, total in sums.items() if total}


def hledger() -> str:
    found = shutil.which("hledger")
    assert found, "The tests need hledger: install the package 'hledger', then run this again."
    return found


def run(*command: object, fails: bool = False) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert bool(done.returncode) is fails, f"{done.stdout}\n{done.stderr}"[:3000]
    return done.stdout + done.stderr
