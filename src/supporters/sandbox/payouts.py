"""Payouts: the balance on its way to the bank, by the clock or by hand; a negative one takes money from the bank.

An automatic payout names its lines (`balance_transactions?payout=`), each line once; one by hand names none. One that
arrives at once costs a fee, which is in its own line. Where a least balance is set, each automatic payout holds it back
and gives it to the next: docs.stripe.com/changelog/acacia/2024-12-18/payout-minimum-balance, read 23 November 2026.
Source: docs.stripe.com/payouts and docs.stripe.com/payouts/reconciliation, read 22 November 2026.
"""

from hashlib import sha256

from supporters.sandbox.balance import balance_now, fee_parts, new_line
from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.customers import merged
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.lists import BOUNDS, page
from supporters.sandbox.money import display, instant_fee_of
from supporters.sandbox.params import Choice, Currency, Fields, Metadata, Span, Text, Whole
from supporters.sandbox.store import Due
from supporters.sandbox.world import World

DAY = 86_400
UNPAID = (
    "select json_extract(json, '$.currency'), id, json_extract(json, '$.net') from object indexed by object_unpaid "
    "where kind = 'balance_transaction' and payout is null and json_extract(json, '$.available_on') <= ? "
    "and json_extract(json, '$.balance_type') = 'payments' order by seq"
)
MARK = "update object set payout = ?1, json = json_set(json, '$._payout', ?1) where id = ?2"
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "could_not_process": "The bank could not process this payout.",
    "insufficient_funds": "The bank account has insufficient funds for this debit.",
    "no_account": "The bank account could not be found.",
}


# by the clock


def set_schedule(world: World, interval: str) -> None:
    """Payouts are made every day (`daily`) or only when asked for (`manual`), from now on, also after a restart."""
    world.store.set("payout_interval", interval)
    world.store.call_off("account", "payouts")
    if interval == "daily":
        schedule(world, _next_midnight(world), "payouts", "account")


def interval_of(world: World) -> str:
    """How payouts are made: `daily` or `manual`."""
    return world.store.setting("payout_interval", world.config.payout_interval)


def start_schedule(world: World) -> None:
    """A world whose configuration says `daily` makes payouts by the clock, unless it has been told otherwise."""
    if world.store.setting("payout_interval", None) is None and world.config.payout_interval == "daily":
        set_schedule(world, "daily")


def run_daily(world: World, due: Due) -> None:
    """The day's payouts are made, and tomorrow's will be."""
    run_automatic(world)
    schedule(world, _next_midnight(world), "payouts", "account")


def _next_midnight(world: World) -> int:
    return world.now() - world.now() % DAY + DAY


def run_automatic(world: World) -> list[Json]:
    """What is available has left in one payout per currency, or is called in where it is negative; gives them."""
    lines: dict[str, list[tuple[str, int]]] = {}
    for currency, line_id, net in world.store.db.execute(UNPAID, (world.now(),)):
        lines.setdefault(currency, []).append((line_id, net))
    made: list[Json] = []
    for currency, found in sorted(lines.items()):
        total = sum(net for _, net in found)
        total -= _hold_back(world, found, total, currency)
        if total == 0:
            continue
        payout = _new_payout(world, total, currency, is_automatic=True, params={})
        ids = [*(line_id for line_id, _ in found), payout["balance_transaction"]]
        world.store.db.executemany(MARK, [(payout["id"], line_id) for line_id in ids])
        made.append(payout)
    if made:
        world.emit("balance.available", balance_now(world))
    return made


def set_minimum(world: World, currency: str, amount: int) -> None:
    """Automatic payouts leave at least that much in the balance from now on; nothing for 0."""
    least: dict[str, int] = world.store.setting("least_balances", {})
    world.store.set("least_balances", {**least, currency: amount})


def _hold_back(world: World, found: list[tuple[str, int]], total: int, currency: str) -> int:
    """The least balance is held back from the payout of `found` and free for the next; gives how much that is."""
    wanted: int = world.store.setting("least_balances", {}).get(currency, 0)
    held = min(wanted, total)
    if held <= 0 or held == total:
        return max(held, 0)
    source: Json = {"id": None, "currency": currency, "description": "Payout minimum balance hold"}
    hold = new_line(world, "payout_minimum_balance_hold", source, amount=-held)
    source["description"] = "Payout minimum balance release"
    new_line(world, "payout_minimum_balance_release", source, amount=held)
    found.append((hold["id"], -held))
    return held


