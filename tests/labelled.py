"""A year of payouts, promises and deposits and of what the bank wrote about them, with every line's truth: honest ones, and
every fault we know.

Seeded, so that a year can be had again. Amounts repeat on purpose: a small paper's payouts are often alike.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

import arrivals
from books import APPEAL, ATTRIBUTION, FUND
from supporters.bank.models import BankAccount
from supporters.donations.other_models import Deposit, Promise
from supporters.donations.reference import make_reference
from supporters.reconciliation.models import MatchRule

BEGUN = date(2026, 1, 5)
ELSEWHERE = "E" * 26  # the other bank account
KNOWN: dict[str, Any] = {"counterparty": "STRIPE TECHNOLOGY EUROPE"}  # by a rule that is switched on
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
    promises: list[dict[str, Any]]
    deposits: list[dict[str, Any]]


class _Writer:
    def __init__(self, seed: int, days: int) -> None:
        self.chance, self.days = Random(seed), days
        self.payouts: list[dict[str, Any]] = []
        self.lines: list[Said] = []
        self.promises: list[dict[str, Any]] = []
        self.deposits: list[dict[str, Any]] = []

    def payout(self, on: date, amount_minor: int | None = None, **changes: Any) -> dict[str, Any]:
        """One more payout."""
        minor = amount_minor or self.chance.choice([*AMOUNTS, self.chance.randrange(1_000, 90_000)])
        made = arrivals.payout_row(len(self.payouts), arrival_on=on, amount_minor=minor, **changes)
        self.payouts.append(made)
        return made

    def amount(self) -> int:
        """An amount that nothing else has."""
        return 1_000_000 + len(self.lines) * 1_009

    def promise(self, on: date, frequency: str = "once") -> dict[str, Any]:
        """One more promise, of an amount that many have."""
        number = len(self.promises)
        made = {
            "id": f"0P{number:024d}", "attempt_id": f"{number:026d}", "frequency": frequency, "state": "open", "turn": 1,
            "reference": make_reference(f"{number:08d}".encode()), "amount_minor": self.chance.choice([1_000, 2_500, 4_000]),
            "currency": "GBP", "email": f"jo{number}@reader.example", "name": "Jo Smith", "fund_id": FUND,
            "appeal_id": APPEAL, "attribution_id": ATTRIBUTION, "locale": "en_GB", "livemode": False, "payer_hash": "",
            "expected_on": on, "made_at": datetime.combine(on, time(12), UTC),
        }  # fmt: skip
        self.promises.append(made)
        return made

    def deposit(self, on: date, reference: str, account_id: str | None = None) -> dict[str, Any]:
        """One more deposit, of an amount that others have."""
        made = {
            "id": f"0D{len(self.deposits):024d}", "reference": reference, "bank_account_id": account_id, "currency": "GBP",
            "state": "paid_in", "counted_minor": 25_000, "paid_in_on": on, "made_by": "dana", "made_at": arrivals.NOW,
        }  # fmt: skip
        self.deposits.append(made)
        return made

    def gift(self, on: date, promise: dict[str, Any], text: str, *truth: str, **more: Any) -> None:
        """One more bank line, of the promise's amount."""
        told: dict[str, Any] = {"counterparty": "J SMITH", **more}
        self.line(on, promise["amount_minor"], text, *truth, **told)

    def line(self, on: date, amount_minor: int, text: str, *truth: str, honest: bool = False, **changes: Any) -> None:
        """One more bank line."""
        row = arrivals.bank_line_row(len(self.lines), booked_on=on, amount_minor=amount_minor, text=text, **changes)
        self.lines.append(Said(row, truth, honest))


def write_year(seed: int, *, days: int = 365) -> Year:
    """The year: on one day of two all is honest, every other has one of the faults, or something rarer that is honest."""
    writer = _Writer(seed, days)
    faults = _faults()
    for day in range(days):
        on = BEGUN + timedelta(days=day)
        if on.weekday() < 5:
            fault = writer.chance.choice(faults) if writer.chance.random() < 0.5 else _honest
            fault(writer, on)
    return Year(writer.payouts, writer.lines, writer.promises, writer.deposits)


async def bring(session: AsyncSession, year: Year) -> None:
    """The whole year is there, with two bank accounts and a rule that is switched on; `books.found` was before."""
    await arrivals.found_bank(session)
    account = {"id": ELSEWHERE, "name": "Savings", "currency": "GBP", "last4": "9999", "account_hash": "x"}
    await session.execute(
        insert(BankAccount), [account | {"also_hashes": [], "created_by": "dana", "created_at": arrivals.NOW}]
    )
    rule = {"id": "R" * 26, "kind": "alias", "words": "STRIPE TECHNOLOGY EUROPE", "target": "", "state": "on"}
    await session.execute(insert(MatchRule), [rule | {"learnt_from": 3, "made_at": arrivals.NOW}])
    if year.promises:
        await session.execute(insert(Promise), year.promises)
    if year.deposits:
        await session.execute(insert(Deposit), year.deposits)
    await arrivals.arrive(session, year.payouts, [said.row for said in year.lines])


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


def _by_rule(writer: _Writer, on: date) -> None:
    payout = writer.payout(on, writer.amount(), trace_id=None)
    writer.line(on, payout["amount_minor"], "CREDIT", payout["stripe_payout_id"], honest=True, **KNOWN)


