"""The pages that stand in for Stripe's own: checkout, the bank's question, and what is left when it is over."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect

from supporters.kit.strings import gettext as _
from supporters.sandbox.clockwork import run_due
from supporters.sandbox.debits import SCHEMES
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.money import display, fee_of
from supporters.sandbox.pages import draw
from supporters.sandbox.params import part
from supporters.sandbox.sandbox import Outcome, Sandbox

Page = Response[str] | Redirect
OUTCOMES: dict[str, Outcome] = {
    "pay": "pay",
    "declined": "declined",
    "funds": "funds",
    "slow": "slow",
    "twice": "twice",
    "debit": "debit",
    "debit-fails": "debit-fails",
    "debit-returns": "debit-returns",
}
CHALLENGES = ("challenge-yes", "challenge-no")


@dataclass
class CheckoutForm:
    """The button that was pressed on the checkout page."""

    outcome: str = ""


@dataclass
class ProofForm:
    """The button that was pressed on the bank's page."""

    answer: str = ""


@get("/c/pay/{session_id:str}")
async def show_checkout(session_id: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[str]:
    """The page on which a session is paid, or what is left of it."""
    run_due(sandbox.world)
    session = sandbox.session(session_id)
    return _checkout(sandbox, session) if session["status"] == "open" else _over(sandbox, session)


@post("/c/pay/{session_id:str}", status_code=200)
async def use_checkout(
    session_id: FromPath[str], data: URLEncodedBody[CheckoutForm], sandbox: NamedDependency[Sandbox]
) -> Page:
    """The chosen outcome happens."""
    run_due(sandbox.world)
    session = sandbox.session(session_id)
    if session["status"] != "open":
        return _over(sandbox, session, status=409)
    if data.outcome == "closed" and session["cancel_url"]:
        return Redirect(session["cancel_url"], status_code=303)
    if data.outcome == "expired":
        return _over(sandbox, await sandbox.pay(session_id, "expired"))
    if data.outcome in CHALLENGES:
        await sandbox.pay(session_id, "challenge")
        expected = "?gives_up=true" if data.outcome == "challenge-no" else ""
        return Redirect(f"{sandbox.proof_path(session_id)}{expected}", status_code=303)
    if data.outcome not in OUTCOMES:
        raise invalid(_("This page has no such outcome."), param="outcome")
    session = await sandbox.pay(session_id, OUTCOMES[data.outcome])
    return _after(sandbox, session)


def _after(sandbox: Sandbox, session: Json) -> Page:
    if session["status"] == "complete":
        return Redirect(success_address(session), status_code=303)
    return _checkout(sandbox, session, refusal=sandbox.refusal(session["id"]), status=402)


def success_address(session: Json) -> str:
    """Where a paid session leads, with its id filled in."""
    return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])


def _checkout(sandbox: Sandbox, session: Json, *, refusal: str | None = None, status: int = 200) -> Response[str]:
    amount, currency = session["amount_total"], session["currency"]
    lines: list[Json] = sandbox.world.get("checkout.session", session["id"])["_line_items"]
    product = sandbox.world.get("product", lines[0]["price"]["product"]) if lines else None
    metadata: dict[str, str] = session["metadata"]
    headline, button = _words(session, lines)
    fee = fee_of(amount, currency) if amount else None
    return draw(
        "checkout.html",
        status=status,
        may_lead_to=(session["success_url"], session["cancel_url"]),
        publisher=sandbox.config.publisher,
        cancel_url=session["cancel_url"],
        refusal=refusal,
        product=product,
        headline=headline,
        button=button,
        amount=display(amount, currency) if amount else None,
        fee=display(fee, currency) if fee is not None else None,
        net=display(amount - fee, currency) if fee is not None else None,
        takes_debits=currency in SCHEMES.values(),
        email=session["customer_email"] or "ada.brook@example.org",
        reference=session["client_reference_id"] or next(iter(metadata.values()), None),
        expires_at=session["expires_at"],
        now=sandbox.world.now(),
    )


