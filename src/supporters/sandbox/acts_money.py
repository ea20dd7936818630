"""What the controls do to the balance: rates, fees, reserves, top-ups, least balances, and events that are not ours."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from supporters.kit.strings import gettext as _
from supporters.sandbox import balance, checkout, fill, fill_rare, keys, own_lines, payouts, rates, refunds, topups
from supporters.sandbox.charges import schedule_settlement
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.money import known_currency
from supporters.sandbox.sandbox import Sandbox

MOST_LINES = 2_000_000


class Rate(msgspec.Struct, forbid_unknown_fields=True):
    """What one unit of a currency settles as; none, and it settles as itself."""

    currency: str
    rate: str | None = None
    fee_basis_points: int = 0


class FeeTax(msgspec.Struct, forbid_unknown_fields=True):
    """How much tax Stripe takes on its fees, in hundredths of a per cent."""

    basis_points: int


class ChargeFee(msgspec.Struct, forbid_unknown_fields=True):
    """Which service Stripe takes a fee for."""

    amount: int
    service: Literal["billing", "radar", "connect", "sigma", "account_updater"] = "billing"
    tax: int = 0
    currency: str | None = None


class Reserve(msgspec.Struct, forbid_unknown_fields=True):
    """How much is held back, or let go, and by whom."""

    amount: int
    who: Literal["risk", "connect", "network"] = "risk"
    currency: str | None = None
    is_told_twice: bool = False


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """A line of any type and category, known to anyone or not."""

    type: str
    amount: int
    currency: str | None = None
    fee: int = 0
    category: str | None = None
    text: str | None = None
    source: str | None = None
    available_in_days: int = 0
    balance_type: Literal["payments", "issuing", "refund_and_dispute_prefunding", "risk_reserved"] = "payments"


class OfTopup(msgspec.Struct, forbid_unknown_fields=True):
    """Which top-up it is about."""

    topup: str


class LeastBalance(msgspec.Struct, forbid_unknown_fields=True):
    """What automatic payouts leave behind."""

    amount: int
    currency: str | None = None


class OfRefund(msgspec.Struct, forbid_unknown_fields=True):
    """Which refund no longer waits."""

    refund: str


class Count(msgspec.Struct, forbid_unknown_fields=True):
    """How many."""

    count: int = 1


class OfCharge(msgspec.Struct, forbid_unknown_fields=True):
    """Which charge does not reach the balance, or does after all."""

    charge: str


class Reprice(msgspec.Struct, forbid_unknown_fields=True):
    """Which open page takes another amount than it was made for, as with a discount of Stripe's own."""

    session: str
    amount: int


class OfLine(msgspec.Struct, forbid_unknown_fields=True):
    """Which line its payout's list leaves out, or has again."""

    line: str


class Skew(msgspec.Struct, forbid_unknown_fields=True):
    """By how much the balance is off what its lines say; 0, and it is right again."""

    amount: int
    currency: str | None = None


class CardFee(msgspec.Struct, forbid_unknown_fields=True):
    """What Stripe takes of the next cards' payments: a share and a fixed part; no share, and it is as usual."""

    basis_points: int | None = None
    fixed: int = 0


class Stray(msgspec.Struct, forbid_unknown_fields=True):
    """An event that is not this account's, or not of this mode, about a charge that nobody here knows."""

    account: str | None = None
    livemode: bool = False
    type: str = "charge.succeeded"


class RestrictKey(msgspec.Struct, forbid_unknown_fields=True):
    """What a restricted key may read; without any path it is unknown again."""

    key: str
    read: list[str] = []


class RequestLimit(msgspec.Struct, forbid_unknown_fields=True):
    """How many requests a second are answered; 0 for as many as come."""

    a_second: int


class Fill(msgspec.Struct, forbid_unknown_fields=True):
    """A past of so many lines over so many days that end today; `rare` has one of everything that Stripe has, in turn."""

    lines: int
    days: int = 365
    seed: int = 1
    rare: bool = False


def _rate(sandbox: Sandbox, told: Rate) -> None:
    if not 0 <= told.fee_basis_points <= 10_000:
        raise invalid(_("Between 0 and 10,000."), param="fee_basis_points")
    rates.set_rate(sandbox.world, told.currency, told.rate, told.fee_basis_points)


def _fee_tax(sandbox: Sandbox, told: FeeTax) -> None:
    if not 0 <= told.basis_points <= 10_000:
        raise invalid(_("Between 0 and 10,000."), param="basis_points")
    sandbox.world.store.set("fee_tax", told.basis_points)


def _charge_fee(sandbox: Sandbox, told: ChargeFee) -> None:
    own_lines.charge_fee(sandbox.world, told.service, told.amount, tax=told.tax, currency=_currency(told.currency))


def _hold_reserve(sandbox: Sandbox, told: Reserve) -> None:
    more: Json = {"currency": _currency(told.currency), "is_told_twice": told.is_told_twice}
    own_lines.hold_reserve(sandbox.world, told.who, told.amount, **more)


def _release_reserve(sandbox: Sandbox, told: Reserve) -> None:
    more: Json = {"currency": _currency(told.currency), "is_told_twice": told.is_told_twice}
    own_lines.release_reserve(sandbox.world, told.who, told.amount, **more)


def _line(sandbox: Sandbox, told: Line) -> None:
    own_lines.add_line(
        sandbox.world,
        told.type,
        amount=told.amount,
        currency=_currency(told.currency),
        fee=told.fee,
        category=told.category,
        text=told.text,
        source=told.source,
        available_in_days=told.available_in_days,
        balance=told.balance_type,
    )


def _currency(code: str | None) -> str | None:
    return known_currency(code) if code else None


