"""From what was given to what was paid out, in steps. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

import msgspec

from supporters.kit.strings import gettext as _


class Step(StrEnum):
    """One step of the way."""

    GIVEN = "given"  # Payments, in full.
    FEES = "fees"  # What Stripe kept.
    REFUNDED = "refunded"  # What we returned.
    TAKEN_BACK = "taken_back"  # What banks took back, less what they gave back.
    OTHER = "other"  # Whatever else moved the balance: reserves, top-ups, Stripe's own charges.
    PAID_OUT = "paid_out"  # What is left.


class Bar(msgspec.Struct, frozen=True):
    """One bar: from where to where it reaches, in hundredths of a per cent of the width, and what it stands for."""

    step: Step
    minor: int
    start: int
    width: int

    @property
    def is_less(self) -> bool:
        """Whether it takes something away."""
        return self.minor < 0 and self.step is not Step.PAID_OUT

    @property
    def x(self) -> str:
        """Where it begins, as SVG takes it."""
        return _percent(self.start)

    @property
    def w(self) -> str:
        """How long it is, as SVG takes it; never so short that it is not seen."""
        return _percent(max(self.width, 30))


class Summed(Protocol):
    """What one kind of line comes to."""

    @property
    def category(self) -> str: ...

    @property
    def gross_minor(self) -> int: ...

    @property
    def fee_minor(self) -> int: ...


_STEPS = {
    "charge": Step.GIVEN,
    "refund": Step.REFUNDED,
    "refund_failure": Step.REFUNDED,
    "partial_capture_reversal": Step.REFUNDED,
    "dispute": Step.TAKEN_BACK,
    "dispute_reversal": Step.TAKEN_BACK,
    "charge_failure": Step.TAKEN_BACK,
}
_WHOLE = 10_000


def steps_of(parts: Iterable[Summed]) -> dict[Step, int]:
    """What each step comes to, in minor units, in their order; those that come to nothing are left out, but for both ends."""
    sums = dict.fromkeys(Step, 0)
    for part in parts:
        sums[_STEPS.get(part.category, Step.OTHER)] += part.gross_minor
        sums[Step.FEES] -= part.fee_minor
    sums[Step.PAID_OUT] = sum(sums.values())
    return {step: minor for step, minor in sums.items() if minor or step in (Step.GIVEN, Step.PAID_OUT)}


def bars_of(sums: dict[Step, int]) -> list[Bar]:
    """The steps as bars beside a common zero: each begins where the one before it ended."""
    edges: list[tuple[Step, int, int, int]] = []
    at = 0
    for step, minor in sums.items():
        since, until = (0, minor) if step is Step.PAID_OUT else (at, at + minor)
        edges.append((step, minor, since, until))
        at = until
    lowest = min(0, *(min(since, until) for _step, _minor, since, until in edges))
    highest = max(0, *(max(since, until) for _step, _minor, since, until in edges))
    span = highest - lowest or 1
    return [
        Bar(step, minor, (min(since, until) - lowest) * _WHOLE // span, abs(until - since) * _WHOLE // span)
        for step, minor, since, until in edges
    ]


def describe_step(step: Step) -> str:
    """What the step is called, in the reader's language."""
    return {
        Step.GIVEN: _("Payments"),
        Step.FEES: _("Fees"),
        Step.REFUNDED: _("Refunded"),
        Step.TAKEN_BACK: _("Taken back by banks"),
        Step.OTHER: _("Other movements"),
        Step.PAID_OUT: _("Paid out"),
    }[step]


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
