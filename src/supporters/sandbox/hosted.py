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
        session = await sandbox.pay(session_id, "challenge")
        expected = "?gives_up=true" if data.outcome == "challenge-no" else ""
        return Redirect(f"/c/proof/{session['payment_intent']}{expected}", status_code=303)
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
    fee = fee_of(amount, currency)
    line: Json = sandbox.world.get("checkout.session", session["id"])["_line_items"][0]
    product = sandbox.world.get("product", line["price"]["product"])
    metadata: dict[str, str] = session["metadata"]
    return draw(
        "checkout.html",
        status=status,
        may_lead_to=(session["success_url"], session["cancel_url"]),
        publisher=sandbox.config.publisher,
        cancel_url=session["cancel_url"],
        refusal=refusal,
        product=product,
        verb=_("Pay"),
        amount=display(amount, currency),
        fee=display(fee, currency),
        net=display(amount - fee, currency),
        email=session["customer_email"] or "ada.brook@example.org",
        reference=session["client_reference_id"] or next(iter(metadata.values()), None),
        expires_at=session["expires_at"],
        now=sandbox.world.now(),
    )


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
    address = _return_url(intent)
    if not address:
        heading, text = _("The bank has its answer"), _("You can close this page.")
        return draw("message.html", publisher=sandbox.config.publisher, heading=heading, text=text, link=None)
    status = "succeeded" if intent["status"] == "succeeded" else "failed"
    told = {"payment_intent": intent["id"], "payment_intent_client_secret": intent["client_secret"]}
    query = urlencode({**told, "redirect_status": status})
    return Redirect(f"{address}{'&' if '?' in address else '?'}{query}", status_code=303)


def _return_url(intent: Json) -> str | None:
    action: Json = intent["next_action"] or {}
    return part(action, "redirect_to_url").get("return_url")


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


HANDLERS = [show_checkout, use_checkout, show_proof, use_proof, show_receipt, show_styles]