def _words(session: Json, lines: list[Json]) -> tuple[str, str]:
    """The page's headline and what its button says."""
    if session["mode"] == "setup":
        return _("Save a way to pay"), _("Save it")
    amount = display(sum(line["amount_total"] for line in lines), lines[0]["currency"])
    if session["mode"] == "payment":
        return amount, _("Pay {amount}").format(amount=amount)
    recurring: Json = lines[0]["price"]["recurring"]
    every = _every(recurring["interval"], recurring["interval_count"]).format(amount=amount)
    return every, _("Subscribe: {amount}").format(amount=every)


def _every(interval: str, count: int) -> str:
    """How often an amount is paid, with a place for the amount."""
    if interval == "month" and count == 3:
        return _("{amount} every three months")
    if count != 1:
        return _("{amount} each time")
    texts = {"day": _("{amount} a day"), "week": _("{amount} a week"), "month": _("{amount} a month")}
    return texts.get(interval) or _("{amount} a year")


def _over(sandbox: Sandbox, session: Json, *, status: int = 200) -> Response[str]:
    if session["status"] == "complete":
        heading, text = _("This is paid"), _("The payment is complete. Nothing more is charged on this page.")
        link, link_text = success_address(session), _("Go on")
    else:
        heading, text = _("This page has run out"), _("Nothing was charged. Start again where you came from.")
        link, link_text = session["cancel_url"], _("Back")
    return draw(
        "message.html",
        status=status,
        publisher=sandbox.config.publisher,
        heading=heading,
        text=text,
        link=link,
        link_text=link_text,
    )


@get("/c/proof/{intent_id:str}")
async def show_proof(
    intent_id: FromPath[str], sandbox: NamedDependency[Sandbox], gives_up: FromQuery[bool] = False
) -> Page:
    """The bank asks whether it is really the card holder."""
    intent = sandbox.world.get("payment_intent", intent_id)
    if intent["status"] != "requires_action":
        return _after_proof(sandbox, intent)
    session = sandbox.session_of(intent_id)
    addresses = (session["success_url"], session["cancel_url"]) if session else (_return_url(intent),)
    amount = display(intent["amount"], intent["currency"])
    publisher = sandbox.config.publisher
    return draw("proof.html", may_lead_to=addresses, publisher=publisher, amount=amount, gives_up=gives_up)


@post("/c/proof/{intent_id:str}", status_code=200)
async def use_proof(
    intent_id: FromPath[str], data: URLEncodedBody[ProofForm], sandbox: NamedDependency[Sandbox]
) -> Page:
    """The card holder has answered."""
    if data.answer not in ("complete", "fail"):
        raise invalid(_("This page has no such answer."), param="answer")
    run_due(sandbox.world)
    before = sandbox.world.get("payment_intent", intent_id)
    if before["status"] != "requires_action":
        return _after_proof(sandbox, before)
    after = await sandbox.give_proof(intent_id, passed=data.answer == "complete")
    return _after_proof(sandbox, {**after, "next_action": before["next_action"]})


def _after_proof(sandbox: Sandbox, intent: Json) -> Page:
    session = sandbox.session_of(intent["id"])
    if session and session["status"] == "open":
        return _checkout(sandbox, session, refusal=sandbox.refusal(session["id"]), status=402)
    if session:
        return _after(sandbox, session) if session["status"] == "complete" else _over(sandbox, session)
    return _back_to(sandbox, intent, "payment_intent")


def _back_to(sandbox: Sandbox, intent: Json, name: str) -> Page:
    """Where whoever asked for the proof wants its giver back."""
    address = _return_url(intent)
    if not address:
        heading, text = _("The bank has its answer"), _("You can close this page.")
        return draw("message.html", publisher=sandbox.config.publisher, heading=heading, text=text, link=None)
    status = "succeeded" if intent["status"] == "succeeded" else "failed"
    told = {name: intent["id"], f"{name}_client_secret": intent["client_secret"]}
    query = urlencode({**told, "redirect_status": status})
    return Redirect(f"{address}{'&' if '?' in address else '?'}{query}", status_code=303)


def _return_url(intent: Json) -> str | None:
    action: Json = intent["next_action"] or {}
    return part(action, "redirect_to_url").get("return_url")


