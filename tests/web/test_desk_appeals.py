"""Writing an appeal at the desk: drafts, two editors, publishing now and later, previews, the letter, what readers then see."""

import html
import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event, select

from supporters.appeals.history import publish_due
from supporters.appeals.models import Appeal, AppealVersion, Fund
from supporters.audit.models import AuditEntry
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, Whole, hidden_fields, running, words

HERE = "/desk/appeals"
ANY_ID = "01M7SESBR0GH6X5M4JM9NYJG7Z"


def fields_of(page: str) -> dict[str, str]:
    """The editor's form as a browser would send it, without its buttons."""
    form = page[page.index('<form id="appeal"') :]
    form = form[: form.index("</form>")]
    found = hidden_fields(form)
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            found[name[1]] = html.unescape(value[1]) if value else "on" if " checked" in tag else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>([^<]*)</textarea>', form):
        found[name] = html.unescape(text)
    chosen = re.search(r'<option value="([^"]*)" selected', form)
    return {**found, "fund": chosen[1] if chosen else ""}


class Editor:
    """A member of staff at the editor of an appeal."""

    def __init__(self, desk: httpx.AsyncClient) -> None:
        self.desk = desk

    async def open(self, address: str) -> dict[str, str]:
        page = await self.desk.get(address)
        assert page.status_code == 200, words(page.text)
        return fields_of(page.text)

    async def create(self, **changes: str) -> str:
        fields = {
            **await self.open(f"{HERE}/new"),
            "name": "Winter 2026",
            "slug": "winter",
            "heading": "Keep the presses warm",
            "message": "Paper is dear this winter. Help pay for it.",
            "thanks": "It buys paper.",
            **changes,
        }
        answer = await self.desk.post(f"{HERE}/new", data=fields)
        assert answer.status_code == 303, words(answer.text)
        return answer.headers["location"].partition("?")[0]

    async def change(self, address: str, **changes: str) -> httpx.Response:
        return await self.desk.post(address, data={**await self.open(address), **changes})

    async def press(self, address: str, deed: str, **fields: str) -> httpx.Response:
        seal = (await self.open(address))["seal"]
        return await self.desk.post(f"{address}/{deed}", data={"seal": seal, **fields})


@pytest.fixture
async def eli(site: Whole) -> Editor:
    return Editor(await site.staff("editor"))


async def general(site: Whole) -> str:
    async with site.db.reading() as session:
        return f"{HERE}/{await session.scalar(select(Appeal.id).where(Appeal.slug == 'general'))}"


async def seen(site: Whole, address: str) -> httpx.Response:
    site.clock.advance(timedelta(seconds=6))
    return await site.reader.get(address)


async def deeds(site: Whole) -> list[str]:
    async with site.db.reading() as session:
        wanted = select(AuditEntry.action).where(AuditEntry.record_kind == "appeal").order_by(AuditEntry.seq)
        return list(await session.scalars(wanted))


async def test_a_draft_becomes_a_page_when_it_is_published(site: Whole, eli: Editor) -> None:
    address = await eli.create(letter_subject="Your %(amount)s warms %(paper)s")
    hidden = await seen(site, "/g/winter")

    published = await eli.change(address, do="publish", heading="Keep <b>the presses</b> warm")
    page = await seen(site, "/g/winter")

    assert hidden.status_code == 404
    assert published.headers["location"].endswith("?done=published")
    assert page.status_code == 200
    assert "Keep &lt;b&gt;the presses&lt;/b&gt; warm" in page.text
    assert await deeds(site) == ["appeal.create", "appeal.publish"]


