"""Disputes: card holders and banks who want money back, and what becomes of it.

The money moves as balance transactions of its own: out when a dispute (not an inquiry) begins, back when it is won.
Evidence whose text is `winning_evidence` or `losing_evidence` decides a dispute at once, as in Stripe's test mode.
Source: docs.stripe.com/testing#disputes and docs.stripe.com/disputes/api, read 22 November 2026.
"""

from typing import Literal

from supporters.sandbox.balance import new_line
from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.customers import merged
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.lists import page
from supporters.sandbox.money import dispute_fee_of
from supporters.sandbox.params import Fields, Flag, Metadata, Span, Text
from supporters.sandbox.rates import settle
from supporters.sandbox.store import Due
from supporters.sandbox.world import Post, World

DAY = 86_400
ANSWER_WITHIN = 9 * DAY
ENDED = frozenset(["won", "lost", "warning_closed", "prevented"])
FILES = (
    "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation", "receipt",
    "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
)  # fmt: skip
TEXTS = (
    "access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal",
    "customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation",
    "service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number",
    "uncategorized_text",
)  # fmt: skip


def open_dispute(
    world: World,
    charge: Json,
    *,
    reason: str = "fraudulent",
    amount: int | None = None,
    is_inquiry: bool = False,
    is_final: bool = False,
) -> Json:
    """Someone wants the charge, or `amount` of it, back; its money is gone, but for an inquiry. A final one is lost.

    Raises: ApiError when the charge did not succeed, is disputed already or is smaller than `amount`.
    """
    wanted = charge["amount_captured"] if amount is None else amount
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid("Only a charge that has succeeded can be disputed.", param="charge")
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} is disputed already.", param="charge")
    if not 0 < wanted <= charge["amount_captured"]:
        raise invalid("The disputed amount must be greater than 0 and no more than the charge.", param="amount")
    started = "warning_needs_response" if is_inquiry else "needs_response"
    dispute = new_dispute(world, charge, wanted, reason, "lost" if is_final else started)
    world.change(charge, {"disputed": True})
    if not is_inquiry:
        _move(world, charge, dispute, -wanted, "Chargeback withdrawal for")
    world.add(dispute, "charge.dispute.created")
    if not is_inquiry:
        world.emit("charge.dispute.funds_withdrawn", dispute)
    if is_final:
        world.emit("charge.dispute.closed", dispute)
    else:
        schedule(world, dispute["evidence_details"]["due_by"], "dispute_late", dispute["id"])
    return dispute


def new_dispute(world: World, charge: Json, amount: int, reason: str, status: str) -> Json:
    """A dispute as Stripe writes it, not yet on file."""
    evidence: Json = dict.fromkeys((*FILES, *TEXTS))
    card: Json | None = charge["payment_method_details"].get("card")
    is_inquiry, is_final = status.startswith("warning"), status == "lost"
    details: Json = {}
    if card:
        kind = "inquiry" if is_inquiry else "chargeback"
        shape: Json = {"brand": card["brand"], "case_type": kind, "network": card["network"]}
        details["payment_method_details"] = {"card": {**shape, "network_reason_code": "83"}, "type": "card"}
    return {
        "id": world.new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**evidence, "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None if is_final else world.now() + ANSWER_WITHIN,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": status,
        **details,
    }


def _move(world: World, charge: Json, dispute: Json, amount: int, text: str) -> None:
    """The disputed money leaves the balance (below 0) or comes back; the fee is for leaving."""
    scheme: str = charge["payment_method_details"]["type"]
    fee = dispute_fee_of(scheme, settle(world, amount, charge["currency"]).currency)
    if amount > 0:
        fee = -fee if world.config.dispute_fee_returns else 0
    source = {**dispute, "description": f"{text} {charge['id']}"}
    category = "dispute" if amount < 0 else "dispute_reversal"
    line = new_line(world, "adjustment", source, category=category, amount=amount, fee=fee, fee_text="Dispute fee")
    dispute["balance_transactions"] = [*dispute["balance_transactions"], line]


def begin_dispute(world: World, due: Due) -> None:
    """A card whose habit it is disputes its charge."""
    charge = world.get("charge", due.id)
    if charge["disputed"] or charge["refunded"]:
        return
    with world.sending(Post(due.note["delay_seconds"], due.note["copies"])):
        open_dispute(world, charge, reason=due.note["reason"], is_inquiry=due.note["is_inquiry"])


def run_late(world: World, due: Due) -> None:
    """The last day for an answer is over: an unanswered dispute is lost, an unanswered inquiry closes."""
    dispute = world.get("dispute", due.id)
    if dispute["status"] in ("needs_response", "warning_needs_response"):
        dispute["evidence_details"] = {**dispute["evidence_details"], "past_due": True}
        accept(world, dispute)


