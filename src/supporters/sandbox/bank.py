"""The bank account where payouts arrive: its lines, day by day, out of what Stripe has sent and what others pay.

Nothing of it is on file but its troubles: the same world gives the same statement, whenever it is asked for. A payout that
has arrived is a line on its day with Stripe's trace id in its text; one that the bank sent back, one below 0 and a top-up
are money out. Lines of others come and go every month: see `bank_others`; what somebody pays in besides is kept.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from supporters.sandbox.bank_others import months_between, others_of
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.world import World

Trouble = Literal["lose", "merge", "split", "twice", "late"]
NUMBER = "GB07LAMP00000061121204"
OPENING = 642_018
OPENED_ON = date(2026, 1, 1)
LATE_DAYS = 8
STRIPE = "STRIPE PAYMENTS UK LTD"
PLAIN = "STRIPE"  # what a line says that is not one payout by itself
TROUBLES = "bank_troubles"
PAID = "bank_paid"
MOST_PAID = 2_000  # lines that people pay in or take out by hand
OURS = ("json_extract(json, '$.currency') = ?",)


class BankLine(NamedTuple):
    """One line of the statement. *Money*: minor units, money in is positive."""

    day: date
    amount: int
    name: str
    text: str
    key: str
    account: str = ""  # of who paid, where the bank says so

    @property
    def reference(self) -> str:
        """The bank's own id of the line."""
        return f"FT{int(sha256(self.key.encode()).hexdigest()[:12], 16) % 10**12:012}"


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody pays in, or the bank takes out. *Money*: minor units, money in is positive."""

    day: date
    amount: int
    name: str
    text: str
    account: str = ""


class Told(msgspec.Struct):
    """What goes wrong with a payout at the bank, and which other payout has a part in it."""

    kind: Trouble
    other: str | None = None


class Statement(NamedTuple):
    """The account on these days, both included. *Money*: minor units."""

    starts_on: date
    ends_on: date
    opening: int
    lines: list[BankLine]
    currency: str

    @property
    def closing(self) -> int:
        """Opening and all lines."""
        return self.opening + sum(line.amount for line in self.lines)


def statement_of(world: World, starts_on: date, ends_on: date) -> Statement:
    """The account's statement for these days, as far as they have begun. Raises: ApiError when none of them has."""
    ends_on = min(ends_on, day_of(world.now()))
    if starts_on > ends_on:
        raise invalid("The statement must begin before it ends, and not after today.", param="from")
    first = min(starts_on, OPENED_ON)
    every = [line for line in _every_line(world, first, ends_on) if first <= line.day <= ends_on]
    opening = OPENING + sum(line.amount for line in every if OPENED_ON <= line.day < starts_on)
    opening -= sum(line.amount for line in every if starts_on <= line.day < OPENED_ON)
    mine = sorted(line for line in every if line.day >= starts_on)
    return Statement(starts_on, ends_on, opening, mine, world.config.currency.upper())


def arrived(world: World, *, latest: int = -1) -> list[Json]:
    """The payouts that the bank has seen, also those that it sent back; oldest arrival first, of the `latest` made."""
    made = world.store.select("payout", OURS, (world.config.currency,), newest=latest >= 0, limit=latest)
    mine = [payout for payout in made if payout["trace_id"]["value"]]
    return sorted(mine, key=lambda payout: (payout["arrival_date"], payout["id"]))


def troubles(world: World) -> dict[str, Told]:
    """What goes wrong at the bank, by the payout's id."""
    kept: dict[str, Json] = world.store.setting(TROUBLES, {})
    return msgspec.convert(kept, dict[str, Told])


def trouble(world: World, payout_id: str | None, kind: Trouble) -> None:
    """That goes wrong with the payout from now on; without an id, with the latest.

    Raises: ApiError for one that never arrived.
    """
    there = arrived(world)
    chosen = next((one for one in there[::-1] if payout_id in (None, one["id"])), None)
    if chosen is None:
        raise invalid("No such payout has arrived at the bank.", param="payout")
    told = Told(kind, _companion(there, chosen) if kind == "merge" else None)
    touched = {chosen["id"], told.other} - {None}
    others = {name: each for name, each in troubles(world).items() if not {name, each.other} & touched}
    world.store.set(TROUBLES, msgspec.to_builtins({**others, chosen["id"]: told}))


