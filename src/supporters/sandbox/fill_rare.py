"""What a filled past has besides gifts, refunds, disputes and fees, if asked for: one of each kind that Stripe has, in turn."""

from collections.abc import Callable
from decimal import Decimal

from supporters.sandbox.balance import DAY, fee_parts, midnight
from supporters.sandbox.errors import Json
from supporters.sandbox.fill import Past
from supporters.sandbox.money import debit_fee_of, fee_of

RATE = Decimal("0.79")


def add_rare(past: Past, number: int, at: int) -> None:
    """The next of the rare things has happened at that moment."""
    KINDS[number % len(KINDS)](past, at)


def _topup(past: Past, at: int) -> Json:
    made = past.new_id("tu")
    line = past.line("topup", made, 5000, at, text="Top-up")
    empty = dict.fromkeys(("description", "failure_code", "failure_message", "payment_method", "source"))
    return past.keep(
        {
            "id": made,
            "object": "topup",
            "amount": 5000,
            "balance_transaction": line["id"],
            "created": at,
            "currency": past.currency,
            "expected_availability_date": at,
            "livemode": False,
            "metadata": {},
            "statement_descriptor": None,
            "status": "succeeded",
            "transfer_group": None,
            **empty,
        }
    )


def _top_up(past: Past, at: int) -> None:
    past.close(_topup(past, at))


def _top_up_and_lose_it(past: Past, at: int) -> None:
    topup = _topup(past, at)

    def take_back(when: int) -> None:
        past.line("topup_reversal", topup["id"], -topup["amount"], when, text=f"REVERSAL OF TOP-UP ({topup['id']})")
        topup["status"] = "reversed"
        past.close(topup)

    past.later(at + 4 * DAY, take_back)


def _reserve(past: Past, at: int) -> None:
    past.line("reserve_hold", None, -1500, at, category="risk_reserved_funds", text="Funds held in reserve")
    more: Json = {"category": "risk_reserved_funds", "text": "Funds held in reserve"}

    def release(when: int) -> None:
        past.line("reserve_release", None, 1500, when, **more)

    past.later(at + 14 * DAY, release)


def _network_reserve(past: Past, at: int) -> None:
    text = "Payment network reserve"
    past.line("payment_network_reserve_hold", None, -700, at, text=text)
    past.line("payment_network_reserve_release", None, 700, at, ripe=midnight(at) + 2 * DAY, text=text)


def _connect_reserve(past: Past, at: int) -> None:
    more: Json = {"category": "connect_reserved_funds", "text": "Connect reserved funds"}
    past.line("reserve_transaction", None, -400, at, **more)
    past.line("reserve_transaction", None, 400, at, ripe=midnight(at) + 2 * DAY, **more)


def _least_balance(past: Past, at: int) -> None:
    past.line("payout_minimum_balance_hold", None, -1000, at, text="Payout minimum balance hold")
    text, tomorrow = "Payout minimum balance release", midnight(at) + 2 * DAY
    past.line("payout_minimum_balance_release", None, 1000, at, ripe=tomorrow, text=text)


def _foreign(past: Past, at: int) -> None:
    charge = past.charge(2000, at, "usd" if past.currency != "usd" else "eur")
    settled = int(2000 * RATE)
    fees = fee_parts(past.world, fee_of(settled, past.currency), past.currency, "Stripe processing fees")
    line = past.line("charge", charge["id"], settled, at, fees=fees, ripe=past.ripe(at), rate=RATE)
    charge["balance_transaction"] = line["id"]
    more: Json = {"category": "fee", "ripe": past.ripe(at), "text": "Currency conversion fee"}
    past.line("stripe_fx_fee", None, -settled // 50, at, **more)
    past.close(charge)


def _failed_refund(past: Past, at: int) -> None:
    charge = past.charge(1000, at)
    refund = past.refund(charge, 1000, at)

    def fail(when: int) -> None:
        line = past.line("refund_failure", refund["id"], 1000, when, text="REFUND FAILURE")
        refund.update(status="failed", failure_reason="expired_or_canceled_card")
        refund["failure_balance_transaction"] = line["id"]
        charge.update(amount_refunded=0, refunded=False)
        past.close(refund)
        past.close(charge)

    past.later(at + 8 * DAY, fail)


def _failed_debit(past: Past, at: int) -> None:
    made = past.new_id("py")
    fees = fee_parts(past.world, debit_fee_of("bacs_debit", 1500), past.currency, "Stripe processing fees")
    line = past.line("payment", made, 1500, at, category="charge", fees=fees, ripe=past.ripe(at))
    charge = past.new_debit(made, 1500, at)
    charge["balance_transaction"] = line["id"]

    def fail(when: int) -> None:
        back = [{**part, "amount": -part["amount"]} for part in fees]
        more: Json = {"category": "charge_failure", "fees": back, "text": f"REFUND FOR FAILED PAYMENT ({made})"}
        gone = past.line("payment_failure_refund", made, -1500, when, **more)
        charge.update(status="failed", paid=False, failure_code="insufficient_funds")
        charge["failure_balance_transaction"] = gone["id"]
        past.close(charge)

    past.later(at + 2 * DAY, fail)


def _partial_capture(past: Past, at: int) -> None:
    charge = past.charge(5000, at)
    charge["amount_captured"] = 3000
    more: Json = {"category": "partial_capture_reversal", "text": f"UNCAPTURED AMOUNT ({charge['id']})"}
    past.line("refund", charge["id"], -2000, at, ripe=past.ripe(at), **more)
    past.close(charge)


def _one_line(kind: str, amount: int, category: str | None = None) -> Callable[[Past, int], None]:
    def add(past: Past, at: int) -> None:
        past.line(kind, None, amount, at, category=category, text=(category or kind).replace("_", " ").capitalize())

    return add


KINDS: tuple[Callable[[Past, int], None], ...] = (
    _top_up,
    _top_up_and_lose_it,
    _reserve,
    _network_reserve,
    _connect_reserve,
    _least_balance,
    _foreign,
    _failed_refund,
    _failed_debit,
    _partial_capture,
    _one_line("contribution", -120),
    _one_line("climate_order_purchase", -90),
    _one_line("climate_order_refund", 90),
    _one_line("adjustment", -15, "network_cost"),
    _one_line("adjustment", -11, "other_adjustment"),
    _one_line("payment_unreconciled", 333, "unreconciled_customer_funds"),
    _one_line("adjustment", -21, "not_yet_invented"),
)
"""What happens rarely, in turn."""
