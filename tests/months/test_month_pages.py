"""The desk's pages on payouts and months: what they say, what they do, and who may."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import select

import arrivals
import kept_worlds
from sealed import seal_of
from supporters.app import build_house
from supporters.audit.models import AuditDetail, AuditEntry
from supporters.donations.models import Donation
from supporters.ledger.models import Period
from supporters.payments.models import Payout
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.certificate import read, verify
from supporters.reconciliation.certify import read_file
from supporters.reconciliation.models import Certificate, CloseRequest
from supporters.staff.models import Staff
from whole import Whole, hidden_fields, words

PAID_OUT = "a donation that was paid out"


async def paid_out(site: Whole, *, in_bank: bool = True) -> Payout:
    """One donation that was paid out and, where asked for, arrived; Stripe's part of it is played once for all tests."""
    key = PAID_OUT, site.settings.base_url, site.clock.now()
    is_new = not await rows(site, Staff)
    if not is_new or not kept_worlds.lay(site.db, site.clock, key):
        await _let_stripe_pay_out(site)
        if is_new:
            kept_worlds.keep(site.db, site.clock, key)
    async with site.db.reading() as session:
        [payout] = await session.scalars(select(Payout))
    if in_bank:
        line = arrivals.bank_line_row(
            1, booked_on=payout.arrival_on, amount_minor=payout.amount_minor, text=f"STRIPE {payout.trace_id}"
        )
        async with site.db.unit_of_work() as session:
            await arrivals.found_bank(session)
            await arrivals.arrive(session, [], [line])
        async with site.db.unit_of_work() as session:
            assert await match_certain(session, ids=site.ids, now=site.clock.now()) == 1
    return payout


async def _let_stripe_pay_out(site: Whole) -> None:
    await site.bank.post("/_control/payout-interval", json={"interval": "daily"})
    await site.pay(await site.give())
    await site.settle()
    for _day in range(12):
        site.clock.advance(timedelta(days=1))
        await site.sandbox.tick()
    await site.settle()


