"""A plan may owe two payments, where the bank says no for longer than a month: neither is lost, and one button pays both."""

from typing import Any

import pytest

from disputes.conftest import BankJourney
from plans.test_failing import give_card
from plans.test_plans_any_order import FAILED, same_in_every_order, told_after
from supporters.donations.models import Donation
from supporters.mail.models import Letter
from supporters.plans.models import ChangeKind, ChangeState, Plan, PlanChange, PlanState
from supporters.plans.unpaid import owed_in_all, unpaid_bills
from supporters.sandbox.errors import Json

RETRY = (40, 40, 40)  # days between tries: the second month's bill comes before the first is given up


@pytest.fixture
def config() -> dict[str, Any]:
    return {"retry_days": RETRY}


async def owing_two(bank: BankJourney) -> tuple[Plan, list[Json]]:
    """A plan of which the second and the third payment were refused, and their bills, the older first."""
    plan = await bank.begin()
    await give_card(bank, plan, "pm_card_chargeCustomerFail")
    await bank.pass_time(days=31, hours=2)
    await bank.pass_time(days=31, hours=2)
    return await bank.plan(plan.id), [bill for bill in bank.objects("invoice") if bill["status"] == "open"]


async def shown(bank: BankJourney, plan_id: str) -> tuple[str | None, str | None, int]:
    plan = await bank.plan(plan_id)
    return plan.failed_invoice_id, plan.failure_code, plan.tries


async def test_plan_shows_the_older_of_two_and_each_has_its_letter(bank: BankJourney) -> None:
    plan, bills = await owing_two(bank)

    async with bank.db.reading() as session:
        unpaid = await unpaid_bills(session, plan)
    letters = [row.dedupe_key for row in await bank.rows(Letter) if row.kind == "plan_failed"]
    assert plan.state == PlanState.FAILING
    assert [bill.invoice_id for bill in unpaid] == [bill["id"] for bill in bills]
    assert owed_in_all(unpaid, plan).minor == 2000
    assert await shown(bank, plan.id) == (bills[0]["id"], "generic_decline", 1)
    assert sorted(letters) == sorted(f"{bill['id']}:1" for bill in bills)


async def test_older_one_is_still_owed_after_the_newer_was_paid(bank: BankJourney) -> None:
    plan, [older, newer] = await owing_two(bank)
    await give_card(bank, plan, "pm_card_visa")

    await bank.world.stripe.v1.invoices.pay_async(newer["id"])
    await bank.news()

    assert await shown(bank, plan.id) == (older["id"], "generic_decline", 1)
    assert len(await bank.rows(Donation)) == 2

    await bank.world.stripe.v1.invoices.pay_async(older["id"])
    await bank.news()

    assert await shown(bank, plan.id) == (None, None, 0)
    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert [row.state for row in await bank.rows(Donation)] == ["paid"] * 3
    assert await bank.broken() == []


async def test_newer_one_is_shown_with_its_reason_after_the_older_was_paid(bank: BankJourney) -> None:
    plan, [older, newer] = await owing_two(bank)
    await give_card(bank, plan, "pm_card_visa")

    await bank.world.stripe.v1.invoices.pay_async(older["id"])
    await bank.news()

    assert await shown(bank, plan.id) == (newer["id"], "generic_decline", 1)
    assert (await bank.plan(plan.id)).state == PlanState.FAILING


async def test_one_wish_pays_both_the_older_first(bank: BankJourney) -> None:
    plan, bills = await owing_two(bank)
    await give_card(bank, plan, "pm_card_visa")

    await bank.want(plan.id, ChangeKind.TRY_NOW)

    paid = [charge for charge in bank.objects("charge") if charge["status"] == "succeeded"]
    settled = {bill["id"]: bill for bill in bank.objects("invoice")}
    assert len(paid) == 3
    assert [settled[bill["id"]]["status"] for bill in bills] == ["paid", "paid"]
    assert await shown(bank, plan.id) == (None, None, 0)
    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert [row.state for row in await bank.rows(PlanChange)] == [ChangeState.DONE]


async def test_bank_that_refuses_the_second_has_still_paid_the_first_and_nothing_twice(bank: BankJourney) -> None:
    plan, [_older, newer] = await owing_two(bank)
    await give_card(bank, plan, "pm_card_visa")
    client, customer = bank.world.stripe.v1, plan.stripe_customer_id or ""
    bad = await client.payment_methods.attach_async("pm_card_chargeCustomerFail", {"customer": customer})
    await client.invoices.update_async(newer["id"], {"default_payment_method": bad.id})

    await bank.want(plan.id, ChangeKind.TRY_NOW)

    assert [row.state for row in await bank.rows(PlanChange)] == [ChangeState.DONE]
    assert (await shown(bank, plan.id))[0] == newer["id"]
    assert len(await bank.rows(Donation)) == 2


async def test_stripe_away_between_the_two_takes_neither_twice(bank: BankJourney) -> None:
    plan, [_older, newer] = await owing_two(bank)
    await give_card(bank, plan, "pm_card_visa")
    bank.world.sandbox.fail_next("500", path=f"/v1/invoices/{newer['id']}/pay", effect="done")

    await bank.want(plan.id, ChangeKind.TRY_NOW)
    await bank.pass_time(minutes=6)

    assert [row.state for row in await bank.rows(PlanChange)] == [ChangeState.DONE]
    assert [charge["status"] for charge in bank.objects("charge")].count("succeeded") == 3
    assert await shown(bank, plan.id) == (None, None, 0)


async def test_stop_closes_both_and_nothing_is_taken_later(bank: BankJourney) -> None:
    plan, bills = await owing_two(bank)
    await give_card(bank, plan, "pm_card_visa")

    await bank.want(plan.id, ChangeKind.STOP)
    await bank.pass_time(days=45)

    settled = {bill["id"]: bill for bill in bank.objects("invoice")}
    assert [settled[bill["id"]]["status"] for bill in bills] == ["void", "void"]
    assert (await bank.plan(plan.id)).state == PlanState.STOPPED
    assert len(await bank.rows(Donation)) == 1


async def test_both_failed_and_both_paid_ends_alike_in_any_order(bank: BankJourney) -> None:
    plan = await bank.begin()
    await give_card(bank, plan, "pm_card_chargeCustomerFail")
    told = await told_after(bank, days=31, hours=2) + await told_after(bank, days=31, hours=2)
    bills = [bill["id"] for bill in bank.objects("invoice") if bill["status"] == "open"]
    client, customer = bank.world.stripe.v1, plan.stripe_customer_id or ""
    card = await client.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    await client.subscriptions.update_async(plan.stripe_subscription_id or "", {"default_payment_method": card.id})
    for bill in reversed(bills):
        await client.invoices.pay_async(bill)
    told += await told_after(bank, minutes=1)

    found = await same_in_every_order(bank, told, FAILED, sample=6)

    assert [row.split("'")[1] for row in found["Plan"]] == ["active"]
    assert sorted(row.split("'")[1] for row in found["PlanEvent"]) == ["failed"] * 2 + ["renewed"] * 2 + ["started"]
    assert len(found["Donation"]) == 3
