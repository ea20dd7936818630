"""What the desk says about monthly and yearly donations: states, reasons, histories. Pure: records in, words out."""

from collections.abc import Mapping
from typing import Any

import msgspec

from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.plans.desk_queries import PlanRow
from supporters.plans.desk_story import Happened
from supporters.plans.models import Actor, ChangeKind, Method, PlanState, StopReason
from supporters.plans.words import reason_words
from supporters.staff.models import Role
from supporters.web.desk.masking import sees_people
from supporters.web.desk.words import Tag

NOT = "not_"


class Past(msgspec.Struct, frozen=True):
    """One line of a plan's history as the page shows it."""

    at: Any
    icon: str
    tone: str
    strong: str
    words: str
    amount: Money | None = None
    href: str | None = None


def plan_tag(row: PlanRow) -> Tag:
    """Where the plan stands."""
    if row.state == PlanState.STOPPED:
        return Tag(_("Stopped"), "dash", "", stop_words(row.stop_reason))
    if row.stops_at:
        return Tag(_("Stopping"), "clock", "", _("It ends on its next date; until then the stop can be taken back."))
    if row.needs_action:
        return Tag(_("Bank asks"), "alert", "warn", _("The bank wants the supporter to confirm the payment."))
    return {
        PlanState.STARTING.value: Tag(_("Starting"), "clock", "info", _("The first payment is still at the bank.")),
        PlanState.ACTIVE.value: Tag(_("Active"), "check", "pos", _("It renews by itself.")),
        PlanState.FAILING.value: Tag(_("Failing"), "cross", "neg", _("The last payment failed; it is tried again.")),
        PlanState.PAUSED.value: Tag(_("Paused"), "clock", "info", _("Nothing is taken until it goes on.")),
    }.get(row.state, Tag(row.state, "dot", "", ""))


def state_word(state: str) -> str:
    """A status that the list can be narrowed to."""
    return {
        "going_on": _("All that go on"),
        "stopping": _("Asked to stop"),
        PlanState.STARTING.value: _("Starting"),
        PlanState.ACTIVE.value: _("Active"),
        PlanState.FAILING.value: _("Failing"),
        PlanState.PAUSED.value: _("Paused"),
        PlanState.STOPPED.value: _("Stopped"),
    }.get(state, state)


def method_word(method: str) -> str:
    """How the money is taken."""
    return {
        Method.CARD.value: _("Card"),
        Method.BACS_DEBIT.value: _("Direct Debit"),
        Method.SEPA_DEBIT.value: _("SEPA debit"),
        Method.STANDING_ORDER.value: _("Standing order"),
        Method.OTHER.value: _("Another way through Stripe"),
    }.get(method, method)


def rhythm_word(frequency: str) -> str:
    """How often, after an amount: "£10 a month"."""
    return {"quarterly": _("a quarter"), "yearly": _("a year")}.get(frequency, _("a month"))


def stop_words(reason: object) -> str:
    """Why a plan is over."""
    return {
        StopReason.SUPPORTER.value: _("The supporter stopped it."),
        StopReason.STAFF.value: _("Stopped at the desk for the supporter."),
        StopReason.UNDONE.value: _("Undone within a day of its start."),
        StopReason.PAYMENTS_FAILED.value: _("The last try to take a payment failed too."),
        StopReason.NEVER_PAID.value: _("The first payment never arrived."),
        StopReason.DISPUTE.value: _("The supporter's bank took a payment back."),
        StopReason.UNANSWERED.value: _("It was held for a dispute that was won, and nobody let it go on."),
        StopReason.NOT_ARRIVED.value: _("Its bank transfers did not arrive three times in a row."),
        StopReason.AT_STRIPE.value: _("Ended at Stripe itself."),
    }.get(str(reason or ""), _("It is not known why."))


def failure_words(row: PlanRow) -> str:
    """Why the last payment failed; the supporter's letter says the same to them."""
    if row.needs_action:
        return _("The bank wants the supporter to confirm the payment.")
    return reason_words(row.failure_code, for_staff=True)


def change_word(kind: str) -> str:
    """What is being done to a plan."""
    return {
        ChangeKind.AMOUNT.value: _("Another amount"),
        ChangeKind.DATE.value: _("Another date"),
        ChangeKind.SKIP.value: _("The next payment is left out"),
        ChangeKind.PAUSE.value: _("A pause"),
        ChangeKind.HOLD.value: _("Held while a dispute is open"),
        ChangeKind.GO_ON.value: _("It goes on"),
        ChangeKind.METHOD.value: _("Another card or account"),
        ChangeKind.STOP.value: _("Stopping"),
        ChangeKind.ONE_OFF.value: _("Made one-off"),
        ChangeKind.UNDO.value: _("Undone, with the money returned"),
        ChangeKind.TRY_NOW.value: _("The payment is tried again"),
    }.get(kind, kind)


def mask_plan(row: PlanRow, role: Role) -> PlanRow:
    """The row as the role may see it: a card's digits may tell a person."""
    return row if sees_people(role) else msgspec.structs.replace(row, name="", email="", method_last4=None)


