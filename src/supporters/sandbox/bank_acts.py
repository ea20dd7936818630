"""What the controls do to the bank's statement: a payout's line is lost, merged, split, booked twice or late; somebody pays."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import msgspec

from supporters.kit.strings import gettext as _
from supporters.sandbox import bank
from supporters.sandbox.clockwork import run_due
from supporters.sandbox.errors import invalid
from supporters.sandbox.sandbox import Sandbox

MOST_MINOR = 1_000_000_000


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """Which payout's line goes wrong; none, and it is the latest's."""

    payout: str | None = None


Text = Annotated[str, msgspec.Meta(max_length=140)]


class Paid(msgspec.Struct, forbid_unknown_fields=True):
    """Who pays how much and with which words; below 0 it goes out. Without a day, today."""

    amount: int
    name: Text = ""
    text: Text = ""
    account: Text = ""
    day: date | None = None


class Right(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing more to say."""


def _going(kind: bank.Trouble) -> Callable[[Sandbox, Any], None]:
    def act(sandbox: Sandbox, told: Line) -> None:
        bank.trouble(sandbox.world, told.payout, kind)

    return act


def _pay(sandbox: Sandbox, told: Paid) -> None:
    if not told.amount or abs(told.amount) > MOST_MINOR:
        raise invalid(_("An amount is not nothing, and not more than ten million."), param="amount")
    run_due(sandbox.world)
    day = told.day or bank.day_of(sandbox.world.now())
    said = {"name": told.name, "text": told.text, "account": told.account}
    bank.pay(sandbox.world, bank.Paid(day=day, amount=told.amount, **said))


def _clear(sandbox: Sandbox, told: Right) -> None:
    bank.clear_troubles(sandbox.world)


ACTS: dict[str, tuple[type[msgspec.Struct], Callable[[Sandbox, Any], None]]] = {
    "bank-lose": (Line, _going("lose")),
    "bank-merge": (Line, _going("merge")),
    "bank-split": (Line, _going("split")),
    "bank-twice": (Line, _going("twice")),
    "bank-late": (Line, _going("late")),
    "bank-pay": (Paid, _pay),
    "bank-right": (Right, _clear),
}
