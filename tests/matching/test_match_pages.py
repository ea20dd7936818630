"""Matching as pages: what each line may be, every way to say it, the way back, and what happens when two do it at once."""

import re
from datetime import timedelta

import pytest
from matcher import Matcher
from sqlalchemy import func, select, text

from arrivals import ARRIVED, bank_line_id, bank_line_row, payout_id, payout_row, trace_of
from supporters.audit.models import AuditDetail, AuditEntry
from supporters.discrepancies.models import Comment, Discrepancy
from supporters.ledger.checks import checks as ledger_checks
from supporters.ledger.models import LedgerEntry
from supporters.reconciliation.learning import learn
from supporters.reconciliation.match_checks import checks as match_checks
from supporters.reconciliation.models import BankMatch, MatchAction, MatchRule
from supporters.reconciliation.opening import Opening, begin_books
from whole import hidden_fields, words

LIST = "/desk/match"
GIFT = {"counterparty": "A Lovelace", "text": "thank you", "amount_minor": 4_000}
PLAIN = {"text": "STRIPE PAYOUT"}


def line_path(number: int) -> str:
    return f"{LIST}/{bank_line_id(number)}"


def keys_of(page: str) -> list[str]:
    return re.findall(r'name="key" value="([^"]*)"', page)


async def accounts(matcher: Matcher) -> dict[str, int]:
    """What stands on each account; every check of ledger and matches holds."""
    entry = LedgerEntry
    async with matcher.site.db.reading() as session:
        for check in (*ledger_checks(), *match_checks()):
            if ":day_ago" not in check.sql:
                assert not (await session.execute(text(check.sql))).all(), check.name
        rows = await session.execute(select(entry.account, func.sum(entry.amount_minor)).group_by(entry.account))
        return {account: int(total) for account, total in rows if total}


async def test_list_shows_each_line_with_its_first_suggestion_in_words(matcher: Matcher) -> None:
    lines = [bank_line_row(1), bank_line_row(2, amount_minor=5_000, **PLAIN), bank_line_row(3, **GIFT)]
    await matcher.arrive([payout_row(1), payout_row(2, amount_minor=5_000)], lines)

    page = await matcher.text(LIST)

    told = words(page)
    assert "3 open lines, the oldest first" in told
    assert "£0.00 of £1,305.48 explained" in told
    assert f"Payout {payout_id(1)} Certain" in told
    assert "amount exact same day Stripe's reference is on the line" in told
    assert f"Payout {payout_id(2)} Likely" in told
    assert "Nothing expected fits." in told
    assert "Accept 1 certain, £1,215.48" in told
    assert keys_of(page) == [f"payout:{payout_id(1)}", f"payout:{payout_id(2)}"]
    assert re.search(r'href="/desk/match"[^>]*>\s*<span>Match</span>\s*<span class="count">3', page)


async def test_match_from_the_list_comes_back_to_the_same_view_and_is_undone_there(matcher: Matcher) -> None:
    await matcher.arrive([payout_row(1), payout_row(2)], [bank_line_row(1), bank_line_row(3, **GIFT)])
    page = await matcher.text(f"{LIST}?way=in&min=5")
    form = {"key": keys_of(page)[0], "view": hidden_fields(page)["view"]}

    sent = await matcher.send(f"{line_path(1)}/match", **form)

    assert sent.headers["location"] == f"{LIST}?way=in&min=5&done={bank_line_id(1)}"
    told = await matcher.words(sent.headers["location"])
    assert f"Matched with Payout {payout_id(1)}: £1,215.48. 1 left." in told
    assert "Unlink from the bank line (keeps the payout)" in told
    assert await accounts(matcher) == {"1000": 121_548, "1150": -121_548}
    own = await matcher.words(line_path(1))
    assert trace_of(1) in own

    assert "What it could be" in await matcher.done(f"{line_path(1)}/undo")
    assert await accounts(matcher) == {}


