"""The donation form: which fields there are, what each may hold, and what is said when one can't be taken. No database."""

from collections.abc import Mapping

import msgspec
from email_validator import EmailNotValidError, validate_email

from supporters.appeals.attribution import origin_signer, read_origin
from supporters.appeals.queries import AppealView
from supporters.appeals.rules import ORIGIN_FIELDS
from supporters.donations.forms import GiveForm
from supporters.donations.models import ASKED_FOR, Frequency
from supporters.kit.money import AmountProblem, Money, Problem, check_limits, format_money, parse_amount, plain_amount
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line, is_printable
from supporters.settings import Settings
from supporters.web.common.errors import PageError
from supporters.web.common.giving import OTHER, Entry, readable_amount
from supporters.web.common.ways import Ways

TICKED = "on"
CHOICE_FIELDS = ("frequency", *ASKED_FOR, OTHER)
SENT_FIELDS = frozenset(
    ["token", "appeal", "referrer", "email", "name", "newsletter", "second", *CHOICE_FIELDS, *ORIGIN_FIELDS]
)
LINK_FIELDS = frozenset(["amount", "appeal", "attempt", *CHOICE_FIELDS, *ORIGIN_FIELDS])
NAME_CHARS = 120
EMAIL_CHARS = 254


class Checked(msgspec.Struct, frozen=True):
    """What came of a form: the donation wished for, or each problem as (id of the field, words)."""

    entry: Entry
    form: GiveForm | None
    problems: list[tuple[str, str]]


def read_entry(fields: Mapping[str, str]) -> Entry:
    """What a form or a link says, cleaned but not yet judged. Only the chosen frequency's ladder counts."""
    frequency = fields.get("frequency", "")
    known = frequency if frequency in ASKED_FOR else ""
    other = clean_line(fields.get(OTHER, ""), limit=40)
    ladder = fields.get(known or Frequency.ONCE, "")
    if not ladder and other:
        ladder = OTHER
    return Entry(
        frequency=known,
        ladder=clean_line(ladder, limit=40),
        other=other,
        email=clean_line(fields.get("email", ""), limit=EMAIL_CHARS),
        name=clean_line(fields.get("name", ""), limit=NAME_CHARS),
        newsletter=_is_ticked(fields.get("newsletter")),
        appeal=fields.get("appeal", ""),
        carried=carried_of(fields),
    )


def as_chosen(fields: dict[str, str]) -> dict[str, str]:
    """What a link says, with how often where only the ladder says it: who took £10 a month has chosen monthly."""
    ladders = [name for name in ASKED_FOR if fields.get(name)]
    return fields if fields.get("frequency") or len(ladders) != 1 else {**fields, "frequency": ladders[0]}


def carried_of(fields: Mapping[str, str]) -> dict[str, str]:
    """Where the reader came from, to be sent along with the form."""
    limits = {"article": 500}
    wanted = (*ORIGIN_FIELDS, "referrer")
    sent = {name: fields[name] for name in wanted if name in fields}
    cleaned = {name: clean_line(value, limit=limits.get(name, 253)) for name, value in sent.items()}
    return {name: value for name, value in cleaned.items() if value}


def check_form(
    fields: Mapping[str, str], appeal: AppealView, *, settings: Settings, ways: Ways, entry: Entry | None = None
) -> Checked:
    """The donation that the form asks for, or all that is wrong with it, in the order of the page."""
    entry = entry or read_entry(fields)
    problems: list[tuple[str, str]] = []
    frequency = _check_frequency(fields.get("frequency", ""), ways, problems)
    amount = _check_amount(entry, appeal, settings, problems)
    email = _check_email(fields.get("email", ""), problems)
    name = _check_name(fields.get("name", ""), problems)
    if problems or frequency is None or amount is None:
        return Checked(entry, None, problems)
    origin = {**entry.carried, "appeal": entry.appeal}
    referrer = f"https://{entry.carried['referrer']}" if "referrer" in entry.carried else None
    form = GiveForm(
        frequency=frequency,
        amount=amount,
        email=email,
        name=name,
        wants_newsletter=entry.newsletter,
        appeal_slug=appeal.slug,
        origin=read_origin(origin_signer(settings.secret_key), origin, sites=settings.sites, referrer=referrer),
    )
    return Checked(entry, form, [])


def choose_amount(entry: Entry, text: str, appeal: AppealView, settings: Settings) -> tuple[Entry, str | None]:
    """The form with the amount that a link names, on its ladder or under "Other", and words if it had to be changed."""
    frequency = entry.frequency or Frequency.ONCE
    amount = readable_amount(text, appeal.currency) or _beyond(text, appeal.currency, settings)
    if amount is None:
        return entry, _("The amount in the link could not be read. Choose one here.")
    inside, words = _clamp(amount, settings)
    if inside.minor in appeal.amounts.get(frequency, ()):
        return msgspec.structs.replace(entry, ladder=plain_amount(inside), other=""), words
    return msgspec.structs.replace(entry, ladder=OTHER, other=plain_amount(inside)), words


