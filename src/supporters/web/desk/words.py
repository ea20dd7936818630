"""What the desk says about states, events and letters. Pure: records in, words and an icon's name out."""

from typing import Any

import msgspec

from supporters.discrepancies.codes import Code, describe
from supporters.donations.desk_queries import DonationRow
from supporters.donations.desk_story import StoryLine
from supporters.donations.models import DonationState, RefundReason, RefundState
from supporters.jobs.models import WorkState
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.payments.models import InboxState


class Tag(msgspec.Struct, frozen=True):
    """A status: its word, its icon, its tone (pos, warn, neg, info or none), and a sentence for the tooltip."""

    word: str
    icon: str
    tone: str
    about: str


def donation_tag(row: DonationRow) -> Tag:
    """Where the donation and its money stand."""
    if row.is_paid:
        return _paid_tag(row)
    if row.state == DonationState.PROCESSING:
        return Tag(_("Processing"), "clock", "info", _("The bank was asked and has not answered yet."))
    if row.failure_code:
        return Tag(_("Refused"), "cross", "neg", _("The bank said no. No money was taken."))
    if row.state == DonationState.EXPIRED:
        return Tag(_("Not paid"), "dash", "", _("The payment page ran out unused. No money was taken."))
    return Tag(_("Started"), "dot", "", _("The form was sent; nothing is paid yet."))


def _paid_tag(row: DonationRow) -> Tag:
    if row.returned == row.amount:
        return Tag(_("Returned"), "undo", "neg", _("The supporter's bank took it back, or a dispute is being decided."))
    if row.returned.minor:
        return Tag(_("Partly returned"), "undo", "neg", _("The supporter's bank took part of it back."))
    if row.refunded == row.amount:
        return Tag(_("Refunded"), "undo", "", _("All of it was returned."))
    if row.refunded.minor:
        return Tag(_("Partly refunded"), "undo", "", _("Part of it was returned."))
    if row.is_other:
        return Tag(_("Received"), "check", "pos", _("Cash, a cheque or a transfer: it never met Stripe."))
    if row.payout_id:
        return Tag(_("In payout"), "arrow", "info", _("Stripe has put it into a payout to the bank."))
    if row.fee is not None:
        return Tag(_("Awaiting payout"), "clock", "", _("The money is in Stripe's balance and in the books."))
    return Tag(_("Paid"), "check", "pos", _("Stripe has taken the money; its fee is not known yet."))


def state_word(state: str) -> str:
    """A status that the list can be narrowed to."""
    return {
        "received": _("Received, also if refunded since"),
        "paid": _("Paid"),
        "refunded": _("Refunded, also in part"),
        "returned": _("Taken back by a bank, or disputed"),
        "processing": _("Processing"),
        "not_paid": _("Not paid"),
    }[state]


def frequency_word(frequency: str) -> str:
    """How often, as it stands in the list."""
    words = {"once": _("One-off"), "monthly": _("Monthly"), "quarterly": _("Quarterly"), "yearly": _("Yearly")}
    return words.get(frequency, frequency)


def reason_word(reason: str) -> str:
    """Why money is returned."""
    return {
        RefundReason.SUPPORTER_ASKED.value: _("The supporter asked for it"),
        RefundReason.DUPLICATE.value: _("Given twice by mistake"),
        RefundReason.FRAUD.value: _("Not given by the owner of the card"),
        RefundReason.OTHER.value: _("Something else; the note says what"),
    }.get(reason, reason)


def refund_tag(state: str) -> Tag:
    """How far a refund has come."""
    return {
        RefundState.REQUESTED.value: Tag(_("Asked for"), "clock", "", _("Stripe has not confirmed it yet.")),
        RefundState.PENDING.value: Tag(_("Under way"), "clock", "", _("Stripe waits for the bank or for balance.")),
        RefundState.SUCCEEDED.value: Tag(_("Returned"), "undo", "", _("On its way to the supporter.")),
        RefundState.FAILED.value: Tag(_("Failed"), "cross", "neg", _("The bank refused it; the money is back here.")),
        RefundState.CANCELED.value: Tag(_("Withdrawn"), "dash", "", _("It was withdrawn before it went out.")),
    }.get(state, Tag(state, "dot", "", ""))


def inbox_tag(state: str) -> Tag:
    """Where an event from Stripe stands."""
    return {
        InboxState.RECEIVED.value: Tag(_("Received"), "dot", "", _("Stored, not yet looked at.")),
        InboxState.WAITING.value: Tag(_("Waiting"), "clock", "info", _("Its payment is not tied to a donation yet.")),
        InboxState.HANDLED.value: Tag(_("Handled"), "check", "pos", _("Its effects are stored.")),
        InboxState.NOT_OURS.value: Tag(_("Not ours"), "dash", "", _("About a payment that is none of our donations.")),
        InboxState.PARKED.value: Tag(_("Parked"), "alert", "warn", _("It could not be handled; a person must look.")),
    }.get(state, Tag(state, "dot", "", ""))