async def press(desk: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    return await desk.post(path, data={**await seal_of(desk), **form})


async def rows(site: Whole, table: type) -> list[Any]:
    async with site.db.reading() as session:
        return list(await session.scalars(select(table)))


async def test_a_payout_shows_its_proof_its_lines_and_its_journal(site: Whole) -> None:
    payout = await paid_out(site)
    desk = await site.staff("finance")

    listed = words((await desk.get("/desk/payouts")).text)
    told = words((await desk.get(f"/desk/payouts/{payout.stripe_payout_id}")).text)

    assert "1 payout, the latest arrival first" in listed
    assert "Proved" in listed
    for said in (
        "Payout of £24.42",
        "Our books",
        "1 line in it: £24.42",
        "Unity Trust",
        "Its lines add up to it: 1",
        "Each of its lines is in the books",
        "Stripe's reference is on the line",
        "Difference £0.00",
        "Matched by itself",
        "Processing fees",
        "One-off donations",
    ):
        assert said in told, said
    await desk.aclose()


async def test_unlinking_keeps_the_payout_and_opens_the_bank_line(site: Whole) -> None:
    payout = await paid_out(site)
    desk = await site.staff("finance")
    page = f"/desk/payouts/{payout.stripe_payout_id}"

    answer = await press(desk, f"{page}/unlink")
    again = await press(desk, f"{page}/unlink")

    assert (answer.status_code, again.status_code) == (303, 303)
    told = words((await desk.get(answer.headers["location"])).text)
    assert "The bank line is open again" in told
    assert "Awaiting the bank" in told
    await desk.aclose()


async def test_a_payout_that_no_bank_line_shows_is_said_to_be_awaited(site: Whole) -> None:
    payout = await paid_out(site, in_bank=False)
    desk = await site.staff("finance")

    told = words((await desk.get(f"/desk/payouts/{payout.stripe_payout_id}")).text)
    view = words((await desk.get("/desk/payouts?view=bank")).text)
    other = words((await desk.get("/desk/payouts?view=returned")).text)

    assert "No line of a statement shows it yet" in told
    assert payout.stripe_payout_id in view
    assert "No payout fits this part of the list" in other
    await desk.aclose()


async def test_the_list_of_payouts_goes_into_a_file(site: Whole) -> None:
    payout = await paid_out(site)
    desk = await site.staff("finance")

    file = await desk.get("/desk/payouts.csv")

    [_header, line] = file.text.strip().splitlines()
    cells = line.replace('"', "").split(",")
    assert cells[:5] == [payout.stripe_payout_id, f"{payout.arrival_on}", "GBP", "24.42", "24.42"]
    assert (await desk.get("/desk/payouts.csv?from=never")).status_code == 400
    await desk.aclose()


async def test_a_certificate_is_made_and_verifies(site: Whole) -> None:
    payout = await paid_out(site)
    desk = await site.staff("finance")

    await press(desk, f"/desk/payouts/{payout.stripe_payout_id}/certificate")

    file = await desk.get("/desk/certificates/1")
    assert file.headers["content-disposition"] == 'attachment; filename="certificate-1.json"'
    assert [each.sentence for each in verify(read(file.content)) if not each.holds] == []
    assert "ben.osei" not in file.text
    assert "Ben Osei" not in file.text
    assert json.loads(file.content)["publisher"] == site.settings.publisher_name
    assert (await desk.get("/desk/certificates/2")).status_code == 404
    await desk.aclose()


async def test_a_month_is_closed_from_its_page_and_opened_again_for_a_reason(site: Whole) -> None:
    payout = await paid_out(site, in_bank=False)
    site.clock.advance(timedelta(days=31))
    desk = await site.staff("finance")
    name = f"{payout.arrival_on:%Y-%m}"
    page = f"/desk/months/{name}"
    board = words((await desk.get("/desk/months")).text)

    undecided = await press(desk, f"{page}/close")
    hasty = await press(desk, f"{page}/close", proof="statement")
    closed = await press(desk, f"{page}/close", proof="elsewhere")
    twice = await press(desk, f"{page}/close", proof="elsewhere")

    assert "November 2026" in board
    assert (undecided.status_code, hasty.status_code, closed.status_code, twice.status_code) == (422, 422, 303, 422)
    assert "Choose how the bank is proved" in words(undecided.text)
    assert "Write why the month is closed all the same" in words(hasty.text)
    told = words((await desk.get(f"{page}?done=closed")).text)
    assert "The bank was proved in the accountant's own books." in told
    assert "Certificate 1" in told
    [period] = await rows(site, Period)
    assert (period.period, period.state, period.bank_proof) == (name, "locked", "elsewhere")

    without = await press(desk, f"{page}/open")
    opened = await press(desk, f"{page}/open", reason="A late invoice")

    assert (without.status_code, opened.status_code) == (422, 303)
    assert "A late invoice" in words((await desk.get(page)).text)
    actions = [entry.action for entry in await rows(site, AuditEntry)]
    assert {"month.lock", "month.reopen", "certificate.make"} <= set(actions)
    assert len(await rows(site, Certificate)) == 1
    await desk.aclose()


async def test_above_the_limit_two_people_close_a_month(site: Whole) -> None:
    site.tools.settings = dataclasses.replace(site.settings, second_person_month_above_minor=2499)
    site.app.state.house = build_house(site.tools)
    payout = await paid_out(site, in_bank=False)
    site.clock.advance(timedelta(days=31))
    first = await site.staff("finance")
    name = f"{payout.arrival_on:%Y-%m}"
    page = f"/desk/months/{name}"

    silent = await press(first, f"{page}/close", proof="elsewhere")
    alone = await press(first, f"{page}/close", proof="elsewhere", alone="I run this paper by myself")
    shut = words((await first.get(f"{page}?done=closed")).text)
    await press(first, f"{page}/open", reason="There are two of us now")
    second = await site.staff("admin")
    asked = await press(first, f"{page}/close", proof="elsewhere")
    again = await press(second, f"{page}/close", proof="elsewhere")
    mine = await press(first, f"{page}/agree")
    waiting, board = (await second.get(page)).text, words((await second.get("/desk/months")).text)
    [request] = await rows(site, CloseRequest)
    stale = await press(second, f"{page}/agree", asked="2026-01-01T00:00:00+00:00")
    declined = await press(second, f"{page}/decline")
    twice = await press(second, f"{page}/decline")
    await press(first, f"{page}/close", proof="elsewhere")
    seen_at = hidden_fields((await second.get(page)).text)["asked"]
    agreed = await press(second, f"{page}/agree", asked=seen_at)

    assert (silent.status_code, alone.headers["location"]) == (422, f"{page}?done=closed")
    assert "Please write why you decide this alone" in words(silent.text)
    assert "Decided alone: I run this paper by myself" in shut
    assert (asked.headers["location"], again.status_code, mine.status_code) == (f"{page}?done=asked", 422, 422)
    assert "Agree and close November 2026" in words(waiting)
    assert "Waits for a second person" in board
    assert (request.period, request.bank_proof) == (name, "elsewhere")
    assert (stale.status_code, declined.status_code, twice.status_code, agreed.status_code) == (422, 303, 303, 303)
    told = words((await second.get(page)).text)
    assert "Agreed: Admin" in told
    assert "Closed and opened again 1 time before" in told
    [period] = await rows(site, Period)
    assert (period.state, period.locked_by == request.asked_by, period.alone_reason) == ("locked", True, None)
    assert period.agreed_by not in (None, period.locked_by)
    assert await rows(site, CloseRequest) == []
    first_made, last_made = await rows(site, Certificate)
    async with site.db.reading() as session:
        bodies = [read(await read_file(session, each.number) or b"") for each in (first_made, last_made)]
    assert [body["second_person"] for body in bodies] == ["alone", "agreed"]
    deeds = [entry.action for entry in await rows(site, AuditEntry) if entry.action.startswith("month.")]
    assert deeds == ["month.lock", "month.reopen", "month.ask", "month.decline", "month.ask", "month.lock"]
    kept = [str(each.detail) for each in await rows(site, AuditDetail)]
    assert not any("by myself" in each or "two of us" in each for each in kept)  # people's words stand with the month
    await first.aclose()
    await second.aclose()


async def test_what_is_no_month_is_not_found(site: Whole) -> None:
    desk = await site.staff("finance")

    for name in ("2026-13", "x", "2026-1", "202611", "9999-99", "9999-12", "0001-01"):
        assert (await desk.get(f"/desk/months/{name}")).status_code == 404, name
        assert (await desk.get(f"/desk/months?until={name}")).status_code == 404, name
    await desk.aclose()


async def test_an_empty_house_shows_what_will_stand_here(site: Whole) -> None:
    desk, editor = await site.staff("finance"), await site.staff("editor")

    assert "No payout here" in words((await desk.get("/desk/payouts")).text)
    assert "November 2026" in words((await desk.get("/desk/months")).text)
    assert "None arrives in this month" in words((await desk.get("/desk/months/2026-11")).text)
    assert (await desk.get("/desk/payouts/po_nothing")).status_code == 404
    for path in ("/desk/payouts", "/desk/months", "/desk/months/2026-11"):
        assert (await editor.get(path)).status_code == 403
    await desk.aclose()
    await editor.aclose()


async def test_a_donation_shows_its_money_from_the_article_to_the_bank_line(site: Whole) -> None:
    payout = await paid_out(site)
    desk, viewer = await site.staff("finance"), await site.staff("viewer")
    [donation] = await rows(site, Donation)

    page = await desk.get(f"/desk/donations/{donation.id}")
    masked = await viewer.get(f"/desk/donations/{donation.id}")

    told = words(page.text).partition("Its money, step by step")[2]
    order = ("Came from", "Charge", "Stripe's balance", "Payout", "Bank line", "Journal", "Export file")
    assert [step for step in order if step not in told] == []
    assert sorted(order, key=told.index) == list(order)
    assert f'href="/desk/payouts/{payout.stripe_payout_id}"' in page.text
    assert f'href="/desk/payouts/{payout.stripe_payout_id}"' not in masked.text
    assert payout.stripe_payout_id in masked.text
    assert "Export file not yet" in told
    await desk.aclose()
    await viewer.aclose()


async def test_fees_and_ages_are_drawn_with_their_tables(site: Whole) -> None:
    payout = await paid_out(site)
    line = arrivals.bank_line_row(2, booked_on=payout.arrival_on, amount_minor=700, text="A READER", counterparty="A")
    async with site.db.unit_of_work() as session:
        await arrivals.arrive(session, [], [line])
    site.clock.advance(timedelta(days=10))
    desk = await site.staff("finance")

    told = words((await desk.get("/desk/months/charts")).text)

    assert "In November 2026 it was 2.32 %." in told
    assert "November 2026 £25.00 £0.58 2.32 %" in told
    assert "1 thing waits to be explained." in told
    assert "7 to 29 days – 1" in told
    await desk.aclose()