def _succeed_topup(sandbox: Sandbox, told: OfTopup) -> None:
    topups.succeed(sandbox.world, sandbox.world.get("topup", told.topup, param="topup"))


def _fail_topup(sandbox: Sandbox, told: OfTopup) -> None:
    topups.fail(sandbox.world, sandbox.world.get("topup", told.topup, param="topup"))


def _reverse_topup(sandbox: Sandbox, told: OfTopup) -> None:
    topups.reverse(sandbox.world, sandbox.world.get("topup", told.topup, param="topup"))


def _least_balance(sandbox: Sandbox, told: LeastBalance) -> None:
    if told.amount < 0:
        raise invalid(_("A least balance is 0 or more."), param="amount")
    payouts.set_minimum(sandbox.world, _currency(told.currency) or sandbox.world.config.currency, told.amount)


def _short_refunds(sandbox: Sandbox, told: Count) -> None:
    refunds.starve(sandbox.world, max(0, told.count))


def _pay_refund(sandbox: Sandbox, told: OfRefund) -> None:
    refunds.pay(sandbox.world, sandbox.world.get("refund", told.refund, param="refund"))


def _withhold_line(sandbox: Sandbox, told: OfCharge) -> None:
    charge = sandbox.world.get("charge", told.charge, param="charge")
    if charge["balance_transaction"]:
        raise invalid(_("This charge has reached the balance."), param="charge")
    sandbox.world.store.call_off(charge["id"], "settle")


def _give_line(sandbox: Sandbox, told: OfCharge) -> None:
    charge = sandbox.world.get("charge", told.charge, param="charge")
    if charge["balance_transaction"] or charge["status"] != "succeeded":
        raise invalid(_("This charge has reached the balance, or never will."), param="charge")
    schedule_settlement(sandbox.world, charge)


def _reprice(sandbox: Sandbox, told: Reprice) -> None:
    session = sandbox.world.get("checkout.session", told.session, param="session")
    checkout.require_open(session)
    if session["mode"] != "payment" or told.amount < 1:
        raise invalid(_("Only what is paid once takes another amount, of 1 or more."), param="amount")
    sandbox.world.change(session, {"amount_subtotal": told.amount, "amount_total": told.amount})


def _misfile_line(sandbox: Sandbox, told: OfLine) -> None:
    balance.misfile(sandbox.world, sandbox.world.get("balance_transaction", told.line, param="line"))


def _file_line(sandbox: Sandbox, told: OfLine) -> None:
    balance.file_again(sandbox.world, sandbox.world.get("balance_transaction", told.line, param="line"))


def _skew_balance(sandbox: Sandbox, told: Skew) -> None:
    off: Json = sandbox.world.store.setting("balance_off", {})
    currency = _currency(told.currency) or sandbox.world.config.currency
    sandbox.world.store.set("balance_off", {**off, currency: told.amount})


def _card_fee(sandbox: Sandbox, told: CardFee) -> None:
    if told.fixed < 0 or not 0 <= (told.basis_points or 0) <= 10_000:
        raise invalid(_("Between 0 and 10,000."), param="basis_points")
    fee = None if told.basis_points is None else [told.basis_points, told.fixed]
    sandbox.world.store.set("card_fee", fee)


def _stray(sandbox: Sandbox, told: Stray) -> None:
    world = sandbox.world
    charge = fill.new_charge(world.new_id("ch"), world.new_id("pi"), 1234, world.config.currency, world.now())
    charge.update(livemode=told.livemode, balance_transaction=None)
    world.emit(told.type, charge, account=told.account, livemode=told.livemode)


def _restrict_key(sandbox: Sandbox, told: RestrictKey) -> None:
    if not told.key.startswith("rk_test_"):
        raise invalid(_("A restricted key begins with rk_test_."), param="key")
    keys.restrict_key(sandbox.world, told.key, told.read)


def _limit_requests(sandbox: Sandbox, told: RequestLimit) -> None:
    sandbox.world.store.set("requests_a_second", max(0, told.a_second))


def _fill(sandbox: Sandbox, told: Fill) -> None:
    if not 1 <= told.lines <= MOST_LINES or not 1 <= told.days <= 3660:
        raise invalid(_("Say how many lines, from 1, over how many days, from 1 to ten years."), param="lines")
    rare = fill_rare.add_rare if told.rare else None
    fill.fill(sandbox.world, lines=told.lines, days=told.days, seed=told.seed, rare=rare)


ACTS: dict[str, tuple[type[msgspec.Struct], Callable[[Sandbox, Any], None]]] = {
    "rate": (Rate, _rate),
    "fee-tax": (FeeTax, _fee_tax),
    "charge-fee": (ChargeFee, _charge_fee),
    "hold-reserve": (Reserve, _hold_reserve),
    "release-reserve": (Reserve, _release_reserve),
    "line": (Line, _line),
    "succeed-topup": (OfTopup, _succeed_topup),
    "fail-topup": (OfTopup, _fail_topup),
    "reverse-topup": (OfTopup, _reverse_topup),
    "least-balance": (LeastBalance, _least_balance),
    "short-refunds": (Count, _short_refunds),
    "pay-refund": (OfRefund, _pay_refund),
    "withhold-line": (OfCharge, _withhold_line),
    "give-line": (OfCharge, _give_line),
    "reprice-page": (Reprice, _reprice),
    "misfile-line": (OfLine, _misfile_line),
    "file-line": (OfLine, _file_line),
    "skew-balance": (Skew, _skew_balance),
    "card-fee": (CardFee, _card_fee),
    "stray-event": (Stray, _stray),
    "restrict-key": (RestrictKey, _restrict_key),
    "limit-requests": (RequestLimit, _limit_requests),
    "fill": (Fill, _fill),
}
