"""Balance transactions, the balance, and the moment at which a charge reaches it."""

from typing import Any

from supporters.sandbox.calls import Call, Operation, get, listing
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.lists import page
from supporters.sandbox.money import debit_fee_of, fee_of
from supporters.sandbox.params import Span, Text
from supporters.sandbox.rates import Settled, fee_for_changing, settle
from supporters.sandbox.store import Due
from supporters.sandbox.world import Post, World

DAY = 86_400
MISFILED = "po_nobody_knows"
SUMS = (
    "select json_extract(json, '$.currency'), json_extract(json, '$.available_on') <= ?,"
    " sum(json_extract(json, '$.net')) from object indexed by object_unpaid"
    " where kind = 'balance_transaction' and payout is null and json_extract(json, '$.balance_type') = 'payments'"
    " group by 1, 2"
)
"""What is in the balance: lines that have been paid out come to nothing together with the line of their payout."""


def new_line(
    world: World,
    kind: str,
    source: Json,
    *,
    amount: int,
    fee: int = 0,
    available_on: int | None = None,
    category: str | None = None,
    fee_text: str = "Stripe processing fees",
) -> Json:
    """A line of the balance is on file. Amount is signed: money in is positive; it is available at once if not told.

    What givers paid or got back is changed where its currency has a rate; `fee` is in what the line settles in.
    The balance goes by the sandbox's own clock, also where a customer lives by a test clock.
    """
    now = world.wall() if world.timeline else world.now()
    ripe_on = now if available_on is None else available_on
    is_taken = source.get("object") in ("charge", "refund", "dispute")
    settled = settle(world, amount, source["currency"]) if is_taken else Settled(amount, source["currency"])
    parts = fee_parts(world, fee, settled.currency, fee_text)
    line = line_document(
        world.new_id("txn"),
        kind,
        source["id"],
        settled,
        parts,
        created=now,
        available_on=ripe_on,
        category=category or kind,
        description=source.get("description"),
    )
    return world.add(line)


def line_document(
    line_id: str,
    kind: str,
    source_id: str | None,
    settled: Settled,
    fees: list[Json],
    *,
    created: int,
    available_on: int,
    category: str,
    description: str | None,
) -> Json:
    """A line of the balance as Stripe writes it, not yet on file."""
    paid = sum(part["amount"] for part in fees)
    return {
        "id": line_id,
        "object": "balance_transaction",
        "amount": settled.amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": created,
        "currency": settled.currency,
        "description": description,
        "exchange_rate": None if settled.rate is None else float(settled.rate),
        "fee": paid,
        "fee_details": fees,
        "net": settled.amount - paid,
        "reporting_category": category,
        "source": source_id,
        "status": "available" if available_on <= created else "pending",
        "type": kind,
    }


def fee_parts(world: World, fee: int, currency: str, text: str) -> list[Json]:
    """The parts of a fee: Stripe's own, and the tax on it where Stripe collects one (set in basis points)."""
    basis_points: int = world.store.setting("fee_tax", 0)
    tax = (abs(fee) * basis_points + 5_000) // 10_000 * (1 if fee > 0 else -1)
    shared: Json = {"application": None, "currency": currency}
    parts: list[Json] = [{"amount": fee, **shared, "description": text, "type": "stripe_fee"}] if fee else []
    return [*parts, {"amount": tax, **shared, "description": "VAT", "type": "tax"}] if tax else parts


def with_status(world: World, line: Json) -> Json:
    """The line, pending or available by the sandbox's clock."""
    line["status"] = "available" if line["available_on"] <= world.now() else "pending"
    return line


def settle_charge(world: World, due: Due) -> None:
    """A captured charge has its balance transaction, and `charge.updated` tells it."""
    charge = world.get("charge", due.id)
    if charge["balance_transaction"] or charge["status"] == "failed":
        return
    now = world.now()
    available_on = now if due.note["available_at_once"] else midnight(now + world.config.available_after_days * DAY)
    line = _lines_of_charge(world, charge, available_on)
    post = Post(due.note["delay_seconds"], due.note["copies"])
    with world.sending(post):
        world.change(charge, {"balance_transaction": line["id"]}, "charge.updated")
        if due.note["available_at_once"]:
            world.emit("balance.available", balance_now(world))


def _lines_of_charge(world: World, charge: Json, available_on: int) -> Json:
    """The charge's own line, and beside it what was let go at its capture and what changing its currency costs."""
    taken = settle(world, charge["amount_captured"], charge["currency"])
    scheme: str = charge["payment_method_details"]["type"]
    is_card = scheme == "card"
    fee = _card_fee(world, taken) if is_card else debit_fee_of(scheme, taken.amount)
    kind, let_go = "charge" if is_card else "payment", charge["amount"] - charge["amount_captured"]
    line = new_line(world, kind, charge, category="charge", amount=charge["amount"], fee=fee, available_on=available_on)
    if let_go:
        source = {**charge, "description": f"UNCAPTURED AMOUNT ({charge['id']})"}
        more: Json = {"category": "partial_capture_reversal", "available_on": available_on}
        new_line(world, "refund", source, amount=-let_go, **more)
    change_fee = fee_for_changing(world, taken, charge["currency"])
    if change_fee:
        source = {"id": None, "currency": taken.currency, "description": "Currency conversion fee"}
        new_line(world, "stripe_fx_fee", source, category="fee", amount=-change_fee, available_on=available_on)
    return line


