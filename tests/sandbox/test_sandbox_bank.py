"""The bank where payouts arrive: one statement in four formats, read by the house's own readers, and lines that go wrong."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from stripe_in_process import StripeWorld
from supporters.bank.csv_guess import guess_profile
from supporters.bank.parsed import ParsedLine, ParsedStatement
from supporters.bank.read import read_statements
from supporters.kit.clock import FixedClock
from supporters.sandbox.bank_others import months_between, others_of

FORMS = {"csv": "csv", "xml": "camt", "ofx": "ofx", "sta": "mt940"}


@pytest.fixture
async def filled(clock: FixedClock) -> AsyncIterator[StripeWorld]:
    """A world with fifty days behind it, and its payouts."""
    made = StripeWorld(clock, payout_interval="daily")
    await made.browser.post("/_control/fill", json={"lines": 300, "days": 50})
    await made.sandbox.advance(timedelta(days=1))
    yield made
    await made.close()


async def ask(world: StripeWorld, form: str = "sta", **query: str) -> ParsedStatement:
    """The statement as the house reads it."""
    reply = await world.browser.get(f"/_control/bank/statement.{form}", params=query)
    assert reply.status_code == 200, reply.text
    assert f'.{form}"' in reply.headers["content-disposition"]
    profile = guess_profile(reply.content).profile if form == "csv" else None
    read = read_statements(reply.content, f"statement.{form}", currency="GBP", profile=profile)
    assert read.format == FORMS[form]
    [statement] = read.statements
    return statement


def of_stripe(statement: ParsedStatement) -> list[ParsedLine]:
    return [line for line in statement.lines if line.text.startswith("STRIPE")]


def payouts_of(world: StripeWorld) -> list[dict[str, Any]]:
    """Those that have arrived, oldest first."""
    paid = [one for one in world.sandbox.objects("payout") if one["status"] == "paid"]
    return sorted(paid, key=lambda one: one["arrival_date"])


def day_of(payout: dict[str, Any]) -> date:
    return date(1970, 1, 1) + timedelta(seconds=payout["arrival_date"])


async def all_of(world: StripeWorld) -> list[ParsedLine]:
    return of_stripe(await ask(world, **{"from": "2026-09-01"}))


def summed(lines: list[ParsedLine]) -> int:
    return sum(line.amount_minor for line in lines)


@pytest.mark.parametrize("form", FORMS)
async def test_every_format_says_the_same(filled: StripeWorld, form: str) -> None:
    plain = await ask(filled)

    read = await ask(filled, form)

    assert [(one.booked_on, one.amount_minor, one.bank_reference) for one in read.lines] == [
        (one.booked_on, one.amount_minor, one.bank_reference) for one in plain.lines
    ]
    assert [one.text for one in read.lines] == [one.text for one in plain.lines]
    assert read.closing_minor == plain.closing_minor
    assert read.opening_minor == plain.opening_minor


async def test_every_payout_that_arrived_is_one_line_with_its_trace(filled: StripeWorld) -> None:
    lines = {line.text: line for line in await all_of(filled)}

    paid = payouts_of(filled)
    assert len(paid) > 20
    for payout in paid:
        line = lines[f"STRIPE {payout['trace_id']['value']}"]
        assert (line.booked_on, line.amount_minor) == (day_of(payout), payout["amount"])


async def test_one_month_goes_on_from_the_other(filled: StripeWorld) -> None:
    october = await ask(filled, **{"from": "2026-10-01", "to": "2026-10-31"})
    november = await ask(filled, **{"from": "2026-11-01"})
    both = await ask(filled, **{"from": "2026-10-01"})

    assert november.opening_minor == october.closing_minor
    ids = [line.bank_reference for line in both.lines]
    assert [line.bank_reference for line in (*october.lines, *november.lines)] == ids
    assert (both.opening_minor, both.closing_minor) == (october.opening_minor, november.closing_minor)


async def test_payout_that_came_back_is_two_lines(filled: StripeWorld) -> None:
    payout = payouts_of(filled)[-1]

    await filled.browser.post("/_control/fail-payout", json={"payout": payout["id"]})

    mine = [line for line in await all_of(filled) if payout["trace_id"]["value"] in line.text]
    assert sorted(line.amount_minor for line in mine) == [-payout["amount"], payout["amount"]]


async def test_what_somebody_pays_in_is_a_line_of_that_day_and_what_is_no_money_is_refused(world: StripeWorld) -> None:
    said = {"amount": "1200", "name": "R NAIR", "text": "don 7k3f 9q"}
    done = await world.browser.post("/_control/bank-pay", data=said)
    await world.browser.post("/_control/bank-pay", json={"amount": -500, "text": "UNPAID CHEQUE", "day": "2026-11-02"})
    refused = [
        await world.browser.post("/_control/bank-pay", json=told) for told in ({}, {"amount": 0}, {"amount": 10**10})
    ]

    lines = (await ask(world)).lines

    mine = [(line.booked_on, line.amount_minor, line.text) for line in lines if line.amount_minor in (1200, -500)]
    assert mine == [(date(2026, 11, 2), -500, "UNPAID CHEQUE"), (world.clock.now().date(), 1200, "don 7k3f 9q")]
    assert (done.status_code, [each.status_code for each in refused]) == (303, [400, 400, 400])


async def test_top_up_is_money_out_and_in_again_when_it_is_taken_back(filled: StripeWorld) -> None:
    topup = await filled.stripe.v1.topups.create_async({"amount": 5000, "currency": "gbp", "description": "more"})
    await filled.browser.post("/_control/succeed-topup", json={"topup": topup.id})
    once = [line for line in await all_of(filled) if topup.id in line.text]
    await filled.browser.post("/_control/reverse-topup", json={"topup": topup.id})

    twice = [line for line in await all_of(filled) if topup.id in line.text]

    assert [line.amount_minor for line in once] == [-5000]
    assert sorted(line.amount_minor for line in twice) == [-5000, 5000]


@pytest.mark.parametrize(("act", "count"), [("lose", -1), ("merge", -1), ("split", 1), ("twice", 1), ("late", 0)])
async def test_line_goes_wrong_and_is_right_again(filled: StripeWorld, act: str, count: int) -> None:
    before, payout = await all_of(filled), payouts_of(filled)[8]

    reply = await filled.browser.post(f"/_control/bank-{act}", json={"payout": payout["id"]})

    assert reply.json()["bank_troubles"] == {payout["id"]: act}
    wrong = await all_of(filled)
    expected = {"lose": -payout["amount"], "twice": payout["amount"]}
    assert len(wrong) - len(before) == count
    assert summed(wrong) - summed(before) == expected.get(act, 0)
    assert len({line.bank_reference for line in wrong}) == len(wrong)
    if act == "late":
        [line] = [each for each in wrong if payout["trace_id"]["value"] in each.text]
        assert line.booked_on == day_of(payout) + timedelta(days=8)
    if act in ("merge", "split"):
        assert not any(payout["trace_id"]["value"] in each.text for each in wrong)
    await filled.browser.post("/_control/bank-right", json={})
    assert await all_of(filled) == before


async def test_one_trouble_leaves_those_of_others_alone(filled: StripeWorld) -> None:
    first, second = (payout["id"] for payout in payouts_of(filled)[8:10])

    await filled.browser.post("/_control/bank-lose", json={"payout": first})
    reply = await filled.browser.post("/_control/bank-split", json={"payout": second})

    assert reply.json()["bank_troubles"] == {first: "lose", second: "split"}


async def test_two_lines_cannot_be_merged_twice(filled: StripeWorld) -> None:
    before, some = await all_of(filled), payouts_of(filled)

    for payout in (some[8], some[9], some[8]):
        await filled.browser.post("/_control/bank-merge", json={"payout": payout["id"]})

    wrong = await all_of(filled)
    assert (len(wrong), summed(wrong)) == (len(before) - 1, summed(before))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("statement.pdf", 404),
        ("ledger.csv", 404),
        ("statement.csv?from=yesterday", 400),
        ("statement.csv?from=1066-10-14", 400),
        ("statement.csv?from=2026-11-09&to=2026-11-08", 400),
        ("statement.csv?from=2199-01-01", 400),
    ],
)
async def test_what_makes_no_statement_is_refused(world: StripeWorld, path: str, status: int) -> None:
    assert (await world.browser.get(f"/_control/bank/{path}")).status_code == status


async def test_line_of_a_payout_that_never_arrived_cannot_go_wrong(world: StripeWorld) -> None:
    replies = [
        await world.browser.post("/_control/bank-lose", json=told) for told in ({}, {"payout": "po_1"}, {"x": 1})
    ]

    assert [reply.status_code for reply in replies] == [400, 400, 400]


async def test_control_page_leads_to_every_statement_and_says_what_is_wrong(filled: StripeWorld) -> None:
    payout = payouts_of(filled)[-1]

    done = await filled.browser.post("/_control/bank-split", data={"payout": payout["id"]})
    page = (await filled.browser.get("/_control")).text

    assert done.status_code == 303
    for form in FORMS:
        assert page.count(f'href="/_control/bank/statement.{form}?from=2026-') == 2
    assert f"{payout['id']} (split)" in page


def test_lines_of_others_about_pay_for_themselves_and_stay_as_they_were() -> None:
    months = list(months_between(date(2026, 1, 31), date(2027, 2, 1)))

    sums = [sum(line.amount for line in others_of(*month)) for month in months]

    assert months[0] == (2026, 1)
    assert months[-1] == (2027, 2)
    assert len(months) == 14
    assert all(-1_000 <= total <= 2_000 for total in sums)
    assert others_of(2026, 10) == others_of(2026, 10) != others_of(2026, 11)
