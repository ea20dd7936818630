"""From what was given to what was paid out, in steps. Pure."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from supporters.kit.strings import gettext as _


class Step(StrEnum):
    """One step of the way."""

    OPENING = "opening"  # What Stripe held before.
    GIVEN = "given"  # Payments, in full.
    FEES = "fees"  # What Stripe kept.
    REFUNDED = "refunded"  # What we returned.
    TAKEN_BACK = "taken_back"  # What banks took back, less what they gave back.
    OTHER = "other"  # Whatever else moved the balance: reserves, Stripe's own charges.
    PAID_OUT = "paid_out"  # What went to the bank: of a payout all that is left.
    CLOSING = "closing"  # What Stripe held afterwards.


class Bar(msgspec.Struct, frozen=True):
    """One bar: from where to where it reaches, in hundredths of a per cent of the width, and what it stands for."""

    step: Step
    minor: int
    start: int
    width: int
    is_last: bool = False  # what all others come to

    @property
    def is_less(self) -> bool:
        """Whether it takes something away."""
        return self.minor < 0 and not self.is_last

    @property
    def x(self) -> str:
        """Where it begins, as SVG takes it."""
        return _percent(self.start)

    @property
    def w(self) -> str:
        """How long it is, as SVG takes it; never so short that it is not seen, but for nothing."""
        return _percent(max(self.width, 30) if self.minor else 0)


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
    "payout": Step.PAID_OUT,
    "payout_reversal": Step.PAID_OUT,
    "topup": Step.PAID_OUT,
    "topup_reversal": Step.PAID_OUT,
}
_WHOLE = 10_000


def steps_of(parts: Iterable[Summed]) -> dict[Step, int]:
    """What each step of a payout comes to, in minor units; those that come to nothing are left out, but for both ends."""
    sums = _moved(parts)
    sums[Step.OTHER] += sums.pop(Step.PAID_OUT)
    sums[Step.PAID_OUT] = sum(sums.values())
    return _in_order(sums, {Step.GIVEN, Step.PAID_OUT})


def steps_between(opening_minor: int, parts: Iterable[Summed]) -> dict[Step, int]:
    """What each step of a month comes to, from what Stripe held before to what it held afterwards."""
    sums = _moved(parts) | {Step.OPENING: opening_minor}
    sums[Step.CLOSING] = sum(sums.values())
    return _in_order(sums, {Step.OPENING, Step.CLOSING})


def bars_of(sums: Mapping[Step, int]) -> list[Bar]:
    """The steps as bars beside a common zero: each begins where the one before it ended, the last one at zero."""
    edges: list[tuple[Step, int, int, int]] = []
    at, last = 0, list(sums)[-1]
    for step, minor in sums.items():
        since = 0 if step is last else at
        edges.append((step, minor, since, since + minor))
        at = since + minor
    lowest = min(0, *(min(since, until) for _step, _minor, since, until in edges))
    highest = max(0, *(max(since, until) for _step, _minor, since, until in edges))
    span = highest - lowest or 1
    return [
        Bar(
            step,
            minor,
            (min(since, until) - lowest) * _WHOLE // span,
            abs(until - since) * _WHOLE // span,
            step is last,
        )
        for step, minor, since, until in edges
    ]


def describe_step(step: Step) -> str:
    """What the step is called, in the reader's language."""
    return {
        Step.OPENING: _("At Stripe before"),
        Step.GIVEN: _("Payments"),
        Step.FEES: _("Fees"),
        Step.REFUNDED: _("Refunded"),
        Step.TAKEN_BACK: _("Taken back by banks"),
        Step.OTHER: _("Other movements"),
        Step.PAID_OUT: _("Paid out"),
        Step.CLOSING: _("At Stripe afterwards"),
    }[step]


def _moved(parts: Iterable[Summed]) -> dict[Step, int]:
    sums = dict.fromkeys(Step, 0)
    for part in parts:
        sums[_STEPS.get(part.category, Step.OTHER)] += part.gross_minor
        sums[Step.FEES] -= part.fee_minor
    return sums


def _in_order(sums: Mapping[Step, int], kept: Collection[Step]) -> dict[Step, int]:
    return {step: sums[step] for step in Step if sums[step] or step in kept}


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