async def test_payment_that_somebody_matched_meanwhile_is_said_so_and_nothing_is_done(matcher: Matcher) -> None:
    await matcher.arrive([payout_row(1)], [bank_line_row(1), bank_line_row(2)])
    [key] = set(keys_of(await matcher.text(LIST)))
    await matcher.send(f"{line_path(1)}/match", key=key)

    late = [
        await matcher.send(f"{line_path(2)}/match", key=key),
        await matcher.send(f"{line_path(1)}/match", key=key),
        await matcher.send(f"{line_path(1)}/account", account="4100", note="again"),
        await matcher.send(f"{line_path(1)}/aside", aside="again"),
        await matcher.send(f"{line_path(1)}/take-up"),
        await matcher.send(f"{line_path(2)}/undo"),
    ]

    assert [each.status_code for each in late] == [409] * 6
    assert "nothing was matched" in words(late[0].text)
    assert await accounts(matcher) == {"1000": 121_548, "1150": -121_548}


async def test_several_payments_and_the_rest_on_an_account(matcher: Matcher) -> None:
    parts = [payout_row(1, amount_minor=30_000, trace_id=""), payout_row(2, amount_minor=12_345, trace_id="")]
    await matcher.arrive(parts, [bank_line_row(7, amount_minor=42_000, text="CREDIT")])
    path = line_path(7)
    ticks = {"p0": f"payout:{payout_id(1)}", "p3": f"payout:{payout_id(2)}"}

    looked = await matcher.text(f"{path}?fmin=100&p0={ticks['p0']}&p3={ticks['p3']}")

    assert "Chosen £423.45 Bank £420.00 Difference −£3.45" in words(looked)
    refused = await matcher.send(f"{path}/chosen", **ticks)
    assert refused.status_code == 422
    assert "does not add up" in words(refused.text)
    assert f'value="{ticks["p0"]}" data-minor="30000" checked' in refused.text
    no_note = await matcher.send(f"{path}/chosen", **ticks, rest="5060")
    assert no_note.status_code == 422

    done = await matcher.done(f"{path}/chosen", **ticks, rest="5060", rest_note="kept by the bank")

    assert "Matched with" in done
    assert await accounts(matcher) == {"1000": 42_000, "1150": -42_345, "5060": 345}
    assert "kept by the bank" in await matcher.words(path)


async def test_a_payment_that_is_gone_is_named_instead_of_matched(matcher: Matcher) -> None:
    await matcher.arrive([payout_row(1)], [bank_line_row(1)])

    sent = await matcher.send(f"{line_path(1)}/chosen", p0="payout:po_nowhere", p1=f"payout:{payout_id(1)}")

    assert sent.status_code == 422
    assert "not open any more" in words(sent.text)
    assert await accounts(matcher) == {}


async def test_line_is_booked_on_an_account_with_a_reason_or_not_at_all(matcher: Matcher) -> None:
    await matcher.arrive([], [bank_line_row(1, **GIFT), bank_line_row(2, **GIFT | {"amount_minor": 100_001})])
    path = line_path(1)

    for form, said in (
        ({"account": "", "note": "x"}, "Choose an account"),
        ({"account": "1100", "note": "x"}, "Choose an account"),
        ({"account": "4100", "note": " "}, "Write why"),
    ):
        sent = await matcher.send(f"{path}/account", **form)
        assert (sent.status_code, said in words(sent.text)) == (422, True), form
    legacy = {"account": "4100", "note": "a legacy"}
    much = await matcher.send(f"{line_path(2)}/account", **legacy)
    assert (much.status_code, "why you decide this alone" in words(much.text)) == (422, True)
    assert "a legacy</textarea>" in much.text
    await two_book_it(matcher, line_path(2), legacy)

    done = await matcher.done(f"{path}/account", account="4100", note="a stall at the fair")

    assert "Matched with Other income (4100): £40.00. 0 left." in done
    assert "Take it out of the books again (adds the opposite entries)" in done
    assert await accounts(matcher) == {"1000": 104_001, "4100": -104_001}