def _by_rule_with_another_reference(writer: _Writer, on: date) -> None:
    """The line is a payout's of which we have not heard yet; ours of that amount did not arrive."""
    payout = writer.payout(on, writer.amount())
    writer.line(on, payout["amount_minor"], f"STRIPE {writer.chance.randrange(10**11, 10**12)}", **KNOWN)


def _by_rule_beside_its_reference(writer: _Writer, on: date) -> None:
    """Another line names the payout, less what the bank kept; the one of the right amount is something else."""
    payout = writer.payout(on, writer.amount())
    writer.line(
        on, payout["amount_minor"] - 35, f"CREDIT {_trace(payout)}", payout["stripe_payout_id"], counterparty=""
    )
    writer.line(on, payout["amount_minor"], "CREDIT", **KNOWN)


def _inside_a_longer_number(writer: _Writer, on: date) -> None:
    payout = writer.payout(on)
    text = writer.chance.choice(["GYM MEMBERSHIP 99{}001", "REF{}7", "CARD 4{}"]).format(_trace(payout))
    writer.line(on, payout["amount_minor"], text, counterparty="GYM")


def _short(writer: _Writer, on: date) -> None:
    payout = writer.payout(on, trace_id=f"0000{writer.chance.randrange(10**5, 10**6)}")
    number = _trace(payout)[4:]
    text = writer.chance.choice([f"GYM MEMBERSHIP 99{number}001", f"GYM {number}"])
    writer.line(on + timedelta(days=9), payout["amount_minor"], text, counterparty="GYM")


def _promised(writer: _Writer, on: date) -> None:
    promise = writer.promise(on)
    words = writer.chance.choice(["{}", "THANKS {} THE LAMP", "REF {}"]).format(promise["reference"])
    writer.gift(on + timedelta(days=writer.chance.randrange(60)), promise, words, f"{promise['id']}:1", honest=True)


def _refund_that_comes_back(writer: _Writer, on: date) -> None:
    """A standing order's payment is paid back, and the bank returns that; the order goes on two months later."""
    promise, days = writer.promise(on, "monthly"), timedelta(days=1)
    said = promise["reference"]
    writer.gift(on, promise, said, f"{promise['id']}:1", honest=True)
    writer.line(on + 22 * days, -promise["amount_minor"], f"REFUND {said}", counterparty="J SMITH")
    words, is_marked = writer.chance.choice(["RETURNED REFUND ", "RETURNED ", ""]), writer.chance.random() < 0.5
    text = f"{words}{said}"
    writer.gift(on + 24 * days, promise, text, is_reversal=is_marked)
    writer.gift(on + 61 * days, promise, said, f"{promise['id']}:2", honest=True)


def _both_named(writer: _Writer, on: date) -> None:
    promise = writer.promise(on)
    payout = writer.payout(on, promise["amount_minor"] + writer.chance.choice([0, 5_001]))
    writer.gift(on, promise, f"{promise['reference']} {_trace(payout)}")


def _paid_in(writer: _Writer, on: date) -> None:
    deposit = writer.deposit(on, f"PAYIN-{len(writer.deposits):06d}", writer.chance.choice([None, arrivals.ACCOUNT]))
    text = f"COUNTER CREDIT {deposit['reference']}"
    writer.line(on + timedelta(days=1), 25_000, text, deposit["id"], honest=True, counterparty="")


def _paid_in_elsewhere(writer: _Writer, on: date) -> None:
    deposit = writer.deposit(on, f"PAYIN-{len(writer.deposits):06d}", arrivals.ACCOUNT)
    writer.line(on, 25_000, deposit["reference"], counterparty="", bank_account_id=ELSEWHERE)


def _slip_number_of_another(writer: _Writer, on: date) -> None:
    """The slip's number stands inside another one, or on a line of months later."""
    deposit = writer.deposit(on, f"{100_000 + len(writer.deposits)}{writer.chance.choice(['', '0077'])}")
    number, months = deposit["reference"], timedelta(days=200)
    text = writer.chance.choice([f"INVOICE 4{number}777 ADVERTISING", f"INVOICE {number}"])
    writer.line(on + months, 25_000, text, counterparty="BAKER AND SONS")


def _counted_otherwise(writer: _Writer, on: date) -> None:
    deposit = writer.deposit(on, f"PAYIN-{len(writer.deposits):06d}")
    writer.line(on, 24_900, deposit["reference"], deposit["id"], counterparty="")


def _faults() -> list[Callable[[_Writer, date], None]]:
    return [
        _without_reference, _missing, _stranger_of_the_same_amount, _merged, _merged_under_one_reference, _charged, _twice,
        _quoted_by_a_reader, _in_another_currency, _digit_wrong, _months_late, _by_rule, _by_rule_with_another_reference,
        _by_rule_beside_its_reference, _inside_a_longer_number, _short, _promised, _refund_that_comes_back, _both_named,
        _paid_in, _paid_in_elsewhere, _slip_number_of_another, _counted_otherwise,
    ]  # fmt: skip


def truths(year: Year) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every line's id with its truth."""
    for said in year.lines:
        yield said.row["id"], said.truth
