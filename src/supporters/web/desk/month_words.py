"""What the desk says about months. Pure: records in, words out."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec

from supporters.kit.errors import NotFound, Refused
from supporters.kit.strings import gettext as _
from supporters.ledger.models import BankProof
from supporters.ledger.periods import first_day
from supporters.reconciliation.closing import Item, Ready, describe_item, is_locked
from supporters.reconciliation.month_queries import MonthRow
from supporters.web.desk.words import Tag

PATH = "/desk/months"
NEVER = datetime(1, 1, 1, tzinfo=UTC)
EARLIEST, LATEST = date(1972, 1, 1), date(9998, 1, 1)
_WHERE = {
    "books": "/desk/books",
    "posted": "/desk/events",
    "payouts": "/desk/payouts?view=content&from={first}&to={last}",
    "payouts_off": "/desk/payouts?from={first}&to={last}",
    "arrived": "/desk/payouts?view=bank&from={first}&to={last}",
    "no_account": "/desk/bank",
    "statements": "/desk/bank",
    "bank_lines": "/desk/match?from={first}&to={last}",
    "stripe": "/desk/stripe",
    "stripe_unasked": "/desk/stripe",
    "at_bank": "/desk/months/waiting#at-bank",
    "suspense": "/desk/months/waiting#suspense",
    "put_right": "/desk/discrepancies",
    "explained": "/desk/discrepancies",
}
_BANK = frozenset({"arrived", "no_account", "statements", "bank_lines", "at_bank"})


class ShownItem(msgspec.Struct, frozen=True):
    """One line of the checklist as the page shows it."""

    words: str
    icon: str
    tone: str
    href: str
    is_bank: bool


def month_tag(row: MonthRow, *, today: date, is_asked: bool = False) -> Tag:
    """Where the month stands."""
    if is_locked(row):
        is_elsewhere = row.period is not None and row.period.bank_proof == BankProof.ELSEWHERE.value
        about = (
            _("The bank was proved in the accountant's books.")
            if is_elsewhere
            else _("Nothing is posted in it any more.")
        )
        return Tag(_("Closed"), "check", "pos", about)
    if (row.month.year, row.month.month) == (today.year, today.month):
        return Tag(_("Under way"), "clock", "", _("The month is not over yet."))
    if is_asked:
        return Tag(
            _("Waits for a second person"), "clock", "info", _("One has asked to close it; another has to agree.")
        )
    if row.is_clear:
        return Tag(_("Ready to close"), "arrow", "info", _("Nothing is left to do in it."))
    return Tag(_("Open"), "dot", "warn", _("Something is left to do in it."))


def month_named(name: str) -> date:
    """The first day of the month of an address. Raises NotFound for what is no month, or is too far away."""
    try:
        first = first_day(name)
    except Refused:
        raise NotFound(_("A month is written like 2026-11.")) from None
    if not EARLIEST <= first <= LATEST:
        raise NotFound(_("That month is too far away."))
    return first


def read_moment(text: str) -> datetime:
    """The moment that a form names; one that never was for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return NEVER


def shown_items(items: Sequence[Item], *, first: date, last: date) -> list[ShownItem]:
    """The checklist, each with the place where what is left is done."""
    return [_shown(item, first=first, last=last) for item in items]


def proofs() -> list[tuple[str, str, str]]:
    """The ways of proving the bank: value, words, and what it means."""
    return [
        (
            BankProof.STATEMENT.value,
            _("With statements brought here"),
            _("Every payout is held against the bank line that shows it."),
        ),
        (
            BankProof.ELSEWHERE.value,
            _("In the accountant's own books, such as Xero"),
            _("Payouts are proved up to the moment they leave Stripe; the bank is matched there."),
        ),
    ]


def _shown(item: Item, *, first: date, last: date) -> ShownItem:
    icon, tone = {Ready.DONE: ("check", "pos"), Ready.NOTE: ("alert", "warn"), Ready.STOP: ("cross", "neg")}[item.state]
    where = _WHERE.get(item.key, "") if item.state is not Ready.DONE else ""
    href = where.format(first=first.isoformat(), last=last.isoformat())
    if item.key == "earlier" and item.state is not Ready.DONE:
        href = f"{PATH}/{item.detail}"
    return ShownItem(describe_item(item), icon, tone, href, item.key in _BANK)
