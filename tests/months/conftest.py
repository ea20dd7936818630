"""A month of gifts that were paid out and, where asked for, seen in the bank; and the product that shows them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from sqlalchemy import update

import arrivals
import kept_worlds
from payouts.conftest import Treasury, daily, treasury  # noqa: F401 - fixtures
from supporters.bank.models import BankStatement
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.payments.models import Payout
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.certify import Maker
from supporters.settings import Settings
from whole import Mailbag, Whole, running

ZONE = "Europe/London"
NET = 2500 - 58
DANA = "01HDANADANADANADANADANADAN"


@dataclass
class Books:
    """A treasury whose money has left, and a bank that may show it."""

    treasury: Treasury
    payouts: list[Payout] = field(default_factory=list)

    @property
    def db(self) -> Database:
        return self.treasury.db

    @property
    def maker(self) -> Maker:
        return Maker(publisher="The Weekly", zone=ZONE, actor_id=DANA, now=self.treasury.clock.now())

    async def pay_out(self, *gifts: int) -> Payout:
        """These gifts, and the payout that they went out with; on SQLite, Stripe's part is played once for all tests."""
        clock = self.treasury.clock
        key = gifts, clock.now()
        if not self.db.is_sqlite or not kept_worlds.lay(self.db, clock, key):
            for amount in gifts or (2500,):
                await self.treasury.give(amount)
            await self.treasury.pass_days(12)
            await self.treasury.hear()
            await self.treasury.compare()
            if self.db.is_sqlite:
                kept_worlds.keep(self.db, clock, key)
        self.payouts = await self.treasury.payouts()
        return self.payouts[-1]

    async def arrive(self, *payouts: Payout, off: int = 0) -> None:
        """The bank shows each of these, and the lines that are certain are matched."""
        async with self.db.unit_of_work() as session:
            await arrivals.found_bank(session)
            await arrivals.arrive(session, [], [self._line(number, each, off) for number, each in enumerate(payouts)])
        async with self.db.unit_of_work() as session:
            await match_certain(session, ids=self.treasury.ids, now=self.treasury.clock.now())

    async def cover(self, since: date, until: date) -> None:
        """The bank's one statement covers these days."""
        async with self.db.unit_of_work() as session:
            await session.execute(update(BankStatement).values(starts_on=since, ends_on=until))

    def next_month(self) -> None:
        """A month goes by."""
        self.treasury.clock.advance(timedelta(days=31))

    @staticmethod
    def _line(number: int, payout: Payout, off: int) -> dict[str, object]:
        return arrivals.bank_line_row(
            number,
            booked_on=payout.arrival_on,
            amount_minor=payout.amount_minor + off,
            text=f"STRIPE {payout.trace_id}",
        )


@pytest.fixture
def books(treasury: Treasury) -> Books:  # noqa: F811 - the fixture
    return Books(treasury)


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product