async def test_the_same_on_both_engines_with_a_plan_history_and_bringing_back(
    db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> None:
    async with running(db, clock, Ids(clock), settings, mailbag) as site:
        eli = Editor(await site.staff("editor"))
        address = await eli.create()
        await eli.change(address, do="publish")
        planned = await eli.change(address, do="plan", heading="From Monday", publish_at="2026-11-23T06:00")
        before = await seen(site, "/g/winter")
        site.clock.advance(timedelta(days=1))
        async with site.db.unit_of_work() as session:
            assert await publish_due(session, now=site.clock.now(), ids=site.ids) == ["winter"]
        after = await seen(site, "/g/winter")
        eli = Editor(await again(site))
        history = words((await eli.desk.get(f"{address}/history")).text)
        back = await eli.press(address, "back", number="1", base="2")
        newest = await eli.open(address)

        assert planned.headers["location"].endswith("?done=planned")
        assert "Keep the presses warm" in before.text
        assert "From Monday" in after.text
        assert "Heading Keep the presses warm From Monday" in history
        assert back.headers["location"].endswith("?done=back")
        assert (newest["heading"], newest["base"]) == ("Keep the presses warm", "3")
        assert "Raised so far" in words((await eli.desk.get(HERE)).text)


async def again(site: Whole) -> httpx.AsyncClient:
    """The editor, signed in anew after a day."""
    desk = site.browser()
    fields = hidden_fields((await desk.get("/desk/sign-in")).text)
    sent = {**fields, "email": "editor@weeklylamp.example", "password": "a long enough password"}
    assert (await desk.post("/desk/sign-in", data=sent)).status_code == 303
    return desk


async def test_of_two_editors_the_second_gets_both_words_and_nothing_is_lost(site: Whole, eli: Editor) -> None:
    address = await eli.create(signed_by="Ruth")
    mine = await eli.open(address)
    await eli.change(address, heading="Theirs", if_more="It stays in the fund.")

    told = await eli.desk.post(address, data={**mine, "message": "My message.", "do": "publish"})
    together = fields_of(told.text)
    saved = await eli.desk.post(address, data={**together, "do": "save"})

    assert told.status_code == 409
    assert "Editor saved version 2 while you were writing" in words(told.text)
    assert "Heading Keep the presses warm Theirs" in words(told.text)
    assert (together["heading"], together["message"], together["if_more"], together["signed_by"], together["base"]) == (
        "Theirs",
        "My message.",
        "It stays in the fund.",
        "Ruth",
        "2",
    )
    assert saved.status_code == 303
    async with site.db.reading() as session:
        assert list(await session.scalars(select(AppealVersion.number).order_by(AppealVersion.number))) == [1, 2, 3]


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"heading": ""}, "Write a heading"),
    ({"message": "m" * 9_000}, "at most 1200"),
    ({"slug": "general"}, "Another appeal has this address"),
    ({"slug": "../desk"}, "small letters"),
    ({"once-2": "ten"}, "in figures"),
    ({"once-1": "0.10"}, "smallest donation"),
    ({"ends": "2026-11-01T00:00", "starts": "2026-12-01T00:00"}, "after the start"),
    ({"letter_subject": "Thanks {{ config }}"}, "can't be filled in"),
    ({"fund": "new"}, "new fund a name"),
    ({"fund": "nonsense"}, "Choose the fund"),
]


async def test_bad_input_gets_the_form_again_filled_in(site: Whole, eli: Editor) -> None:
    usual = {"name": "Winter", "slug": "winter", "heading": "H", "message": "報紙 \u202eevil", "thanks": "T"}
    fields = {**await eli.open(f"{HERE}/new"), **usual}

    for changes, said in MISTAKES:
        answer = await eli.desk.post(f"{HERE}/new", data={**fields, **changes})

        assert answer.status_code == 422, changes
        assert said in words(answer.text)
        kept = fields_of(answer.text)
        assert (kept["name"], kept["thanks"]) == ("Winter", "T")
    async with site.db.reading() as session:
        assert await session.scalar(select(Appeal.id).where(Appeal.slug == "winter")) is None


async def test_claims_need_a_source_before_they_are_published_but_not_before_they_are_saved(
    site: Whole, eli: Editor
) -> None:
    address = await eli.create(message="£10 prints 12 copies.")

    refused = await eli.change(address, do="publish")
    sourced = {"claim-1": "£10 prints 12 copies", "source-1": "The printer's invoice"}
    published = await eli.change(address, do="publish", **sourced)

    assert refused.status_code == 422
    assert "Add a source for “£10 prints 12 copies.”" in words(refused.text)
    assert published.status_code == 303


async def test_a_plan_needs_a_time_that_is_still_to_come_and_can_be_called_off(site: Whole, eli: Editor) -> None:
    address = await eli.create()

    for at in ("", "yesterday", "2026-11-22T09:00", "2020-01-01T00:00"):
        answer = await eli.change(address, do="plan", publish_at=at)
        assert answer.status_code == 422
        assert fields_of(answer.text)["publish_at"] == at
    await eli.change(address, do="plan", publish_at="2026-11-23T06:00")
    planned = words((await eli.desk.get(address)).text)
    called = await eli.press(address, "call-off")

    assert "Version 1 is published by itself on 23 November, 06:00" in planned
    assert called.headers["location"].endswith("?done=called-off")
    assert "is published by itself" not in words((await eli.desk.get(address)).text)


async def test_withdrawing_leads_readers_to_the_general_appeal_and_general_stays(site: Whole, eli: Editor) -> None:
    address = await eli.create()
    await eli.change(address, do="publish")

    await eli.press(address, "withdraw")
    page = await seen(site, "/g/winter")
    refused = await eli.press(await general(site), "withdraw")

    assert page.status_code == 404
    assert "goes to the general fund" in words(page.text)
    assert refused.status_code == 409


