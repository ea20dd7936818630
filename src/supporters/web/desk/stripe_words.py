"""What the desk says of how it stands with Stripe: what is wrong, the sweeps, the balance. Pure: records in, words out."""

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
from babel.dates import format_date

from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.payments import marks, payout_sweep
from supporters.reconciliation.stripe_health import Brought, Health, Holding, Sweep
from supporters.web.desk.words import Tag

PATH = "/desk/stripe"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Trouble(msgspec.Struct, frozen=True):
    """One thing that is not as it should be, and where to see it."""

    words: str
    href: str = PATH
    action: str = ""


class ShownHolding(msgspec.Struct, frozen=True):
    """What Stripe holds in one currency, and how that stands to the books."""

    holding: Holding
    available: Money
    pending: Money
    reserved: Money
    tag: Tag
    words: str
    href: str


def troubles_of(health: Health, *, locale: str) -> list[Trouble]:
    """What is not as it should be, the gravest first; empty when all is well."""
    return [
        *_of_balance(health, locale=locale),
        *_of_sweeps(health),
        *_of_messages(health),
        *_of_payouts(health),
    ]


def _of_balance(health: Health, *, locale: str) -> Iterator[Trouble]:
    for each in health.holdings:
        if each.is_off:
            yield Trouble(drift_words(each, locale=locale), drift_link(each), _("Explain"))
        elif each.is_late:
            day = format_date(each.day.day, "d MMMM", locale=locale)
            yield Trouble(_("Stripe's balance was last held against the books on %(day)s.") % {"day": day})


def _of_sweeps(health: Health) -> Iterator[Trouble]:
    for each in health.sweeps:
        what = sweep_word(each)
        if each.is_stuck:
            words = ngettext(
                "%(what)s: Stripe could not be asked, %(n)s try so far.",
                "%(what)s: Stripe could not be asked, %(n)s tries so far.",
                each.tries,
            )
            yield Trouble(words % {"what": what, "n": each.tries})
        elif each.is_late:
            words = _("%(what)s: not read for too long. It should be %(often)s. Is the background process running?")
            yield Trouble(words % {"what": what, "often": often_words(each.plan.every)})


def _of_messages(health: Health) -> Iterator[Trouble]:
    if health.heard.is_deaf:
        words = ngettext(
            "Stripe sent no message by itself for 24 hours; %(n)s was fetched. Is the webhook set up at Stripe?",
            "Stripe sent no message by itself for 24 hours; %(n)s were fetched. Is the webhook set up at Stripe?",
            health.heard.fetched_in_day,
        )
        yield Trouble(words % {"n": health.heard.fetched_in_day})


def _of_payouts(health: Health) -> Iterator[Trouble]:
    if health.overdue_count:
        words = ngettext(
            "%(n)s payout whose contents should be proved by now.",
            "%(n)s payouts whose contents should be proved by now.",
            health.overdue_count,
        )
        yield Trouble(words % {"n": health.overdue_count}, "/desk/payouts?view=content", _("Look"))


def sweep_word(sweep: Sweep) -> str:
    """What is read."""
    return {
        marks.EVENTS: _("Messages that did not come by themselves"),
        marks.BALANCE: _("Lines of Stripe's balance"),
        marks.BALANCE_DEEP: _("The same, ten days again"),
        payout_sweep.PAYOUTS: _("Payouts"),
    }[sweep.plan.mark]


def brought_words(sweep: Sweep, found: Brought) -> str:
    """What its last run brought, and what the last day did."""
    if sweep.run_at is None:
        return "–"
    words = _("%(last)s by the last run, %(day)s in 24 hours")
    return words % {"last": found.by_last_run, "day": found.in_day}


def sweep_tag(sweep: Sweep) -> Tag:
    """How it goes."""
    if sweep.is_stuck:
        return Tag(_("Stripe does not answer"), "alert", "warn", sweep.error)
    if sweep.is_late:
        return Tag(_("Late"), "alert", "warn", _("It has not been read for too long."))
    if sweep.run_at is None:
        return Tag(_("Not read yet"), "clock", "", _("It is read for the first time when the background process runs."))
    return Tag(_("Read whole"), "check", "pos", _("Nothing is missing up to that moment."))


def often_words(every: timedelta) -> str:
    """How often something is done."""
    if every >= DAY:
        return _("every day")
    if every >= HOUR:
        return _("every hour")
    return _("every %(minutes)s minutes") % {"minutes": every // timedelta(minutes=1)}


def back_words(overlap: timedelta) -> str:
    """How far back each run begins."""
    if overlap >= DAY:
        return ngettext("%(days)s day", "%(days)s days", overlap.days) % {"days": overlap.days}
    return _("%(minutes)s minutes") % {"minutes": overlap // timedelta(minutes=1)}


def show_holding(holding: Holding, *, locale: str) -> ShownHolding:
    """What Stripe holds, and whether the books say so too."""
    day = holding.day
    return ShownHolding(
        holding,
        Money(day.available_minor, day.currency),
        Money(day.pending_minor, day.currency),
        Money(day.reserved_minor, day.currency),
        _holding_tag(holding),
        drift_words(holding, locale=locale) if holding.drift else _("The books agree with it."),
        drift_link(holding) if holding.drift else "",
    )


def _holding_tag(holding: Holding) -> Tag:
    if holding.is_off:
        return Tag(_("Does not agree"), "alert", "warn", _("The books say something else."))
    if holding.drift:
        return Tag(_("Explained"), "check", "", _("The last difference was explained by a person."))
    return Tag(_("Agrees"), "check", "pos", _("The books agree with it."))


def drift_words(holding: Holding, *, locale: str) -> str:
    """How much Stripe holds more or less than the books say, and since which day."""
    drift = holding.drift
    assert drift, "asked only where there is or was one"
    minor = drift.amount_minor or 0
    amount = format_money(Money(abs(minor), holding.day.currency), locale)
    off = (
        _("Stripe holds %(amount)s more than the books say")
        if minor > 0
        else _("Stripe holds %(amount)s less than the books say")
    )
    words = off % {"amount": amount}
    since, agreed = (_day(drift.detail.get(name), locale) for name in ("off_since", "agreed_on"))
    if since and agreed:
        return _("%(words)s, since %(day)s; on %(agreed)s both agreed.") % {
            "words": words,
            "day": since,
            "agreed": agreed,
        }
    if since:
        return _("%(words)s, since %(day)s, the first day that was kept.") % {"words": words, "day": since}
    return _("%(words)s.") % {"words": words}


def drift_link(holding: Holding) -> str:
    """Where it is explained."""
    return f"/desk/discrepancies/{holding.drift.id}" if holding.drift else PATH


def _day(value: object, locale: str) -> str:
    return format_date(date.fromisoformat(value), "d MMMM", locale=locale) if isinstance(value, str) else ""
