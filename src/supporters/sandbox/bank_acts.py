"""What the controls do to the bank's statement: lines are lost, merged, split, booked twice or late. Each is about one payout."""

from collections.abc import Callable
from typing import Any

import msgspec

from supporters.sandbox import bank
from supporters.sandbox.sandbox import Sandbox


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """Which payout's line goes wrong; none, and it is the latest's."""

    payout: str | None = None


class Right(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing more to say."""


def _going(kind: bank.Trouble) -> Callable[[Sandbox, Any], None]:
    def act(sandbox: Sandbox, told: Line) -> None:
        bank.trouble(sandbox.world, told.payout, kind)

    return act


def _clear(sandbox: Sandbox, told: Right) -> None:
    bank.clear_troubles(sandbox.world)


ACTS: dict[str, tuple[type[msgspec.Struct], Callable[[Sandbox, Any], None]]] = {
    "bank-lose": (Line, _going("lose")),
    "bank-merge": (Line, _going("merge")),
    "bank-split": (Line, _going("split")),
    "bank-twice": (Line, _going("twice")),
    "bank-late": (Line, _going("late")),
    "bank-right": (Right, _clear),
}