def _card_fee(world: World, taken: Settled) -> int:
    """Stripe's fee on a card payment: as for most cards, or as it was set (a share in basis points, and a fixed part)."""
    ordered: list[int] | None = world.store.setting("card_fee", None)
    if ordered is None:
        return fee_of(taken.amount, taken.currency)
    return min(taken.amount, (taken.amount * ordered[0] + 5_000) // 10_000 + ordered[1])


def misfile(world: World, line: Json) -> None:
    """The list of the payout that the line went out with leaves it out. Raises: ApiError when it has not gone out."""
    if not line.get("_payout"):
        raise invalid(f"Balance transaction {line['id']} has not been paid out.", param="line")
    world.change(line, {"_payout": MISFILED, "_payout_was": line["_payout"]})


def file_again(world: World, line: Json) -> None:
    """The list of its payout has the line again. Raises: ApiError when it was not left out."""
    if line.get("_payout") != MISFILED:
        raise invalid(f"Balance transaction {line['id']} is where it belongs.", param="line")
    world.change(line, {"_payout": line["_payout_was"]})


def midnight(at: int) -> int:
    """The start of that day in UTC."""
    return at - at % DAY


def get_balance(world: World, call: Call) -> Json:
    """GET /v1/balance."""
    return balance_now(world)


def balance_now(world: World) -> Json:
    """What is available and what is pending at this moment, by currency, and what is reserved or could leave at once."""
    sums: dict[tuple[str, bool], int] = {(world.config.currency, True): 0, (world.config.currency, False): 0}
    for currency, is_available, net in world.store.db.execute(SUMS, (world.now(),)):
        sums[(currency, bool(is_available))] = net
    off: dict[str, int] = world.store.setting("balance_off", {})
    for currency, amount in off.items():
        sums[(currency, True)] = sums.get((currency, True), 0) + amount
    currencies = sorted({currency for currency, _ in sums})
    ready = {currency: sums.get((currency, True), 0) for currency in currencies}
    pending = {currency: sums.get((currency, False), 0) for currency in currencies}
    at_once = {currency: max(0, ready[currency] + pending[currency]) for currency in currencies}
    reserved: dict[str, int] = world.store.setting("connect_reserved", {})
    balance: Json = {"object": "balance", "available": _parts(ready), "livemode": False, "pending": _parts(pending)}
    held: Json = {"connect_reserved": _parts(reserved)} if reserved else {}
    return {**balance, **held, "instant_available": _parts(at_once)}


def _parts(amounts: dict[str, int]) -> list[Json]:
    return [{"amount": net, "currency": currency, "source_types": {"card": net}} for currency, net in amounts.items()]


def list_lines(world: World, call: Call) -> Json:
    """GET /v1/balance_transactions."""
    equal: dict[str, Any] = {name: call.params.get(name) for name in ("type", "source", "currency", "payout")}
    found = page(world, call, "balance_transaction", "/v1/balance_transactions", equal)
    found["data"] = [with_status(world, line) for line in found["data"]]
    return found


def get_line(world: World, call: Call) -> Json:
    """GET /v1/balance_transactions/{id}."""
    return with_status(world, world.get("balance_transaction", call.path["id"]))


def get_account(world: World, call: Call) -> Json:
    """GET /v1/account."""
    config = world.config
    return {
        "id": config.account_id,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": "8398",
            "minority_owned_business_designation": None,
            "name": config.publisher,
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": config.country,
        "created": 1_700_000_000,
        "default_currency": config.currency,
        "details_submitted": True,
        "email": "books@example.org",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": config.publisher, "timezone": "Europe/London"},
            "payments": {
                "statement_descriptor": descriptor_of(config.publisher),
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
        },
        "type": "standard",
    }


def descriptor_of(publisher: str, suffix: str | None = None) -> str:
    """What the card holder's statement says: at most 22 characters."""
    name = "".join(letter for letter in publisher.upper() if letter.isascii() and letter not in "<>\\'\"*")
    return f"{name[:10].strip()}* {suffix}"[:22] if suffix else name[:22].strip()


OPERATIONS: tuple[Operation, ...] = (
    get("/v1/balance", get_balance),
    listing(
        "/v1/balance_transactions",
        list_lines,
        type=Text(),
        source=Text(),
        currency=Text(),
        payout=Text(),
        created=Span(),
    ),
    get("/v1/balance_transactions/{id}", get_line),
    get("/v1/account", get_account),
)
