"""What the product relies on in Stripe about bank debits, disputes and warnings, asked of either."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PAID = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://example.org/back"}
TAKEN = {"customer_acceptance": {"type": "offline"}}


async def until(target: Any, ask: Callable[[], Awaitable[Any]], is_there: Callable[[Any], bool]) -> Any:
    """What `ask` gives once `is_there` is content with it."""
    for _ in range(120):
        found = await ask()
        if is_there(found):
            return found
        await asyncio.sleep(1 if target.is_real else 0)
    raise AssertionError("it never came")


async def test_bank_debit_is_processing_before_it_is_paid(target: Any) -> None:
    intents = target.client.v1.payment_intents
    params = {**PAID, "payment_method": "pm_bacsDebit_success", "mandate_data": TAKEN, "expand": ["latest_charge"]}

    asked = await intents.create_async(params)
    done = await until(target, lambda: intents.retrieve_async(asked.id), lambda one: one.status == "succeeded")
    charge = await target.settled(done.latest_charge)

    assert (asked.status, asked.amount_received, asked.latest_charge.status) == ("processing", 0, "pending")
    assert asked.latest_charge.payment_method_details.bacs_debit.mandate
    assert (charge.status, charge.balance_transaction.type) == ("succeeded", "payment")
    assert charge.balance_transaction.reporting_category == "charge"


async def test_bank_debit_that_fails_asks_for_another_method(target: Any) -> None:
    intents = target.client.v1.payment_intents
    params = {**PAID, "payment_method": "pm_bacsDebit_insufficientFunds", "mandate_data": TAKEN}

    asked = await intents.create_async(params)
    failed = await until(target, lambda: intents.retrieve_async(asked.id), lambda one: one.status != "processing")

    charge = await target.client.v1.charges.retrieve_async(failed.latest_charge)
    assert (failed.status, charge.failure_code) == ("requires_payment_method", "insufficient_funds")


async def test_dispute_takes_its_money_and_gives_it_back_when_won(target: Any) -> None:
    disputes = target.client.v1.disputes
    intent = await target.client.v1.payment_intents.create_async({**PAID, "payment_method": "pm_card_createDispute"})
    found = await until(
        target, lambda: disputes.list_async({"payment_intent": intent.id}), lambda page: len(page.data) == 1
    )
    opened = found.data[0]

    await disputes.update_async(opened.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    won = await until(target, lambda: disputes.retrieve_async(opened.id), lambda one: one.status == "won")

    categories = [line.reporting_category for line in won.balance_transactions]
    assert (opened.status, opened.reason, opened.amount) == ("needs_response", "fraudulent", 2500)
    assert categories == ["dispute", "dispute_reversal"]
    assert [line.amount for line in won.balance_transactions] == [-2500, 2500]
