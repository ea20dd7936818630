"""What each page of a plan asks, in words: amount, date, leaving one out, pausing, going on, trying again, card, stop."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from supporters.kit.money import Money, plain_amount
from supporters.kit.strings import gettext as _
from supporters.plans.dates import date_range, next_taken, taken_at
from supporters.plans.models import Plan
from supporters.plans.unpaid import UnpaidBill, owed_in_all
from supporters.plans.words import Style, method_words, name_of, reason_words
from supporters.web.site.giving_way import Ask

AFTER_28 = 28


def amount(plan: Plan, style: Style, *, sign: str = "", value: str | None = None, problem: str = "") -> Ask:
    """How much from the next payment on."""
    now = Money(plan.amount_minor, plan.currency)
    return Ask(
        heading=_("Change the amount"),
        lines=(
            _(
                "You give {amount} now. The new amount counts from the next payment, {day}; nothing is taken before."
            ).format(amount=style.of(plan), day=style.day(plan.next_at)),
        ),
        action="/amount",
        button=_("Change the amount"),
        keep=_("Keep it as it is"),
        field="amount",
        value=plain_amount(now) if value is None else value,
        sign=sign,
        hint=_("How much a year?") if plan.frequency == "yearly" else _("How much a month?"),
        problem=problem,
    )


def more(plan: Plan, new: Money, style: Style) -> Ask:
    """Whether the higher amount is really meant."""
    wanted = style.per(new.minor, new.currency, plan.frequency)
    return Ask(
        heading=_("Give {amount} from now on?").format(amount=wanted),
        rows=(
            (_("Until now"), style.of(plan)),
            (_("From now on"), wanted),
            (_("First taken"), style.day(plan.next_at)),
            (_("Paid with"), method_words(plan)),
        ),
        action="/amount",
        button=_("Give {amount}").format(amount=wanted),
        keep=_("Keep {amount}").format(amount=style.of(plan)),
        hidden={"amount": plain_amount(new), "confirmed": plain_amount(new)},
    )


def day(plan: Plan, style: Style, now: datetime, zone: ZoneInfo, *, value: str = "", problem: str = "") -> Ask:
    """On which day the next payment is taken."""
    assert plan.next_at, "what is not due has no date to change"
    least, most = date_range(plan.next_at.astimezone(zone).date(), now.astimezone(zone).date())
    return Ask(
        heading=_("Change the date"),
        lines=(
            _("Your next payment of {amount} is due on {day}.").format(
                amount=style.sum(plan.amount_minor, plan.currency), day=style.day(plan.next_at)
            ),
        ),
        action="/date",
        button=_("See what changes"),
        keep=_("Keep it as it is"),
        field="date",
        value=value or plan.next_at.astimezone(zone).date().isoformat(),
        least=least.isoformat(),
        most=most.isoformat(),
        hint=_("From {first} to {last}, written like {example}.").format(
            first=style.short_day(least), last=style.short_day(most), example=least.isoformat()
        ),
        problem=problem,
    )


def new_day(plan: Plan, chosen: date, style: Style) -> Ask:
    """Whether that day, and those that follow from it, are meant."""
    return Ask(
        heading=_("Next payment on {day}?").format(day=style.day(chosen)),
        lines=(_later(plan, chosen), _("Nothing is taken before that day.")),
        rows=(
            (_("Amount"), style.of(plan)),
            (_("Until now"), style.day(plan.next_at)),
            (_("New date"), style.day(chosen)),
        ),
        action="/date",
        button=_("Change the date"),
        keep=_("Keep it as it is"),
        hidden={"next_on": chosen.isoformat(), "confirmed": chosen.isoformat()},
    )


def skip(plan: Plan, style: Style) -> Ask:
    """Whether the next payment is left out."""
    return Ask(
        heading=_("Leave the next payment out?"),
        lines=(
            _("The payment of {day} is not taken, and nothing is owed later. After that it goes on by itself.").format(
                day=style.day(plan.next_at)
            ),
        ),
        action="/skip",
        button=_("Leave it out"),
        keep=_("Keep it as it is"),
    )


def pause(plan: Plan, style: Style, *, problem: str = "") -> Ask:
    """For how many months nothing is taken."""
    return Ask(
        heading=_("Pause your {name}").format(name=name_of(plan)),
        lines=(
            _(
                "Nothing is taken while it is paused, and nothing is owed later. The first payment left out is that of {day}."
            ).format(day=style.day(plan.next_at)),
        ),
        action="/pause",
        button=_("Pause it"),
        keep=_("Keep it as it is"),
        field="months",
        problem=problem,
    )


def go_on(plan: Plan, style: Style, *, pause_under: str | None = None) -> Ask:
    """Whether a pause or a stop is taken back. `pause_under`: until when a held plan was paused before, and is again then."""
    if plan.stops_at:
        words = _("It is stopped, and ends on {day}. If you take that back, the next payment is taken on that day.")
    elif plan.paused_until:
        words = _(
            "It is paused, and the next payment is taken on {day}. If it goes on now, payments are taken when they fall "
            "due again."
        )
    else:
        words = _("It is paused. If it goes on, the next payment is taken on {day}, and nothing before.")
    line = words.format(day=style.day(plan.stops_at or taken_at(plan) or _after_hold(plan, pause_under)))
    return Ask(
        heading=_("Go on giving {amount}?").format(amount=style.of(plan)),
        lines=(line,),
        action="/go-on",
        button=_("Go on"),
        keep=_("Keep it as it is"),
    )


def _after_hold(plan: Plan, pause_under: str | None) -> datetime | None:
    until = datetime.fromisoformat(pause_under) if pause_under else None
    if plan.next_at is None:
        return None
    return next_taken(plan.next_at, plan.frequency, paused_until=until, started_at=plan.started_at)


def try_now(plan: Plan, style: Style, owed: Sequence[UnpaidBill]) -> Ask:
    """Whether what failed is tried again."""
    again = (
        _("By itself it is tried again on {day}.").format(day=style.day(plan.next_try_at)) if plan.next_try_at else ""
    )
    return Ask(
        heading=_("Try {amount} again now?").format(amount=_owed(plan, style, owed)),
        lines=tuple(line for line in (reason_words(plan.failure_code), _several(owed), again) if line),
        rows=((_("Paid with"), method_words(plan)),),
        action="/try",
        button=_("Try now"),
        keep=_("Not now"),
        instead=(("/payment", _("Use another card or account")),),
    )


def card(plan: Plan, style: Style, owed: Sequence[UnpaidBill]) -> Ask:
    """Whether another card or account is given, on Stripe's own page."""
    lines = [
        _("You give the new card or account on the page of Stripe, who take our payments; we never see its number.")
    ]
    if plan.failed_invoice_id:
        amount = _owed(plan, style, owed)
        lines.append(_("The {amount} that could not be taken is then taken from it at once.").format(amount=amount))
        if len(owed) > 1:
            lines.append(_several(owed))
    else:
        lines.append(
            _("Nothing is taken on that page. It counts from the next payment, {day}.").format(
                day=style.day(plan.next_at)
            )
        )
    return Ask(
        heading=_("Change card or account"),
        lines=tuple(lines),
        rows=((_("Until now"), method_words(plan)),),
        action="/payment",
        button=_("On to Stripe"),
        keep=_("Keep it as it is"),
    )


