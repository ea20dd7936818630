"""What the letter about a change says: what was, what is now, from when, and how it is undone. Pure."""

from collections.abc import Callable
from typing import Any

from supporters.kit.strings import gettext as _
from supporters.plans.dates import taken_at
from supporters.plans.models import Actor, ChangeKind, Plan, PlanChange
from supporters.plans.words import Style, Words, again_url, method_words, name_of, next_row
from supporters.settings import Settings

Told = tuple[str, str, list[tuple[str, str]]]  # the head (also the subject), the lead, the facts


def changed(plan: Plan, change: PlanChange, style: Style, *, url: str, settings: Settings) -> Words:
    """The words for this change of this plan, which is as it is now."""
    write: dict[ChangeKind, Callable[[Plan, PlanChange, Style], Told]] = {
        ChangeKind.AMOUNT: _amount,
        ChangeKind.DATE: _date,
        ChangeKind.SKIP: _skip,
        ChangeKind.PAUSE: _pause,
        ChangeKind.HOLD: _hold,
        ChangeKind.GO_ON: _go_on,
        ChangeKind.METHOD: _method,
        ChangeKind.STOP: _stop,
        ChangeKind.ONE_OFF: _one_off,
        ChangeKind.UNDO: _undo,
    }
    kind = ChangeKind(change.kind)
    head, lead, rows = write[kind](plan, change, style)
    is_over = kind in (ChangeKind.STOP, ChangeKind.ONE_OFF, ChangeKind.UNDO)
    can_be_undone = kind is ChangeKind.STOP and plan.stops_at is not None and plan.stopped_at is None
    button, target = (_("Look at it or change it"), url)
    if can_be_undone:
        button = _("Take the stop back")
    elif is_over:
        button, target = _("Start again"), again_url(plan, settings)
    is_asked = change.actor != Actor.HOUSE
    return Words(
        subject=_("Done: {what}").format(what=head) if is_asked else f"{head[:1].upper()}{head[1:]}",
        head=head,
        lead=lead,
        rows=rows,
        then=_by(change),
        button=button,
        url=target,
    )


def _by(change: PlanChange) -> str:
    if change.actor == Actor.STAFF:
        return _("We did this for you, as you asked us to. If you did not ask, answer this letter.")
    if change.actor == Actor.HOUSE and change.kind == ChangeKind.GO_ON:
        return _("Your bank has decided about the payment that was questioned. If you want to stop, use the button.")
    if change.actor == Actor.HOUSE:
        return _("We did this because your bank disputes a payment. If that is a mistake, answer this letter.")
    return _("You asked for this. If it was not you, answer this letter.")


def _amount(plan: Plan, change: PlanChange, style: Style) -> Told:
    was: dict[str, Any] = change.was
    minor = int(was["amount_minor"])
    old = style.sum(minor, plan.currency)
    head = _("{old} → {new}").format(old=old, new=style.of(plan))
    lead = _("From the next payment on you give {new}. Until then nothing is taken.").format(new=style.of(plan))
    return (
        head,
        lead,
        [
            (_("Until now"), style.per(minor, plan.currency, plan.frequency)),
            (_("From now on"), style.of(plan)),
            next_row(plan, style),
        ],
    )


def _date(plan: Plan, _change: PlanChange, style: Style) -> Told:
    head = _("next payment on {day}").format(day=style.day(plan.next_at))
    lead = _("Later payments follow from that day. Nothing is taken before.")
    return head, lead, [(_("Amount"), style.of(plan)), next_row(plan, style)]


def _skip(plan: Plan, _change: PlanChange, style: Style) -> Told:
    lead = _("Nothing is taken for it, and nothing is owed later. After that it goes on by itself.")
    return _("the next payment is left out"), lead, [(_("Amount"), style.of(plan)), next_row(plan, style)]


def _pause(plan: Plan, _change: PlanChange, style: Style) -> Told:
    lead = _("Nothing is taken before {day}, and nothing is owed later. It goes on by itself.").format(
        day=style.day(taken_at(plan))
    )
    head = _("your {name} is paused").format(name=name_of(plan))
    return head, lead, [(_("Amount"), style.of(plan)), next_row(plan, style)]


def _hold(plan: Plan, _change: PlanChange, style: Style) -> Told:
    lead = _(
        "Your bank is looking at a payment that you or it asked about. Until it has decided, nothing is taken, and "
        "nothing is owed later."
    )
    return _("your {name} is paused").format(name=name_of(plan)), lead, [(_("Amount"), style.of(plan))]


def _go_on(plan: Plan, _change: PlanChange, style: Style) -> Told:
    head = _("your {name} goes on").format(name=name_of(plan))
    if plan.paused_until:
        lead = _("The pause that you had asked for counts again; after it, payments are taken when they fall due.")
        return head, lead, [(_("Amount"), style.of(plan)), next_row(plan, style)]
    return head, _("Thank you."), [(_("Amount"), style.of(plan)), next_row(plan, style)]


def _method(plan: Plan, _change: PlanChange, style: Style) -> Told:
    head = _("another way to pay")
    lead = _("Your {name} is paid this way from now on.").format(name=name_of(plan))
    return head, lead, [(_("Paid with"), method_words(plan)), (_("Amount"), style.of(plan)), next_row(plan, style)]


def _stop(plan: Plan, _change: PlanChange, style: Style) -> Told:
    head = _("your {name} is stopped").format(name=name_of(plan))
    ends = plan.stops_at if plan.stopped_at is None else None
    if ends is None:
        return head, _("Nothing more will be taken."), [(_("Donation"), style.of(plan))]
    lead = _("Nothing more will be taken. Until {day} you can take the stop back.").format(day=style.day(ends))
    return head, lead, [(_("Donation"), style.of(plan)), (_("Ends on"), style.day(ends))]


def _one_off(plan: Plan, _change: PlanChange, style: Style) -> Told:
    amount = style.sum(plan.amount_minor, plan.currency)
    lead = _("We keep the {amount} that you gave, and nothing more will be taken.").format(amount=amount)
    return _("you gave once"), lead, [(_("Given"), amount)]


def _undo(plan: Plan, _change: PlanChange, style: Style) -> Told:
    amount = style.sum(plan.amount_minor, plan.currency)
    lead = _(
        "Your {amount} goes back the way it came, and nothing more will be taken. Banks take 5 to 10 days."
    ).format(amount=amount)
    return _("all undone"), lead, [(_("Returned"), amount)]