def letter_tag(state: str, *, is_sent: bool) -> Tag:
    """Where a letter stands."""
    if is_sent:
        return Tag(_("Sent"), "check", "pos", _("The mail server has taken it."))
    if state == WorkState.BURIED:
        return Tag(_("Not sent"), "alert", "warn", _("It failed too often; a person must look."))
    return Tag(_("Waiting"), "clock", "", _("It goes out with the next round."))


def letter_word(kind: str) -> str:
    """What a letter is, by the kind that names its templates."""
    return {
        "receipt": _("Receipt"),
        "refund": _("Refund letter"),
        "payment_returned": _("Letter of a returned payment"),
        "payment_kept": _("Letter of a payment that counts again"),
        "promise": _("Letter with the reference of a promise"),
        "debit_failed": _("Letter of a failed debit"),
        "plan_started": _("Letter of the start"),
        "plan_failed": _("Letter of a failed payment"),
        "plan_confirm": _("Letter that asks to confirm at the bank"),
        "plan_ended": _("Letter of the end after failed payments"),
        "plan_stopped": _("Letter of the stop"),
        "plan_may_go_on": _("Letter that asks whether it goes on"),
        "plan_not_begun": _("Letter of a monthly donation that was not begun"),
        "plan_changed": _("Letter of a change"),
        "plan_card_ending": _("Letter of a card that ends"),
        "year_statement": _("Statement of a year"),
        "plan_yearly": _("Reminder before a yearly payment"),
        "plan_mandate_ended": _("Letter of an ended mandate"),
        "staff_invite": _("Invitation to the desk"),
        "staff_new_password": _("Link for a new password at the desk"),
        "staff_notice": _("Letter about a sign-in at the desk"),
        "staff_money": _("Weekly letter about the books"),
        "staff_mention": _("Letter about a comment that names somebody"),
        "staff_asked": _("Letter that asks a second person to agree"),
    }.get(kind, kind.replace("_", " ").capitalize())


def code_words(code: str) -> str:
    """A discrepancy's code as a sentence; one that a later version wrote still has a line."""
    return describe(Code(code)) if code in set(Code) else code


def origin_words(origin: dict[str, str]) -> list[tuple[str, str]]:
    """Where a donation came from, with a label for each part."""
    labels = {
        "title": _("Title"),
        "article": _("Article"),
        "issue": _("Issue"),
        "appeal": _("Appeal"),
        "placement": _("Placement"),
        "variant": _("Variant"),
        "source": _("Source"),
        "via": _("Site before the article"),
        "campaign": _("Campaign tags"),
        "referrer": _("Site before"),
    }
    return [(label, origin[name]) for name, label in labels.items() if name in origin]


def came_from_words(row: DonationRow) -> str:
    """What brought the donation in, in a few words; empty when nothing is known."""
    if row.article_path:
        return row.article_title or article_words(row.article_path)
    if row.issue:
        return _("Issue %(number)s") % {"number": row.issue}
    return row.source or ""


def article_words(path: str) -> str:
    """The last part of an article's address as words: "/2822/the-river-crew" is "The river crew"."""
    last = path.rstrip("/").rpartition("/")[2].partition("?")[0]
    words = last.rpartition(".")[0] if "." in last[1:] else last
    words = words.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else path


def account_word(code: str) -> str:
    """An account of the ledger by its name."""
    names = {
        Account.BANK: _("Bank"),
        Account.STRIPE_BALANCE: _("Stripe balance"),
        Account.STRIPE_RESERVE: _("Stripe reserve"),
        Account.PAYOUTS_IN_TRANSIT: _("Payouts on their way"),
        Account.DISPUTES_RECEIVABLE: _("Disputed"),
        Account.SUSPENSE: _("Suspense"),
        Account.NOT_OURS: _("Not ours"),
        Account.DONATIONS_ONCE: _("One-off donations"),
        Account.DONATIONS_RECURRING: _("Regular donations"),
        Account.REFUNDS: _("Refunds"),
        Account.RETURNED: _("Returned money"),
        Account.PROCESSING_FEES: _("Processing fees"),
        Account.OTHER_FEES: _("Other fees"),
        Account.DISPUTE_FEES: _("Dispute fees"),
        Account.PAYOUT_FEES: _("Payout fees"),
        Account.TAX_ON_FEES: _("Tax on fees"),
        Account.EXCHANGE: _("Exchange differences"),
    }
    known = {account.value: name for account, name in names.items()}
    return known.get(code, code)


class Told(msgspec.Struct, frozen=True):
    """One line of the story as the page shows it. `amount` stands after the words, `href` makes `strong` a link."""

    line: StoryLine
    icon: str
    tone: str
    strong: str
    words: str
    amount: Money | None = None
    href: str | None = None
    small: str = ""
    more: list["Told"] = msgspec.field(default_factory=list["Told"])  # several messages from Stripe in a row


def tell_story(lines: list[StoryLine], *, names: dict[str, str]) -> list[Told]:
    """The story in words; messages from Stripe that follow one another become one line that holds them all."""
    story: list[Told] = []
    for line in lines:
        told = tell(line, names=names)
        last = story[-1] if story else None
        if line.source == "inbox" and last is not None and last.more:
            last.more.append(told)
        elif line.source == "inbox":
            story.append(msgspec.structs.replace(told, more=[told]))
        else:
            story.append(told)
    return story