def amount_words(problem: Problem, settings: Settings) -> str:
    """What is said about an amount that can't be taken."""
    smallest = format_money(Money(settings.minimum_minor, settings.currency), settings.locale, trim=True)
    largest = format_money(Money(settings.maximum_minor, settings.currency), settings.locale, trim=True)
    said = {
        Problem.EMPTY: _("Choose an amount, or type one under “Other”"),
        Problem.NOT_A_NUMBER: _("Enter an amount in numbers, like 12.50"),
        Problem.TOO_PRECISE: _("Enter an amount without fractions of the smallest coin, like 12.50"),
        Problem.TOO_SMALL: _("The smallest donation is %(amount)s") % {"amount": smallest},
        Problem.TOO_LARGE: _("The largest donation by card is %(amount)s. Write to us about a larger one")
        % {"amount": largest},
    }
    return said[problem]


def _beyond(text: str, currency: str, settings: Settings) -> Money | None:
    """An amount beyond the limit where a link names a number that is too large for any sum, or less than nothing."""
    typed = text.strip()
    is_less = typed[:1] in {"-", "−"}
    number = typed[1:] if is_less else typed
    try:
        amount = parse_amount(number, currency)
    except AmountProblem as error:
        if error.problem is not Problem.TOO_LARGE and not number.isdecimal():
            return None
        amount = Money(settings.maximum_minor + 1, currency)
    return -amount if is_less else amount


def _clamp(amount: Money, settings: Settings) -> tuple[Money, str | None]:
    try:
        check_limits(amount, minimum_minor=settings.minimum_minor, maximum_minor=settings.maximum_minor)
    except AmountProblem as error:
        limit = settings.minimum_minor if error.problem is Problem.TOO_SMALL else settings.maximum_minor
        return Money(limit, amount.currency), amount_words(error.problem, settings) + "."
    return amount, None


def _check_frequency(text: str, ways: Ways, problems: list[tuple[str, str]]) -> Frequency | None:
    if text not in ASKED_FOR:
        problems.append(("frequency", _("Choose how often you want to give")))
        return None
    frequency = Frequency(text)
    if frequency is not Frequency.ONCE and not ways.is_recurring:
        problems.append(("amount", _not_recurring(ways)))
    return frequency


def _not_recurring(ways: Ways) -> str:
    if ways.offers_recurring:
        return _("Monthly and yearly donations are not possible at the moment; you can give once")
    return _("Monthly and yearly donations are not offered here; you can give once")


def _check_amount(
    entry: Entry, appeal: AppealView, settings: Settings, problems: list[tuple[str, str]]
) -> Money | None:
    is_other = entry.ladder == OTHER
    try:
        amount = parse_amount(entry.other if is_other else entry.ladder, appeal.currency)
        check_limits(amount, minimum_minor=settings.minimum_minor, maximum_minor=settings.maximum_minor)
    except AmountProblem as error:
        words = amount_words(error.problem, settings)
        if is_other and error.problem is Problem.EMPTY:
            words = _("Enter an amount in numbers, like 12.50")
        problems.append(("other" if is_other else "amount", words))
        return None
    return amount


def _check_email(text: str, problems: list[tuple[str, str]]) -> str:
    typed = text.strip()
    if not typed:
        problems.append(("email", _("Enter your email address, so that your receipt finds you")))
        return ""
    try:
        if len(typed) > EMAIL_CHARS or not all(map(is_printable, typed)):
            raise EmailNotValidError
        return validate_email(typed, check_deliverability=False).normalized
    except EmailNotValidError:
        problems.append(("email", _("Enter an email address in the format name@example.org")))
        return ""


def _check_name(text: str, problems: list[tuple[str, str]]) -> str:
    name = clean_line(text, limit=NAME_CHARS)
    if not name:
        problems.append(("name", _("Enter your name")))
    elif len(text.strip()) > NAME_CHARS:
        problems.append(("name", _("Enter your name with at most %(count)s characters") % {"count": NAME_CHARS}))
    elif not all(map(is_printable, text)):
        problems.append(("name", _("Your name holds characters that cannot be shown; check it and send it again")))
    elif "://" in name or "www." in name.lower():
        problems.append(("name", _("Enter your name without an address of a web page")))
    return name


def _is_ticked(value: str | None) -> bool:
    if value not in {None, TICKED}:
        raise PageError(400, _("The form carried a value that we do not know, so nothing was done."))
    return value == TICKED