async def two_book_it(matcher: Matcher, path: str, legacy: dict[str, str]) -> None:
    other = Matcher(matcher.site, await matcher.site.staff("admin"))
    asked, again = [await each.send(f"{path}/account", **legacy) for each in (matcher, other)]
    own = await matcher.send(f"{path}/agree")
    shown = await other.text(path)
    declined = await other.send(f"{path}/decline")
    assert await accounts(matcher) == {}
    await matcher.send(f"{path}/account", **legacy)
    seen_at = hidden_fields(await other.text(path))["asked"]
    agreed = await other.done(f"{path}/agree", asked=seen_at)

    assert [each.status_code for each in (asked, again, own, declined)] == [303, 409, 422, 303]
    assert "Other income" in words(shown)
    assert "a legacy" in words(shown)
    assert "Agreed: Admin" in agreed
    async with matcher.site.db.reading() as session:
        deeds = select(AuditDetail.detail).join(AuditEntry, AuditEntry.seq == AuditDetail.seq)
        detail = await session.scalar(deeds.where(AuditEntry.action == "bank.match"))
    assert detail
    assert (detail["confidence"], "asked_by" in detail) == ("chosen", True)
    await other.desk.aclose()


async def test_line_is_set_aside_with_its_reason_and_taken_up_again(matcher: Matcher) -> None:
    await matcher.arrive([], [bank_line_row(1, **GIFT)])
    path = line_path(1)
    ways = re.findall(r'<a class="action" href="#([^"]+)"', page := await matcher.text(path))
    assert ways == ["ours", "gift", "find", "account-h", "aside-h", "except", "ask"]
    assert all(f'id="{way}" tabindex="-1"' in page for way in ways)

    empty = await matcher.send(f"{path}/aside", aside="  ")
    done = await matcher.done(f"{path}/aside", aside="the shop's till")

    assert empty.status_code == 422
    assert "Set aside: £40.00. 0 left." in done
    assert "the shop's till" in await matcher.words(path)
    assert "What it could be" in await matcher.done(f"{path}/take-up")


async def test_a_colleague_is_asked_under_a_discrepancy_that_closes_with_the_line(matcher: Matcher) -> None:
    await matcher.arrive([], [bank_line_row(1, **GIFT)])
    path = line_path(1)

    listed = [await matcher.send(f"{path}/except") for _ in range(2)]
    asked = await matcher.done(f"{path}/ask", words="Is this Ada's legacy?")
    await matcher.done(f"{path}/ask", words="Nobody?")
    assert (await matcher.send(f"{path}/ask", words=" ")).status_code == 422

    assert len({answer.headers["location"] for answer in listed}) == 1, "one discrepancy, with no words yet"
    assert "Is this Ada's legacy?" in asked
    assert "It is on the list" in await matcher.words(path)
    await matcher.done(f"{path}/aside", aside="hers")
    async with matcher.site.db.reading() as session:
        found = (await session.scalars(select(Discrepancy))).one()
        comments = await session.scalar(select(func.count()).select_from(Comment))
    assert (found.code, found.state, comments) == ("BANK_CREDIT_UNKNOWN", "resolved", 2)


async def test_line_before_the_books_began_is_not_booked_and_the_page_says_why(matcher: Matcher) -> None:
    early = {"amount_minor": 3_000, "booked_on": ARRIVED - timedelta(days=5)}
    await matcher.arrive(
        [payout_row(1, arrival_on=early["booked_on"], amount_minor=3_000)], [bank_line_row(1, **early)]
    )
    async with matcher.site.db.unit_of_work() as session:
        now, ids = matcher.site.clock.now(), matcher.site.ids
        opening = Opening(starts_on=ARRIVED - timedelta(days=2))
        await begin_books(session, opening, actor_id="dana", ids=ids, now=now, time_zone="Europe/London")
    assert "1 line before 1 Nov is not explained" in await matcher.words(LIST)
    ticks = {"p0": f"payout:{payout_id(1)}"}

    sent = [
        await matcher.send(f"{line_path(1)}/account", account="4100", note="a stall"),
        await matcher.send(f"{line_path(1)}/chosen", **ticks),
    ]

    assert [each.status_code for each in sent] == [422, 422]
    assert "began" in words(sent[0].text)
    assert "a stall</textarea>" in sent[0].text
    assert await accounts(matcher) == {}


