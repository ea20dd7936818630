"""A year of a paper at Stripe and at its bank in which everything that can differ does; nothing is written into the tables.

Readers, shops, banks and Stripe act through the sandbox, day by day by one clock. The bank's statement is the sandbox's own,
with a few lines that it doesn't know of: cash, a cheque, somebody's forty pounds.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

import statements
from discrepancies import stories_of_balance, stories_of_gifts, stories_of_payouts
from discrepancies.stories_of_payouts import Json, Treasury
from discrepancies.storytelling import NIGHT, Gift, tell
from supporters.discrepancies.codes import Code
from supporters.reconciliation.match_jobs import LEARN_RULES
from supporters.sandbox.balance import MISFILED
from supporters.sandbox.bank import NUMBER, OPENING, STRIPE, day_of, statement_of
from whole import Whole

YEAR = 2026
KNOWN = {
    story.code: story for story in (*stories_of_gifts.STORIES, *stories_of_balance.STORIES, *stories_of_payouts.STORIES)
}
WAGES, EURO_NUMBER = "N HALE", "GB33BUKB20201555555555"


class Quarter(NamedTuple):
    """Three months, the format in which the bank gives their statement, and what happens in them."""

    number: int
    form: str
    ending: str

    @property
    def starts_on(self) -> date:
        """Its first day."""
        return date(YEAR, 3 * self.number - 2, 1)

    @property
    def ends_on(self) -> date:
        """Its last day."""
        return first_after(date(YEAR, 3 * self.number, 1)) - timedelta(days=1)

    @property
    def months(self) -> list[date]:
        """The first days of its months."""
        return [date(YEAR, 3 * self.number - 2 + each, 1) for each in range(3)]


QUARTERS = (
    Quarter(1, "csv-two-columns", "csv"),
    Quarter(2, "camt.08", "xml"),
    Quarter(3, "ofx2", "ofx"),
    Quarter(4, "mt940", "sta"),
)


def first_after(month: date) -> date:
    """The first day of the month after this one."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


class Town(Treasury):
    """Everybody but the paper's own staff."""

    january: Gift  # given in a month that is closed by the time it is returned

    def __init__(self, site: Whole) -> None:
        super().__init__(site, site.reader)
        self.told: dict[Code, str] = {}  # what each difference is about
        for month in range(1, 13):  # wages, so that each statement ends with its month
            last = first_after(date(YEAR, month, 1)) - timedelta(days=1)
            self.book(last, -18_000 - month, f"WAGES {last:%b}".upper(), name=WAGES)

    # what there is at the bank

    def book(self, day: date, amount: int, text: str, *, name: str = "") -> None:
        """The bank has a line that the sandbox's bank doesn't know of."""
        self.lines.append(statements.Line(day, amount, name=name, text=text, reference=f"OWN{len(self.lines):05}"))

    def at_bank(self, starts_on: date, ends_on: date) -> list[statements.Line]:
        """All that the bank's statement of these days shows, in the order of days."""
        told = statement_of(self.site.sandbox.world, starts_on, ends_on).lines
        known = [statements.Line(each.day, each.amount, each.name, each.text, each.reference) for each in told]
        own = [line for line in self.lines if starts_on <= line.day <= ends_on]
        return sorted([*known, *own], key=lambda line: line.day)

    def statement(self, form: str, starts_on: date, ends_on: date) -> bytes:
        """The statement of these days in that format."""
        before = OPENING
        if starts_on > date(YEAR, 1, 1):
            before += sum(line.amount for line in self.at_bank(date(YEAR, 1, 1), starts_on - timedelta(days=1)))
        return statements.write(form, self.at_bank(starts_on, ends_on), opening=before, account=NUMBER)

    # time

    async def until(self, day: date, *, hour: int = 9) -> None:
        """Time goes by to the morning of that day, at Stripe and here."""
        wanted = datetime(day.year, day.month, day.day, hour, 36, tzinfo=self.site.clock.now().tzinfo)
        assert wanted >= self.site.clock.now(), (wanted, self.site.clock.now())
        self.site.clock.set(wanted)
        await self.site.sandbox.tick()
        await self.site.settle()

    async def night(self) -> None:
        """The jobs of a night."""
        await self.run(*NIGHT, LEARN_RULES)

    async def tell(self, *codes: Code) -> None:
        """The stories of these differences, side by side."""
        self.told |= await tell(self, [KNOWN[code] for code in codes])

    def misfiled(self) -> str:
        """The line that its payout's list leaves out."""
        lines = self.site.sandbox.world.store.all("balance_transaction")
        return next(line["id"] for line in lines if line.get("_payout") == MISFILED)

    async def leave(self) -> Json:
        """All that is available leaves for the bank; returns the payout."""
        return (await self.control("run-payout"))["payouts"][0]

    def statement_in_euros(self, form: str, starts_on: date, ends_on: date) -> bytes:
        """The statement of the account for euros: what Stripe paid out in them, and the bank's fees."""
        made = [one for one in self.site.sandbox.objects("payout") if one["currency"] == "eur"]
        came = [
            statements.Line(
                day_of(one["arrival_date"]), one["amount"], STRIPE, f"STRIPE {one['trace_id']['value']}", one["id"][-8:]
            )
            for one in made
        ]
        fees = [statements.Line(day, -100, "", "SERVICE CHARGE", f"E{day}") for day in (starts_on, ends_on)]
        lines = sorted([*came, *fees], key=lambda line: line.day)
        return statements.write(form, lines, opening=50_000, currency="EUR", account=EURO_NUMBER)
