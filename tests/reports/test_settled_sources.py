"""What each source brought in: settled, net of fees and later refunds, and adding up to the ledger."""

import random
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

import books
from supporters.appeals.models import Article, Attribution
from supporters.donations.models import Donation, Refund, RefundReason, RefundState
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction
from supporters.people.models import Supporter
from supporters.reconciliation.poster import post_new
from supporters.reports.sources import By, SourceRow, SourceTable, source_tables
from supporters.settings import Settings
from whole import Mailbag, hidden_fields, running, words

SITE = "https://paper.example"
ARTICLE = "/2822/the-river-crew"


def columns(page: str) -> str:
    """What the columns say, without what narrow screens show of them under the name."""
    return words(re.sub(r'<span class="narrow.*?</span>', "", page, flags=re.DOTALL))


def origin_row(number: int, **changes: Any) -> dict[str, Any]:
    """Where donation `number` came from."""
    return {
        "id": f"O{number:025d}", "article_id": None, "site": None, "article_path": None, "issue": None, "placement": None,
        "source": None, "utm": {}, "referrer_host": None, "first_touch": None, "is_claimed": True, "created_at": books.NOW,
        **changes,
    }  # fmt: skip


async def give(session: AsyncSession, number: int, *, settled: bool = True, origin: Any = None, **changes: Any) -> None:
    """Donation `number`, paid; with its line on Stripe's balance unless it is not settled."""
    await session.execute(insert(Attribution).values(origin_row(number, **(origin or {}))))
    row = books.donation_row(number, **{"attribution_id": f"O{number:025d}", **changes})
    await session.execute(insert(Donation).values(row))
    if settled:
        await books.add_lines(session, books.line_row(number, gross_minor=row["amount_minor"], fee_minor=65))


async def book(db: Database, ids: Ids) -> None:
    """Every line that can be posted is in the ledger."""
    async with db.unit_of_work() as session:
        await post_new(session, ids=ids, now=books.NOW, time_zone="Europe/London")


async def tables(db: Database, by: By = By.ARTICLE, **changes: Any) -> list[SourceTable]:
    asked: dict[str, Any] = {
        "since": date(2026, 11, 1), "until": date(2026, 11, 30), "zone": "Europe/London", "main_site": SITE + "/",
        "currency": "GBP", **changes,
    }  # fmt: skip
    async with db.reading() as session:
        return await source_tables(session, by=by, **asked)


def adds_up(row: SourceRow) -> bool:
    parts = row.unsettled_minor + row.exchanged_minor + row.fee_minor + row.returned_minor + row.net_minor
    return row.given_minor == parts


