"""The desk's pages of newsletters: lists for editors, people for those who may see them, everything on record."""

import csv
import io

import httpx
import pytest
from sqlalchemy import select

from joining import Lists
from pages import Page
from supporters.audit.models import AuditDetail, AuditEntry
from supporters.kit.clock import FixedClock
from supporters.newsletters.imported import add_imported
from supporters.newsletters.lists import ensure_first_list
from supporters.newsletters.models import Newsletter, Wording
from supporters.newsletters.queries import signup_lines
from supporters.newsletters.rules import sha256_of
from supporters.settings import Settings
from whole import Whole, hidden_fields, words

CLEO = "cleo.marsh@example.org"
FORM = {
    "name": "Weekend", "how_often": "Saturdays at 8", "sender_name": "The Weekly Lamp", "wording": "Send me Weekend.",
    "is_public": "on",
}  # fmt: skip


@pytest.fixture
async def lists(site: Whole, clock: FixedClock, settings: Settings) -> Lists:
    async with site.db.unit_of_work() as session:
        await ensure_first_list(session, settings=settings, ids=site.ids, now=clock.now())
    return Lists(site.db, clock, site.ids, settings)


async def first(lists: Lists) -> str:
    async with lists.db.reading() as session:
        return (await session.execute(select(Newsletter.id).where(Newsletter.slug == "daily"))).scalar_one()


async def send(desk: httpx.AsyncClient, path: str, *, page: str | None = None, **fields: str) -> httpx.Response:
    """The form of `page` (else of `path`), with its token."""
    opened = await desk.get(page or path)
    return await desk.post(path, data={"seal": hidden_fields(opened.text)["seal"], **fields})


async def deeds(site: Whole) -> list[tuple[str, dict[str, object]]]:
    async with site.db.reading() as session:
        found = await session.execute(
            select(AuditEntry.action, AuditDetail.detail)
            .join(AuditDetail, AuditDetail.seq == AuditEntry.seq)
            .order_by(AuditEntry.seq)
        )
        return [(row[0], row[1]) for row in found if not row[0].startswith(("staff", "sign"))]


async def test_an_editor_makes_a_list_and_it_is_offered_at_once(site: Whole, lists: Lists) -> None:
    desk = await site.staff("editor")

    answer = await send(desk, "/desk/newsletters/new", slug="weekend", **FORM)

    assert answer.status_code == 303, words(answer.text)
    page = await desk.get(answer.headers["location"])
    assert "Send me Weekend." in words(page.text)
    async with site.db.reading() as session:
        assert (await signup_lines(session))["weekend"] == ("Weekend", "Send me Weekend.", "Saturdays at 8")
    assert "newsletter.create" in [action for action, _detail in await deeds(site)]
    assert "Weekend" in words((await desk.get("/desk/newsletters")).text)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "Week End"}, "slug"),
        ({"slug": "daily"}, "slug"),
        ({"slug": "new"}, "slug"),
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"wording": ""}, "wording"),
        ({"how_often": "\u202e\u200b"}, "how_often"),
    ],
)
async def test_a_form_that_can_not_be_taken_comes_back_filled_in(
    site: Whole, lists: Lists, changes: dict[str, str], field: str
) -> None:
    desk = await site.staff("editor")

    answer = await send(desk, "/desk/newsletters/new", **({"slug": "weekend", **FORM} | changes))

    assert answer.status_code == 422
    page = Page(answer.text)
    assert f"#{field}" in page.links()
    assert page.value("sender_name") == "The Weekly Lamp"
    assert page.chosen() == ["on"]


async def test_changed_words_are_a_new_wording_and_the_short_name_stays(site: Whole, lists: Lists) -> None:
    desk = await site.staff("editor")
    path = f"/desk/newsletters/{await first(lists)}"

    answer = await send(desk, path, slug="other", **FORM)
    again = await send(desk, path, **FORM)

    assert (answer.status_code, again.status_code) == (303, 303)
    async with site.db.reading() as session:
        assert set(await signup_lines(session)) == {"daily"}
        digests = (await session.scalars(select(Wording.sha256))).all()
    assert sorted(digests) == sorted(map(sha256_of, (lists.settings.newsletter_wording, "Send me Weekend.")))
    assert [action for action, _detail in await deeds(site)].count("newsletter.change") == 1