async def test_an_address_stays_once_readers_had_it(site: Whole, eli: Editor) -> None:
    address = await eli.create()
    await eli.change(address, slug="cold-winter")
    await eli.change(address, do="publish")

    answer = await eli.desk.post(address, data={**await eli.open(address), "slug": "winter"})

    assert answer.status_code == 422
    assert "address can't change" in words(answer.text)
    assert (await seen(site, "/g/cold-winter")).status_code == 200


async def test_a_new_fund_is_made_with_an_appeal_in_a_script_of_three_bytes_a_letter(site: Whole, eli: Editor) -> None:
    address = await eli.create(
        fund="new", fund_name="Strike fund", message="報" * 1_200, ask="紙" * 300, thanks="謝" * 600
    )

    async with site.db.reading() as session:
        fund = await session.scalar(select(Fund.id).where(Fund.name == "Strike fund"))
    kept = await eli.open(address)
    assert kept["fund"] == fund
    assert kept["message"] == "報" * 1_200


async def test_a_test_letter_goes_to_the_one_who_asks_each_time(site: Whole, eli: Editor) -> None:
    address = await eli.create(letter_subject="Your %(amount)s warms %(paper)s", letter_signoff="Warmly, %(paper)s")

    for _time in range(2):
        assert (await eli.press(address, "test")).status_code == 303
    await site.worker.drain()

    assert [letter["To"] for letter in site.mailbag.letters] == ["editor@weeklylamp.example"] * 2
    letter = site.mailbag.letters[0]
    assert letter["Subject"] == "Your £25 warms The Weekly Lamp"
    body = letter.get_body(("plain",))
    assert body is not None
    assert "Warmly, The Weekly Lamp" in body.get_content()


async def test_a_readers_letter_has_the_appeals_subject(site: Whole, eli: Editor) -> None:
    await eli.change(await general(site), do="publish", letter_subject="%(paper)s got your %(amount)s")

    await site.pay(await site.give(amount="25"))
    await site.settle()

    assert [letter["Subject"] for letter in site.mailbag.letters] == ["The Weekly Lamp got your £25"]


async def test_the_list_says_what_came_in_for_every_appeal_that_readers_have_seen(site: Whole, eli: Editor) -> None:
    await eli.create(slug="draft", name="Not yet")
    await eli.change(await eli.create(), do="publish")
    site.clock.advance(timedelta(seconds=6))
    await site.pay(await site.give(amount="35", appeal="winter"))
    await site.settle()

    told = words((await eli.desk.get(HERE)).text)

    assert re.search(r"/g/winter .* £35.00 1 reader\b", told)
    assert re.search(r"/g/draft Draft – – –", told)


async def test_the_list_takes_as_many_questions_for_seven_appeals_as_for_one(site: Whole, eli: Editor) -> None:
    asked: list[str] = []

    @event.listens_for(site.db.engine.sync_engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    await eli.desk.get(HERE)
    few = len(asked)
    for number in range(6):
        await eli.create(slug=f"winter-{number}")
    asked.clear()
    await eli.desk.get(HERE)

    event.remove(site.db.engine.sync_engine, "before_cursor_execute", note)
    assert 0 < len(asked) <= few


async def test_one_version_has_nothing_to_compare(site: Whole, eli: Editor) -> None:
    address = await eli.create()

    alone = words((await eli.desk.get(f"{address}/history")).text)
    await eli.change(address, heading="Another")
    two = words((await eli.desk.get(f"{address}/history")).text)

    assert "Compare" not in alone
    assert "These two say the same" not in alone
    assert "Compare" in two


async def test_a_place_marks_an_appeal_that_is_over_or_has_not_begun(site: Whole, eli: Editor) -> None:
    await eli.change(await eli.create(slug="over", name="Over", ends="2026-11-30T12:00"), do="publish")
    await eli.change(await eli.create(slug="soon", name="Soon", starts="2027-03-01T12:00"), do="publish")
    await eli.change(await eli.create(slug="open", name="Open"), do="publish")
    site.clock.advance(timedelta(days=20))

    page = (await (await again(site)).get("/desk/prompts/article-foot")).text

    assert "Over (ended: the general appeal asks)" in page
    assert "Soon (not begun: until then the general appeal asks)" in page
    assert ">Open</option>" in page


async def test_odd_numbers_of_versions_are_survived(site: Whole, eli: Editor) -> None:
    address = await eli.create()

    answers = [
        await eli.desk.get(f"{address}/history?before=99999999999999999999&after=x"),
        await eli.desk.get(f"{address}/preview/page?version=77"),
        await eli.desk.get(f"{address}/preview/nothing"),
        await eli.press(address, "back", number="²", base="1"),
        await eli.press(address, "back", number="1", base="9"),
        await eli.change(address, base="-5"),
        *[await eli.desk.get(f"{HERE}/{path}") for path in ("nonsense", ANY_ID, f"{ANY_ID}/history")],
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 404, 404, 409, 409, 404, 404, 404]
