"""Every word that a prompt shows, in the publisher's language. Sites get them with the published file, so none is pasted."""

from datetime import date

from babel.dates import format_date

from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.settings import Settings

LATE_IN_MONTH = 20  # from the 21st on, "next month" is so near that it would feel like being asked at once again


def prompt_words(settings: Settings, *, currency: str, today: date) -> dict[str, str]:
    """The words of the forms by their key. `{amount}` stands where the reader's amount goes."""
    least = format_money(Money(settings.minimum_minor, currency), settings.locale, trim=True)
    most = format_money(Money(settings.maximum_minor, currency), settings.locale, trim=True)
    month = month_name(next_month(today), settings.locale)
    return _asking(month) | {
        "error_none": _("Choose an amount."),
        "error_amount": _("Give an amount between %(least)s and %(most)s.") % {"least": least, "most": most},
        "given": _("Thank you for giving to %(paper)s.") % {"paper": settings.publisher_name},
        "thanks": _("Thank you – readers like you pay for %(paper)s.") % {"paper": settings.publisher_name},
        "manage": _("Your giving"),
        "again": _("You may ask me again"),
        "print": _("Give at %(address)s"),  # its address is filled in by whoever knows the appeal
    }


def _asking(month: str) -> dict[str, str]:
    return {
        "how_often": _("How often?"),
        "once": _("One-off"),
        "monthly": _("Monthly"),
        "yearly": _("Yearly"),
        "how_much_once": _("How much?"),
        "how_much_monthly": _("How much a month?"),
        "how_much_yearly": _("How much a year?"),
        "other": _("Other"),
        "continue": _("Continue"),
        "give_once": _said(_("Give %(amount)s")),
        "give_monthly": _said(_("Give %(amount)s a month")),
        "give_yearly": _said(_("Give %(amount)s a year")),
        "next": _("Payment comes next, on a page of its own. Nothing is taken yet."),
        "going": _("One moment…"),
        "not_now": _("Not now"),
        "gives": _("I already give"),
        "remind": _("Remind me in %(month)s") % {"month": month},
        "remind_note": _("One email in %(month)s, then we delete your address.") % {"month": month},
        "email": _("Email"),
        "sign_up": _("Sign up"),
        "issue": _("This issue was paid for by readers."),
    }


def next_month(today: date) -> date:
    """The first day of the month in which a reminder is sent: the next one, or the one after when that is near."""
    ahead = 1 if today.day <= LATE_IN_MONTH else 2
    return later_month(today, ahead)


def later_month(day: date, months: int) -> date:
    """The first day of the month that is so many months after the one of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def month_name(month: date, locale: str) -> str:
    """The name of the month: "January"."""
    return format_date(month, "LLLL", locale=locale)


def _said(words: str) -> str:
    return words % {"amount": "{amount}"}
