"""Payouts: heard of or swept, proved by their contents or by the balance, and told where a person must know."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from payouts.conftest import Treasury, one_engine
from supporters.bank.models import BankAccount
from supporters.checks import run_checks
from supporters.payments.gateway import GatewayRefused
from supporters.payments.models import BalanceTransaction, InboxEvent, Payout, SyncMark
from supporters.payments.payouts import mirror_payouts
from supporters.reconciliation.jobs import prove_payouts

NET = 2500 - 58


async def _paid_out(treasury: Treasury, *gifts: int) -> Payout:
    """These donations, and the payout that they went out with, as events told of it."""
    for amount in gifts or (2500,):
        await treasury.give(amount)
    await treasury.pass_days(12)
    await treasury.hear()
    [payout] = await treasury.payouts()
    return payout


async def test_heard_of_by_events_and_proved_to_the_penny_or_swept_without_any_event_it_is_the_same(
    treasury: Treasury,
) -> None:
    payout = await _paid_out(treasury, 2500, 1000)

    lines = await treasury.rows(BalanceTransaction)
    inside = [line.net_minor for line in lines if line.stripe_balance_transaction_id != payout.line_id]
    assert (payout.status, payout.content, payout.content_off_minor) == ("paid", "verified", None)
    assert payout.amount_minor == sum(inside)
    assert {line.stripe_payout_id for line in lines} == {payout.stripe_payout_id}
    assert payout.trace_id
    assert await treasury.codes() == []
    heard = _told(payout)
    async with treasury.db.unit_of_work() as session:
        for table in (Payout, InboxEvent, SyncMark):
            await session.execute(table.__table__.delete())

    await treasury.follow()

    [swept] = await treasury.payouts()
    assert _told(swept) == heard


def _told(payout: Payout) -> dict[str, Any]:
    seen = {column.key: getattr(payout, column.key) for column in Payout.__table__.columns}
    return {
        key: value
        for key, value in seen.items()
        if key not in ("mirrored_at", "changed_at", "paid_at", "verified_at", "content_read_at")
    }


@one_engine
@pytest.mark.parametrize("seed", [1, 2])
async def test_news_in_any_order_leads_to_the_same(treasury: Treasury, seed: int) -> None:
    await treasury.give()
    await treasury.pass_days(12)

    await treasury.bring_one_by_one(seed)
    await treasury.pull()
    await prove_payouts(treasury.work, {}, gateway=treasury.gateway)

    [payout] = await treasury.payouts()
    assert (payout.status, payout.reconciliation_status, payout.content) == ("paid", "completed", "verified")
    assert payout.trace_id


@one_engine
async def test_a_payout_whose_lines_do_not_add_up_says_by_how_much_and_why(treasury: Treasury) -> None:
    payout = await _paid_out(treasury, 2500, 1000)
    left_out = next(line for line in await treasury.rows(BalanceTransaction) if line.gross_minor == 1000)
    true_list = treasury.gateway.list_balance_transactions

    async def one_short(**asked: Any) -> Any:
        page = await true_list(**asked)
        kept = [line for line in page.items if line.id != left_out.stripe_balance_transaction_id]
        return type(page)(kept if asked.get("payout_id") else page.items, page.next_after)

    treasury.gateway.list_balance_transactions = one_short
    async with treasury.db.unit_of_work() as session:
        await session.execute(update(Payout).values(content="collecting"))
        await session.execute(update(BalanceTransaction).values(stripe_payout_id=None))
    await prove_payouts(treasury.work, {}, gateway=treasury.gateway)

    [off] = await treasury.payouts()
    assert (off.content, off.content_off_minor) == ("off", -left_out.net_minor)
    assert await treasury.codes() == [("PAYOUT_CONTENT_OFF", payout.stripe_payout_id, -left_out.net_minor)]
    [told] = await treasury.discrepancies()
    assert told.detail["candidates"] == [left_out.stripe_balance_transaction_id]

    treasury.gateway.list_balance_transactions = true_list
    await treasury.pass_days(1)
    await prove_payouts(treasury.work, {}, gateway=treasury.gateway)

    assert [one.content for one in await treasury.payouts()] == ["verified"]
    assert await treasury.codes() == []


@one_engine
async def test_one_that_stripe_does_not_list_keeps_no_other_from_its_proof(treasury: Treasury) -> None:
    for amount in (2500, 1000):
        await treasury.give(amount)
        await treasury.pass_days(12)
    await treasury.hear()
    first, second = sorted(await treasury.payouts(), key=lambda each: each.created_at)
    true_list, status = treasury.gateway.list_balance_transactions, 404

    async def refused(**asked: Any) -> Any:
        if asked.get("payout_id") == first.stripe_payout_id:
            raise GatewayRefused("No such payout.", code="resource_missing", http_status=status)
        return await true_list(**asked)

    async def prove() -> list[str]:
        await prove_payouts(treasury.work, {}, gateway=treasury.gateway)
        found = {each.stripe_payout_id: each.content for each in await treasury.payouts()}
        return [found[each.stripe_payout_id] for each in (first, second)]

    treasury.gateway.list_balance_transactions = refused
    async with treasury.db.unit_of_work() as session:
        await session.execute(update(Payout).values(content="collecting", content_read_at=None))

    assert await prove() == ["off", "verified"]
    assert await prove() == ["off", "verified"]
    assert await treasury.codes() == [("PAYOUT_CONTENT_OFF", first.stripe_payout_id, None)]
    assert [told.detail for told in await treasury.discrepancies()] == [{"refused": "resource_missing"}]

    treasury.clock.advance(timedelta(days=1))
    status = 403
    with pytest.raises(GatewayRefused):  # the key may not read: that is no payout's matter
        await prove()
    treasury.gateway.list_balance_transactions = true_list

    assert await prove() == ["verified", "verified"]
    assert await treasury.codes() == []


@one_engine
async def test_one_made_by_hand_says_so_and_is_proved_by_the_balance(treasury: Treasury) -> None:
    await treasury.control("payout-interval", interval="manual")
    await treasury.give()
    await treasury.pass_days(8)
    made = await treasury.world.stripe.v1.payouts.create_async({"amount": 1000, "currency": "gbp"})
    await treasury.pass_days(3)
    await treasury.hear()

    [payout] = await treasury.payouts()
    assert (payout.content, payout.verified_at) == ("not_applicable", None)
    assert await treasury.codes() == [("MANUAL_PAYOUT", made.id, 1000)]

    await treasury.compare()

    [payout] = await treasury.payouts()
    assert payout.content == "not_applicable"
    assert payout.verified_at == treasury.clock.now()


@one_engine
async def test_one_that_fails_after_it_was_paid_goes_out_again_with_the_next_and_the_books_hold(
    treasury: Treasury,
) -> None:
    payout = await _paid_out(treasury, 2500, 1000)
    await treasury.control("fail-payout", payout=payout.stripe_payout_id, code="account_closed")
    await treasury.pass_days(4)
    await treasury.hear()

    first, second = await treasury.payouts()
    assert (first.status, first.failure_code, first.content) == ("failed", "account_closed", "verified")
    assert (second.status, second.amount_minor, second.content) == ("paid", payout.amount_minor, "verified")
    lines = {line.stripe_balance_transaction_id: line for line in await treasury.rows(BalanceTransaction)}
    assert lines[first.failure_line_id].stripe_payout_id == second.stripe_payout_id
    assert await treasury.codes() == [("PAID_THEN_FAILED", first.stripe_payout_id, payout.amount_minor)]
    async with treasury.db.reading() as session:
        assert await run_checks(session, now=treasury.clock.now()) == []


@one_engine
async def test_one_that_fails_on_its_way_has_come_back(treasury: Treasury) -> None:
    await treasury.give()
    while not await treasury.payouts():
        await treasury.pass_days(1)
        await treasury.hear()
    [payout] = await treasury.payouts()
    assert payout.status in ("pending", "in_transit")

    await treasury.control("fail-payout", payout=payout.stripe_payout_id, code="no_account")
    await treasury.hear()

    assert await treasury.codes() == [("PAYOUT_FAILED_RETURNED", payout.stripe_payout_id, NET)]


@one_engine
async def test_an_instant_one_tells_its_fee_and_one_in_another_currency_asks_for_an_account(treasury: Treasury) -> None:
    await treasury.control("payout-interval", interval="manual")
    await treasury.give(10_000)
    await treasury.pass_days(8)
    stripe = treasury.world.stripe.v1
    made = await stripe.payouts.create_async({"amount": 5000, "currency": "gbp", "method": "instant"})
    await treasury.pass_days(1)
    async with treasury.db.unit_of_work() as session:
        session.add(
            BankAccount(
                id="B", name="Euros", currency="EUR", last4="1234", account_hash="", also_hashes=[],
                created_by="S", created_at=treasury.clock.now(), revision=0,
            )
        )  # fmt: skip
    await treasury.hear()

    [payout] = await treasury.payouts()
    fee = next(line.fee_minor for line in await treasury.rows(BalanceTransaction) if line.source_id == made.id)
    assert (payout.method, payout.content, payout.is_automatic) == ("instant", "not_applicable", False)
    assert await treasury.codes() == [("INSTANT_PAYOUT_FEE", made.id, fee), ("MULTI_CCY_PAYOUT", made.id, 5000)]
    assert fee > 0


@one_engine
async def test_a_negative_one_takes_money_from_the_bank(treasury: Treasury) -> None:
    await _paid_out(treasury)
    [line] = [line for line in await treasury.rows(BalanceTransaction) if line.type == "charge"]
    await treasury.world.stripe.v1.refunds.create_async({"charge": line.stripe_charge_id})
    await treasury.pass_days(4)
    await treasury.hear()

    _first, second = await treasury.payouts()
    assert (second.amount_minor, second.content) == (-2500, "verified")
    assert ("NEGATIVE_PAYOUT", second.stripe_payout_id, -2500) in await treasury.codes()


@one_engine
async def test_what_a_payout_says_of_itself_never_goes_back_and_the_one_that_reverses_it_is_the_same_matter(
    treasury: Treasury,
) -> None:
    payout = await _paid_out(treasury)
    seen = await treasury.gateway.money.payout(payout.stripe_payout_id)
    changed = {name: getattr(seen, name) for name in seen.__struct_fields__}
    old = type(seen)(**{**changed, "status": "pending", "trace_id": None, "occurred_at": seen.created_at})

    async with treasury.db.unit_of_work() as session:
        count = await mirror_payouts(session, [old, seen, old], now=treasury.clock.now())

    [same] = await treasury.payouts()
    assert (count, same.status, same.trace_id) == (0, "paid", payout.trace_id)

    pair = [
        type(seen)(**{**changed, "reversed_by_id": "po_back"}),
        type(seen)(
            **{**changed, "payout_id": "po_back", "amount_minor": -seen.amount_minor, "is_automatic": True,
               "reconciliation_status": "in_progress", "original_payout_id": seen.payout_id}
        ),
    ]  # fmt: skip
    async with treasury.db.unit_of_work() as session:
        await mirror_payouts(session, pair, now=treasury.clock.now())
    await prove_payouts(treasury.work, {}, gateway=treasury.gateway)

    codes = [(code, subject) for code, subject, _minor in await treasury.codes()]
    assert codes == [("NEGATIVE_PAYOUT", "po_back"), ("PAYOUT_REVERSED", seen.payout_id)]
