"""What the letters say that plans themselves bring about: started, failed, ended, running out, due. Pure."""

from datetime import datetime

from supporters.kit.strings import gettext as _
from supporters.payments.facts import InvoiceSeen
from supporters.plans.models import Method, Plan, StopReason
from supporters.plans.words import Style, Words, again_url, is_debit_over, method_words, name_of, next_row, reason_words
from supporters.settings import Settings


def started(plan: Plan, style: Style, *, url: str, count: int) -> Words:
    """The plan has begun. `count` is how many the supporter has now: a second one is said, as it may replace the first."""
    per = style.of(plan)
    second = _(
        "You now have {count} of these donations to us. If this one was meant to replace another, stop the other: "
        "it has its own letter with its own link."
    ).format(count=count)
    return Words(
        subject=_("Your {per} to {paper}").format(per=per, paper=style.paper),
        head=_("Your {name} has started.").format(name=name_of(plan)),
        lead=_("You give {per} until you stop. Thank you.").format(per=per),
        rows=facts_of(plan, style),
        then=_debit_words(plan) or _("A receipt comes with every payment."),
        button=_("Change or stop it"),
        url=url,
        more=second if count > 1 else "",
    )


def failed(plan: Plan, bill: InvoiceSeen, style: Style, *, url: str) -> Words:
    """A bill was not paid. Nothing in it blames; who does nothing learns what happens then."""
    amount = style.sum(bill.amount_due_minor, bill.currency)
    next_try = bill.next_try_at
    if is_debit_over(bill.failure_code) and plan.method != Method.CARD:
        subject, next_try = _("We couldn't take your {amount}").format(amount=amount), None
        then = _("That account cannot be debited any more. Pay another way, or do nothing: then the donation stops.")
    elif next_try is None:
        subject = _("We couldn't take your {amount}").format(amount=amount)
        then = _("It is not tried again by itself. You can pay it another way here, or leave it out.")
        if plan.next_at:
            later = _("The next payment is due on {day}, unless you stop.").format(day=style.day(plan.next_at))
            then = f"{then} {later}"
    elif bill.tries > 1:
        subject = _("Next try for your {amount} on {day}").format(amount=amount, day=style.short_day(next_try))
        then = _(
            "It is tried again on {day}. If you do nothing and the last try fails too, the donation stops."
        ).format(day=style.day(next_try))
    else:
        subject = _("We couldn't take your {amount} this time").format(amount=amount)
        then = _("It is tried again on {day}. If that works, you need do nothing.").format(day=style.day(next_try))
    rows = [(_("Next try"), style.day(next_try))] if next_try else []
    return Words(
        subject=subject,
        head=_("We couldn't take your {amount} this time.").format(amount=amount),
        lead=_("No money was taken. {reason}").format(reason=reason_words(bill.failure_code)),
        rows=[(_("Amount"), _of(plan, bill, style)), (_("Paid with"), method_words(plan)), *rows],
        then=then,
        button=_("Pay with another card or account") if plan.method != Method.CARD else _("Pay with another card"),
        url=f"{url}/payment",
    )


def to_confirm(plan: Plan, bill: InvoiceSeen, style: Style, *, url: str) -> Words:
    """The bank wants the supporter's own yes. The button leads to Stripe's page."""
    amount = style.sum(bill.amount_due_minor, bill.currency)
    then = _("If you do nothing, this payment is not taken.")
    if bill.next_try_at:
        then = _("If you do nothing, we ask your bank again on {day}.").format(day=style.day(bill.next_try_at))
    return Words(
        subject=_("Please confirm your {amount} with your bank").format(amount=amount),
        head=_("Your bank wants you to confirm {amount}.").format(amount=amount),
        lead=_(
            "No money was taken yet. The page that opens belongs to Stripe, who take payments for us, and asks your bank."
        ),
        rows=[(_("Amount"), _of(plan, bill, style)), (_("Paid with"), method_words(plan))],
        then=then,
        button=_("Confirm the payment"),
        url=url,
    )


def ended(plan: Plan, style: Style, settings: Settings) -> Words:
    """The last try failed too, or the first payment never came."""
    never = plan.stop_reason == StopReason.NEVER_PAID
    lead = _("The first payment could not be taken.") if never else _("The last payment could not be taken.")
    return Words(
        subject=_("Your {name} has stopped").format(name=name_of(plan)),
        head=_("Your {name} has stopped.").format(name=name_of(plan)),
        lead=_("{why} You owe nothing, and nothing more will be taken.").format(why=lead),
        rows=[(_("Donation"), style.of(plan)), (_("Stopped on"), style.day(plan.stopped_at))],
        then=_("If you want to give again, start a new one. If not, there is nothing to do."),
        button=_("Start again"),
        url=again_url(plan, settings),
    )


