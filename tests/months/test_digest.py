"""The weekly letter about the books: on Mondays, once, to whoever does them, and only where there is something to say."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from months.test_month_pages import paid_out
from supporters.audit.models import AuditEntry
from supporters.jobs.queue import enqueue
from supporters.mail.models import Letter
from supporters.reconciliation.digest import DIGEST, LETTER, Digest, read_digest
from whole import Whole, hidden_fields, words

MONDAY = datetime(2026, 11, 30, 8, tzinfo=UTC)


async def send(site: Whole, at: datetime) -> list[Letter]:
    """The job runs then; every such letter so far."""
    site.clock.set(at)
    async with site.db.unit_of_work() as session:
        await enqueue(session, DIGEST, {}, ids=site.ids, now=at)
    await site.worker.drain()
    async with site.db.reading() as session:
        return list(await session.scalars(select(Letter).where(Letter.kind == LETTER).order_by(Letter.recipient)))


async def test_the_letter_says_what_was_paid_out_and_what_is_left(site: Whole) -> None:
    await paid_out(site, in_bank=False)
    for role in ("finance", "editor"):
        await (await site.staff(role)).aclose()

    on_thursday = await send(site, MONDAY - timedelta(days=4))
    letters = await send(site, MONDAY)
    again = await send(site, MONDAY + timedelta(days=1))

    assert on_thursday == []
    assert [letter.recipient for letter in letters] == ["finance@weeklylamp.example"]
    assert len(again) == 1
    [mail] = [each for each in site.mailbag.letters if each["To"] == "finance@weeklylamp.example"]
    assert mail["Subject"] == "The Weekly Lamp: 1 payout, nothing to explain"
    text = mail.get_body(("plain",))
    assert text
    said = text.get_content()
    assert "1 payout: £24.42, 0 of 1 proved down to the bank line." in said
    assert f"{site.settings.base_url}/desk/months" in said
    assert "Ben" not in said
    assert f"{site.settings.base_url}/desk/you#letter" in said


async def test_whoever_does_the_books_may_stop_the_letter_and_get_it_again(site: Whole) -> None:
    await paid_out(site)
    desk, other, editor = [await site.staff(role) for role in ("finance", "admin", "editor")]
    forms = {each: {"seal": hidden_fields((await each.get("/desk/you")).text)["seal"]} for each in (desk, other)}

    stopped = await desk.post("/desk/you/letter", data={**forms[desk], "wanted": "no"})
    again = await desk.post("/desk/you/letter", data={**forms[desk], "wanted": "no"})
    off = words((await desk.get(stopped.headers["location"])).text)
    for wanted in ("no", "yes"):
        await other.post("/desk/you/letter", data={**forms[other], "wanted": wanted})
    odd = await desk.post("/desk/you/letter", data={**forms[desk], "wanted": "maybe"})
    theirs = await editor.post("/desk/you/letter", data={"wanted": "no"})
    [letter] = await send(site, datetime(2026, 12, 7, 8, tzinfo=UTC))

    assert (again.status_code, odd.status_code, theirs.status_code) == (303, 422, 403)
    assert "The weekly letter comes no more." in off
    assert "Off since" in off
    assert letter.recipient == "admin@weeklylamp.example"
    async with site.db.reading() as session:
        deeds = (await session.scalars(select(AuditEntry.action))).all()
    assert deeds.count("staff.money_letter") == 3
    [mail] = [each for each in site.mailbag.letters if each["To"] == letter.recipient]
    for kind in ("html", "plain"):
        part = mail.get_body((kind,))
        assert part
        assert "November 2026 is not closed yet." in part.get_content()
        assert "2026-11" not in part.get_content()
    for each in (desk, other, editor):
        await each.aclose()


async def test_quiet_weeks_have_no_letter(site: Whole) -> None:
    await (await site.staff("finance")).aclose()

    assert await send(site, MONDAY) == []


async def test_a_month_that_is_over_and_open_is_named(site: Whole) -> None:
    await paid_out(site)
    async with site.db.reading() as session:
        found = await read_digest(session, today=datetime(2026, 12, 7, tzinfo=UTC).date())

    assert (found.open_month, found.payouts, found.minutes) == ("2026-11", 0, 10)


def test_minutes_come_in_steps_of_five() -> None:
    week = Digest(
        since=MONDAY.date(), until=MONDAY.date(), payouts=4, proved=4, paid_out={}, to_explain=2, overdue=0,
        bank_lines=0, open_month=None,
    )  # fmt: skip

    assert week.minutes == 10
