"""The desk's pages on payouts and months: what they say, what they do, and who may."""

import dataclasses
import json
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

import arrivals
import kept_worlds
from months.narrowed_lines import its_lines_are_narrowed_by_the_address
from sealed import seal_of
from supporters.app import build_house
from supporters.audit.models import AuditDetail, AuditEntry
from supporters.bank.models import BankLine
from supporters.donations.models import Donation
from supporters.exports.models import ExportBatch
from supporters.jobs.queue import enqueue
from supporters.ledger.models import Period
from supporters.ledger.periods import next_month
from supporters.payments.models import Payout
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.certificate import read, verify
from supporters.reconciliation.certify import read_file
from supporters.reconciliation.matches import Because, Part, confirm
from supporters.reconciliation.models import Certificate, CloseRequest, Side
from supporters.staff.models import Staff
from supporters.web.desk import money_waits
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
    async with site.db.unit_of_work() as session:
        await enqueue(session, "balance.compare", {}, ids=site.ids, now=site.clock.now())
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
    assert "took 2 days" in listed
    await its_lines_are_narrowed_by_the_address(desk, f"/desk/payouts/{payout.stripe_payout_id}")
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
    await a_file_claims(site, period)
    claimed = await press(desk, f"{page}/open", reason="A late invoice")
    opened = await press(desk, f"{page}/open", reason="A late invoice", files="left")

    assert (without.status_code, claimed.status_code, opened.status_code) == (422, 422, 303)
    assert "claim what every account held at the end of November 2026: year.beancount" in words(claimed.text)
    assert "A late invoice" in words((await desk.get(page)).text)
    actions = [entry.action for entry in await rows(site, AuditEntry)]
    assert {"month.lock", "month.reopen", "certificate.make"} <= set(actions)
    assert len(await rows(site, Certificate)) == 1
    assert (await press(desk, f"{page}/certificate")).status_code == 303
    body = read((await desk.get("/desk/certificates/2")).content)
    assert {each["key"]: each["state"] for each in body["checks"]} | {"arrived": "note", "over": "done"} == {
        each["key"]: each["state"] for each in body["checks"]
    }
    assert words((await desk.get("/desk/months/waiting")).text).count("Nothing waits in suspense") == 1
    await desk.aclose()


async def a_file_claims(site: Whole, period: Period) -> None:
    """A file went out that says what every account held at the month's end."""
    first = date.fromisoformat(f"{period.period}-01")
    row = {
        "id": site.ids.ulid(),
        "target": "beancount",
        "mode": "line",
        "starts_on": first,
        "ends_on": next_month(first),
    }
    row |= {
        "claims_until": next_month(first) - timedelta(days=1),
        "file_name": "year.beancount",
        "body": b"",
        "journals": b"",
    }
    row |= {"sha256": "", "size_bytes": 0, "transactions": 0, "journal_count": 0, "line_count": 0, "totals": []}
    async with site.db.unit_of_work() as session:
        session.add(ExportBatch(**row, made_by="dana", made_at=site.clock.now()))


async def test_above_the_limit_two_people_close_a_month_and_open_it_again(site: Whole) -> None:
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
    unsaid = await press(first, f"{page}/open", reason="There are two of us now")
    await press(first, f"{page}/open", reason="There are two of us now", alone="Still by myself today")
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
    assert (unsaid.status_code, "There are two of us now" in unsaid.text) == (422, True)
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
    await two_open_it(site, first, second, page)
    await site.settle()
    subjects = [str(each["subject"]) for each in site.mailbag.letters]
    told = [
        sum(what in each.replace("\n", "") for each in subjects) for what in ("to close a month", "closed month again")
    ]
    assert told == [1, 1]  # asked twice at the same moment, which the clock here allows
    await first.aclose()
    await second.aclose()


async def two_open_it(site: Whole, first: httpx.AsyncClient, second: httpx.AsyncClient, page: str) -> None:
    asked = await press(second, f"{page}/open", reason="An invoice was forgotten")
    again = await press(first, f"{page}/open", reason="So do I")
    own = await press(second, f"{page}/open/agree")
    waits = await first.get(page)
    declined = await press(second, f"{page}/open/decline")
    gone = await press(first, f"{page}/open/agree")
    await press(second, f"{page}/open", reason="An invoice was forgotten")
    agreed = await press(first, f"{page}/open/agree", asked=hidden_fields((await first.get(page)).text)["asked"])

    assert (asked.headers["location"], again.status_code, own.status_code) == (f"{page}?done=open-asked", 422, 422)
    assert "Waits for Finance" in words(waits.text)
    assert "Agree and open November 2026 again" in words(waits.text)
    assert (declined.status_code, gone.status_code, agreed.headers["location"]) == (303, 422, f"{page}?done=opened")
    [period] = await rows(site, Period)
    assert (period.state, period.reopened_reason) == ("open", "An invoice was forgotten")
    assert period.reopen_agreed_by not in (None, period.reopened_by)


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
    running = await desk.get("/desk/months/2026-11")
    assert "None arrives in this month" in words(running.text)
    assert ("It can be closed from 1 Dec" in words(running.text), "/2026-11/close" in running.text) == (True, False)
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


async def test_fees_and_ages_are_drawn_with_their_tables(site: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
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
    await money_that_waits_is_listed(site, desk)
    monkeypatch.setattr(money_waits, "SHOWN", 0)
    many = (await desk.get("/desk/months/waiting")).text
    assert "In suspense £7.00" in words(many)
    assert "These are the oldest 0 of 1. The files have all of them." in words(many)
    await desk.aclose()


async def money_that_waits_is_listed(site: Whole, desk: httpx.AsyncClient) -> None:
    """A bank line that somebody put into suspense, with the oldest on top; and its file."""
    async with site.db.unit_of_work() as session:
        [line] = await session.scalars(select(BankLine).where(BankLine.amount_minor == 700))
        part, why, since = Part(Side.ACCOUNT, "2000", 700), Because(note="Nobody knows yet"), line.booked_on
        await confirm(session, [line.id], [part], because=why, actor_id="dana", ids=site.ids, now=site.clock.now())

    page = await desk.get("/desk/months/waiting")
    file = await desk.get("/desk/months/waiting/suspense.csv")

    days = (site.clock.now().date() - since).days
    assert "In suspense £7.00 Money that is ours to keep" in words(page.text)
    assert f"Bank line {line.id} {days} days old £7.00" in words(page.text)
    assert f'href="/desk/match/{line.id}"' in page.text
    assert (await desk.get(f"/desk/match/{line.id}")).status_code == 200
    assert file.text.splitlines()[1:] == [f'"Bank line","{line.id}","{since}","{days}","GBP","7.00"']
