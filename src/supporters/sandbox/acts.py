"""What the controls do about money and about news: debits, refunds, disputes, warnings, payouts, lost and late events."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from supporters.kit.strings import gettext as _
from supporters.sandbox import (
    acts_money,
    bank_acts,
    cards,
    charging,
    debiting,
    debits,
    disputes,
    fraud,
    mandates,
    payouts,
    refunds,
)
from supporters.sandbox.clocks import time_of
from supporters.sandbox.clockwork import run_due
from supporters.sandbox.errors import invalid
from supporters.sandbox.sandbox import Sandbox

Act = Callable[[Sandbox, Any], None]
Action = Callable[[Sandbox, Any], Awaitable[None]]
MOST = 1_000_000
DECLINES = frozenset(
    [*cards.MESSAGES, *debits.MESSAGES, "generic_decline", "lost_card", "stolen_card", "authentication_required"]
)


class Debit(msgspec.Struct, forbid_unknown_fields=True):
    """Which debit succeeds."""

    charge: str


class FailDebit(msgspec.Struct, forbid_unknown_fields=True):
    """Which debit fails or comes back, and what its bank says."""

    charge: str
    code: str = "debit_not_authorized"


class FailRefund(msgspec.Struct, forbid_unknown_fields=True):
    """Which refund fails."""

    refund: str


class EndMandate(msgspec.Struct, forbid_unknown_fields=True):
    """Which mandate ends, and what the bank says."""

    mandate: str
    reason: str = "debit_not_authorized"


class UpdateCard(msgspec.Struct, forbid_unknown_fields=True):
    """Which saved card its network has renewed."""

    payment_method: str


class Dispute(msgspec.Struct, forbid_unknown_fields=True):
    """Which charge is disputed: all of it or `amount` of it, as a dispute or as a question first."""

    charge: str
    amount: int | None = None
    reason: Literal[
        "fraudulent", "product_not_received", "unrecognized", "subscription_canceled", "duplicate", "general"
    ] = "fraudulent"
    inquiry: bool = False


class OfDispute(msgspec.Struct, forbid_unknown_fields=True):
    """Which inquiry becomes a dispute."""

    dispute: str


class CloseDispute(msgspec.Struct, forbid_unknown_fields=True):
    """How a dispute ends, and how much of it comes back when it is won (all of it, if not told; nothing, if withheld)."""

    dispute: str
    outcome: Literal["won", "lost"]
    returned: int | None = None
    withheld: bool = False


class Warn(msgspec.Struct, forbid_unknown_fields=True):
    """Which charge is reported as fraud."""

    charge: str


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An action that is told nothing."""


class OfPayout(msgspec.Struct, forbid_unknown_fields=True):
    """Which payout arrives."""

    payout: str


class FailPayout(msgspec.Struct, forbid_unknown_fields=True):
    """Which payout fails, and what its bank says."""

    payout: str
    code: str = "account_closed"


class Interval(msgspec.Struct, forbid_unknown_fields=True):
    """How payouts are made from now on."""

    interval: Literal["daily", "manual"]


class Decline(msgspec.Struct, forbid_unknown_fields=True):
    """How the next charges are refused."""

    code: str = "generic_decline"
    count: int = 1


class Mute(msgspec.Struct, forbid_unknown_fields=True):
    """Which events never come to be: of `types`, `count` of them, or all from now on."""

    types: list[str] = []
    type: str | None = None
    count: int | None = 1
    always: bool = False


class Delay(msgspec.Struct, forbid_unknown_fields=True):
    """Which news is late: one event that waits, or the next `count` events (of `types`)."""

    seconds: int
    event: str | None = None
    types: list[str] = []
    type: str | None = None
    count: int = 1


def _checked(code: str, known: frozenset[str] | dict[str, str], param: str) -> str:
    if code not in known:
        raise invalid(_("Known here are: {codes}.").format(codes=", ".join(sorted(known))), param=param)
    return code


def _settle_debit(sandbox: Sandbox, told: Debit) -> None:
    world = sandbox.world
    debiting.succeed(world, world.get("charge", told.charge, param="charge"))


def _fail_debit(sandbox: Sandbox, told: FailDebit) -> None:
    world = sandbox.world
    code = _checked(told.code, debits.MESSAGES, "code")
    debiting.fail(world, world.get("charge", told.charge, param="charge"), code)


def _return_debit(sandbox: Sandbox, told: FailDebit) -> None:
    world = sandbox.world
    code = _checked(told.code, debits.MESSAGES, "code")
    debiting.give_back(world, world.get("charge", told.charge, param="charge"), code)


def _fail_refund(sandbox: Sandbox, told: FailRefund) -> None:
    world = sandbox.world
    refunds.fail(world, world.get("refund", told.refund, param="refund"))


def _end_mandate(sandbox: Sandbox, told: EndMandate) -> None:
    world = sandbox.world
    reasons = frozenset([*debits.ENDS_MANDATE, "bank_account_restricted", "could_not_process"])
    reason = _checked(told.reason, reasons, "reason")
    mandates.end_mandate(world, world.get("mandate", told.mandate, param="mandate"), reason)


