"""Balance transactions, the balance, and the moment at which a charge reaches it."""

from typing import Any

from supporters.sandbox.calls import Call, Operation, get, listing
from supporters.sandbox.errors import Json
from supporters.sandbox.lists import page
from supporters.sandbox.money import debit_fee_of, fee_of
from supporters.sandbox.params import Span, Text
from supporters.sandbox.store import Due
from supporters.sandbox.world import Post, World

DAY = 86_400


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

    The balance goes by the sandbox's own clock, also where a customer lives by a test clock.
    """
    now = world.wall() if world.timeline else world.now()
    ripe_on = now if available_on is None else available_on
    parts: list[Json] = []
    if fee:
        part = {"amount": fee, "application": None, "currency": source["currency"]}
        parts.append({**part, "description": fee_text, "type": "stripe_fee"})
    line: Json = {
        "id": world.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": ripe_on,
        "balance_type": "payments",
        "created": now,
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": parts,
        "net": amount - fee,
        "reporting_category": category or kind,
        "source": source["id"],
        "status": "available" if ripe_on <= now else "pending",
        "type": kind,
    }
    return world.add(line)


def with_status(world: World, line: Json) -> Json:
    """The line, pending or available by the sandbox's clock."""
    line["status"] = "available" if line["available_on"] <= world.now() else "pending"
    return line


def settle_charge(world: World, due: Due) -> None:
    """A captured charge has its balance transaction, and `charge.updated` tells it."""
    charge = world.get("charge", due.id)
    if charge["balance_transaction"] or charge["status"] == "failed":
        return
    now, amount = world.now(), charge["amount_captured"]
    available_on = now if due.note["available_at_once"] else midnight(now + world.config.available_after_days * DAY)
    scheme: str = charge["payment_method_details"]["type"]
    is_card = scheme == "card"
    fee = fee_of(amount, charge["currency"]) if is_card else debit_fee_of(scheme, amount)
    kind = "charge" if is_card else "payment"
    line = new_line(world, kind, charge, category="charge", amount=amount, fee=fee, available_on=available_on)
    post = Post(due.note["delay_seconds"], due.note["copies"])
    with world.sending(post):
        world.change(charge, {"balance_transaction": line["id"]}, "charge.updated")
        if due.note["available_at_once"]:
            world.emit("balance.available", balance_now(world))


def midnight(at: int) -> int:
    """The start of that day in UTC."""
    return at - at % DAY


def get_balance(world: World, call: Call) -> Json:
    """GET /v1/balance."""
    return balance_now(world)


def balance_now(world: World) -> Json:
    """What is available and what is pending at this moment, by currency."""
    query = (
        "select json_extract(json, '$.currency'), json_extract(json, '$.available_on') <= ?,"
        " sum(json_extract(json, '$.net')) from object where kind = 'balance_transaction' group by 1, 2"
    )
    sums: dict[tuple[str, bool], int] = {(world.config.currency, True): 0, (world.config.currency, False): 0}
    for currency, is_available, net in world.store.db.execute(query, (world.now(),)):
        sums[(currency, bool(is_available))] = net
    currencies = sorted({currency for currency, _ in sums})

    def part(*, is_available: bool) -> list[Json]:
        amounts = [(currency, sums.get((currency, is_available), 0)) for currency in currencies]
        return [{"amount": net, "currency": currency, "source_types": {"card": net}} for currency, net in amounts]

    return {
        "object": "balance",
        "available": part(is_available=True),
        "livemode": False,
        "pending": part(is_available=False),
    }


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
