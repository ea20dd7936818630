"""Before one is closed: colleagues write, take it on, give it another day; what is for information waits for nobody."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from books import NOW
from closing import LATER, add_staff, close_it, it_is, opened
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.discuss import add_comment, assign, change_due
from supporters.discrepancies.evidence import add_evidence, erase_evidence, evidence_of, take_evidence
from supporters.discrepancies.file_kinds import FileKind, kind_of, safe_name
from supporters.discrepancies.mentions import handles, mentioned
from supporters.discrepancies.models import Discrepancy, Evidence
from supporters.discrepancies.queries import DiscrepancyFilter, comments_on, count_discrepancies, count_open
from supporters.discrepancies.resolve import note_quiet
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids


async def test_a_resolved_one_opens_again_only_when_it_looks_otherwise(db: Database, ids: Ids) -> None:
    which = await opened(db, ids, Code.FEE_WITHOUT_CHARGE, "2026-11:GBP", fingerprint="2:180", detail={"count": 2})
    await close_it(db, ids, which, Resolution.NOTED)

    await opened(db, ids, Code.FEE_WITHOUT_CHARGE, "2026-11:GBP", fingerprint="2:180", detail={"count": 2})
    same = (await it_is(db, which)).state
    await opened(db, ids, Code.FEE_WITHOUT_CHARGE, "2026-11:GBP", fingerprint="3:240", detail={"count": 3})

    other = await it_is(db, which)
    assert (same, other.state, other.detail) == ("resolved", "open", {"count": 3})


async def test_what_is_for_information_waits_for_nobody_and_is_read_at_once(sqlite_db: Database, ids: Ids) -> None:
    await opened(sqlite_db, ids, Code.FX_CONVERSION, "2026-11:EUR")
    await opened(sqlite_db, ids, Code.WEBHOOK_MISSED, "2026-11")
    await opened(sqlite_db, ids, Code.BALANCE_DRIFT, "GBP")

    async with sqlite_db.unit_of_work() as session:
        read = await note_quiet(session, actor_id="dana", now=LATER)
        again = await note_quiet(session, actor_id="dana", now=LATER)

    async with sqlite_db.reading() as session:
        left = await count_open(session)
        states = list(await session.scalars(select(Discrepancy.state).order_by(Discrepancy.code)))
    assert (read, again, left) == (2, 0, 1)
    assert states == ["open", "resolved", "resolved"]


async def test_colleagues_write_take_it_on_and_give_it_another_day(db: Database, ids: Ids) -> None:
    await add_staff(db, "dana", "fay")
    which = await opened(db, ids, Code.BALANCE_DRIFT, "GBP")
    day = datetime(2026, 12, 1, tzinfo=UTC).date()

    async with db.unit_of_work() as session:
        words = "  Stripe\0 answers @Fay\r\nand @Nobody tomorrow. "
        said = await add_comment(session, which, words, actor_id="dana", ids=ids, now=NOW)
        twice = await add_comment(session, which, words, actor_id="dana", ids=ids, now=NOW)
        named = [await count_discrepancies(session, DiscrepancyFilter(concerns=who)) for who in ("fay", "dana")]
        await assign(session, which, "fay", actor_id="dana", now=NOW)
        await change_due(session, which, day, actor_id="dana", now=NOW)
        with pytest.raises(Refused):
            await assign(session, which, "mallory", actor_id="dana", now=NOW)
        with pytest.raises(Refused):
            await add_comment(session, which, " \n", actor_id="dana", ids=ids, now=NOW)

    async with db.reading() as session:
        thread = [(each.words, each.written_by) for each in await comments_on(session, which)]
    it = await it_is(db, which)
    assert thread == [("Stripe answers @Fay\nand @Nobody tomorrow.", "dana")]
    assert (said.names, twice.comment_id, named) == (["fay"], "", [1, 0])
    assert (it.owner_id, it.due_on) == ("fay", day)


async def test_a_closed_one_is_given_to_nobody(sqlite_db: Database, ids: Ids) -> None:
    which = await opened(sqlite_db, ids, Code.BALANCE_DRIFT, "GBP")
    await close_it(sqlite_db, ids, which, Resolution.EXPLAINED)

    async with sqlite_db.unit_of_work() as session:
        with pytest.raises(Conflict):
            await assign(session, which, None, actor_id="dana", now=NOW)


async def test_evidence_stands_once_and_is_erased_for_good(db: Database, ids: Ids) -> None:
    which = await opened(db, ids, Code.BALANCE_DRIFT, "GBP")
    name = "..\\letters/=Bank\u202egnp.exe"

    async with db.unit_of_work() as session:
        for _twice in range(2):
            await add_evidence(session, which, name=name, content=b"%PDF-1.7 a", actor_id="dana", ids=ids, now=NOW)
        with pytest.raises(Refused):
            await add_evidence(session, which, name="a.png", content=b"<svg/>\0", actor_id="dana", ids=ids, now=NOW)
        (one,) = await evidence_of(session, which)
        file = await take_evidence(session, which, one.id, actor_id="fay", now=NOW)
        await erase_evidence(session, which, one.id, reason="Names others.", actor_id="fay", now=NOW)
        with pytest.raises(NotFound):
            await take_evidence(session, which, one.id, actor_id="fay", now=NOW)
        with pytest.raises(NotFound):
            await take_evidence(session, which, "\0", actor_id="fay", now=NOW)
        await add_evidence(session, which, name="", content=b"%PDF-1.7 a", actor_id="dana", ids=ids, now=LATER)

    async with db.reading() as session:
        left = [tuple(row) for row in await session.execute(select(Evidence.name, Evidence.body).order_by(Evidence.id))]
    assert (file.name, file.body) == ("=Bankgnp.exe.pdf", b"%PDF-1.7 a")
    assert left == [(None, None), ("evidence.pdf", b"%PDF-1.7 a")]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.4\n", FileKind.PDF),
        (b"\x89PNG\r\n\x1a\n", FileKind.PNG),
        (b"\xff\xd8\xff\xe0", FileKind.JPEG),
        (b"Received: from x\r\n\tby y\r\nFrom: a@b.example\r\nSubject: \xe9\r\n\r\nHello", FileKind.MESSAGE),
        ("From Ada: she paid £5.".encode(), FileKind.TEXT),
        (b"\xff\xfeH\0i\0", None),
        (b"PK\x03\x04", None),
        (b"MZ\x90\0", None),
        (b" \n", None),
        (b"caf\xe9", None),
    ],
)
def test_a_file_is_what_its_bytes_are(content: bytes, kind: FileKind | None) -> None:
    assert kind_of(content) is kind


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Letter.PDF", "Letter.pdf"),
        ("page.html", "page.html.pdf"),
        ("C:\\x\\con:a?.jpg", "con_a_.pdf"),
        ("../..", "evidence.pdf"),
        ("x" * 300, "x" * 116 + ".pdf"),
    ],
)
def test_a_file_is_called_what_it_is(name: str, kept: str) -> None:
    assert safe_name(name, FileKind.PDF) == kept


def test_an_at_and_a_name_means_a_colleague_where_it_means_one_only() -> None:
    people = {"d": "Dana Bell", "f": "Fay Moss", "f2": "Fay Ross", "t": "Ana Li", "t2": "Ana Li", "j": "Jo"}

    named = mentioned("@DANA: ask @fay  moss, (@Jo) @Fay @Ana @Joan a@jo dana@jo.example @dana", people)

    assert named == ["d", "f", "j"]
    assert handles(people) == {"d": "Dana", "f": "Fay Moss", "f2": "Fay Ross", "j": "Jo"}
