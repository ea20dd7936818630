"""The desk's pages about discrepancies: every kind has one, every view is an address, and forms do what they say."""

import csv
import io
import json
import re
from asyncio import gather
from datetime import timedelta

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from books import add_lines, line_row
from paper import SETTINGS_ENV
from sealed import seal_of
from supporters.audit.models import AuditEntry
from supporters.cli import cli
from supporters.discrepancies.codes import MOVES, Code
from supporters.discrepancies.examples import EXAMPLES, in_lines, tell_all
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import Difference, open_many
from supporters.discrepancies.rules import QUIET, RULES, ways
from supporters.kit.clock import FixedClock
from supporters.kit.money import Money
from supporters.ledger.models import LedgerEntry
from supporters.reconciliation.poster import post_new
from supporters.reconciliation.resolution_entries import TO
from supporters.reconciliation.resolution_sources import account_from
from supporters.staff.models import Staff
from supporters.web.desk.discrepancy_words import at_stripe
from whole import Whole, hidden_fields, words

PATH = "/desk/discrepancies"


async def open_examples(site: Whole, *codes: Code) -> dict[Code, str]:
    wanted = codes or tuple(Code)
    rows = [
        Difference(code=each, subject=EXAMPLES[each].subject, amount=Money(EXAMPLES[each].minor or 0, "GBP"))
        for each in wanted
    ]
    async with site.db.unit_of_work() as session:
        await open_many(session, rows, ids=site.ids, now=site.clock.now())
        kept = await session.execute(select(Discrepancy.code, Discrepancy.id))
    return {Code(row.code): row.id for row in kept}