async def test_a_donation_stands_under_its_article_and_issue_net_of_its_fee_and_of_a_later_refund(
    db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> None:
    async with running(db, clock, Ids(clock), settings, mailbag) as site:
        await site.pay(await site.give(amount="25", article=ARTICLE, issue="2822", placement="article-foot"))
        await site.pay(await site.give(amount="10", email="iris@example.org"))
        await site.settle()
        desk = await site.staff("finance")
        before = columns((await desk.get("/desk/sources?by=article")).text)
        async with db.reading() as session:
            donation_id = await session.scalar(select(Donation.id).where(Donation.amount_minor == 2500))
        seal = hidden_fields((await desk.get("/desk")).text)["seal"]
        form = {
            "seal": seal, "part": "some", "amount": "5", "reason": "supporter_asked", "note": "", "left": "2500",
            "step": "confirm",
        }  # fmt: skip
        refunded = await desk.post(f"/desk/donations/{donation_id}/refund", data=form)
        await site.settle()

        by_article = columns((await desk.get("/desk/sources?by=article")).text)
        by_issue = columns((await desk.get("/desk/sources?by=issue")).text)

        assert refunded.status_code == 303
        assert f"{ARTICLE} 1 1 £25.00 – −£0.58 – £24.42 100%" in before
        assert f"{ARTICLE} 1 1 £25.00 – −£0.58 −£5.00 £19.42 100%" in by_article
        assert "Issue 2822 1 1 £25.00 – −£0.58 −£5.00 £19.42 100%" in by_issue
        assert "Sum 2 2 £35.00 £0.00 −£0.93 −£5.00 £29.07 100%" in by_article
        assert "Proved: the rows add up to £29.07" in by_article
        await site.books_hold()
        await desk.aclose()


async def test_however_it_is_put_together_the_rows_add_up_to_the_ledger(db: Database, ids: Ids) -> None:
    chance = random.Random(2822)
    async with db.unit_of_work() as session:
        await books.found(session)
        for number in range(60):
            path = chance.choice([None, "/a", "/b", "/c"])
            origin = {
                "article_path": path, "site": chance.choice([None, SITE]) if path else None,
                "issue": chance.choice([None, "1", "2"]), "placement": chance.choice([None, "article-foot", "print"]),
                "source": chance.choice([None, "mail"]), "is_claimed": chance.random() < 0.5,
            }  # fmt: skip
            amount = chance.randrange(200, 9000)
            await give(session, number, settled=chance.random() < 0.8, origin=origin, amount_minor=amount)
            if chance.random() < 0.3:
                await books.add_lines(session, books.refund_line_row(number, chance.randrange(1, amount)))
    await book(db, ids)

    for by in By:
        found = (await tables(db, by))[0]
        async with db.reading() as session:
            query = select(func.sum(LedgerEntry.amount_minor)).where(LedgerEntry.account == "1100")
            ledger = await session.scalar(query)
            given = await session.scalar(select(func.sum(Donation.amount_minor)))

        assert sum(row.net_minor for row in found.rows) == found.total.net_minor == found.books_net_minor == ledger, by
        assert sum(row.given_minor for row in found.rows) == given, by
        assert sum(row.donations for row in found.rows) == found.total.donations == 60, by
        assert all(adds_up(row) for row in [*found.rows, found.total]), by
        assert found.is_proved
        assert len({row.key for row in found.rows}) == len(found.rows), by


async def test_two_currencies_stay_apart_and_each_adds_up(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await give(session, 1)
        await give(session, 2, currency="EUR", settled=False)
        await books.add_lines(session, books.line_row(2, gross_minor=2150, fee_minor=50, currency="GBP"))
        await give(session, 3, currency="EUR", settled=False)
    await book(db, ids)

    pounds, euros = await tables(db)

    assert (pounds.currency, euros.currency) == ("GBP", "EUR")
    assert (pounds.total.donations, pounds.total.given_minor, pounds.total.net_minor) == (1, 2500, 2435 + 2100)
    assert pounds.total.exchanged_minor == -2150
    assert (euros.total.donations, euros.total.given_minor, euros.total.net_minor) == (2, 5000, 0)
    assert (euros.total.unsettled_minor, euros.total.exchanged_minor) == (2500, 2500)
    assert all(adds_up(each.total) and each.is_proved for each in (pounds, euros))


async def test_what_is_not_in_the_books_yet_is_said_apart(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await give(session, 1, refunded_minor=700)
        await give(session, 2, settled=False)
    await book(db, ids)

    found = (await tables(db))[0]

    assert (found.total.given_minor, found.total.unsettled_minor, found.total.net_minor) == (5000, 2500, 2435)
    assert found.refunds_under_way_minor == 700


async def test_a_refund_that_is_in_the_books_of_another_currency_is_not_under_way(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        for number, refunded in ((1, 1000), (2, 300)):
            await give(session, number, currency="USD", settled=False, refunded_minor=refunded)
            await session.execute(insert(Refund).values(refund_row(number, refunded)))
            await books.add_lines(session, books.line_row(number, gross_minor=2000, currency="GBP"))
    await book(db, ids)
    before = {each.currency: each.refunds_under_way_minor for each in await tables(db)}
    async with db.unit_of_work() as session:
        await books.add_lines(session, books.refund_line_row(1, 800, currency="GBP"))
    await book(db, ids)

    after = {each.currency: each.refunds_under_way_minor for each in await tables(db)}

    assert (before, after) == ({"GBP": 0, "USD": 1300}, {"GBP": 0, "USD": 300})


def refund_row(number: int, amount_minor: int) -> dict[str, Any]:
    """A refund in dollars of donation `number`, that Stripe has made."""
    return {
        "id": f"F{number:025d}", "donation_id": books.donation_id(number), "amount_minor": amount_minor, "currency": "USD",
        "reason": RefundReason.OTHER, "note": None, "state": RefundState.SUCCEEDED, "origin": "desk", "requested_by": None,
        "idempotency_key": None, "stripe_refund_id": f"re_{number}", "failure_reason": None, "created_at": books.NOW,
        "updated_at": books.NOW,
    }  # fmt: skip


async def test_an_unpaid_attempt_is_not_counted(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await give(session, 1, settled=False, state="started", paid_at=None)

    found = (await tables(db))[0]

    assert found.rows == []


@pytest.mark.parametrize(
    ("zone", "counted"), [("Europe/London", 1), ("Pacific/Auckland", 0), ("America/Los_Angeles", 1)]
)
async def test_days_are_those_of_the_books_time_zone(db: Database, zone: str, counted: int) -> None:
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    async with db.unit_of_work() as session:
        await books.found(session)
        await give(session, 1, settled=False, paid_at=late)

    found = (await tables(db, zone=zone))[0]

    assert found.total.donations == counted


async def test_somebody_who_gave_in_two_places_is_one_person_in_the_sum(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        other = {"id": "Q" * 26, "name": "Ben", "merged_into_id": books.SUPPORTER, "created_at": books.NOW}
        await session.execute(insert(Supporter).values(other))
        await give(session, 1, settled=False, origin={"article_path": "/a"})
        await give(session, 2, settled=False, origin={"article_path": "/b"}, supporter_id="Q" * 26)

    found = (await tables(db))[0]

    assert [row.people for row in found.rows] == [1, 1]
    assert found.total.people == 1


ORIGINS = [
    ({"utm": {"utm_source": "fedi"}, "first_touch": {"via": "a.example"}, "source": "foot"}, "fedi"),
    ({"first_touch": {"via": "a.example"}, "source": "foot", "referrer_host": "b.example"}, "a.example"),
    ({"source": "letter", "referrer_host": "b.example"}, "letter"),
    ({"referrer_host": "b.example"}, "b.example"),
    ({}, None),
]


async def test_what_brought_a_reader_from_outside_goes_before_our_own_links_words(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        for number, (origin, _expected) in enumerate(ORIGINS):
            await give(session, number, settled=False, origin=origin, amount_minor=1000 - number)

    found = (await tables(db, By.ORIGIN))[0]

    assert [row.key[0] for row in found.rows] == [expected for _origin, expected in ORIGINS]


async def test_only_a_verified_article_lends_its_issue_to_a_donation(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        for number, is_verified in enumerate([True, False]):
            article = {
                "id": f"C{number:025d}", "site": SITE, "path": f"/{number}", "title": "t", "issue": "2822", "tags": [],
                "is_verified": is_verified, "seen_at": books.NOW,
            }  # fmt: skip
            await session.execute(insert(Article).values(article))
            origin = {"article_id": f"C{number:025d}", "article_path": f"/{number}"}
            await give(session, number, settled=False, origin=origin)

    found = (await tables(db, By.ISSUE))[0]

    assert {row.key[0]: row.donations for row in found.rows} == {"2822": 1, None: 1}


async def test_rows_that_differ_from_the_ledger_are_not_called_proved(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await give(session, 1)
        await give(session, 2)
    await book(db, ids)
    async with db.unit_of_work() as session:
        line = BalanceTransaction.stripe_balance_transaction_id == "txn_2"
        await session.execute(update(BalanceTransaction).where(line).values(posted_at=None))

    found = (await tables(db))[0]

    assert (found.total.net_minor, found.books_net_minor, found.is_proved) == (2435, 4870, False)
