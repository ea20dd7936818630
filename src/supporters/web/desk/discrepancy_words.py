"""Discrepancies as pages show them: what they are about, where to look, what each way of closing one does. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import cast
from urllib.parse import urlencode

import msgspec

from supporters.audit.queries import AuditRow
from supporters.discrepancies.codes import Code, Resolution, describe, describe_resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.queries import NOBODY, DiscrepancyFilter
from supporters.discrepancies.rules import QUIET, RULES, ways
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.ledger.chart import describe as describe_account
from supporters.ledger.post import Entry
from supporters.reconciliation.ageing import BANDS, opened_between
from supporters.staff.letter_words import role_word
from supporters.web.desk.audit_words import deed_word
from supporters.web.desk.paging import page_number

PATH = "/desk/discrepancies"
FIELDS = ("view", "code", "owner", "age", "by", "page", "state")
VIEWS = ("", "mine", "free", "second", "info", "closed")
LAST_PAGE = 500
AT_STRIPE = "https://dashboard.stripe.com"
_PLACES = {
    "pi": "payments",
    "ch": "payments",
    "py": "payments",
    "po": "payouts",
    "du": "disputes",
    "dp": "disputes",
    "evt": "events",
    "tu": "topups",
    "sub": "subscriptions",
    "in": "invoices",
}
_BANDS = frozenset(str(since) for since, _until in BANDS)
_ABOUT_LINES = (Code.BANK_CREDIT_UNKNOWN.value, Code.BANK_MERGED.value)  # their subject is the bank line
KNOWN = frozenset(code.value for code in Code)
_AT_STRIPE = (*_PLACES, "txn", "re", "pyr", "cs", "issfr")
_OF_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])(?::[A-Z]{3})?")
_DAY = re.compile(r"20\d\d-\d\d-\d\d")
_LINKED = frozenset({"dispute", "first_donation", "bank_account_id"})
_PAIRS = frozenset({"amount_minor", "currency"})  # told as what was asked for and what came


class Shown(msgspec.Struct, frozen=True):
    """One discrepancy as pages show it."""

    id: str
    code: str
    sentence: str
    subject: str
    donation_id: str | None
    amount: Money | None
    record: Discrepancy

    @property
    def is_open(self) -> bool:
        """Whether nobody has explained it yet."""
        return self.record.state == DiscrepancyState.OPEN

    @property
    def is_quiet(self) -> bool:
        """Whether it is for information only."""
        return self.code in QUIET

    @property
    def month(self) -> date | None:
        """The month that it sums up, where it is about one."""
        return date.fromisoformat(f"{self.subject[:7]}-01") if _OF_MONTH.fullmatch(self.subject) else None

    @property
    def says_itself(self) -> bool:
        """Whether its subject says something to people: an id of ours does not."""
        return not id_of_ours(self.subject)

    @property
    def tax_invoice(self) -> str:
        """Where Stripe's tax invoice for the fees of its month is."""
        return f"{AT_STRIPE}/settings/documents" if self.code == Code.FEE_WITHOUT_CHARGE and self.month else ""

    @property
    def looks_after(self) -> str:
        """Who usually looks after such ones."""
        return role_word(RULES[Code(self.code)].owner) if self.code in RULES else ""

    @property
    def told(self) -> Sequence[tuple[str, object, Money | None]]:
        """What else is known: label, value (a day as a day), and the value as money if it is an amount."""
        linked = {self.subject, *_stripe_ids(self.record)}
        return [
            row
            for name, value in self.record.detail.items()
            if name not in _LINKED and not (isinstance(value, str) and value in linked)
            for row in _told_of(name, value, self.record.currency)
        ]


def _told_of(name: str, value: object, currency: str | None) -> Iterator[tuple[str, object, Money | None]]:
    """One thing that is known; of a payment that differs from its donation, what was asked for and what came."""
    if isinstance(value, list):
        several = cast("list[object]", value)
        if name in _PAIRS and len(several) == 2:
            for label, each in zip((_("Asked for"), _("Came")), several, strict=True):
                yield label, each, _as_money(each, currency) if name == "amount_minor" else None
            return
        value = ", ".join(map(str, several))
    label = name.removesuffix("_minor").replace("_", " ").capitalize()
    yield label, _as_day(value), _as_money(value, currency) if name.endswith("_minor") else None


def _as_money(value: object, currency: str | None) -> Money | None:
    return Money(value, currency) if currency and isinstance(value, int) else None


