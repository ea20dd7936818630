"""What is said in letters about plans: sums, days, and why a payment failed, as a supporter reads them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date

from supporters.kit.money import Money, format_money, plain_amount
from supporters.kit.strings import gettext as _
from supporters.plans.dates import next_taken
from supporters.plans.models import Method, Plan, PlanState
from supporters.settings import Settings

_NO_FUNDS = frozenset({"insufficient_funds"})
_OVER = frozenset({"expired_card"})
_PROOF = frozenset({"authentication_required", "authentication_not_handled"})
_WRONG = frozenset({"incorrect_number", "invalid_number", "incorrect_cvc", "invalid_expiry_year", "invalid_account"})
_LIMIT = frozenset({"card_velocity_exceeded", "withdrawal_count_limit_exceeded", "amount_too_large"})
_AWAY = frozenset({"processing_error", "issuer_not_available", "try_again_later", "approve_with_id"})
_NOT_FOR_THIS = frozenset({"card_not_supported", "currency_not_supported", "transaction_not_allowed"})
_NO_DEBIT = frozenset({"debit_not_authorized", "bank_ownership_changed"})
_CLOSED = frozenset({"account_closed", "bank_account_closed", "bank_account_restricted", "no_account"})


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What one letter says. `rows` are its facts, `button` what its one button says, `then` what happens next."""

    subject: str
    head: str
    lead: str
    rows: Sequence[tuple[str, str]]
    then: str
    button: str = ""
    url: str = ""
    more: str = ""  # a second paragraph

    def context(self) -> dict[str, object]:
        """The plain values for templates/mail/parts/plan."""
        told: dict[str, object] = msgspec.to_builtins(self)
        return {"letter_subject": told.pop("subject"), **told}


class Style:
    """Sums and days as this publisher's readers write them."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._locale = settings.locale
        self._zone = ZoneInfo(settings.time_zone)
        self._today = now.astimezone(self._zone).date()
        self.paper = settings.publisher_name

    def sum(self, minor: int, currency: str) -> str:
        """The amount, short: "£10"."""
        return format_money(Money(minor, currency), self._locale, trim=True)

    def per(self, minor: int, currency: str, frequency: str) -> str:
        """The amount with how often: "£10 a month"."""
        said = {"quarterly": _("{amount} a quarter"), "yearly": _("{amount} a year")}
        return said.get(frequency, _("{amount} a month")).format(amount=self.sum(minor, currency))

    def of(self, plan: Plan) -> str:
        """What the plan is: "£10 a month"."""
        return self.per(plan.amount_minor, plan.currency, plan.frequency)

    def local(self, moment: datetime) -> date:
        """The day that it is here at that moment."""
        return moment.astimezone(self._zone).date()

    def day(self, when: datetime | date | None) -> str:
        """The day in words, with its year where that is not this one's."""
        if when is None:
            return _("not known yet")
        local = self.local(when) if isinstance(when, datetime) else when
        pattern = "EEEE d MMMM" if local.year == self._today.year else "EEEE d MMMM y"
        return format_date(local, pattern, locale=self._locale)

    def short_day(self, when: datetime | date) -> str:
        """The day without that of the week, for subjects."""
        local = self.local(when) if isinstance(when, datetime) else when
        pattern = "d MMMM" if local.year == self._today.year else "d MMMM y"
        return format_date(local, pattern, locale=self._locale)


def name_of(plan: Plan) -> str:
    """What people call a plan."""
    named = {"quarterly": _("quarterly donation"), "yearly": _("yearly donation")}
    return named.get(plan.frequency, _("monthly donation"))


def method_words(plan: Plan) -> str:
    """How the plan is paid, by the last digits where they are known."""
    kind = {
        Method.CARD: _("Card"),
        Method.BACS_DEBIT: _("Direct Debit"),
        Method.SEPA_DEBIT: _("Direct debit"),
        Method.STANDING_ORDER: _("Standing order"),
    }.get(Method(plan.method), _("Through Stripe"))
    if not plan.method_last4:
        return kind
    return _("{kind} ending {digits}").format(kind=kind, digits=plan.method_last4)


def reason_words(code: str | None, *, for_staff: bool = False) -> str:
    """Why a payment failed, without blame, to the supporter or about them.

    Codes that would tell a thief something say no more than the usual words. *Source*: docs.stripe.com/declines/codes,
    read 2026-11-22.
    """
    known = _reasons_for_staff() if for_staff else _reasons()
    return next((words for codes, words in known if code in codes), known[-1][1])


def is_debit_over(code: str | None) -> bool:
    """Whether a bank that says so will pay no later debit from that account either."""
    return code in _NO_DEBIT or code in _CLOSED


def _reasons() -> Sequence[tuple[Collection[str], str]]:
    return (
        (_NO_FUNDS, _("Your bank says that there was not enough in the account at that moment.")),
        (_OVER, _("Your card has run out.")),
        (_PROOF, _("Your bank wants you to confirm the payment yourself.")),
        (_WRONG, _("The card or account details are not right any more.")),
        (_LIMIT, _("Your bank has a limit for payments, and this one was above it.")),
        (_AWAY, _("Your bank could not be reached.")),
        (_NOT_FOR_THIS, _("Your bank does not let this card be used for it.")),
        (_NO_DEBIT, _("Your bank says that it has no instruction from you to pay by debit.")),
        (_CLOSED, _("Your bank says that the account is closed or cannot be debited.")),
        ((), _("Your bank said no and did not tell us why.")),
    )


def _reasons_for_staff() -> Sequence[tuple[Collection[str], str]]:
    return (
        (_NO_FUNDS, _("There was not enough in the account at that moment.")),
        (_OVER, _("The card has run out.")),
        (_PROOF, _("The bank wants the supporter to confirm the payment.")),
        (_WRONG, _("The card or account details are not right any more.")),
        (_LIMIT, _("The bank has a limit for payments, and this one was above it.")),
        (_AWAY, _("The bank could not be reached.")),
        (_NOT_FOR_THIS, _("The bank does not let this card be used for it.")),
        (_NO_DEBIT, _("The bank says that it has no instruction to pay by debit.")),
        (_CLOSED, _("The account is closed or cannot be debited.")),
        ((), _("The bank said no and did not say why.")),
    )


def next_row(plan: Plan, style: Style) -> tuple[str, str]:
    """When money is next taken: after a pause, and not known while the plan is held until something is decided."""
    day = plan.next_at
    if day and plan.paused_until:
        day = next_taken(day, plan.frequency, paused_until=plan.paused_until, started_at=plan.started_at)
    elif plan.state == PlanState.PAUSED:
        day = None
    return _("Next payment"), style.day(day)


def again_url(plan: Plan, settings: Settings) -> str:
    """The form with this plan's values filled in, to begin a new one."""
    amount = plain_amount(Money(plan.amount_minor, plan.currency))
    return f"{settings.base_url}/give?frequency={plan.frequency}&amount={amount}"