async def send(desk: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await desk.post(path, data={**await seal_of(desk), **fields})


async def unknown_line(site: Whole) -> str:
    """A line of £25.00 that the books do not know, in suspense."""
    line = line_row(9, reporting_category="surprise", fee_minor=0, fee_details=[])
    async with site.db.unit_of_work() as session:
        await add_lines(session, line)
        await post_new(session, ids=site.ids, now=site.clock.now(), time_zone="Europe/London")
        return (await session.scalars(select(Discrepancy.id))).one()


def test_every_kind_has_a_rule_an_example_and_ways_that_know_where_money_goes() -> None:
    assert set(RULES) == set(EXAMPLES) == set(Code)
    assert set(TO) == MOVES
    for code in Code:
        assert ways(code), code
        assert len(set(ways(code))) == len(ways(code)), code
        if MOVES.intersection(ways(code)):
            assert account_from(code)


def test_every_kind_of_the_field_is_known() -> None:
    ours = {code.value for code in Code}
    listed = [
        "CHARGE_UNKNOWN", "WEBHOOK_MISSED", "DONATION_NO_BT", "PAYMENT_MISMATCH", "DUPLICATE_DONATION", "FEE_WITHOUT_CHARGE",
        "FEE_RATE_OUTLIER", "REFUND_PRIOR_PERIOD", "REFUND_EXTERNAL", "REFUND_PENDING_FUNDS", "REFUND_FAILED",
        "REFUND_EXCEEDS", "DISPUTE_OPENED", "DISPUTE_INQUIRY", "DISPUTE_UNPAID", "DISPUTE_LOST", "DISPUTE_AND_REFUND",
        "PARTIAL_DISPUTE", "FX_DISPUTE", "DEBIT_RETURNED", "PAYOUT_CONTENT_OFF", "PAYOUT_NOT_IN_BANK", "BANK_CREDIT_UNKNOWN",
        "PAYOUT_FAILED_RETURNED", "PAID_THEN_FAILED", "NEGATIVE_PAYOUT", "PAYOUT_REVERSED", "INSTANT_PAYOUT_FEE",
        "MANUAL_PAYOUT", "FX_CONVERSION", "MULTI_CCY_PAYOUT", "RESERVE_HELD", "RESERVE_RELEASED", "MIN_BALANCE_HOLD",
        "UNKNOWN_CATEGORY", "TOPUP", "BANK_MERGED", "BANK_SPLIT", "BANK_DUPLICATE_IMPORT", "STATEMENT_GAP", "BALANCE_DRIFT",
        "TIMEZONE_CUTOFF", "CHEQUE_BOUNCED", "DEPOSIT_BATCH_OFF", "TEST_IN_LIVE", "OTHER_ACCOUNT",
    ]  # fmt: skip

    assert len(listed) == 46
    assert set(listed) <= ours


def test_the_simulation_tells_each_once_with_owner_day_and_ways(clock: FixedClock) -> None:
    told = tell_all(today=clock.now().date(), currency="GBP")
    lines = in_lines(told, locale="en_GB")

    assert [each.code for each in told] == [code.value for code in Code]
    assert sum(line.startswith(f"{Code.REFUND_FAILED.value}  ") for line in lines) == 1
    assert "  re_3SXq8, £25.00; shown by a message from Stripe; finance, due 2026-11-23" in lines
    assert "  - The money is owed back to its giver until the bank shows that it was paid. *" in lines


def test_the_command_shows_them_to_people_and_programs() -> None:
    people = CliRunner().invoke(cli, ["check", "--simulate"], env=SETTINGS_ENV)
    programs = CliRunner().invoke(cli, ["check", "--simulate", "--json"], env=SETTINGS_ENV)
    on_a_new_machine = CliRunner().invoke(cli, ["check", "--simulate"], env=dict.fromkeys(SETTINGS_ENV))

    assert (people.exit_code, programs.exit_code, on_a_new_machine.exit_code) == (0, 0, 0)
    assert on_a_new_machine.output.count("_") >= people.output.count("_") > 0
    assert "BANK_CREDIT_UNKNOWN  Money moved at the bank" in people.output
    assert {each["code"] for each in json.loads(programs.output)} == {code.value for code in Code}


async def test_every_kind_has_a_page_and_a_place_in_a_view(site: Whole) -> None:
    ids = await open_examples(site)
    desk = await site.staff("finance")

    shown = [await desk.get(f"{PATH}/{each}") for each in ids.values()]
    open_, info = words((await desk.get(PATH)).text), words((await desk.get(f"{PATH}?view=info")).text)

    assert [page.status_code for page in shown] == [200] * len(Code)
    assert f"{len(Code) - len(QUIET)} open, the first due on top." in open_
    assert f"{len(QUIET)} for information" in info
    await desk.aclose()


async def test_views_are_addresses_and_a_colleague_takes_one_on(site: Whole) -> None:
    ids = await open_examples(site, Code.BALANCE_DRIFT, Code.STATEMENT_GAP)
    desk = await site.staff("finance")
    async with site.db.reading() as session:
        me = (await session.scalars(select(Staff.id))).one()
    one = f"{PATH}/{ids[Code.BALANCE_DRIFT]}"

    taken = await send(desk, one + "/owner", owner=me, due="2026-12-24")
    bad = await send(desk, one + "/owner", owner="", due="soon")
    mine, free = words((await desk.get(f"{PATH}?view=mine")).text), words((await desk.get(f"{PATH}?view=free")).text)
    only = words((await desk.get(f"{PATH}?code=STATEMENT_GAP")).text)
    odd = await desk.get(f"{PATH}?view=x&code=y&owner=z&page=9999")

    assert (taken.status_code, bad.status_code, odd.status_code) == (303, 422, 200)
    assert f'value="{me}" selected' not in bad.text, "the form comes back as it was filled in"
    assert "Mine, 1" in mine
    assert "1 open" in mine
    assert "£1.50" in mine
    assert "1 open" in free
    assert "£1.50" not in free
    assert "1 open" in only
    assert 'value="2026-12-24"' in (await desk.get(one)).text
    await desk.aclose()


async def test_closing_books_what_the_page_said_and_opening_again_takes_it_back(site: Whole) -> None:
    which = await unknown_line(site)
    desk = await site.staff("finance")
    one = f"{PATH}/{which}"

    page = words((await desk.get(one)).text)
    nothing = await send(desk, one, way="as_donation", reason="")
    closed = await send(desk, one, way="owed_back", reason="Paid twice; we return it.")
    after = words((await desk.get(one)).text)
    bare = await send(desk, one + "/reopen", reason=" ")
    again = await send(desk, one + "/reopen", reason="They keep it as a gift.")

    assert "Books £25.00: debit Suspense, credit Refunds payable." in page
    assert [r.status_code for r in (nothing, closed, bare, again)] == [422, 303, 422, 303]
    assert "Paid twice; we return it." in after
    assert "Closed a discrepancy" in after
    assert "In the books Books £25.00: debit Suspense, credit Refunds payable." in after
    async with site.db.reading() as session:
        owed = list(await session.scalars(select(LedgerEntry.amount_minor).where(LedgerEntry.account == "2100")))
    assert sorted(owed) == [-2500, 2500]
    assert "They keep it as a gift." in words((await desk.get(one)).text)
    await desk.aclose()


async def test_two_people_close_a_large_one_and_open_it_again(site: Whole) -> None:
    which = await unknown_line(site)
    async with site.db.unit_of_work() as session:
        await session.execute(update(Discrepancy).values(amount_minor=500_000))
    first, second = await site.staff("finance"), await site.staff("admin")
    one = f"{PATH}/{which}"

    asked = await send(first, one, way="accepted", reason="Agreed with the giver.")
    own = await send(first, one + "/agree")
    waits, queue = words((await second.get(one)).text), words((await second.get(f"{PATH}?view=second")).text)
    unseen = await send(second, one + "/agree")
    asked_at = hidden_fields((await second.get(one)).text)["asked"]
    agreed = await send(second, one + "/agree", asked=asked_at)
    twice = await send(second, one + "/decline")

    assert asked.status_code == 303
    assert (own.status_code, unseen.status_code) == (403, 409)
    assert "Two people decide this" in waits
    assert "Agreed with the giver." in waits
    assert "To agree, 1" in queue
    assert (agreed.status_code, twice.status_code) == (303, 409)
    assert "Agreed Admin" in words((await first.get(one)).text)
    both = await gather(*(send(each, one + "/reopen", reason="It was a legacy.") for each in (first, second)))
    won = next(each for each, answer in zip((first, second), both, strict=True) if answer.status_code == 303)
    other = second if won is first else first
    own = await send(won, one + "/reopen/agree")
    waits = await other.get(one)
    opened = await send(other, one + "/reopen/agree", asked=hidden_fields(waits.text)["asked"])
    assert sorted(each.status_code for each in both) == [303, 409]
    assert (own.status_code, opened.status_code) == (403, 303)
    assert "Two people open it again" in words(waits.text)
    told = words((await first.get(one)).text)
    assert "Opened a discrepancy again" in told
    assert "It was a legacy." in told
    await site.settle()
    subjects = [str(each["subject"]).replace("\n", "") for each in site.mailbag.letters]
    assert [sum(f"asks you to agree to {what}" in each for each in subjects) for what in ("close", "open")] == [1, 1]
    await first.aclose()
    await second.aclose()


async def test_whoever_is_alone_is_asked_why(site: Whole) -> None:
    which = await unknown_line(site)
    async with site.db.unit_of_work() as session:
        await session.execute(update(Discrepancy).values(amount_minor=500_000))
    desk = await site.staff("finance")

    page = words((await desk.get(f"{PATH}/{which}")).text)
    without = await send(desk, f"{PATH}/{which}", way="accepted", reason="Agreed.")
    said = await send(desk, f"{PATH}/{which}", way="accepted", reason="Agreed.", alone="Only I do the books.")

    assert "Why you decide it alone" in page
    assert (without.status_code, said.status_code) == (422, 303)
    assert "Only I do the books." in words((await desk.get(f"{PATH}/{which}")).text)
    silent = await send(desk, f"{PATH}/{which}/reopen", reason="Again.")
    opened = await send(desk, f"{PATH}/{which}/reopen", reason="Again.", alone="Still only me.")
    assert (silent.status_code, "Again.</textarea>" in silent.text, opened.status_code) == (422, True, 303)
    assert "Again. – Still only me." in words((await desk.get(f"{PATH}/{which}")).text)
    gone = {"owner": "01J" + "0" * 23, "due": site.clock.now().date().isoformat()}  # a colleague who stopped meanwhile
    assert "does the books" in words((await send(desk, f"{PATH}/{which}/owner", **gone)).text)
    await desk.aclose()


async def test_a_comment_that_is_none_or_too_long_comes_back(site: Whole) -> None:
    ids = await open_examples(site, Code.BALANCE_DRIFT)
    desk = await site.staff("finance")

    for typed in ("", " \n ", "x" * 2001):
        answer = await send(desk, f"{PATH}/{ids[Code.BALANCE_DRIFT]}/comment", words=typed)

        assert answer.status_code == 422, typed[:9]
    as_sent = await send(desk, f"{PATH}/{ids[Code.BALANCE_DRIFT]}/comment", words="\r\n".join(["x" * 999, "x" * 1000]))
    assert as_sent.status_code == 303, "a new line is one character to whoever writes it"
    page = (await desk.get(f"{PATH}/{ids[Code.BALANCE_DRIFT]}")).text
    assert page.index('id="close"') < page.index('id="comments"') < page.index('id="history"')
    await desk.aclose()


async def test_comments_are_shown_as_text_and_whoever_they_name_gets_a_letter(site: Whole) -> None:
    ids = await open_examples(site, Code.BALANCE_DRIFT)
    desk, other = await site.staff("finance"), await site.staff("admin")
    one = f"{PATH}/{ids[Code.BALANCE_DRIFT]}"

    for _twice in range(2):
        await send(desk, one + "/comment", words="<b>Asked</b> @admin and @eve.\n\u202eTomorrow.")
    page, mine = await desk.get(one), words((await other.get(f"{PATH}?view=mine")).text)
    await site.settle()

    assert "&lt;b&gt;Asked&lt;/b&gt; @admin and @eve." in page.text
    assert "<bdi>\u202eTomorrow.</bdi>" in page.text
    assert "A letter went to Admin" in words(page.text)
    assert "A comment names you." in mine
    told = [each.get_body(("plain",)) for each in site.mailbag.letters if "asks you" in str(each["Subject"])]
    assert [body is not None and one in body.get_content() for body in told] == [True]
    await desk.aclose()
    await other.aclose()


async def test_evidence_is_brought_taken_away_and_erased(site: Whole) -> None:
    ids = await open_examples(site, Code.BALANCE_DRIFT)
    desk, editor = await site.staff("finance"), await site.staff("editor")
    one = f"{PATH}/{ids[Code.BALANCE_DRIFT]}"
    seal = {"seal": hidden_fields((await desk.get(one)).text)["seal"]}
    page_as_picture = {"file": ("<script>.png", b"<script>alert(1)</script>", "image/png")}

    sent = [await desk.post(one + "/evidence", data=seal, files=page_as_picture) for _twice in range(2)]
    none = await desk.post(one + "/evidence", data=seal)
    other = await desk.post(one + "/evidence", data=seal, files={"file": ("a.zip", b"PK\x03\x04")})
    href = re.findall(rf'href="({one}/evidence/\w+)"', (await desk.get(one)).text)
    file, refused = await desk.get(href[0]), await editor.get(href[0])
    why = await send(desk, href[0] + "/erase", reason=" ")
    erased = [await send(desk, href[0] + "/erase", reason="Names others.") for _twice in range(2)]

    assert [r.status_code for r in (*sent, none, other, why, *erased)] == [303, 303, 422, 422, 422, 303, 303]
    assert len(href) == 1
    assert (file.content, refused.status_code) == (b"<script>alert(1)</script>", 403)
    assert file.headers["content-type"] == "text/plain; charset=utf-8"
    assert file.headers["content-security-policy"].startswith("sandbox;")
    assert file.headers["content-disposition"].startswith('attachment; filename="_script_.txt";')
    assert "<bdi>_script_.txt</bdi>" in other.text
    assert (await desk.get(href[0])).status_code == 404
    after = await desk.get(one)
    assert "_script_" not in after.text
    assert "A file that was erased" in words(after.text)
    async with site.db.reading() as session:
        deeds = list(await session.scalars(select(AuditEntry.action).where(AuditEntry.record_kind == "discrepancy")))
    assert [deeds.count(f"discrepancy.evidence{deed}") for deed in ("", "_read", "_erase")] == [1, 1, 1]
    await desk.aclose()
    await editor.aclose()


async def test_what_is_for_information_is_read_with_one_button(site: Whole) -> None:
    await open_examples(site, Code.FX_CONVERSION, Code.WEBHOOK_MISSED, Code.BALANCE_DRIFT)
    desk = await site.staff("finance")

    done = await send(desk, PATH + "/read")

    assert done.status_code == 303
    assert "None in this view." in words((await desk.get(f"{PATH}?view=info")).text)
    assert "1 discrepancy to explain" in words((await desk.get("/desk")).text)
    await desk.aclose()


async def test_the_sheet_is_what_the_view_shows_and_holds_no_formula(site: Whole) -> None:
    await open_examples(site, Code.BALANCE_DRIFT, Code.FX_CONVERSION)
    async with site.db.unit_of_work() as session:
        await session.execute(update(Discrepancy).values(subject="=1+1"))
    desk = await site.staff("finance")

    answer = await desk.get(PATH + ".csv")

    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert (len(rows), rows[1][0], rows[1][2], rows[1][5]) == (2, "BALANCE_DRIFT", "'=1+1", "-1.50")
    async with site.db.reading() as session:
        assert "discrepancy.export" in list(await session.scalars(select(AuditEntry.action)))
    await desk.aclose()


async def test_an_editor_sees_none_of_it(site: Whole) -> None:
    ids = await open_examples(site, Code.BALANCE_DRIFT)
    desk = await site.staff("editor")

    answers = [await desk.get(path) for path in (PATH, PATH + ".csv", f"{PATH}/{ids[Code.BALANCE_DRIFT]}")]

    assert {answer.status_code for answer in answers} == {403}
    await desk.aclose()


async def test_a_sheet_asks_for_a_proof_after_a_while(site: Whole) -> None:
    await open_examples(site, Code.BALANCE_DRIFT)
    desk = await site.staff("finance")
    site.clock.advance(timedelta(minutes=20))

    answer = await desk.get(PATH + ".csv")

    assert "text/csv" not in answer.headers["content-type"]
    await desk.aclose()


@pytest.mark.parametrize(
    ("stripe_id", "address"),
    [
        ("pi_1", "https://dashboard.stripe.com/test/payments/pi_1"),
        ("po_1", "https://dashboard.stripe.com/test/payouts/po_1"),
        ("txn_1", "https://dashboard.stripe.com/test/search?query=txn_1"),
    ],
)
def test_each_id_leads_to_its_place_at_stripe(stripe_id: str, address: str) -> None:
    assert at_stripe(stripe_id, is_test=True) == address