class Way(msgspec.Struct, frozen=True):
    """One way of closing it, and what that does to the books."""

    value: str
    words: str
    moves: Sequence[str]
    fact: str = ""  # what the records say of it, where they don't show it


class Link(msgspec.Struct, frozen=True):
    """Where to look."""

    label: str
    words: str
    href: str
    is_outside: bool = False


class Deed(msgspec.Struct, frozen=True):
    """One line of its history."""

    at: datetime
    words: str
    by: str
    why: str


class Asked(msgspec.Struct, frozen=True):
    """A view of the list as its address asks for it."""

    view: str
    code: str
    owner: str
    page: int
    by: str = ""  # "kind" where those of one kind stand together
    age: str = ""  # how many days those have waited at least, as `ageing` bands them

    def address(self, path: str = PATH, **changes: str) -> str:
        """The address of this view with `changes`; back on its first page unless they name one."""
        fields = {"view": self.view, "code": self.code, "owner": self.owner, "age": self.age, "by": self.by, **changes}
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"{path}?{query}" if query else path


def read_view(query: Mapping[str, str]) -> Asked:
    """What the address asks for; what it can't mean is left out."""
    view = "closed" if query.get("state") == "resolved" else query.get("view", "")
    code = query.get("code", "")
    return Asked(
        view if view in VIEWS else "",
        code if code in RULES else "",
        query.get("owner", "")[:26],
        page_number(query.get("page", ""), most=LAST_PAGE),
        "kind" if query.get("by") == "kind" else "",
        query.get("age", "") if query.get("age", "") in _BANDS else "",
    )


def filter_of(asked: Asked, member_id: str, *, today: date, zone: str) -> DiscrepancyFilter:
    """The view as the rows are looked for."""
    view = asked.view
    owner = NOBODY if view == "free" else asked.owner or None
    has_code = bool(asked.code)
    return DiscrepancyFilter(
        state=DiscrepancyState.RESOLVED if view == "closed" else DiscrepancyState.OPEN,
        is_quiet=None if view == "closed" or has_code else view == "info",
        code=Code(asked.code) if has_code else None,
        owner_id=None if view == "mine" else owner,
        concerns=member_id if view == "mine" else None,
        asks_other_than=member_id if view == "second" else None,
        opened_between=opened_between(int(asked.age), today=today, zone=zone) if asked.age else None,
    )


def show(found: Discrepancy) -> Shown:
    """The record as pages show it; a code that this version does not know is shown as it is stored."""
    has_amount = found.amount_minor is not None and found.currency is not None
    known = found.code in KNOWN
    return Shown(
        id=found.id,
        code=found.code,
        sentence=describe(Code(found.code)) if known else found.code,
        subject=found.subject,
        donation_id=found.donation_id,
        amount=Money(found.amount_minor or 0, found.currency or "") if has_amount else None,
        record=found,
    )


def ways_of(
    found: Discrepancy,
    moves: Mapping[Resolution, Sequence[Entry]],
    facts: Mapping[Resolution, str],
    *,
    locale: str,
) -> Sequence[Way]:
    """Every way of closing it, the likeliest first, with what each would move and what the records say of it."""
    return [
        Way(way.value, describe_resolution(way), moves_in_words(moves.get(way, ()), locale=locale), facts.get(way, ""))
        for way in ways(Code(found.code))
    ]


def moves_something(found: Discrepancy) -> bool:
    """Whether a fund may have to be chosen."""
    return Resolution.AS_DONATION in ways(Code(found.code))


def links_of(found: Discrepancy, *, is_test: bool, places: Collection[str]) -> Sequence[Link]:
    """Both sides: the record here, and the one at Stripe. `places`: the parts of the desk that have a page for each record."""
    links = [Link(label, words, href) for label, words, href in _here(found, places)]
    for stripe_id in _stripe_ids(found):
        links.append(Link(_("At Stripe"), stripe_id, at_stripe(stripe_id, is_test=is_test), is_outside=True))
    return links


