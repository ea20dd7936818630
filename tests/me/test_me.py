"""A supporter's own pages: what they show, and what can be changed there."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event, select, update

from givers import Add, Given, LetIn
from pages import Page
from supporters.audit.models import AuditEntry
from supporters.donations.models import Donation
from supporters.newsletters.lists import ListForm, create_list
from supporters.newsletters.models import Consent, Subscription
from supporters.people.models import EmailAddress, Supporter
from supporters.plans.models import Plan, PlanEvent
from supporters.receipts.models import Receipt
from whole import Whole, words

ADA, BEN = "ada.brook@example.org", "ben.osei@example.org"
NEW = "ada@new.example.org"


def seal_of(answer: httpx.Response) -> str:
    return next(str(tag["value"]) for tag in Page(answer.text).inputs if tag.get("name") == "seal")


async def post(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """The form, sent with its seal."""
    seal = seal_of(await browser.get("/me"))
    return await browser.post(path, data={"seal": seal, **fields})


@asynccontextmanager
async def counted(site: Whole) -> AsyncGenerator[list[str]]:
    """The statements sent to the database meanwhile."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            said.append(statement)

    engine = site.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_page_shows_plan_payments_and_sums_and_nothing_is_ticked_for_anybody(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    given = await add(ADA, payments=3)
    ada = await let_in(ADA)

    page = await ada.get("/me")

    said = words(page.text)
    assert "£10 a month" in said
    assert "£30.00 in 3 payments" in said
    assert "22 December" in said
    assert "2026, 3 payments £30.00" in said
    assert f"/me/giving/{given.plan_id}/stop" in Page(page.text).links()
    assert [link for link in Page(page.text).links() if link.startswith("/me/receipts/")] == [
        f"/me/receipts/{each}" for each in reversed(given.donations)
    ]
    assert Page(page.text).chosen() == ["each"]  # the supporter's own choice
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("plan", "said", "links"),
    [
        ({"state": "active"}, "Active", {"amount", "date", "payment", "skip", "pause", "stop"}),
        ({"state": "starting", "next_at": None}, "Starting", {"stop"}),
        ({"state": "paused"}, "None until it goes on", {"payment", "pause", "stop"}),
        (
            {"state": "failing", "failure_code": "insufficient_funds", "tries": 1},
            "Your bank says that there was not enough in the account at that moment.",
            {"payment", "try", "stop"},
        ),
        (
            {"state": "failing", "needs_action": True, "action_url": "https://bank.example/confirm"},
            "Your bank wants you to confirm this payment.",
            {"payment", "stop"},
        ),
    ],
)
async def test_each_state_has_its_words_and_its_ways(
    site: Whole, add: Add, let_in: LetIn, plan: dict[str, object], said: str, links: set[str]
) -> None:
    given = await add(ADA, **plan)
    ada = await let_in(ADA)

    page = await ada.get("/me")

    base = f"/me/giving/{given.plan_id}/"
    assert said in words(page.text)
    assert {link.removeprefix(base) for link in Page(page.text).links() if link.startswith(base)} == links


async def test_stopped_plan_offers_to_start_again_with_its_values(site: Whole, add: Add, let_in: LetIn) -> None:
    now = site.clock.now()
    await add(ADA, state="stopped", stopped_at=now, next_at=None, stop_reason="supporter")
    ada = await let_in(ADA)

    page = Page((await ada.get("/me")).text)

    assert "/give?frequency=monthly&amount=10" in page.links()
    assert [tag for tag in page.inputs if tag.get("type") == "radio"] == []  # no receipts are to come