async def test_several_lines_are_one_payment(matcher: Matcher) -> None:
    halves = [bank_line_row(1, amount_minor=100_000, **PLAIN), bank_line_row(2, amount_minor=21_548, text="REST")]
    await matcher.arrive([payout_row(9)], halves)
    both = {"l0": bank_line_id(1), "l4": bank_line_id(2)}

    page = await matcher.words(f"{LIST}/together?l0={both['l0']}&l4={both['l4']}")
    none = await matcher.send(f"{LIST}/together", **both)
    done = await matcher.done(f"{LIST}/together", **both, payment=f"payout:{payout_id(9)}")

    assert "Together £1,215.48" in page
    assert f"Payout {payout_id(9)}, £1,215.48" in page
    assert none.status_code == 422
    assert "Matched with" in done
    assert await accounts(matcher) == {"1000": 121_548, "1150": -121_548}
    assert "1 other line is part of the same payment" in await matcher.words(line_path(1))
    assert "Tick two lines or more" in await matcher.words(f"{LIST}/together?l0={both['l0']}")
    await matcher.words(f"{LIST}/together?l0=nonsense", status=404)


async def test_split_payment_is_proposed_and_matched_whole(matcher: Matcher) -> None:
    halves = [bank_line_row(1, amount_minor=100_000, **PLAIN), bank_line_row(2, amount_minor=21_548, **PLAIN)]
    await matcher.arrive([payout_row(9)], halves)
    page = await matcher.text(LIST)
    assert "together with one more line" in words(page)

    await matcher.done(f"{line_path(2)}/match", key=keys_of(page)[1])

    assert await accounts(matcher) == {"1000": 121_548, "1150": -121_548}
    assert "No bank line is open." in await matcher.words(LIST)


async def test_everything_certain_is_accepted_as_it_was_looked_at(matcher: Matcher) -> None:
    pairs = range(1, 6)
    lines = [bank_line_row(number, amount_minor=1_000 + number) for number in pairs]
    await matcher.arrive([payout_row(number, amount_minor=1_000 + number) for number in pairs], lines)
    form = hidden_fields(await matcher.text(f"{LIST}/certain"))

    stale = await matcher.send(f"{LIST}/certain", seen="x" * 32)
    done = await matcher.done(f"{LIST}/certain", seen=form["seen"], view=form["view"])
    again = await matcher.send(f"{LIST}/certain", seen=form["seen"])

    assert (stale.status_code, again.status_code) == (409, 409)
    assert "Accepted 5 matches. 0 left." in done
    history = await matcher.words(f"{LIST}/history")
    assert "Accepted everything certain, 5 matches" in history
    async with matcher.site.db.reading() as session:
        action = (await session.scalars(select(MatchAction.id))).one()
    whole = await matcher.text(f"{LIST}/history/{action}")
    assert (
        whole.count("Unlink from the bank line (keeps the payout)") == 5 * 2
    )  # under the words too, for narrow screens
    await matcher.done(f"{line_path(3)}/undo")
    assert "5 matches, of which 4 stand." in await matcher.words(f"{LIST}/history/{action}")
    assert await accounts(matcher) == {"1000": 4_012, "1150": -4_012}