def _here(found: Discrepancy, places: Collection[str]) -> Iterator[tuple[str, str, str]]:
    told = {name: value for name, value in found.detail.items() if isinstance(value, str)}
    own = id_of_ours(found.subject)
    if own and "other-money" in places:
        yield from _of_other_money(found, own)
    if found.code == Code.BANK_DUPLICATE_IMPORT and own and "bank" in places:
        yield _("File"), _("Open the import"), f"/desk/bank/import/{own}"
    if "dispute" in told:
        yield _("Dispute"), _("Open the dispute"), f"/desk/disputes/{told['dispute']}"
    if found.donation_id:
        yield _("Donation"), _("Open the donation"), f"/desk/donations/{found.donation_id}"
    if "first_donation" in told:
        yield _("The other donation"), _("Open the other donation"), f"/desk/donations/{told['first_donation']}"
    if found.subject.startswith("po_") and "payouts" in places:
        yield _("Payout"), _("Open the payout"), f"/desk/payouts/{found.subject}"
    if "bank_account_id" in told:
        yield _("Bank account"), _("Open the account"), f"/desk/bank/{told['bank_account_id']}"
    if is_about_line(found) and "match" in places:
        yield _("Bank line"), _("Open the bank line"), f"/desk/match/{found.subject}"


def _of_other_money(found: Discrepancy, own: str) -> Iterator[tuple[str, str, str]]:
    if found.code == Code.DEPOSIT_BATCH_OFF:
        yield _("Deposit"), _("Open the deposit"), f"/desk/other-money#deposit-{own}"
    if found.code == Code.CHEQUE_BOUNCED:
        yield _("Cheque"), _("Open the cheque"), f"/desk/other-money/{own}"
    if found.code == Code.STANDING_ORDER_MISSED:
        yield _("Standing order"), _("Open the standing order"), f"/desk/other-money/promise/{own}"


def id_of_ours(subject: str) -> str:
    """The id of our own record that the subject is, alone or with a day after it; empty where it is none."""
    own = subject.partition(":")[0]
    return own if is_ulid(own) else ""


def at_stripe(stripe_id: str, *, is_test: bool) -> str:
    """Where Stripe's own desk shows it; what has no page of its own there is looked for."""
    root = f"{AT_STRIPE}/test" if is_test else AT_STRIPE
    place = _PLACES.get(stripe_id.partition("_")[0])
    return f"{root}/{place}/{stripe_id}" if place else f"{root}/search?{urlencode({'query': stripe_id})}"


def history_of(rows: Sequence[AuditRow], names: Mapping[str, str], reasons: Mapping[str, str]) -> Sequence[Deed]:
    """What was done about it, oldest first, with the words that stand with it, by their digest."""
    return [
        Deed(
            at=row.at,
            words=deed_word(row.action),
            by=names.get(row.actor_id or "", _("somebody who has left")),
            why=_why(row.detail or {}, reasons),
        )
        for row in reversed(rows)
    ]


def _why(detail: Mapping[str, object], reasons: Mapping[str, str]) -> str:
    said = [reasons.get(str(detail.get(name)), "") for name in ("reason_sha256", "alone_sha256")]
    return " – ".join(filter(None, said)) or str(detail.get("reason") or "")  # as it once was kept


def age_words(opened_at: datetime, today: date) -> str:
    """How long it has waited."""
    days = max((today - opened_at.date()).days, 0)
    if days == 0:
        return _("today")
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


def moves_in_words(entries: Sequence[Entry], *, locale: str) -> Sequence[str]:
    """Each pair of entries as a sentence: from where to where."""
    told: list[str] = []
    for first, second in zip(entries[::2], entries[1::2], strict=True):
        credit, debit = (second, first) if second.amount_minor < 0 else (first, second)
        amount = format_money(Money(debit.amount_minor, debit.currency), locale)
        sides = {"debit": describe_account(debit.account).name, "credit": describe_account(credit.account).name}
        told.append(_("Books %(amount)s: debit %(debit)s, credit %(credit)s.") % {"amount": amount, **sides})
    return told


def first_place(found: Discrepancy, places: Collection[str]) -> Link | None:
    """Where one goes next, from the list; None where the desk has no page for what it is about."""
    return next((Link(label, words, href) for label, words, href in _here(found, places)), None)


def is_about_line(found: Discrepancy) -> bool:
    """Whether its subject is a bank line."""
    return found.code in _ABOUT_LINES or "credited_minor" in found.detail


def _as_day(value: object) -> object:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return value


def _stripe_ids(found: Discrepancy) -> list[str]:
    named = [found.subject, *(value for value in found.detail.values() if isinstance(value, str))]
    seen = dict.fromkeys(each for each in named if "_" in each and each.partition("_")[0] in _AT_STRIPE)
    return [each for each in seen if each.replace("_", "").isalnum()][:4]