def pay(world: World, paid: Paid) -> None:
    """The account has that line from now on. Raises: ApiError when there are too many."""
    kept: list[Json] = world.store.setting(PAID, [])
    if len(kept) >= MOST_PAID:
        raise invalid("There are too many such lines.", param="amount")
    world.store.set(PAID, [*kept, msgspec.to_builtins(paid)])


def clear_troubles(world: World) -> None:
    """Every line of the bank is right again."""
    world.store.set(TROUBLES, {})


def day_of(moment: int) -> date:
    """The day of a moment, in UTC."""
    return datetime.fromtimestamp(moment, UTC).date()


def _companion(there: list[Json], payout: Json) -> str:
    """The payout that the bank books together with this one: the one before it. Raises: ApiError when there is none."""
    before = [one for one in there if one["id"] != payout["id"] and (one["amount"] < 0) == (payout["amount"] < 0)]
    near = [one for one in before if one["arrival_date"] <= payout["arrival_date"]] or before
    if not near:
        raise invalid("There is no other payout to merge it with.", param="payout")
    return near[-1]["id"]


def _every_line(world: World, first: date, last: date) -> Iterator[BankLine]:
    yield from _of_payouts(world)
    yield from _of_topups(world)
    kept = msgspec.convert(world.store.setting(PAID, []), list[Paid])
    for number, paid in enumerate(kept):
        yield BankLine(paid.day, paid.amount, paid.name, paid.text, f"{number} {paid.day}", paid.account)
    for year, month in months_between(first, last):
        for other in others_of(year, month):
            yield BankLine(other.day, other.amount, other.name, other.text, f"{other.day}{other.text}", other.account)


def _of_payouts(world: World) -> Iterator[BankLine]:
    wrong = troubles(world)
    merged = {told.other: name for name, told in wrong.items() if told.kind == "merge"}
    there = {payout["id"]: payout for payout in arrived(world)}
    for payout in there.values():
        told = wrong.get(payout["id"])
        line = _line(payout)
        if payout["id"] in merged and merged[payout["id"]] in there:
            continue
        if told is None:
            yield line
        else:
            yield from _gone_wrong(line, told, there)
    for payout in there.values():
        if payout["status"] == "failed" and payout["failure_balance_transaction"]:
            back = world.get("balance_transaction", payout["failure_balance_transaction"])
            line = _line(payout)
            text, key = f"{line.text} RETURNED", f"{line.key} back"
            yield BankLine(day_of(back["created"]), -line.amount, STRIPE, text, key)


def _line(payout: Json) -> BankLine:
    text = f"{PLAIN} {payout['trace_id']['value']}"
    return BankLine(day_of(payout["arrival_date"]), payout["amount"], STRIPE, text, payout["id"])


def _gone_wrong(line: BankLine, told: Told, there: dict[str, Json]) -> Iterator[BankLine]:
    match told.kind:
        case "lose":
            return
        case "late":
            yield line._replace(day=line.day + timedelta(days=LATE_DAYS))
        case "twice":
            yield line
            yield line._replace(key=f"{line.key} again")
        case "split":
            part = line.amount * 2 // 5
            yield line._replace(amount=part, text=PLAIN, key=f"{line.key} 1")
            yield line._replace(amount=line.amount - part, text=PLAIN, key=f"{line.key} 2")
        case "merge":
            other = _line(there[told.other]) if told.other in there else line._replace(amount=0)
            amount, day = line.amount + other.amount, max(line.day, other.day)
            yield line._replace(amount=amount, day=day, text=PLAIN)


def _of_topups(world: World) -> Iterator[BankLine]:
    mine = {one["id"]: one for one in world.store.all("topup") if one["currency"] == world.config.currency}
    if not mine:
        return
    of_topups = ("json_extract(json, '$.type') in ('topup', 'topup_reversal')",)
    for line in world.store.select("balance_transaction", of_topups, (), newest=False, limit=-1):
        if line["source"] in mine:
            text = "STRIPE TOP-UP" if line["amount"] > 0 else "STRIPE TOP-UP RETURNED"
            yield BankLine(day_of(line["created"]), -line["amount"], STRIPE, f"{text} {line['source']}", line["id"])