def _owed(plan: Plan, style: Style, owed: Sequence[UnpaidBill]) -> str:
    return style.sum(owed_in_all(owed, plan).minor if owed else plan.amount_minor, plan.currency)


def _several(owed: Sequence[UnpaidBill]) -> str:
    if len(owed) < 2:
        return ""
    return _("These are {count} payments. They are taken one by one, the oldest first.").format(count=len(owed))


def stop(plan: Plan, style: Style) -> Ask:
    """Whether nothing more is taken."""
    instead = [("/amount", _("Give less"))]
    if plan.state == "active":
        instead.append(("/skip", _("Leave the next payment out")))
    if plan.state == "active" and plan.frequency == "monthly":
        instead.append(("/pause", _("Pause for up to three months")))
    words = _("Stop giving {amount} a year?") if plan.frequency == "yearly" else _("Stop giving {amount} a month?")
    return Ask(
        heading=words.format(amount=style.sum(plan.amount_minor, plan.currency)),
        lines=(_("No more payments will be taken. We write to you when it is done."),),
        action="/stop",
        button=_("Stop my donation"),
        keep=_("Keep it"),
        instead=tuple(instead) if plan.state in ("active", "failing") else (),
    )


def not_now(heading: str, why: str) -> Ask:
    """A page that says why this is not possible now."""
    return Ask(heading=heading, told=why, keep=_("Back to this donation"))


def _later(plan: Plan, chosen: date) -> str:
    if plan.frequency == "yearly":
        return _("Later ones are taken on the same day each year.")
    if chosen.day > AFTER_28:
        return _("Later ones are taken on day {day} of each month, and in shorter months on the last day.").format(
            day=chosen.day
        )
    return _("Later ones are taken on the same day of each month.")
