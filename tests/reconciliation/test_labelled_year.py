"""A year whose truth is known: what the house does by itself is never wrong, and every honest payout is found."""

import pytest
from sqlalchemy import select

from arrivals import NOW
from books import found
from labelled import Year, bring, truths, write_year
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.models import BankMatch
from supporters.reconciliation.proposals import open_lines, propose


async def judge(db: Database, ids: Ids, year: Year) -> dict[str, tuple[str, ...]]:
    """What the house matched by itself, by line."""
    async with db.unit_of_work() as session:
        await found(session)
        await bring(session, year)
    async with db.unit_of_work() as session:
        await match_certain(session, ids=ids, now=NOW)
    async with db.reading() as session:
        rows = await session.execute(select(BankMatch.bank_line_id, BankMatch.ref_id))
        return {row.bank_line_id: (row.ref_id,) for row in rows}


@pytest.mark.parametrize(("db", "seed"), [("sqlite", 1), ("postgresql", 2)], indirect=["db"])
async def test_nothing_false_is_matched_and_nothing_honest_missed(db: Database, ids: Ids, seed: int) -> None:
    year = write_year(seed)
    truth = dict(truths(year))

    matched = await judge(db, ids, year)

    false = {line_id: payout for line_id, payout in matched.items() if truth[line_id] != payout}
    missed = [said.row["id"] for said in year.lines if said.is_honest and said.row["id"] not in matched]
    assert false == {}
    assert missed == []
    assert len(matched) < len(year.lines)  # faults are left to people


async def test_what_is_left_is_offered_with_the_truth_among_the_proposals(db: Database, ids: Ids) -> None:
    year = write_year(3, days=120)
    truth = dict(truths(year))
    matched = await judge(db, ids, year)
    left = [line_id for line_id in truth if line_id not in matched]

    async with db.reading() as session:
        proposals = await propose(session, await open_lines(session, left))

    wrongly_sure = [
        line_id
        for line_id, mine in proposals.items()
        for each in mine
        if each.confidence == "certain" and tuple(part.ref_id for part in each.parts) != truth[line_id]
    ]
    true = [line_id for line_id in left if truth[line_id]]
    missed = [
        line_id
        for line_id in true
        if not any({part.ref_id for part in each.parts} <= set(truth[line_id]) for each in proposals.get(line_id, []))
    ]
    assert wrongly_sure == []
    assert all(len(truth[line_id]) > 1 for line_id in missed), "what one payment explains is always offered"
    assert len(missed) <= 3, "of fourteen: sums that one other payment would explain as well"
    assert len(true) == 14