def tell(each: Happened, *, names: Mapping[str, str], role: Role) -> Past:
    """One thing that happened, in words; what was wished and not done says so."""
    is_not = each.kind.startswith(NOT)
    icon, tone, strong, words = _known().get(each.kind.removeprefix(NOT), ("dot", "", _plain(each.kind), ""))
    if is_not:
        icon, tone, words = "alert", "warn", _("could not be done; nothing was changed")
    elif each.kind == "stopped":
        words = stop_words(each.detail.get("reason"))
    elif each.kind == "said_why":
        words = f"“{each.reason}”" if each.reason and sees_people(role) else ""
    else:
        words = _changed_words(each) or words
    who = _who(each, names)
    told = ", ".join(part for part in (words, who) if part)
    donation = each.detail.get("donation")
    href = f"/desk/donations/{donation}" if isinstance(donation, str) else None
    return Past(each.at, icon, tone, strong, told, amount=_amount(each), href=href)


def _known() -> Mapping[str, tuple[str, str, str, str]]:
    return {
        "started": ("check", "pos", _("Started"), ""),
        "renewed": ("check", "pos", _("Payment taken"), ""),
        "failed": ("cross", "neg", _("Payment failed"), ""),
        "at_bank": ("clock", "info", _("At the bank"), _("it was asked for the money and has not answered yet")),
        "given_up": ("cross", "neg", _("Payment given up"), _("it is not owed any more")),
        "left_out": ("dash", "", _("Payment left out"), ""),
        "stopped": ("dash", "", _("Stopped"), ""),
        "changed_amount": ("pencil", "", _("Amount changed"), ""),
        "changed_date": ("pencil", "", _("Date changed"), ""),
        "skipped": ("pencil", "", _("Next payment left out"), ""),
        "paused": ("clock", "", _("Paused"), ""),
        "may_go_on": ("letter", "", _("Asked whether it goes on"), _("nothing is taken before somebody says so")),
        "held": ("clock", "", _("Held"), _("nothing is taken until the dispute is decided")),
        "went_on": ("check", "", _("Goes on"), ""),
        "changed_method": ("pencil", "", _("Card or account changed"), ""),
        "changed_receipts": ("pencil", "", _("Receipts changed"), ""),
        "asked_to_stop": ("dash", "", _("Asked to stop"), ""),
        "made_one_off": ("undo", "", _("Made one-off"), _("the first payment is kept")),
        "undone": ("undo", "", _("Undone"), _("the first payment is returned")),
        "tried_again": ("arrow", "", _("Payment tried again"), ""),
        "said_why": ("letter", "", _("Said why"), ""),
        "card_updated": ("pencil", "", _("Card renewed by the bank"), ""),
        "card_ending": ("clock", "", _("Card runs out soon"), _("the supporter was told")),
        "reminded": ("letter", "", _("Reminded of the yearly payment"), ""),
        "dispute_inquiry": ("alert", "warn", _("The bank asks about a payment"), ""),
        "dispute_needs_answer": ("alert", "warn", _("A payment is disputed"), ""),
        "dispute_under_review": ("clock", "info", _("The bank looks at the evidence"), ""),
        "dispute_won": ("check", "pos", _("Dispute won"), ""),
        "dispute_lost": ("undo", "neg", _("Dispute lost"), ""),
        "dispute_closed": ("dash", "", _("The bank's inquiry is closed"), ""),
        "dispute_no_hold": ("alert", "warn", _("Not held for the dispute"), ""),
        "dispute_no_stop": ("alert", "warn", _("Not stopped after the dispute"), ""),
        "mandate_ended": ("alert", "warn", _("Debit no longer allowed"), _("by the supporter's bank")),
    }


def _changed_words(each: Happened) -> str:
    wanted = each.detail.get("wanted")
    if each.kind.startswith("dispute_no_"):
        return str(each.detail.get("why", ""))
    if not isinstance(wanted, Mapping):
        return _("try %(number)s") % {"number": each.detail["tries"]} if each.detail.get("tries") else ""
    if "next_on" in wanted:
        return _("to %(day)s") % {"day": wanted["next_on"]}
    if each.kind == "paused" and "payments" in wanted:
        return _("payments left out: %(count)s") % {"count": wanted["payments"]}
    return ""


def _amount(each: Happened) -> Money | None:
    detail = each.detail
    minor, currency = detail.get("amount_minor"), detail.get("currency")
    if each.kind == "changed_amount":
        minor, currency = detail["wanted"].get("amount_minor"), detail["was"].get("currency")
    return Money(minor, currency) if isinstance(minor, int) and isinstance(currency, str) else None


def _who(each: Happened, names: Mapping[str, str]) -> str:
    if each.actor == Actor.STAFF:
        return _("by %(name)s") % {"name": names.get(each.actor_id or "", _("somebody who has left"))}
    return _("by the supporter") if each.actor == Actor.SUPPORTER else ""


def _plain(kind: str) -> str:
    return kind.removeprefix(NOT).replace("_", " ").capitalize()