async def test_an_editor_sees_how_many_and_never_who(site: Whole, lists: Lists) -> None:
    subscriber = await lists.join(CLEO)
    desk = await site.staff("editor")
    path = f"/desk/newsletters/{await first(lists)}"

    page = await desk.get(path)

    assert "1 on the list" in words(page.text)
    assert CLEO not in page.text
    assert "/people" not in page.text
    for forbidden in (f"{path}/people?q=cleo", f"/desk/newsletters/people/{subscriber}"):
        assert (await desk.get(forbidden)).status_code == 403
    assert (await send(desk, f"{path}/export", page=path, reason="x")).status_code == 403


async def test_support_finds_a_person_reads_the_evidence_and_stops_for_them(site: Whole, lists: Lists) -> None:
    await lists.join(CLEO)
    await lists.join("ben@example.org")
    desk = await site.staff("support")
    people = f"/desk/newsletters/{await first(lists)}/people"
    assert CLEO not in (await desk.get(people)).text
    found = Page((await desk.get(people, params={"q": "MARSH"})).text)
    (link,) = [each for each in found.links() if "/newsletters/people/" in each]

    page = await desk.get(link)
    said = words(page.text)
    assert "Button in the confirmation letter" in said
    assert sha256_of(lists.settings.newsletter_wording) in said
    assert "/articles/ferry.html" in said

    assert (await send(desk, link, turn="stop", reason="")).status_code == 422
    assert (await send(desk, link, turn="stop", reason="Wrote to us")).status_code == 303

    assert await lists.states() == {CLEO: "stopped", "ben@example.org": "confirmed"}
    said = words((await desk.get(link)).text)
    assert "Staff, on request" in said
    assert "Wrote to us" in said
    assert ("subscriber.stop", {"reason": "Wrote to us"}) in await deeds(site)
    assert (await send(desk, link, turn="lift", reason="Asked again")).status_code == 303
    assert "No newsletter" not in words((await desk.get(link)).text)


async def test_the_search_takes_wild_cards_as_letters(site: Whole, lists: Lists) -> None:
    await lists.join(CLEO)
    desk = await site.staff("support")

    for asked in ("%%%", "___", "'--", "\\\\\\"):
        page = await desk.get(f"/desk/newsletters/{await first(lists)}/people", params={"q": asked})
        assert (page.status_code, CLEO in page.text) == (200, False)


async def test_an_export_needs_a_reason_is_on_record_and_holds_no_formula(site: Whole, lists: Lists) -> None:
    await lists.join(CLEO)
    async with site.db.unit_of_work() as session:
        await add_imported(
            session, list_slug="daily", address="=cmd@example.org", name='=HYPERLINK("x")', basis="consent",
            evidence={}, batch_id="01JBATCH000000000000000001", **lists.tools,
        )  # fmt: skip
    desk = await site.staff("support")
    path = f"/desk/newsletters/{await first(lists)}"
    assert (await send(desk, f"{path}/export", page=path, reason=" ")).status_code == 422
    assert await deeds(site) == []

    answer = await send(desk, f"{path}/export", page=path, reason="To the printer")

    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][0] == "Email"
    assert [row[:2] for row in rows[1:]] == [[CLEO, ""], ["'=cmd@example.org", '\'=HYPERLINK("x")']]
    assert await deeds(site) == [("newsletter.export", {"list": "daily", "reason": "To the printer"})]
    workbook = await send(desk, f"{path}/export", page=path, reason="To the printer", kind="xlsx")
    assert workbook.content.startswith(b"PK\x03\x04")


@pytest.mark.parametrize(
    "path", ["/desk/newsletters/nothing", "/desk/newsletters/people/nothing", "/desk/newsletters/x/people"]
)
async def test_what_is_not_there_is_said_so(site: Whole, lists: Lists, path: str) -> None:
    assert (await (await site.staff("support")).get(path)).status_code == 404