def _update_card(sandbox: Sandbox, told: UpdateCard) -> None:
    sandbox.update_card(told.payment_method)


def _dispute(sandbox: Sandbox, told: Dispute) -> None:
    world = sandbox.world
    charge = world.get("charge", told.charge, param="charge")
    disputes.open_dispute(world, charge, reason=told.reason, amount=told.amount, is_inquiry=told.inquiry)


def _escalate(sandbox: Sandbox, told: OfDispute) -> None:
    world = sandbox.world
    disputes.escalate(world, world.get("dispute", told.dispute, param="dispute"))


def _close_dispute(sandbox: Sandbox, told: CloseDispute) -> None:
    world = sandbox.world
    dispute = world.get("dispute", told.dispute, param="dispute")
    disputes.decide(world, dispute, told.outcome, returned=told.returned, is_withheld=told.withheld)


def _warn(sandbox: Sandbox, told: Warn) -> None:
    world = sandbox.world
    fraud.warn(world, world.get("charge", told.charge, param="charge"))


def _run_payout(sandbox: Sandbox, told: Nothing) -> None:
    payouts.run_automatic(sandbox.world)


def _pay_payout(sandbox: Sandbox, told: OfPayout) -> None:
    world = sandbox.world
    payouts.pay(world, world.get("payout", told.payout, param="payout"))


def _fail_payout(sandbox: Sandbox, told: FailPayout) -> None:
    world = sandbox.world
    code = _checked(told.code, payouts.FAILURES, "code")
    payouts.fail(world, world.get("payout", told.payout, param="payout"), code)


def _payout_interval(sandbox: Sandbox, told: Interval) -> None:
    payouts.set_schedule(sandbox.world, told.interval)


def _decline(sandbox: Sandbox, told: Decline) -> None:
    if not 1 <= told.count <= MOST:
        raise invalid(_("Between 1 and {most} at a time.").format(most=MOST), param="count")
    charging.decline_next(sandbox.world, _checked(told.code, DECLINES, "code"), told.count)


def _mute(sandbox: Sandbox, told: Mute) -> None:
    if told.count is not None and not 1 <= told.count <= MOST:
        raise invalid(_("Between 1 and {most} at a time.").format(most=MOST), param="count")
    types = [*told.types, *([told.type] if told.type else [])]
    _order(sandbox, "mutes", {"types": types, "count": None if told.always else told.count})


def _delay(sandbox: Sandbox, told: Delay) -> None:
    if not 1 <= told.count <= MOST or not 1 <= told.seconds <= 366 * 86_400:
        raise invalid(_("Say how many, from 1, and how late, from 1 second to a year."), param="seconds")
    if told.event:
        sandbox.world.get("event", told.event, param="event")
        sandbox.courier.delay(told.event, told.seconds)
        return
    types = [*told.types, *([told.type] if told.type else [])]
    _order(sandbox, "delays", {"types": types, "count": told.count, "seconds": told.seconds})


def _order(sandbox: Sandbox, trouble: str, order: dict[str, object]) -> None:
    store = sandbox.world.store
    orders: list[dict[str, object]] = store.setting(trouble, [])
    store.set(trouble, [*orders, order])


def _clear_news(sandbox: Sandbox, told: Nothing) -> None:
    for trouble in ("mutes", "delays", "drops", "declines"):
        sandbox.world.store.set(trouble, [])


ACTS: dict[str, tuple[type[msgspec.Struct], Act]] = {
    "settle-debit": (Debit, _settle_debit),
    "fail-debit": (FailDebit, _fail_debit),
    "return-debit": (FailDebit, _return_debit),
    "fail-refund": (FailRefund, _fail_refund),
    "end-mandate": (EndMandate, _end_mandate),
    "update-card": (UpdateCard, _update_card),
    "dispute": (Dispute, _dispute),
    "escalate-dispute": (OfDispute, _escalate),
    "close-dispute": (CloseDispute, _close_dispute),
    "warn": (Warn, _warn),
    "run-payout": (Nothing, _run_payout),
    "pay-payout": (OfPayout, _pay_payout),
    "fail-payout": (FailPayout, _fail_payout),
    "payout-interval": (Interval, _payout_interval),
    "decline-next": (Decline, _decline),
    "mute": (Mute, _mute),
    "delay": (Delay, _delay),
    "clear-trouble": (Nothing, _clear_news),
    **acts_money.ACTS,
    **bank_acts.ACTS,
}


def _whole(act: Act) -> Action:
    """All of the act is done or nothing of it, after what fell due before; its news leaves at once."""

    async def do(sandbox: Sandbox, told: Any) -> None:
        run_due(sandbox.world)
        named: list[object] = list(msgspec.structs.asdict(told).values())
        with sandbox.world.atomic(), time_of(sandbox.world, *(one for one in named if isinstance(one, str))):
            act(sandbox, told)
        sandbox.wake()

    return do


ACTIONS = {name: (shape, _whole(act)) for name, (shape, act) in ACTS.items()}
"""By name: what an action is told, and what it does."""