@get("/c/setup-proof/{setup_id:str}")
async def show_setup_proof(
    setup_id: FromPath[str], sandbox: NamedDependency[Sandbox], gives_up: FromQuery[bool] = False
) -> Page:
    """The bank asks whether it is really the card holder who wants the card kept."""
    setup = sandbox.world.get("setup_intent", setup_id)
    if setup["status"] != "requires_action":
        return _after_setup_proof(sandbox, setup)
    session = sandbox.session_of_setup(setup_id)
    addresses = (session["success_url"], session["cancel_url"]) if session else (_return_url(setup),)
    publisher = sandbox.config.publisher
    return draw("proof.html", may_lead_to=addresses, publisher=publisher, amount=None, gives_up=gives_up)


@post("/c/setup-proof/{setup_id:str}", status_code=200)
async def use_setup_proof(
    setup_id: FromPath[str], data: URLEncodedBody[ProofForm], sandbox: NamedDependency[Sandbox]
) -> Page:
    """The card holder has answered."""
    if data.answer not in ("complete", "fail"):
        raise invalid(_("This page has no such answer."), param="answer")
    run_due(sandbox.world)
    before = sandbox.world.get("setup_intent", setup_id)
    if before["status"] != "requires_action":
        return _after_setup_proof(sandbox, before)
    after = await sandbox.give_setup_proof(setup_id, passed=data.answer == "complete")
    return _after_setup_proof(sandbox, {**after, "next_action": before["next_action"]})


def _after_setup_proof(sandbox: Sandbox, setup: Json) -> Page:
    session = sandbox.session_of_setup(setup["id"])
    if session and session["status"] == "open":
        return _checkout(sandbox, session, refusal=sandbox.refusal(session["id"]), status=402)
    if session:
        return _after(sandbox, session) if session["status"] == "complete" else _over(sandbox, session)
    return _back_to(sandbox, setup, "setup_intent")


@get("/c/invoice/{invoice_id:str}")
async def show_invoice(invoice_id: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[str]:
    """The page on which an invoice is paid, or what became of it."""
    run_due(sandbox.world)
    return _invoice(sandbox, sandbox.world.get("invoice", invoice_id))


@post("/c/invoice/{invoice_id:str}", status_code=200)
async def use_invoice(
    invoice_id: FromPath[str], data: URLEncodedBody[CheckoutForm], sandbox: NamedDependency[Sandbox]
) -> Page:
    """The invoice's payment is tried with the chosen card."""
    run_due(sandbox.world)
    invoice = sandbox.world.get("invoice", invoice_id)
    if invoice["status"] not in ("open", "uncollectible"):
        return _invoice(sandbox, invoice, status=409)
    if data.outcome not in ("pay", "declined", "funds", "challenge"):
        raise invalid(_("This page has no such outcome."), param="outcome")
    refusal = await sandbox.pay_invoice(invoice_id, data.outcome)
    after = sandbox.world.get("invoice", invoice_id)
    intent = sandbox.world.get("payment_intent", after["_payment_intent"])
    if intent["status"] == "requires_action":
        return Redirect(f"/c/proof/{intent['id']}", status_code=303)
    return _invoice(sandbox, after, refusal=refusal, status=402 if refusal else 200)


def _invoice(sandbox: Sandbox, invoice: Json, *, refusal: str | None = None, status: int = 200) -> Response[str]:
    amount = display(invoice["amount_due"], invoice["currency"])
    publisher = sandbox.config.publisher
    return draw("invoice.html", status=status, publisher=publisher, invoice=invoice, amount=amount, refusal=refusal)


@get("/c/receipt/{charge_id:str}")
async def show_receipt(charge_id: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[str]:
    """What Stripe's own receipt page would say."""
    charge = sandbox.world.get("charge", charge_id)
    text = _("Paid: {amount}. The publisher sends the receipt that counts.").format(
        amount=display(charge["amount"], charge["currency"])
    )
    heading = _("Stripe’s receipt")
    return draw("message.html", publisher=sandbox.config.publisher, heading=heading, text=text, link=None)


STYLES = (Path(__file__).parent / "static" / "sandbox.css").read_bytes()


@get("/static/sandbox.css")
async def show_styles() -> Response[bytes]:
    """The style sheet."""
    return Response(STYLES, media_type=MediaType.CSS, headers={"Cache-Control": "max-age=60"})


HANDLERS = [
    *(show_checkout, use_checkout, show_proof, use_proof, show_setup_proof, use_setup_proof),
    *(show_invoice, use_invoice, show_receipt, show_styles),
]