def tell(line: StoryLine, *, names: dict[str, str]) -> Told:
    """The line in words. `names` are those of staff, by id."""
    if line.source in {"event", "deed"}:
        teller = _tell_event if line.source == "event" else _tell_deed
        return teller(line, names)
    return {"posting": _tell_posting, "letter": _tell_letter, "inbox": _tell_inbox}[line.source](line)


def _tell_event(line: StoryLine, names: dict[str, str]) -> Told:
    known = {
        "started": ("dot", "", _("Started"), _("on the donation page")),
        "revised": ("pencil", "", _("Changed"), _("before paying")),
        "processing": ("clock", "", _("Processing"), _("the bank has not answered yet")),
        "refused": ("cross", "neg", _("Refused"), _("by the bank; no money was taken")),
        "paid": ("check", "pos", _("Paid"), ""),
        "expired": ("dash", "", _("Not paid"), _("the payment page ran out; no money was taken")),
        "refund_requested": ("undo", "", _("Refund asked for"), _("at the desk")),
        "refund_pending": ("clock", "", _("Refund under way"), _("at Stripe")),
        "refund_succeeded": ("undo", "pos", _("Refunded"), ""),
        "refund_failed": ("alert", "neg", _("Refund failed"), _("the money is back in our balance")),
        "refund_canceled": ("dash", "", _("Refund withdrawn"), ""),
        "dispute_inquiry": ("alert", "warn", _("The bank asks"), _("no money has moved")),
        "dispute_needs_answer": ("alert", "neg", _("Disputed"), _("the bank has taken it back for now")),
        "dispute_under_review": ("clock", "", _("Dispute answered"), _("the evidence is with the bank")),
        "dispute_won": ("check", "pos", _("Dispute won"), _("the money comes back")),
        "dispute_lost": ("undo", "neg", _("Returned"), _("by the supporter's bank, for good")),
        "dispute_closed": ("check", "", _("Inquiry closed"), _("no money has moved")),
        "other_bounced": ("undo", "neg", _("Bounced"), _("the giver's bank did not pay the cheque")),
        "other_void": ("undo", "", _("Taken back"), _("it was written down by mistake, or its match was undone")),
        "fraud_warned": ("alert", "warn", _("Warning of fraud"), _("a dispute may follow")),
    }
    usual = ("dot", "", line.kind.replace("_", " ").capitalize(), "")
    icon, tone, strong, words = known.get(line.kind, usual)
    code = line.detail.get("code") or line.detail.get("failure_reason")
    if line.detail.get("by"):
        words = _("by %(name)s") % {"name": _name_of(line.detail["by"], names)}
    elif line.detail.get("origin") == "external":
        words = _("at Stripe itself")
    return Told(line, icon, tone, strong, words, amount=_amount_in(line.detail), small=str(code) if code else "")


def _tell_posting(line: StoryLine) -> Told:
    return Told(line, "document", "", _("In the books"), str(line.detail["memo"]), small=line.id)


def _tell_letter(line: StoryLine) -> Told:
    is_sent = bool(line.detail["is_sent"])
    recipient = line.detail.get("recipient")
    tag = letter_tag(str(line.detail["state"]), is_sent=is_sent)
    if is_sent:
        words = _("sent to %(address)s") % {"address": recipient} if recipient else _("sent")
    elif tag.tone == "warn":
        words = _("could not be sent to %(address)s") % {"address": recipient} if recipient else _("could not be sent")
    else:
        words = _("waits for %(address)s") % {"address": recipient} if recipient else _("waits to be sent")
    tone = "warn" if tag.tone == "warn" else ""
    return Told(line, "letter", tone, letter_word(line.kind), words, href=f"/desk/letters/{line.id}")


def _tell_inbox(line: StoryLine) -> Told:
    tag = inbox_tag(str(line.detail["state"]))
    how = _("fetched from Stripe") if line.detail.get("via") == "catchup" else _("message from Stripe")
    return Told(line, "dot", "", line.kind, f"{how}, {tag.word.lower()}", small=line.id)


def _tell_deed(line: StoryLine, names: dict[str, str]) -> Told:
    known = {
        "receipt.correct": _("Corrected the receipt's address"),
        "receipt.resend": _("Sent the receipt again"),
        "receipt.void": _("Voided the receipt"),
    }
    by = _("by %(name)s") % {"name": _name_of(line.detail.get("actor_id"), names)}
    return Told(line, "pencil", "", known.get(line.kind, line.kind), by)


def _name_of(actor_id: object, names: dict[str, str]) -> str:
    return names.get(str(actor_id), _("somebody who has left"))


def _amount_in(detail: dict[str, Any]) -> Money | None:
    minor, currency = detail.get("amount_minor"), detail.get("currency")
    return Money(minor, currency) if isinstance(minor, int) and isinstance(currency, str) else None