def stopped(plan: Plan, style: Style, settings: Settings) -> Words:
    """It ended without the supporter having asked us: by the bank's dispute, or at Stripe."""
    by_bank = plan.stop_reason == StopReason.DISPUTE
    asked = _("Your bank took a payment back, so we have stopped the donation. Nothing more will be taken.")
    elsewhere = _("It was ended at Stripe, who take payments for us. Nothing more will be taken.")
    return Words(
        subject=_("Your {name} has stopped").format(name=name_of(plan)),
        head=_("Your {name} has stopped.").format(name=name_of(plan)),
        lead=asked if by_bank else elsewhere,
        rows=[(_("Donation"), style.of(plan)), (_("Stopped on"), style.day(plan.stopped_at))],
        then=_("If that was not meant, start a new one. If it was, there is nothing to do."),
        button=_("Start again"),
        url=again_url(plan, settings),
    )


def may_go_on(plan: Plan, style: Style, *, ends_on: datetime, url: str) -> Words:
    """The bank has decided that the payment counts. Whether the plan goes on is the supporter's word alone."""
    day = style.day(ends_on)
    return Words(
        subject=_("Shall your {name} go on?").format(name=name_of(plan)),
        head=_("Shall your {name} go on?").format(name=name_of(plan)),
        lead=_(
            "Your bank has decided about the payment that was questioned: it counts as given. Your {name} is still paused. "
            "It goes on only if you say so, and nothing is taken before."
        ).format(name=name_of(plan)),
        rows=[
            (_("Amount"), style.of(plan)),
            (_("Paid with"), method_words(plan)),
            (_("Ends without your word on"), day),
        ],
        then=_("If you do nothing, it ends on {day}, nothing more is taken, and we write to you.").format(day=day),
        button=_("Go on with it"),
        url=f"{url}/pause",
        more=_("If you want to stop it now, the same page has a button for that."),
    )


def card_ending(plan: Plan, style: Style, *, url: str) -> Words:
    """The card runs out soon, and no network has sent a newer one."""
    assert plan.method_expires_on, "only a card with a last day runs out"
    month = plan.method_expires_on.strftime("%m/%y")
    return Words(
        subject=_("Your card ends in {month}").format(month=month),
        head=_("The card for your {name} ends in {month}.").format(name=name_of(plan), month=month),
        lead=_("After {day} the bank may refuse it. Give us the new one when you have it.").format(
            day=style.day(plan.method_expires_on)
        ),
        rows=facts_of(plan, style),
        then=_("Some banks pass the new card on by themselves. Then this takes care of itself."),
        button=_("Change the card"),
        url=f"{url}/payment",
    )


def yearly(plan: Plan, style: Style, *, url: str) -> Words:
    """The yearly payment is near, in time to change one's mind."""
    assert plan.next_at, "what is not due is not announced"
    amount, day = style.sum(plan.amount_minor, plan.currency), plan.next_at
    return Words(
        subject=_("Your yearly {amount} is due on {day}").format(amount=amount, day=style.short_day(day)),
        head=_("Your yearly {amount} is due on {day}.").format(amount=amount, day=style.short_day(day)),
        lead=_("If you still want to give it, there is nothing to do. Thank you."),
        rows=facts_of(plan, style),
        then=_("You can change the amount or the date, or stop it, until the day before."),
        button=_("Change or stop it"),
        url=url,
    )


def mandate_ended(plan: Plan, style: Style, *, url: str) -> Words:
    """The bank account may not be debited any more."""
    return Words(
        subject=_("Your {name} needs another way to pay").format(name=name_of(plan)),
        head=_("Your bank has ended the debit for your {name}.").format(name=name_of(plan)),
        lead=_("We can take no more payments from that account. Nothing is owed."),
        rows=[(_("Amount"), style.of(plan)), (_("Until now paid with"), method_words(plan))],
        then=_("If you ended it yourself and want to stop, you need do nothing: the donation stops."),
        button=_("Give another card or account"),
        url=f"{url}/payment",
    )


def _of(plan: Plan, bill: InvoiceSeen, style: Style) -> str:
    """The bill's own sum with how often: the plan's may have been changed since."""
    return style.per(bill.amount_due_minor, bill.currency, plan.frequency)


def facts_of(plan: Plan, style: Style) -> list[tuple[str, str]]:
    """What a plan is now: how much, when next, and how it is paid."""
    return [
        (_("Amount"), style.of(plan)),
        next_row(plan, style),
        (_("Paid with"), method_words(plan)),
    ]


def _debit_words(plan: Plan) -> str:
    if plan.method not in (Method.BACS_DEBIT, Method.SEPA_DEBIT):
        return ""
    return _("Your bank tells you before each debit, and you can ask it for your money back.")
