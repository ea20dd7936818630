"""Every check of the books holds on good books, and is shown to fail on books that were broken on purpose."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import JSON, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from books import NOW, add_donations, add_lines, donation_id, found, line_row, refund_line_row
from broken_other_money import BROKEN_OTHER_MONEY
from broken_sent import BROKEN_SENT, TRANSACTION
from databases import Databases
from supporters.audit.models import AuditDetail
from supporters.audit.record import record
from supporters.checks import all_checks, run_checks
from supporters.donations.models import Donation, Refund
from supporters.invariants import in_lines, invariants
from supporters.kit.clock import FixedClock
from supporters.kit.db import Base, Database, changed_rows
from supporters.kit.ids import Ids, SeededRandom
from supporters.ledger.models import LedgerTransaction
from supporters.ledger.post import post
from supporters.ledger.reverse import reverse
from supporters.ledger.triggers import drop_statements
from supporters.payments.models import BalanceTransaction
from supporters.people.models import Supporter
from supporters.reconciliation.fingerprint import fingerprint
from supporters.reconciliation.poster import line_of, post_new
from supporters.reconciliation.postings import Ours, make_posting

KINDS = ("sqlite", "postgresql")
ONE = donation_id(1)
COPY = (
    "INSERT INTO ledger_transaction (id, source_kind, source_id, purpose, revision, booked_on, period, memo, posted_at) "
    "SELECT '{id}', source_kind, '{source}', purpose, {revision}, booked_on, period, memo, posted_at "
    "FROM ledger_transaction WHERE source_id = 'txn_1'"
)
ENTRY = (
    "INSERT INTO ledger_entry (id, transaction_id, account, amount_minor, currency) "
    "VALUES ('{id}', {to}, '{account}', {n}, 'GBP')"
)
REFUND = (
    "INSERT INTO refund (id, donation_id, amount_minor, currency, reason, state, origin, created_at, updated_at) "
    "SELECT 'new', id, {n}, '{currency}', 'other', '{state}', 'desk', created_at, updated_at FROM donation WHERE id = '{of}'"
)
DISPUTE = (
    "INSERT INTO dispute (id, donation_id, stripe_dispute_id, stripe_payment_intent_id, amount_minor, currency, state, "
    "reason, opened_at, closed_at, created_at, updated_at) "
    "SELECT 'new', id, 'ch_1', 'pi_1', amount_minor, currency, 'lost', 'general', created_at, "
    "'2026-11-21 09:35:59.000000', created_at, updated_at FROM donation WHERE id = '{of}'"
)
START = (
    "INSERT INTO books_start (revision, starts_on, starts_at, made_by, made_at) "
    "VALUES (1, '2026-11-01', '2026-11-01 00:00:00.000000', 'dana', '2026-11-01 09:00:00.000000')"
)
SAME_LINE = (
    "account, livemode, created_at, available_at, status, type, reporting_category, currency, gross_minor, fee_minor, "
    "net_minor, fee_details, source_id, stripe_charge_id, stripe_payment_intent_id, mirrored_at, posted_at"
)
SECOND_CHARGE = (
    f"INSERT INTO balance_transaction (stripe_balance_transaction_id, {SAME_LINE}) "
    f"SELECT 'txn_again', {SAME_LINE} FROM balance_transaction WHERE stripe_balance_transaction_id = 'txn_1'"
)
BATCH = (
    "INSERT INTO export_batch (id, target, mode, starts_on, ends_on, file_name, body, journals, sha256, size_bytes, "
    "transactions, journal_count, line_count, totals, made_by, made_at, state, reverses_id) VALUES ('{id}', 'journal', 'line', "
    "'2026-11-01', '2026-11-30', 'x.csv', '', '', '', 0, {n}, 0, 0, '[]', 'dana', '2026-11-22 09:00:00.000000', 'live', {of})"
)
ITEM = (
    "INSERT INTO export_item (batch_id, ledger_transaction_id, target, is_live) "
    "SELECT '{batch}', id, 'journal', true FROM ledger_transaction WHERE source_id = 'txn_1'"
)
STATED = (
    "INSERT INTO stated_payment (donation_id, wished, statement_id, kept_at) "
    "VALUES ('{of}', 'yearly', NULL, '2026-01-02 09:00:00.000000')"
)
OF_LAST_YEAR = f"UPDATE donation SET paid_at = '2025-12-31 09:00:00.000000' WHERE id = '{ONE}'"
YEAR_STATEMENT = (
    "INSERT INTO year_statement (id, supporter_id, year, payments, has_letter, made_at) "
    f"SELECT 'one', supporter_id, 2025, 1, true, paid_at FROM donation WHERE id = '{ONE}'"
)
HELD = f"UPDATE ledger_entry SET account = '1160' WHERE transaction_id = {TRANSACTION} AND account = '4000'"

BROKEN: list[tuple[str, list[str]]] = [
    ("ledger_balanced", [ENTRY.format(id="e1", to=TRANSACTION, account="5000", n=1)]),
    (
        "ledger_balanced",
        [f"UPDATE ledger_entry SET currency = 'EUR' WHERE transaction_id = {TRANSACTION} AND account = '1100'"],
    ),
    ("ledger_no_orphans", [ENTRY.format(id="e1", to="'gone'", account="5000", n=1)]),
    ("ledger_no_empty", [COPY.format(id="empty", source="txn_1", revision=7)]),
    ("ledger_reversals", ["UPDATE ledger_entry SET account = '5010' WHERE account = '5000' AND amount_minor < 0"]),
    ("ledger_periods", ["UPDATE ledger_transaction SET period = '2026-12' WHERE source_id = 'txn_1'"]),
    (
        "ledger_locked_months",
        ["INSERT INTO ledger_period (period, state, note, transactions) VALUES ('2026-11', 'locked', '', 99)"],
    ),
    (
        "ledger_locked_months",
        ["INSERT INTO ledger_period (period, state, note, transactions) VALUES ('2026-12', 'locked', '', 0)"],
    ),
    ("ledger_late_facts", ["UPDATE ledger_transaction SET effective_on = '2026-11-30' WHERE source_id = 'txn_1'"]),
    (
        "ledger_since_start",
        [START, "UPDATE ledger_transaction SET booked_on = '2026-10-31' WHERE source_id = 'txn_1'"],
    ),
    (
        "mirror_fee_parts",
        ["UPDATE balance_transaction SET fee_details = '[{\"amount_minor\" : 64}]' WHERE source_id = 'ch_1'"],
    ),
    ("paid_has_one_charge", [SECOND_CHARGE]),
    ("unknown_is_seen", ["UPDATE balance_transaction SET reporting_category = 'a_new_one' WHERE source_id = 'ch_1'"]),
    ("given_back_is_seen", [f"UPDATE donation SET returned_minor = 2501 WHERE id = '{ONE}'"]),
    *BROKEN_SENT,
    (
        "exports_once",
        [
            BATCH.format(id="one", n=1, of="NULL"),
            BATCH.format(id="two", n=1, of="NULL"),
            ITEM.format(batch="one"),
            ITEM.format(batch="two"),
        ],
    ),
    ("exports_whole", [BATCH.format(id="one", n=1, of="NULL")]),
    ("exports_taken_back", [BATCH.format(id="one", n=0, of="NULL"), BATCH.format(id="two", n=0, of="'one'")]),
    (
        "bank_lines_booked",
        [
            "UPDATE ledger_entry SET account = '1000', bank_line_id = 'none' "
            f"WHERE transaction_id = {TRANSACTION} AND account = '4000'",
        ],
    ),
    ("mirror_net", ["UPDATE balance_transaction SET net_minor = net_minor + 1 WHERE source_id = 'ch_1'"]),
    ("paid_has_payment", [f"UPDATE donation SET stripe_payment_intent_id = NULL WHERE id = '{ONE}'"]),
    ("paid_has_payment", [f"UPDATE donation SET paid_at = NULL WHERE id = '{ONE}'"]),
    ("refunds_within_donation", [REFUND.format(n=2501, currency="GBP", state="succeeded", of=ONE)]),
    ("refunded_sum", [f"UPDATE donation SET refunded_minor = 1 WHERE id = '{ONE}'"]),
    ("refunded_sum", [REFUND.format(n=5, currency="GBP", state="succeeded", of=ONE)]),
    ("refund_currency", [REFUND.format(n=5, currency="EUR", state="pending", of=ONE)]),
    ("refund_of_paid", [f"UPDATE donation SET state = 'started' WHERE id = '{donation_id(3)}'"]),
    ("paid_has_receipt", [f"DELETE FROM receipt WHERE donation_id = '{donation_id(3)}'"]),
    ("receipt_or_statement", [STATED.format(of=ONE)]),
    ("yearly_has_statement", [OF_LAST_YEAR, STATED.format(of=ONE)]),
    ("statement_has_letter", [YEAR_STATEMENT]),
    ("receipt_has_paid", [f"UPDATE donation SET state = 'expired' WHERE id = '{ONE}'"]),
    ("receipt_has_paid", [f"UPDATE receipt SET amount_minor = 2501 WHERE donation_id = '{ONE}'"]),
    ("receipt_has_paid", [f"UPDATE receipt SET donation_id = 'gone' WHERE donation_id = '{ONE}'"]),
    ("receipts_gap_free", [f"DELETE FROM receipt WHERE donation_id = '{donation_id(2)}'"]),
    ("receipts_gap_free", ["UPDATE receipt SET sequence = sequence - 1 WHERE sequence = 1"]),
    ("receipt_counter", ["UPDATE receipt_counter SET last = last + 1"]),
    ("receipt_counter", ["DELETE FROM receipt_counter"]),
    ("receipt_counter", ["INSERT INTO receipt_counter (year, last) VALUES (2027, 3)"]),
    ("receipt_has_letter", [f"DELETE FROM letter WHERE about = '{ONE}'"]),
    (
        "line_posted_once",
        [
            COPY.format(id="second", source="txn_1", revision=1),
            ENTRY.format(id="e1", to="'second'", account="5000", n=1),
            ENTRY.format(id="e2", to="'second'", account="4000", n=-1),
        ],
    ),
    (
        "line_posted_once",
        [
            f"DELETE FROM ledger_entry WHERE transaction_id = {TRANSACTION}",
            f"DELETE FROM ledger_transaction WHERE id = {TRANSACTION}",
        ],
    ),
    ("ledger_has_line", ["UPDATE balance_transaction SET posted_at = NULL WHERE source_id = 'ch_1'"]),
    ("ledger_has_line", ["DELETE FROM balance_transaction WHERE source_id = 'ch_1'"]),
    (
        "line_amounts",
        [
            f"UPDATE ledger_entry SET amount_minor = amount_minor + 5 WHERE transaction_id = {TRANSACTION} AND account = '1100'",
            f"UPDATE ledger_entry SET amount_minor = amount_minor - 5 WHERE transaction_id = {TRANSACTION} AND account = '5000'",
        ],
    ),
    (
        "stripe_balance",
        [
            COPY.format(id="other", source="elsewhere", revision=0),
            ENTRY.format(id="e1", to="'other'", account="1100", n=1),
            ENTRY.format(id="e2", to="'other'", account="4000", n=-1),
            "UPDATE ledger_transaction SET source_kind = 'manual' WHERE id = 'other'",
        ],
    ),
    (
        "line_posted_in_time",
        [
            "UPDATE balance_transaction SET posted_at = NULL, mirrored_at = '2026-11-21 09:35:59.000000' WHERE source_id = 'ch_1'"
        ],
    ),
    (
        "paid_has_line",
        [
            f"UPDATE donation SET paid_at = '2026-11-21 09:35:59.000000' WHERE id = '{ONE}'",
            "UPDATE balance_transaction SET stripe_payment_intent_id = 'pi_other' WHERE source_id = 'ch_1'",
        ],
    ),
    ("returned_sum", [f"UPDATE donation SET returned_minor = 1 WHERE id = '{ONE}'"]),
    ("returned_sum", [DISPUTE.format(of=ONE)]),
    ("dispute_of_paid", [DISPUTE.format(of=ONE), f"UPDATE donation SET state = 'expired' WHERE id = '{ONE}'"]),
    ("disputes_open", [HELD]),
    ("fees_kept", [f"UPDATE donation SET fee_minor = fee_minor + 1 WHERE id = '{ONE}'"]),
    ("fees_kept", [f"UPDATE donation SET fee_minor = NULL WHERE id = '{ONE}'"]),
    ("renewals_kept", [f"UPDATE donation SET is_renewal = true WHERE id = '{ONE}'"]),
    ("sums_kept", ["UPDATE donation_tally SET returns = 1 WHERE state = 'paid'"]),
    ("sums_kept", ["DELETE FROM donation_tally"]),
    ("disputes_closed", [HELD, DISPUTE.format(of=ONE)]),
    ("audit_chain", ["UPDATE audit_entry SET action = 'nothing.at_all' WHERE seq = 1"]),
    ("audit_chain", ["DELETE FROM audit_detail WHERE seq = 1"]),
    *BROKEN_OTHER_MONEY,
]


@pytest.fixture(scope="module", params=KINDS)
async def books(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[Database]:
    """Three paid donations with receipts and letters, one partly refunded; all posted, one posting reversed and redone.

    Shared by the tests of this file: each breaks it inside a transaction that is never committed.
    """
    ids = Ids(FixedClock(NOW), SeededRandom(2822))
    async with databases.fresh(request.param) as db:
        async with db.unit_of_work() as session:
            await _fill(session)
            await post_new(session, ids=ids, now=NOW, time_zone="Europe/London")
            await _repost(session, ids)
        yield db


async def _fill(session: AsyncSession) -> None:
    await found(session)
    await add_donations(session, range(1, 4), with_receipts=True)
    await add_lines(session, *(line_row(n) for n in range(1, 4)), refund_line_row(3, 1000))
    await session.execute(
        insert(Refund).values(
            id="R" * 26, donation_id=donation_id(3), amount_minor=1000, currency="GBP", reason="other",
            state="succeeded", origin="desk", created_at=NOW, updated_at=NOW,
        )
    )  # fmt: skip
    await session.execute(update(Donation).where(Donation.id == donation_id(3)).values(refunded_minor=1000))
    for number in (1, 2):
        await record(
            session, actor_kind="staff", actor_id="dana", action="donation.refund", record_kind="donation",
            record_id=donation_id(3), detail={"number": number}, now=NOW,
        )  # fmt: skip


async def _repost(session: AsyncSession, ids: Ids) -> None:
    """The posting of txn_2 is reversed and posted again as its next revision."""
    wrong = (await session.scalars(select(LedgerTransaction).where(LedgerTransaction.source_id == "txn_2"))).one()
    row = (
        await session.scalars(
            select(BalanceTransaction).where(BalanceTransaction.stripe_balance_transaction_id == "txn_2")
        )
    ).one()
    await reverse(session, wrong.id, booked_on=wrong.booked_on, memo="other appeal", ids=ids, now=NOW)
    again = make_posting(line_of(row), Ours(donation_id(2), "F" * 26, "B" * 26), time_zone="Europe/London")
    assert again is not None
    await post(session, [msgspec.structs.replace(again, revision=1)], ids=ids, now=NOW)


@asynccontextmanager
async def never_committed(db: Database) -> AsyncIterator[AsyncSession]:
    """A session whose changes are seen by itself alone."""
    async with AsyncSession(db.engine) as session:
        yield session


async def break_books(session: AsyncSession, statements: Sequence[str]) -> None:
    """`statements` run with every guard of the database out of the way, as somebody with its password could."""
    dialect = session.get_bind().dialect.name
    await _drop_guards(session, dialect)
    for statement in statements:
        changed = await session.execute(text(statement))
        assert changed_rows(changed) > 0, statement


async def _drop_guards(session: AsyncSession, dialect: str) -> None:
    pragmas = ["PRAGMA ignore_check_constraints=ON", "PRAGMA defer_foreign_keys=ON"]
    others = pragmas if dialect == "sqlite" else ["SET LOCAL session_replication_role = replica"]
    indexes = ["DROP INDEX ux_export_item_live"]
    for statement in [*drop_statements(dialect), *others, *indexes]:
        await session.execute(text(statement))
    if dialect == "postgresql":
        named = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
        for table, name in (await session.execute(text(named))).all():
            await session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))


async def broken(session: AsyncSession, stripe_balance: dict[str, int] | None = None) -> dict[str, tuple[str, ...]]:
    found = await run_checks(session, now=NOW, stripe_balance=stripe_balance)
    return {each.name: each.rows for each in found}


async def test_good_books_hold(books: Database) -> None:
    async with books.reading() as session:
        assert await broken(session) == {}


async def test_empty_books_hold(db: Database) -> None:
    async with db.reading() as session:
        assert await broken(session, {"GBP": 0}) == {}


@pytest.mark.parametrize(("name", "statements"), BROKEN, ids=[f"{n}-{name}" for n, (name, _) in enumerate(BROKEN)])
async def test_a_check_names_what_is_broken(name: str, statements: list[str], books: Database) -> None:
    async with never_committed(books) as session:
        await break_books(session, statements)

        found = await broken(session)

    assert 1 <= len(found.get(name, ())) <= 2  # the broken rows, and not the good ones beside them


def test_every_check_is_shown_to_fail() -> None:
    shown = {name for name, _ in BROKEN}

    assert {check.name for check in all_checks()} | {"audit_chain", "bank_statements_go_on"} == shown


def test_what_holds_each_invariant_is_there() -> None:
    root = Path(__file__).parent
    migrated = "".join(path.read_text() for path in (root.parent / "migrations" / "versions").glob("*.py"))
    known = {check.name for check in all_checks()} | {"balance_drift", "bank_statements_go_on"}

    listed = invariants()

    assert [each.number for each in listed] == list(range(1, 15))
    assert {name for each in listed for name in each.checks} <= known
    assert [name for each in listed for name in each.tests if not (root / name).is_file()] == []
    for name in (name for each in listed for name in each.database):
        assert f'"{name}"' in migrated or all(f" {name}" in " ".join(drop_statements(kind)) for kind in KINDS), name
    assert sum(line.startswith(" ") for line in in_lines()) > len(listed)


async def test_joining_and_erasing_people_moves_no_penny(books: Database) -> None:
    personal = [
        (table.name, column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if "personal" in column.info and table.name not in ("audit_detail", "consent")  # evidence that only grows
    ]
    async with never_committed(books) as session:
        before = await fingerprint(session)
        await session.execute(insert(Supporter).values(id="T" * 26, name="Benjamin", created_at=NOW))
        await session.execute(update(Supporter).where(Supporter.name == "Ben").values(merged_into_id="T" * 26))
        for table, column in personal:
            empty = "NULL" if column.nullable else "'{}'" if isinstance(column.type, JSON) else "''"
            await session.execute(text(f"UPDATE {table} SET {column.name} = {empty}"))
        await session.execute(update(AuditDetail).values(detail=None, salt=None))

        assert await fingerprint(session) == before
        assert await broken(session, {"GBP": 3 * 2435 - 1000}) == {}
        assert (await session.scalars(select(Donation.name).distinct())).all() in ([None], [""])
    assert not {"ledger_entry", "ledger_transaction", "payout", "balance_transaction"} & {
        table for table, _ in personal
    }


def test_checks_have_names_of_their_own_and_say_what_must_hold() -> None:
    checks = all_checks()

    assert len({check.name for check in checks}) == len(checks)
    assert all(check.sentence.endswith(".") for check in checks)


async def test_what_is_late_after_a_day_is_not_late_before(books: Database) -> None:
    untied = "UPDATE balance_transaction SET stripe_payment_intent_id = NULL WHERE source_id = 'ch_1'"
    async with never_committed(books) as session:
        await break_books(session, [untied])

        on_the_day = await run_checks(session, now=NOW + timedelta(days=1))
        after_it = await run_checks(session, now=NOW + timedelta(days=1, seconds=1))

    assert on_the_day == []
    assert [(each.name, each.rows) for each in after_it] == [("paid_has_line", (f"donation={ONE}",))]


async def test_books_that_hold_are_stripes_balance_to_the_penny(books: Database) -> None:
    async with never_committed(books) as session:
        assert await broken(session, {"GBP": 3 * 2435 - 1000}) == {}


@pytest.mark.parametrize(
    ("stripe_balance", "row"),
    [
        ({"GBP": 6306}, "currency=GBP ledger_minor=6305 stripe_minor=6306 waiting_minor=0"),
        ({}, "currency=GBP ledger_minor=6305 stripe_minor=0 waiting_minor=0"),
        ({"GBP": 6305, "EUR": -1}, "currency=EUR ledger_minor=0 stripe_minor=-1 waiting_minor=0"),
    ],
)
async def test_drift_from_stripes_balance_is_named(stripe_balance: dict[str, int], row: str, books: Database) -> None:
    async with never_committed(books) as session:
        assert await broken(session, stripe_balance) == {"balance_drift": (row,)}