# one payout


def _new_payout(world: World, amount: int, currency: str, *, is_automatic: bool, params: Json) -> Json:
    is_instant = params.get("method") == "instant"
    now, days = world.now(), 0 if is_instant else world.config.payout_days
    arrival = now - now % DAY + days * DAY
    payout = payout_document(
        world.new_id("po"), amount, currency, created=now, arrival=arrival, is_automatic=is_automatic, params=params
    )
    fee = instant_fee_of(amount, currency) if is_instant else 0
    line = new_line(world, "payout", payout, amount=-amount, fee=fee, fee_text="Instant payout fee")
    payout["balance_transaction"] = line["id"]
    world.add(payout, "payout.created")
    wait = world.config.settle_delay_seconds
    schedule(world, now + wait, "payout_leaves", payout["id"])
    schedule(world, max(arrival, now + 2 * wait), "payout_arrives", payout["id"])
    if is_automatic:
        schedule(world, now + world.config.reconcile_delay_seconds, "payout_reconciled", payout["id"])
    return payout


def payout_document(
    payout_id: str,
    amount: int,
    currency: str,
    *,
    created: int,
    arrival: int,
    is_automatic: bool,
    params: Json,
) -> Json:
    """A payout as Stripe writes it, not yet on file."""
    return {
        "id": payout_id,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival,
        "automatic": is_automatic,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": params.get("description") or ("STRIPE PAYOUT" if is_automatic else None),
        "destination": "ba_1Sandbox00000000000000",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "method": params.get("method") or "standard",
        "original_payout": params.get("original_payout"),
        "payout_method": None,
        "reconciliation_status": "in_progress" if is_automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def trace_of(payout_id: str) -> Json:
    """What the bank calls the payout, once it has arrived."""
    digits = int(sha256(payout_id.encode()).hexdigest(), 16) % 10**18
    return {"status": "supported", "value": f"{digits:018}"}


def leave(world: World, due: Due) -> None:
    """The payout is with the bank."""
    payout = world.get("payout", due.id)
    if payout["status"] == "pending":
        world.change(payout, {"status": "in_transit"}, "payout.updated")


def arrive(world: World, due: Due) -> None:
    """The payout is in the bank account, as far as Stripe knows."""
    payout = world.get("payout", due.id)
    if payout["status"] in ("pending", "in_transit"):
        pay(world, payout)


def pay(world: World, payout: Json) -> Json:
    """The payout is paid. Raises: ApiError when it has ended before."""
    _require_under_way(payout)
    world.change(payout, {"status": "paid", "trace_id": trace_of(payout["id"])})
    world.emit("payout.paid", payout)
    return payout


def reconcile(world: World, due: Due) -> None:
    """Every line of the payout can be listed."""
    payout = world.get("payout", due.id)
    if payout["reconciliation_status"] == "in_progress":
        world.change(payout, {"reconciliation_status": "completed"})
        world.emit("payout.reconciliation_completed", payout)


def fail(world: World, payout: Json, code: str = "account_closed") -> Json:
    """The bank has sent the payout back, maybe after it was paid: its money is in the balance again.

    Raises: ApiError when it has failed or was cancelled before.
    """
    if payout["status"] in ("failed", "canceled"):
        raise invalid(f"Payout {payout['id']} has already ended: it is {payout['status']}.", param="payout")
    line = _give_back(world, payout, "payout_failure", "PAYOUT FAILURE")
    changes: Json = {"failure_code": code, "failure_message": FAILURES[code]}
    world.change(payout, {**changes, "status": "failed", "failure_balance_transaction": line["id"]})
    world.emit("payout.failed", payout)
    return payout


def _give_back(world: World, payout: Json, kind: str, text: str) -> Json:
    source = {**payout, "description": f"{text} ({payout['id']})"}
    return new_line(world, kind, source, category="payout_reversal", amount=payout["amount"])


def _require_under_way(payout: Json) -> None:
    if payout["status"] not in ("pending", "in_transit"):
        raise invalid(f"Payout {payout['id']} has already ended: it is {payout['status']}.", param="payout")


# the API


def create_payout(world: World, call: Call) -> Json:
    """POST /v1/payouts: by hand, out of what is available."""
    amount, currency = call.params["amount"], call.params["currency"]
    is_instant = call.params.get("method") == "instant"
    parts: list[Json] = balance_now(world)["instant_available" if is_instant else "available"]
    available = sum(part["amount"] for part in parts if part["currency"] == currency)
    fees = fee_parts(world, instant_fee_of(amount, currency), currency, "") if is_instant else []
    if amount + sum(part["amount"] for part in fees) > available:
        message = (
            f"You have insufficient funds in your Stripe account for this transfer. Your available balance is "
            f"{display(available, currency)}."
        )
        raise invalid(message, code="balance_insufficient", param="amount")
    return _new_payout(world, amount, currency, is_automatic=False, params=call.params)


def update_payout(world: World, call: Call) -> Json:
    """POST /v1/payouts/{id}."""
    payout = world.get("payout", call.path["id"], param="payout")
    return world.change(
        payout, {"metadata": merged(payout["metadata"], call.params.get("metadata", {}))}, "payout.updated"
    )


def cancel_payout(world: World, call: Call) -> Json:
    """POST /v1/payouts/{id}/cancel; only one by hand that has not left yet."""
    payout = world.get("payout", call.path["id"], param="payout")
    if payout["status"] != "pending" or payout["automatic"]:
        raise invalid("Payouts can only be canceled while pending, and only when they were made by hand.")
    line = _give_back(world, payout, "payout_cancel", "PAYOUT CANCELED")
    world.change(payout, {"status": "canceled", "failure_balance_transaction": line["id"]})
    world.emit("payout.canceled", payout)
    return payout


def reverse_payout(world: World, call: Call) -> Json:
    """POST /v1/payouts/{id}/reverse: a payout that has arrived is called back from the bank, by a payout of its own."""
    payout = world.get("payout", call.path["id"], param="payout")
    if payout["status"] != "paid" or payout["reversed_by"] or payout["original_payout"] or payout["amount"] < 0:
        raise invalid(f"Payout {payout['id']} cannot be reversed: only a payout that was paid can, and only once.")
    params = {**call.params, "original_payout": payout["id"], "description": f"REVERSAL OF {payout['id']}"}
    back = _new_payout(world, -payout["amount"], payout["currency"], is_automatic=False, params=params)
    world.change(payout, {"reversed_by": back["id"]}, "payout.updated")
    return back


def get_payout(world: World, call: Call) -> Json:
    """GET /v1/payouts/{id}."""
    return world.get("payout", call.path["id"], param="payout")


def list_payouts(world: World, call: Call) -> Json:
    """GET /v1/payouts."""
    where: list[str] = []
    values: list[int] = []
    arrival: dict[str, int] = call.params.get("arrival_date") or {}
    for bound, at in arrival.items():
        where.append(f"json_extract(json, '$.arrival_date') {BOUNDS[bound]} ?")
        values.append(at)
    return page(world, call, "payout", "/v1/payouts", {"status": call.params.get("status")}, where, values)


CREATE = Fields(
    amount=Whole(1),
    currency=Currency(),
    description=Text(),
    metadata=Metadata(),
    method=Choice("standard", "instant"),
    source_type=Choice("card", "bank_account", "fpx"),
    statement_descriptor=Text(22),
    required=("amount", "currency"),
)
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/payouts", create_payout, CREATE),
    listing("/v1/payouts", list_payouts, status=Text(), created=Span(), arrival_date=Span(), destination=Text()),
    get("/v1/payouts/{id}", get_payout),
    post("/v1/payouts/{id}", update_payout, Fields(metadata=Metadata())),
    post("/v1/payouts/{id}/cancel", cancel_payout),
    post("/v1/payouts/{id}/reverse", reverse_payout, Fields(metadata=Metadata())),
)
