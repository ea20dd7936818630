"""Stripe's exported reports: asked for, told, fetched, and saying the same as the API."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe

from stripe_in_process import KEY, StripeWorld
from supporters.kit.clock import FixedClock
from supporters.sandbox.reports import REPORTS, major

ACTIVITY, PAYOUTS = "balance_change_from_activity.itemized.3", "payouts.itemized.3"
RECONCILED, LEFT = "payout_reconciliation.itemized.5", "ending_balance_reconciliation.itemized.4"
DAY = 86_400


@pytest.fixture
async def filled(clock: FixedClock) -> AsyncIterator[StripeWorld]:
    """A world with fifty days behind it, and its payouts."""
    made = StripeWorld(clock, payout_interval="daily")
    await made.browser.post("/_control/fill", json={"lines": 600, "days": 50})
    await made.sandbox.advance(timedelta(days=1))
    yield made
    await made.close()
    made.app.assert_clean()


async def fetch(world: StripeWorld, report: str, **params: Any) -> list[dict[str, str]]:
    """The rows of a report over all that there is, fetched as the file that it is."""
    runs = world.stripe.v1.reporting.report_runs
    kind = await world.stripe.v1.reporting.report_types.retrieve_async(report)
    span = {"interval_start": kind.data_available_start, "interval_end": kind.data_available_end}
    if not REPORTS[report].has_start:
        span.pop("interval_start")
    run = await runs.create_async({"report_type": report, "parameters": {**span, **params}})
    assert (run.status, run.result) == ("pending", None)
    await world.sandbox.advance(timedelta(seconds=2))
    done = await runs.retrieve_async(run.id)
    assert done.status == "succeeded"
    path = done.result.url.removeprefix(world.config.base_url)
    reply = await world.browser.get(path, headers={"Authorization": f"Bearer {KEY}"})
    assert reply.headers["content-type"].startswith("text/csv")
    assert len(reply.content) == done.result.size
    return list(csv.DictReader(io.StringIO(reply.text)))


def minor(amount: str) -> int:
    return int(Decimal(amount) * 100)


async def test_activity_is_every_line_but_payouts_in_stripes_own_columns(filled: StripeWorld) -> None:
    rows = await fetch(filled, ACTIVITY)

    line = {one["id"]: one for one in filled.sandbox.objects("balance_transaction")}
    assert list(rows[0]) == [
        *("balance_transaction_id", "created", "available_on", "currency", "gross", "fee", "net"),
        *("reporting_category", "description"),
    ]
    assert {row["balance_transaction_id"] for row in rows} == {
        one["id"] for one in line.values() if one["type"] != "payout"
    }
    for row in rows:
        same = line[row["balance_transaction_id"]]
        assert (minor(row["gross"]), minor(row["fee"]), minor(row["net"])) == (
            same["amount"],
            same["fee"],
            same["net"],
        )


async def test_what_was_paid_out_and_what_is_left_make_up_the_activity(filled: StripeWorld) -> None:
    out, left = await fetch(filled, RECONCILED), await fetch(filled, LEFT)
    everything = await fetch(filled, ACTIVITY)

    sums: dict[str, int] = {}
    for row in out:
        sums[row["automatic_payout_id"]] = sums.get(row["automatic_payout_id"], 0) + minor(row["net"])
    payouts = {one["id"]: one for one in filled.sandbox.objects("payout")}
    assert sums
    assert all(payouts[payout]["amount"] == total for payout, total in sums.items())
    gone = {row["balance_transaction_id"] for row in out}
    still = {row["balance_transaction_id"] for row in left if row["reporting_category"] != "payout"}
    assert gone | still == {row["balance_transaction_id"] for row in everything}
    assert not gone & still


async def test_payouts_are_a_report_of_their_own(filled: StripeWorld) -> None:
    failing = filled.sandbox.objects("payout")[-2]["id"]
    await filled.browser.post("/_control/fail-payout", json={"payout": failing})
    await filled.sandbox.advance(timedelta(days=4))

    rows = await fetch(filled, PAYOUTS, columns=[*REPORTS[PAYOUTS].defaults, "payout_reversed_at_utc", "trace_id"])

    mine = [row for row in rows if row["payout_id"] == failing]
    assert [(row["reporting_category"], row["payout_status"]) for row in mine] == [
        ("payout", "failed"),
        ("payout_reversal", "failed"),
    ]
    assert sum(minor(row["net"]) for row in mine) == 0
    assert all(row["payout_reversed_at_utc"] for row in mine)
    paid = next(row for row in rows if row["payout_status"] == "paid")
    assert paid["effective_at"].endswith(" 00:00:00")
    assert paid["trace_id"].isdigit()


async def test_summary_goes_from_one_balance_to_the_other(filled: StripeWorld) -> None:
    rows = {row["category"]: minor(row["net_amount"]) for row in await fetch(filled, "balance.summary.1")}

    lines = [line for line in filled.sandbox.objects("balance_transaction") if line["type"] != "payout"]
    arrived = [one for one in filled.sandbox.objects("payout") if one["status"] == "paid"]
    end = (await filled.stripe.v1.reporting.report_types.retrieve_async("balance.summary.1")).data_available_end
    assert rows["starting_balance"] == 0
    assert rows["activity"] == sum(line["net"] for line in lines if line["created"] < end)
    assert rows["payouts"] == -sum(payout["amount"] for payout in arrived if payout["arrival_date"] < end)
    assert rows["ending_balance"] == rows["activity"] + rows["payouts"]


async def test_every_documented_column_can_be_asked_for(world: StripeWorld) -> None:
    customer = await world.stripe.v1.customers.create_async({"email": "ada@example.org", "name": "Ada"})
    asked: Any = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}
    asked.update(customer=customer.id, payment_method="pm_card_visa", metadata={"donation": "d1"})
    intent = await world.stripe.v1.payment_intents.create_async(asked)
    await world.sandbox.settle_now()
    await world.stripe.v1.refunds.create_async({"charge": intent.latest_charge, "metadata": {"refund": "r1"}})
    await world.sandbox.advance(timedelta(days=3))
    more = ("payment_metadata[donation]", "refund_metadata[refund]", "transfer_metadata[x]")

    rows = await fetch(world, ACTIVITY, columns=[*REPORTS[ACTIVITY].columns, *more], timezone="America/New_York")

    assert list(rows[0]) == [*REPORTS[ACTIVITY].columns, *more]
    gift, refund = rows
    assert (gift["payment_intent_id"], gift["charge_id"]) == (intent.id, intent.latest_charge)
    assert (gift["customer_email"], gift["customer_name"], gift["card_brand"]) == ("ada@example.org", "Ada", "visa")
    assert (gift["customer_facing_amount"], refund["customer_facing_amount"]) == ("25.00", "-25.00")
    assert [row["payment_metadata[donation]"] for row in rows] == ["d1", "d1"]
    assert [row["refund_metadata[refund]"] for row in rows] == ["", "r1"]
    assert gift["created"] != gift["created_utc"]


async def test_report_is_told_when_it_is_ready_and_only_then(world: StripeWorld) -> None:
    end = int(world.clock.now().timestamp()) // DAY * DAY - DAY
    span: Any = {"interval_start": end - DAY, "interval_end": end, "currency": "gbp", "reporting_category": "charge"}
    run = await world.stripe.v1.reporting.report_runs.create_async({"report_type": ACTIVITY, "parameters": span})

    await world.sandbox.deliver_due()
    assert world.hooks.types == []
    await world.sandbox.advance(timedelta(seconds=2))
    await world.sandbox.deliver_due()

    assert world.hooks.types == ["reporting.report_run.succeeded"]
    assert world.hooks.taken[0]["data"]["object"]["id"] == run.id
    file = await world.stripe.v1.files.retrieve_async(world.hooks.taken[0]["data"]["object"]["result"]["id"])
    assert (file.purpose, file.type) == ("finance_report_run", "csv")
    assert [one.id for one in (await world.stripe.v1.reporting.report_runs.list_async({})).data] == [run.id]
    assert {one.id for one in (await world.stripe.v1.reporting.report_types.list_async({})).data} == set(REPORTS)


@pytest.mark.parametrize(
    ("report", "params", "said"),
    [
        ("balance.summary.99", {}, "Unrecognized report type"),
        (ACTIVITY, {"interval_start": None}, "Missing required param"),
        (ACTIVITY, {"interval_end": 0}, "interval must begin before it ends"),
        (ACTIVITY, {"interval_end": 4_000_000_000}, "data are available"),
        (ACTIVITY, {"columns": ["balance_transaction_id", "wealth"]}, "wealth"),
        (ACTIVITY, {"columns": ["payment_metadata"]}, "payment_metadata"),
    ],
)
async def test_run_that_makes_no_sense_is_refused(
    world: StripeWorld, report: str, params: dict[str, Any], said: str
) -> None:
    end = int(world.clock.now().timestamp()) // DAY * DAY - DAY
    asked: Any = {"interval_start": end - DAY, "interval_end": end, **params}
    asked = {name: value for name, value in asked.items() if value is not None}
    with pytest.raises(stripe.InvalidRequestError, match=said):
        await world.stripe.v1.reporting.report_runs.create_async({"report_type": report, "parameters": asked})


async def test_every_report_can_be_downloaded_from_the_controls(filled: StripeWorld) -> None:
    page = (await filled.browser.get("/_control")).text

    for kind, report in REPORTS.items():
        assert f'href="/_control/reports/{kind}"' in page
        reply = await filled.browser.get(f"/_control/reports/{kind}")
        rows = list(csv.DictReader(io.StringIO(reply.text)))
        assert rows
        assert tuple(rows[0]) == report.columns
    lines = [one for one in filled.sandbox.objects("balance_transaction") if one["type"] != "payout"]
    activity = csv.DictReader(io.StringIO((await filled.browser.get(f"/_control/reports/{ACTIVITY}")).text))
    assert {row["balance_transaction_id"] for row in activity} == {line["id"] for line in lines}
    assert (await filled.browser.get("/_control/reports/nonsense")).status_code == 404


def test_amounts_are_in_whole_units_of_their_currency() -> None:
    said = [major(-5, "gbp"), major(123456, "gbp"), major(-500, "jpy"), major(-1230, "kwd"), major(0, "eur")]
    assert said == ["-0.05", "1234.56", "-500", "-1.230", "0.00"]