def escalate(world: World, dispute: Json) -> Json:
    """An inquiry becomes a dispute, and its money leaves. Raises: ApiError for anything but an open inquiry."""
    if dispute["status"] not in ("warning_needs_response", "warning_under_review"):
        raise invalid("Only an open inquiry can become a dispute.", param="dispute")
    charge = world.get("charge", dispute["charge"])
    _move(world, charge, dispute, -dispute["amount"], "Chargeback withdrawal for")
    details = {**dispute["evidence_details"], "due_by": world.now() + ANSWER_WITHIN}
    schedule(world, details["due_by"], "dispute_late", dispute["id"])
    changes: Json = {"status": "needs_response", "is_charge_refundable": False, "evidence_details": details}
    if "payment_method_details" in dispute:
        method: Json = dispute["payment_method_details"]
        changes["payment_method_details"] = {**method, "card": {**method["card"], "case_type": "chargeback"}}
    world.change(dispute, changes, "charge.dispute.updated")
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(
    world: World,
    dispute: Json,
    outcome: Literal["won", "lost"],
    *,
    returned: int | None = None,
    is_withheld: bool = False,
) -> Json:
    """The bank has decided. Of a dispute that is won its amount, or `returned` of it, comes back; nothing if withheld.

    Raises: ApiError when it has ended before, or `returned` does not fit.
    """
    if dispute["status"] in ENDED:
        raise invalid(f"Dispute {dispute['id']} is already closed.", param="dispute")
    back = dispute["amount"] if returned is None else returned
    if not 0 < back <= dispute["amount"]:
        raise invalid("What comes back must be greater than 0 and no more than was disputed.", param="returned")
    if dispute["status"].startswith("warning"):
        return _end(world, dispute, "warning_closed")
    if outcome == "won" and is_withheld:
        world.change(dispute, {"status": "won"})
    elif outcome == "won":
        charge = world.get("charge", dispute["charge"])
        _move(world, charge, dispute, back, "Chargeback reversal for")
        world.change(dispute, {"status": "won"})
        world.emit("charge.dispute.funds_reinstated", dispute)
    return _end(world, dispute, outcome)


def accept(world: World, dispute: Json) -> Json:
    """The publisher does not contest: a dispute is lost, an inquiry closes. Raises: ApiError when it has ended."""
    return decide(world, dispute, "lost")


def _end(world: World, dispute: Json, status: str) -> Json:
    world.change(dispute, {"status": status, "is_charge_refundable": status == "warning_closed"})
    world.emit("charge.dispute.closed", dispute)
    return dispute


def update_dispute(world: World, call: Call) -> Json:
    """POST /v1/disputes/{id}: evidence is kept, and sent to the bank unless `submit` is false."""
    dispute = world.get("dispute", call.path["id"], param="dispute")
    changes: Json = {}
    if "metadata" in call.params:
        changes["metadata"] = merged(dispute["metadata"], call.params["metadata"])
    given: Json | None = call.params.get("evidence")
    if given is None:
        return world.change(dispute, changes, "charge.dispute.updated")
    if not dispute["status"].endswith("needs_response"):
        message = f"This dispute is {dispute['status']} and takes no more evidence."
        raise invalid(message, code="dispute_not_open")
    details: Json = {**dispute["evidence_details"], "has_evidence": True}
    is_sent = call.params.get("submit") is not False
    if is_sent:
        details["submission_count"] += 1
        changes["status"] = dispute["status"].replace("needs_response", "under_review")
    changes.update(evidence={**dispute["evidence"], **given}, evidence_details=details)
    world.change(dispute, changes, "charge.dispute.updated")
    verdict = {"winning_evidence": "won", "losing_evidence": "lost"}.get(given.get("uncategorized_text") or "")
    if is_sent and verdict:
        schedule(world, world.now() + world.config.settle_delay_seconds, "verdict", dispute["id"], {"outcome": verdict})
    return dispute


def give_verdict(world: World, due: Due) -> None:
    """The bank has read the evidence."""
    dispute = world.get("dispute", due.id)
    if dispute["status"] not in ENDED:
        decide(world, dispute, due.note["outcome"])


def close_dispute(world: World, call: Call) -> Json:
    """POST /v1/disputes/{id}/close."""
    return accept(world, world.get("dispute", call.path["id"], param="dispute"))


def get_dispute(world: World, call: Call) -> Json:
    """GET /v1/disputes/{id}."""
    return world.get("dispute", call.path["id"], param="dispute")


def list_disputes(world: World, call: Call) -> Json:
    """GET /v1/disputes."""
    equal = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return page(world, call, "dispute", "/v1/disputes", equal)


EVIDENCE = Fields({name: Text(150_000) for name in (*FILES, *TEXTS)})
OPERATIONS: tuple[Operation, ...] = (
    listing("/v1/disputes", list_disputes, charge=Text(), payment_intent=Text(), created=Span()),
    get("/v1/disputes/{id}", get_dispute),
    post("/v1/disputes/{id}", update_dispute, Fields(evidence=EVIDENCE, metadata=Metadata(), submit=Flag())),
    post("/v1/disputes/{id}/close", close_dispute),
)
