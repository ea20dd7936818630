"""What the letter about a change says: what was, what is now, from when, and how it is undone. Pure."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from supporters.kit.strings import gettext as _
from supporters.plans.at_bank import BillAtBank
from supporters.plans.dates import taken_at
from supporters.plans.first import FIRST_MINOR
from supporters.plans.models import UNANSWERED, Actor, ChangeKind, Plan, PlanChange
from supporters.plans.words import Style, Words, again_url, method_words, name_of, next_row
from supporters.settings import Settings

Told = tuple[str, str, list[tuple[str, str]]]  # the head (also the subject), the lead, the facts
TAKES_LESS = frozenset({ChangeKind.SKIP, ChangeKind.PAUSE, ChangeKind.AMOUNT, ChangeKind.DATE})


def changed(
    plan: Plan, change: PlanChange, style: Style, *, url: str, settings: Settings, at_bank: Sequence[BillAtBank] = ()
) -> Words:
    """The words for this change of this plan, which is as it is now, with the bills that a bank is asked for just now."""
    write: dict[ChangeKind, Callable[[Plan, PlanChange, Style], Told]] = {
        ChangeKind.AMOUNT: _amount,
        ChangeKind.DATE: _date,
        ChangeKind.SKIP: _skip,
        ChangeKind.PAUSE: _pause,
        ChangeKind.HOLD: _hold,
        ChangeKind.GO_ON: _go_on,
        ChangeKind.METHOD: _method,
        ChangeKind.STOP: partial(_stop, at_bank=at_bank),
        ChangeKind.ONE_OFF: partial(_one_off, at_bank=at_bank),
        ChangeKind.UNDO: _undo,
    }
    kind = ChangeKind(change.kind)
    head, lead, rows = write[kind](plan, change, style)
    if kind in TAKES_LESS:
        lead = " ".join([lead, *at_bank_words(at_bank, style)])
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


def at_bank_words(bills: Sequence[BillAtBank], style: Style) -> list[str]:
    """What may still be taken, a sentence a bill: its bank was asked before, and nobody can call that back."""
    words = _(
        "Except for this: your bank was asked for {amount} before, and nobody can call that back. We know by {day}."
    )
    return [
        words.format(amount=style.sum(bill.amount.minor, bill.amount.currency), day=style.day(bill.known_by))
        for bill in bills
    ]


def _by(change: PlanChange) -> str:
    if change.actor == Actor.STAFF:
        return _("We did this for you, as you asked us to. If you did not ask, answer this letter.")
    if change.wanted.get(UNANSWERED):
        return _(
            "We had asked you whether it goes on after your bank had decided, and heard nothing, so we stopped it."
        )
    if change.actor == Actor.HOUSE:
        return _("We did this because your bank is disputing a payment. If that is a mistake, answer this letter.")
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


def _stop(plan: Plan, _change: PlanChange, style: Style, *, at_bank: Sequence[BillAtBank]) -> Told:
    head = _("your {name} is stopped").format(name=name_of(plan))
    ends = plan.stops_at if plan.stopped_at is None else None
    told = [_("Nothing more will be taken."), *at_bank_words(at_bank, style)]
    if ends is None:
        return head, " ".join(told), [(_("Donation"), style.of(plan))]
    lead = " ".join([*told, _("Until {day} you can take the stop back.").format(day=style.day(ends))])
    return head, lead, [(_("Donation"), style.of(plan)), (_("Ends on"), style.day(ends))]


def _one_off(plan: Plan, change: PlanChange, style: Style, *, at_bank: Sequence[BillAtBank]) -> Told:
    kept = _first_minor(plan, change)
    if at_bank:
        bill = at_bank[0]
        amount = style.sum(bill.amount.minor, bill.amount.currency)
        lead = _("Your bank was asked for {amount} before. If it pays, we keep that, and nothing more will be taken.")
        rows = [(_("At the bank"), amount), (_("Known by"), style.day(bill.known_by))]
        return _("no payment but the first"), lead.format(amount=amount), rows
    if not kept:
        return _("your {name} is stopped").format(name=name_of(plan)), _("Nothing more will be taken."), []
    amount = style.sum(kept, plan.currency)
    lead = _("We keep the {amount} that you gave, and nothing more will be taken.").format(amount=amount)
    return _("you gave once"), lead, [(_("Given"), amount)]


def _undo(plan: Plan, change: PlanChange, style: Style) -> Told:
    head, returned = _("all undone"), _first_minor(plan, change)
    if not returned:
        return head, _("The first payment had been returned already. Nothing more will be taken."), []
    amount = style.sum(returned, plan.currency)
    lead = _(
        "Your {amount} goes back the way it came, and nothing more will be taken. Banks take 5 to 10 days."
    ).format(amount=amount)
    return head, lead, [(_("Returned"), amount)]


def _first_minor(plan: Plan, change: PlanChange) -> int:
    """What is kept or returned of the first payment, which the plan's own amount need not be any more."""
    wanted: dict[str, Any] = change.wanted
    return int(wanted.get(FIRST_MINOR, plan.amount_minor))