async def test_hundred_payments_and_five_plans_take_no_more_statements_than_one(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    ada = await let_in(ADA)
    async with counted(site) as few:
        await ada.get("/me")
    for _ in range(4):
        await add(ADA, payments=10)

    async with counted(site) as many:
        page = await ada.get("/me")

    assert len(Page(page.text).says("article")) == 5
    assert len(few) == len(many) <= 10


async def test_newsletters_are_saved_with_evidence_and_stopped_at_once(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA)
    form = ListForm(slug="weekend", name="Weekend", how_often="Saturdays", sender_name="Nora", wording="Send it.")
    async with site.db.unit_of_work() as session:
        await create_list(session, form, ids=site.ids, now=site.clock.now())
    ada = await let_in(ADA)

    saved = await post(ada, "/me/newsletters", turn="save", shown="daily,weekend", **{"list-weekend": "on"})
    page = Page((await ada.get(saved.headers["location"])).text)
    async with site.db.reading() as session:
        (proof,) = (await session.scalars(select(Consent))).all()
    stopped = await post(ada, "/me/newsletters", turn="stop")

    assert (saved.status_code, stopped.status_code) == (303, 303)
    assert [tag.get("name") for tag in page.inputs if "checked" in tag] == ["list-weekend", "wish"]
    assert (proof.method, proof.form) == ("preferences", "preferences")
    async with site.db.reading() as session:
        assert await session.scalar(select(Subscription.state)) == "stopped"
    assert (await post(ada, "/me/newsletters", turn="else")).status_code == 400


async def test_receipt_wish_holds_for_one_plan_and_is_noted_once(site: Whole, add: Add, let_in: LetIn) -> None:
    first, second = await add(ADA), await add(ADA)
    ada = await let_in(ADA)
    for _ in range(2):
        saved = await post(ada, f"/me/receipts/{second.plan_id}", wish="yearly")
        assert saved.headers["location"] == "/me?done=receipts"

    async with site.db.reading() as session:
        wishes = {row[0]: row[1] for row in await session.execute(select(Plan.id, Plan.receipts))}
        noted = (await session.scalars(select(PlanEvent))).all()
    assert wishes == {first.plan_id: "each", second.plan_id: "yearly"}
    assert [(each.plan_id, each.kind, each.actor) for each in noted] == [
        (second.plan_id, "changed_receipts", "supporter")
    ]
    assert (await post(ada, f"/me/receipts/{second.plan_id}", wish="never")).status_code == 422


async def test_form_of_another_sign_in_does_nothing(site: Whole, add: Add, let_in: LetIn) -> None:
    given = await add(ADA)
    seal = seal_of(await (await let_in(ADA)).get("/me"))
    ada = await let_in(ADA)

    for fields in ({"seal": seal}, {}, {"seal": "é"}):
        answer = await ada.post(f"/me/receipts/{given.plan_id}", data={"wish": "yearly", **fields})
        assert answer.status_code == 403, fields

    async with site.db.reading() as session:
        assert await session.scalar(select(Plan.receipts)) == "each"


async def test_name_is_changed_and_what_is_no_name_comes_back(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA)
    ada = await let_in(ADA)
    for bad in ("", "   ", "x" * 121, "Ada\u202eBrook"):
        answer = await post(ada, "/me/details", name=bad)
        assert (answer.status_code, Page(answer.text).title[:7]) == (422, "Error: "), bad

    saved = await post(ada, "/me/details", name="  Ada  Zoë Brook-Łyś ")

    assert saved.headers["location"] == "/me?done=name"
    async with site.db.reading() as session:
        assert await session.scalar(select(Supporter.name)) == "Ada Zoë Brook-Łyś"
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert actions.count("supporter.rename") == 1


async def ask_for(site: Whole, browser: httpx.AsyncClient, address: str) -> str:
    """The new address was typed; the link in the letter to it."""
    asked = await post(browser, "/me/details/address", email=address)
    assert asked.headers["location"] == "/me?done=address"
    await site.worker.drain()
    letter = site.mailbag.letters[-1]
    assert letter["To"] == address
    body = letter.get_body(("plain",))
    assert body is not None
    found = re.search(r"/sign-in/address/\S+", body.get_content())
    assert found
    return found[0]


async def addresses(site: Whole) -> list[tuple[str, bool]]:
    """Every address in the order in which they count, and whether it still signs in."""
    async with site.db.reading() as session:
        rows = await session.scalars(select(EmailAddress).order_by(EmailAddress.id))
        return [(each.address, each.retired_at is None) for each in rows]


async def test_new_address_counts_once_confirmed_and_the_old_one_is_told(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA)
    ada, elsewhere = await let_in(ADA), await let_in(ADA)
    link = await ask_for(site, ada, NEW)
    for _ in range(3):
        assert (await site.reader.get(link)).status_code == 200
    assert await addresses(site) == [(ADA, True)]
    assert f"Waiting for {NEW} to confirm" in words((await ada.get("/me")).text)

    done = await ada.post(link, data={})
    await site.worker.drain()

    assert "Letters go to a…@new.example.org" in words(done.text)
    assert await addresses(site) == [(NEW, True), (ADA, False)]
    assert (site.mailbag.letters[-1]["To"], site.mailbag.letters[-1]["Subject"]) == (ADA, "Your address was changed")
    assert NEW not in str(site.mailbag.letters[-1])
    assert ((await ada.get("/me")).status_code, (await elsewhere.get("/me")).status_code) == (200, 303)
    assert (await site.reader.post(link, data={})).status_code == 410
    before = len(site.mailbag.letters)
    await site.reader.post("/sign-in", data={"email": ADA})
    await site.worker.drain()
    assert len(site.mailbag.letters) == before
    assert (await (await let_in(NEW)).get("/me")).status_code == 200


async def test_going_back_to_the_earlier_address_works(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA)
    ada = await let_in(ADA)
    await ada.post(await ask_for(site, ada, NEW), data={})

    await ada.post(await ask_for(site, ada, ADA), data={})

    assert await addresses(site) == [(ADA, True), (NEW, False)]


async def test_address_of_somebody_else_is_not_taken_and_not_told_to_who_only_typed_it(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    await add(BEN, name="Ben Osei")
    ada = await let_in(ADA)
    link = await ask_for(site, ada, BEN)

    pressed = await site.browser().post(link, data={})

    assert pressed.status_code == 409
    assert "another person" in words(pressed.text)
    assert await addresses(site) == [(ADA, True), (BEN, True)]
    assert (await site.browser().get(link)).status_code == 200


async def test_only_the_newest_question_is_answered_and_only_for_a_day(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA)
    ada = await let_in(ADA)
    first = await ask_for(site, ada, "first@example.org")
    second = await ask_for(site, ada, "second@example.org")
    assert (await ada.get(first)).status_code == 410

    site.clock.advance(timedelta(hours=25))

    assert (await ada.post(second, data={})).status_code == 410
    assert await addresses(site) == [(ADA, True)]


async def test_letters_of_one_person_to_new_addresses_are_limited(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA)
    ada = await let_in(ADA)
    for _ in range(3):
        assert (await post(ada, "/me/details/address", email=NEW)).status_code == 303

    assert (await post(ada, "/me/details/address", email=NEW)).status_code == 429
    assert (await post(ada, "/me/details/address", email="no address")).status_code == 422


async def test_statement_lists_a_year_with_what_was_returned(site: Whole, add: Add, let_in: LetIn) -> None:
    given = await add(ADA, payments=3)
    async with site.db.unit_of_work() as session:
        returned = update(Donation).where(Donation.id == given.donations[0])
        await session.execute(returned.values(refunded_minor=400))
    ada = await let_in(ADA)

    page = words((await ada.get("/me/statement/2026")).text)

    assert "1 January 2026 to 22 November 2026" in page
    assert "3 payments £30.00 £26.00" in page
    assert "£4.00 of it returned" in page
    assert "Ada Brook" in page
    assert "No payment in this time" in words((await ada.get("/me/statement/2025")).text)
    assert "23 November 2025 to 22 November 2026" in words((await ada.get("/me/statement/12-months")).text)
    for nothing in ("2027", "1999", "02026", "٢٠٢٦", "x", "12-month"):
        assert (await ada.get(f"/me/statement/{nothing}")).status_code == 404, nothing


async def test_payment_at_the_bank_is_shown_and_counts_as_nothing_yet(site: Whole, add: Add, let_in: LetIn) -> None:
    given = await add(ADA, state="starting", method="bacs_debit", method_last4=None)
    async with site.db.unit_of_work() as session:
        waiting = update(Donation).where(Donation.id == given.donations[0])
        await session.execute(waiting.values(state="processing", paid_at=None, supporter_id=None))
    ada = await let_in(ADA)

    page = words((await ada.get("/me")).text)

    assert "At the bank" in page
    assert "£0.00 in 0 payments" in page
    assert "Direct Debit" in page


async def test_receipt_is_a_page_and_says_when_it_was_voided(site: Whole, add: Add, let_in: LetIn) -> None:
    given = await add(ADA)
    ada = await let_in(ADA)
    path = f"/me/receipts/{given.donations[0]}"
    assert "£10.00" in words((await ada.get(path)).text)
    async with site.db.unit_of_work() as session:
        await session.execute(update(Receipt).values(voided_at=site.clock.now()))

    page = words((await ada.get(path)).text)

    assert "voided on 22 November 2026 and no longer counts" in page
    assert path not in Page((await ada.get("/me")).text).links()


async def test_markup_in_a_name_is_only_text(site: Whole, add: Add, let_in: LetIn) -> None:
    given: Given = await add(ADA, name="<img src=x onerror=alert(1)>")
    ada = await let_in(ADA)

    for path in ("/me", "/me/details", "/me/statement/2026", f"/me/receipts/{given.donations[0]}"):
        page = (await ada.get(path)).text
        assert "<img src=x" not in page, path
        assert "&lt;img src=x" in page, path
