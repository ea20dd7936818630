"""How much memory the worker holds after ten thousand donations, over what it holds when idle.

    .venv/bin/python bench/memory.py --donations 10000

The donations are written by another process, in portions, so that only the worker's own work is seen.
"""

import argparse
import asyncio
import multiprocessing
import os

import apply
from common import database, machine, resident_mb

from supporters.kit.db import Database
from supporters.kit.ids import Ids

PORTION = 500
WARM = 20  # templates, statements and connections are there after a few; that is what "idle" means


def fill(url: str, count: int, first: int) -> None:
    """In a process of its own: so many donations and what Stripe says about them."""

    async def run() -> None:
        db = Database(url)
        await apply.fill(db, count, ids=Ids(), first=first)
        await db.close()

    asyncio.run(run())


def fill_elsewhere(url: str, count: int, first: int) -> None:
    """The same, waited for."""
    process = multiprocessing.get_context("spawn").Process(target=fill, args=(url, count, first))
    process.start()
    process.join()
    assert process.exitcode == 0


async def work(url: str, donations: int) -> None:
    """Applies portion after portion and prints what the process holds."""
    db, ids = Database(url), Ids()
    fill_elsewhere(url, WARM, 0)
    await apply.apply_all(db, ids=ids, limit=100)
    idle = resident_mb([os.getpid()])
    done = WARM
    while done < donations:
        portion = min(PORTION, donations - done)
        fill_elsewhere(url, portion, done)
        await apply.apply_all(db, ids=ids, limit=100)
        done += portion
    await apply.check(db, done)
    now = resident_mb([os.getpid()])
    print(f"idle {idle:.0f} MB, after {done:,} donations {now:.0f} MB: grown by {now - idle:.0f} MB")
    await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--donations", type=int, default=10_000)
    told = parser.parse_args()
    print(machine())
    with database(told.database) as url:
        asyncio.run(work(url, told.donations))


if __name__ == "__main__":
    main()
