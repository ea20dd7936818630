"""A year of payouts and of what the bank wrote about them, with every line's truth: honest ones, and every fault we know.

Seeded, so that a year can be had again. Amounts repeat on purpose: a small paper's payouts are often alike.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple

import arrivals

BEGUN = date(2026, 1, 5)
AMOUNTS = (2_500, 5_000, 9_312, 12_154, 20_000)  # pence, each of many payouts


class Said(NamedTuple):
    """One bank line, and which payouts it truly is; honest where the bank wrote Stripe's reference and the amount."""

    row: dict[str, Any]
    truth: tuple[str, ...]
    is_honest: bool


class Year(NamedTuple):
    """All of it."""

    payouts: list[dict[str, Any]]
    lines: list[Said]


class _Writer:
    def __init__(self, seed: int, days: int) -> None:
        self.chance, self.days = Random(seed), days
        self.payouts: list[dict[str, Any]] = []
        self.lines: list[Said] = []

    def payout(self, on: date, amount_minor: int | None = None) -> dict[str, Any]:
        """One more payout."""
        minor = amount_minor or self.chance.choice([*AMOUNTS, self.chance.randrange(1_000, 90_000)])
        made = arrivals.payout_row(len(self.payouts), arrival_on=on, amount_minor=minor)
        self.payouts.append(made)
        return made

    def line(self, on: date, amount_minor: int, text: str, *truth: str, honest: bool = False, **changes: Any) -> None:
        """One more bank line."""
        row = arrivals.bank_line_row(len(self.lines), booked_on=on, amount_minor=amount_minor, text=text, **changes)
        self.lines.append(Said(row, truth, honest))


def write_year(seed: int, *, days: int = 365) -> Year:
    """The year: three of four days are honest, every other has one of the faults."""
    writer = _Writer(seed, days)
    faults = _faults()
    for day in range(days):
        on = BEGUN + timedelta(days=day)
        if on.weekday() < 5:
            fault = writer.chance.choice(faults) if writer.chance.random() < 0.25 else _honest
            fault(writer, on)
    return Year(writer.payouts, writer.lines)


def _trace(payout: dict[str, Any]) -> str:
    return str(payout["trace_id"])


def _honest(writer: _Writer, on: date) -> None:
    """The bank shows it within a few days, with Stripe's reference, as banks write references."""
    payout = writer.payout(on)
    trace = _trace(payout)
    cut = writer.chance.randrange(1, len(trace))
    written = writer.chance.choice(
        [f"STRIPE {trace}", f"stripe/{trace[:cut]} {trace[cut:]}", f"REF 00{trace} STRIPE", f"STRIPE-{trace}-WEEKLY"]
    )
    later = on + timedelta(days=writer.chance.randrange(4))
    writer.line(later, payout["amount_minor"], written, payout["stripe_payout_id"], honest=True)


def _without_reference(writer: _Writer, on: date) -> None:
    payout = writer.payout(on)
    writer.line(on + timedelta(days=1), payout["amount_minor"], "STRIPE PAYMENTS", payout["stripe_payout_id"])


def _missing(writer: _Writer, on: date) -> None:
    writer.payout(on)


def _stranger_of_the_same_amount(writer: _Writer, on: date) -> None:
    payout = writer.payout(on)
    writer.line(on, payout["amount_minor"], "RENT HALL JONES", counterparty="A JONES")


def _merged(writer: _Writer, on: date) -> None:
    one, other = writer.payout(on), writer.payout(on)
    total = one["amount_minor"] + other["amount_minor"]
    writer.line(on, total, "STRIPE", one["stripe_payout_id"], other["stripe_payout_id"])


def _merged_under_one_reference(writer: _Writer, on: date) -> None:
    """The line names only one of the two: its amount must keep it from being taken for that one."""
    one, other = writer.payout(on), writer.payout(on)
    total = one["amount_minor"] + other["amount_minor"]
    writer.line(on, total, f"STRIPE {_trace(one)}", one["stripe_payout_id"], other["stripe_payout_id"])


def _charged(writer: _Writer, on: date) -> None:
    payout = writer.payout(on)
    writer.line(on, payout["amount_minor"] - 35, f"STRIPE {_trace(payout)}", payout["stripe_payout_id"])


def _twice(writer: _Writer, on: date) -> None:
    """The bank booked it twice by mistake: nobody knows which of the two will be taken back."""
    payout = writer.payout(on)
    for _time in range(2):
        writer.line(on, payout["amount_minor"], f"STRIPE {_trace(payout)}", payout["stripe_payout_id"])


def _quoted_by_a_reader(writer: _Writer, on: date) -> None:
    """Somebody gives the same amount on the same day; nothing of Stripe's is on it."""
    payout = writer.payout(on, 2_500)
    writer.line(on, 2_500, "DONATION THANK YOU", counterparty="R LARKIN")
    writer.line(on, 2_500, f"STRIPE {_trace(payout)}", payout["stripe_payout_id"], honest=True)


def _in_another_currency(writer: _Writer, on: date) -> None:
    payout = writer.payout(on)
    writer.line(on, payout["amount_minor"], f"STRIPE {_trace(payout)}", currency="EUR")


def _digit_wrong(writer: _Writer, on: date) -> None:
    payout = writer.payout(on)
    trace = _trace(payout)
    place = writer.chance.randrange(len(trace))
    wrong = trace[:place] + str((int(trace[place]) + 1) % 10) + trace[place + 1 :]
    writer.line(on, payout["amount_minor"], f"STRIPE {wrong}", payout["stripe_payout_id"])


def _months_late(writer: _Writer, on: date) -> None:
    payout = writer.payout(on)
    later = on + timedelta(days=60)
    writer.line(later, payout["amount_minor"], f"STRIPE {_trace(payout)}", payout["stripe_payout_id"])


def _faults() -> list[Callable[[_Writer, date], None]]:
    return [
        _without_reference, _missing, _stranger_of_the_same_amount, _merged, _merged_under_one_reference, _charged, _twice,
        _quoted_by_a_reader, _in_another_currency, _digit_wrong, _months_late,
    ]  # fmt: skip


def truths(year: Year) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every line's id with its truth."""
    for said in year.lines:
        yield said.row["id"], said.truth