async def test_filters_are_addresses_and_what_can_not_be_read_is_said(matcher: Matcher) -> None:
    lines = [bank_line_row(1), bank_line_row(2, **GIFT), bank_line_row(3, **GIFT | {"amount_minor": -900})]
    await matcher.arrive([], lines)

    for query, count in (
        ("way=out", 1), ("way=in", 2), ("min=30&max=50", 1), ("q=lovelace", 2), ("from=2026-11-04", 0),
        ("to=2026-11-03", 3), ("account=7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 0), ("page=9", 3), ("account=%27", 3),
    ):  # fmt: skip
        found = await matcher.words(f"{LIST}?{query}")
        assert (f"{count} open line" in found) or (count == 0 and "No open line fits." in found), query
    for query in ("min=lots", "from=yesterday", "to=9999-12-31"):
        assert "There is a problem" in await matcher.words(f"{LIST}?{query}", status=422), query
    assert "1 line before" not in await matcher.words(f"{LIST}?from=2026-11-03")
    guard = await matcher.words(f"{LIST}?from=2026-11-10")
    assert "3 lines before 10 Nov are not explained; your opening balance may not agree." in guard


async def test_rule_is_looked_at_before_it_is_switched_on(matcher: Matcher) -> None:
    fees = {"counterparty": "Unity Bank", "text": "monthly charge"}
    await matcher.arrive([], [bank_line_row(number, amount_minor=-900, **fees) for number in range(5)])
    for number in range(4):
        await matcher.done(f"{line_path(number)}/account", account="5060", note="charge")
    async with matcher.site.db.unit_of_work() as session:
        await learn(session, ids=matcher.site.ids, now=matcher.site.clock.now())
        rule_id = (await session.scalars(select(MatchRule.id))).one()
    path = f"{LIST}/rules/{rule_id}"

    assert "UNITY BANK Proposed Lines with these words belong on Bank charges (5060)" in await matcher.words(
        f"{LIST}/rules"
    )
    assert (await matcher.send(f"{path}/on")).status_code == 422
    tried = await matcher.done(f"{path}/test")
    assert "Right 4 as people or references said Wrong 0 something else was said Not said yet 1" in tried
    assert "Switch it off (what it did stays)" in await matcher.done(f"{path}/on")

    assert "Bank charges (5060) Likely a rule that is switched on" in await matcher.words(LIST)
    await matcher.done(f"{line_path(4)}/match", key="account:5060")
    async with matcher.site.db.reading() as session:
        assert await session.scalar(select(BankMatch.rule_id).where(BankMatch.bank_line_id == bank_line_id(4)))
    assert (await matcher.send(f"{path}/on")).status_code == 409
    assert "Off" in await matcher.done(f"{path}/off")


async def test_rule_that_was_wrong_shows_where_and_stays_off(matcher: Matcher) -> None:
    fees = {"counterparty": "Unity Bank", "text": "monthly charge"}
    await matcher.arrive([], [bank_line_row(number, amount_minor=-900, **fees) for number in range(4)])
    for number, account in enumerate(("5060", "5060", "5060", "5090")):
        await matcher.done(f"{line_path(number)}/account", account=account, note="charge")
    async with matcher.site.db.unit_of_work() as session:
        await learn(session, ids=matcher.site.ids, now=matcher.site.clock.now())
        rule_id = (await session.scalars(select(MatchRule.id))).one()
    path = f"{LIST}/rules/{rule_id}"

    tried = await matcher.done(f"{path}/test")

    assert "Where it would have been wrong, the latest first." in tried
    assert "Switch it on" not in tried
    on = await matcher.send(f"{path}/on")
    assert (on.status_code, "stays off" in words(on.text)) == (422, True)


@pytest.mark.parametrize(
    "path",
    ["/desk/match/nonsense", f"/desk/match/{'7' * 26}", f"/desk/match/history/{'7' * 26}", "/desk/match/rules/x"],
)
async def test_what_is_not_there_is_not_found(matcher: Matcher, path: str) -> None:
    await matcher.words(path, status=404)


async def test_only_who_does_the_books_may_match(matcher: Matcher) -> None:
    await matcher.arrive([payout_row(1)], [bank_line_row(1, booked_on=ARRIVED)])
    viewer = await matcher.site.staff("viewer")

    for path in (LIST, line_path(1), f"{LIST}/history", f"{LIST}/rules", f"{LIST}/certain", f"{LIST}/together"):
        assert (await viewer.get(path)).status_code == 403, path
    await viewer.aclose()
