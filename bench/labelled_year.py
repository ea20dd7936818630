"""Years of bank lines whose truth is known: how many the house matched by itself, how many of them wrongly, what it missed.

    .venv/bin/python bench/labelled_year.py --years 20

Ends with 1 where a match was false, or a payout missed whose line carries its reference and its amount.
"""

import argparse
import asyncio
import sys

from common import database, machine
from sqlalchemy import select

from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.models import BankMatch


async def judge(db: Database, seed: int) -> tuple[int, int, int, int]:
    """Lines, matched, false and missed of the year with this seed."""
    import books
    import labelled

    year = labelled.write_year(seed)
    truth = dict(labelled.truths(year))
    try:
        async with db.unit_of_work() as session:
            await books.found(session)
            await labelled.bring(session, year)
            await match_certain(session, ids=Ids(), now=SystemClock().now())
            rows = await session.execute(select(BankMatch.bank_line_id, BankMatch.ref_id))
            matched = {row.bank_line_id: (row.ref_id,) for row in rows}
            raise _Forget
    except _Forget:
        pass
    false = sum(truth[line_id] != payout for line_id, payout in matched.items())
    missed = sum(said.is_honest and said.row["id"] not in matched for said in year.lines)
    return len(year.lines), len(matched), false, missed


class _Forget(Exception):
    """The year is rolled back: the ledger forgets nothing else."""


async def run(url: str, years: int) -> bool:
    """Judges so many years; says whether all was right."""
    db = Database(url)
    sums = [0, 0, 0, 0]
    for seed in range(years):
        found = await judge(db, seed)
        sums = [total + each for total, each in zip(sums, found, strict=True)]
    await db.close()
    lines, matched, false, missed = sums
    print(
        f"{years} years, {lines:,} lines: {matched:,} matched by the house, {false} of them false; {missed} honest ones missed"
    )
    return not (false or missed)


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--years", type=int, default=20)
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}")
    with database(asked.database) as url:
        if not asyncio.run(run(url, asked.years)):
            sys.exit("not all was right")


if __name__ == "__main__":
    main()
