"""What the desk says about payouts. Pure: records in, words out; and the list's address, read and written."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from urllib.parse import urlencode

import msgspec

from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.kit.text import clean_line
from supporters.payments.models import Content
from supporters.reconciliation.detect_bank import ARRIVES_WITHIN
from supporters.reconciliation.matching import Reason, describe_reason, working_days
from supporters.reconciliation.models import BankMatch
from supporters.reconciliation.payout_lines import Part
from supporters.reconciliation.payout_queries import PayoutFilter, PayoutRow, Standing
from supporters.reconciliation.waterfall import Bar, Step, bars_of, describe_step, steps_of
from supporters.web.desk.paging import page_number
from supporters.web.desk.words import Tag

PATH = "/desk/payouts"
FIELDS = ("view", "from", "to", "page")
VIEWS = ("", "content", "bank", "returned")
MOST_PAGES = 10_000
EARLIEST, LATEST = date(1970, 1, 2), date(9998, 12, 30)


class Looked(msgspec.Struct, frozen=True):
    """Payouts as an address asks for them: what was understood, what was typed, which page, what can't be read."""

    wanted: PayoutFilter
    typed: dict[str, str]
    page: int
    problems: list[tuple[str, str]]

    def address(self, path: str = PATH, *, page: int = 1, **more: str) -> str:
        """The address of this view, or of another page of it; `more` replaces fields."""
        fields = {**self.typed, **more, "page": str(page) if page > 1 else ""}
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"{path}?{query}" if query else path


class ShownBar(msgspec.Struct, frozen=True):
    """One bar of the way from payments to payout."""

    label: str
    amount: Money
    bar: Bar


class Because(msgspec.Struct, frozen=True):
    """One reason why it is proved, or is not yet."""

    words: str
    holds: bool


def read_looked(query: Mapping[str, str]) -> Looked:
    """What the query asks for. What can't be read is left out and named."""
    typed = {name: clean_line(query[name], limit=40) for name in FIELDS if query.get(name)}
    problems: list[tuple[str, str]] = []
    page = page_number(typed.pop("page", ""), most=MOST_PAGES)
    view = typed.get("view", "")
    wanted = PayoutFilter(
        view=view if view in VIEWS else "", since=_day(typed, "from", problems), until=_day(typed, "to", problems)
    )
    return Looked(wanted, typed, page, problems)


def standing_tag(standing: Standing) -> Tag:
    """How far a payout is proved."""
    return {
        Standing.COLLECTING: Tag(_("Being proved"), "clock", "", _("What is in it is not proved yet.")),
        Standing.ARRIVING: Tag(_("Awaiting the bank"), "arrow", "info", _("No bank line shows it yet.")),
        Standing.PROVED: Tag(_("Proved"), "check", "pos", _("Lines, books and bank agree to the penny.")),
        Standing.ELSEWHERE: Tag(
            _("Proved elsewhere"),
            "check",
            "",
            _("Its month was closed with the bank proved in the accountant's books."),
        ),
        Standing.OFF: Tag(_("Check"), "alert", "warn", _("Two sides do not agree.")),
        Standing.RETURNED: Tag(_("Came back"), "undo", "neg", _("Its money is in Stripe's balance again.")),
    }[standing]


def kind_words(row: PayoutRow) -> str:
    """How it was made."""
    if row.method == "instant":
        return _("Instant, made by hand")
    return _("Automatic") if row.is_automatic else _("Made by hand")


def status_words(status: str) -> str:
    """What Stripe says of it."""
    return {
        "pending": _("on its way out of Stripe"),
        "in_transit": _("with the banks"),
        "paid": _("paid out"),
        "failed": _("failed: the bank sent it back"),
        "canceled": _("called off"),
    }.get(status, status)


def view_words(view: str) -> str:
    """What a part of the list is called."""
    return {
        "": _("All"),
        "content": _("Contents not proved"),
        "bank": _("Not in the bank"),
        "returned": _("Came back"),
    }[view]


class Age(msgspec.Struct, frozen=True):
    """How long a payout was, or is, on its way. `waits` counts the days since it should have been in the bank, while it is not
    seen there; `is_late`: a statement shows that it has not come.
    """

    days: int
    words: str
    bank_on: date | None = None
    waits: int = 0
    is_late: bool = False


def age_of(row: PayoutRow, bank_on: date | None, *, today: date, seen: Mapping[str, date], zone: str) -> Age | None:
    """How long it took to be seen in the bank, or how long it has not been; None where nothing is to be seen there.

    `bank_on`: the day on which the bank shows it; `seen` says until when statements would, by currency.
    """
    if row.standing in (Standing.RETURNED, Standing.ELSEWHERE) or (row.amount_minor == 0 and bank_on is None):
        return None
    left = local_date(row.created_at, zone)
    days, waits = max(((bank_on or today) - left).days, 0), (today - row.arrival_on).days
    if bank_on is not None:
        return Age(days, ngettext("took %(days)s day", "took %(days)s days", days) % {"days": days}, bank_on)
    if waits <= 0:
        on_its_way = ngettext("%(days)s day on its way", "%(days)s days on its way", days) % {"days": days}
        return Age(days, on_its_way if days else _("left today"))
    if working_days(row.arrival_on, seen.get(row.currency, row.arrival_on)) >= ARRIVES_WITHIN:
        return Age(
            days,
            ngettext("%(days)s day late", "%(days)s days late", waits) % {"days": waits},
            None,
            waits,
            is_late=True,
        )
    words = ngettext("due %(days)s day ago, no statement yet", "due %(days)s days ago, no statement yet", waits)
    return Age(days, words % {"days": waits}, None, waits)


def payout_bars(parts: Sequence[Part], currency: str) -> list[ShownBar]:
    """The way from what was paid to what was paid out."""
    return shown_bars(steps_of(parts), currency)


def shown_bars(sums: Mapping[Step, int], currency: str) -> list[ShownBar]:
    """The steps with their names and bars."""
    return [ShownBar(describe_step(bar.step), Money(bar.minor, currency), bar) for bar in bars_of(sums)]


def category_words(category: str) -> str:
    """What a kind of line is called; one that has no words of its own keeps Stripe's name for it."""
    return {
        "charge": _("Payment"),
        "refund": _("Refund"),
        "refund_failure": _("Refund that failed"),
        "partial_capture_reversal": _("Part of a payment not taken"),
        "dispute": _("Taken back by a bank"),
        "dispute_reversal": _("Given back by a bank"),
        "charge_failure": _("Debit that its bank did not pay"),
        "fee": _("Stripe's own charges"),
        "tax": _("Tax on Stripe's charges"),
        "network_cost": _("Costs of card networks"),
        "risk_reserved_funds": _("Reserve"),
        "connect_reserved_funds": _("Reserve"),
        "topup": _("Top-up"),
        "topup_reversal": _("Top-up taken back"),
        "contribution": _("Contribution"),
        "payout": _("Payout"),
        "payout_reversal": _("Payout that came back"),
        "other_adjustment": _("Adjustment"),
        "opening": _("Opening balance"),
        "reversal": _("Correction"),
    }.get(category, category.replace("_", " "))


def reasons_of(match: BankMatch) -> Iterator[Because]:
    """What was compared when the bank line was found to be the payout."""
    for each in match.reasons:
        try:
            reason = msgspec.convert(each, Reason)
        except msgspec.ValidationError:
            continue  # written by an older version: nothing is said rather than something wrong
        yield Because(describe_reason(reason).capitalize(), reason.outcome.value != "different")


def content_reason(row: PayoutRow, *, lines: int, unposted: int) -> list[Because]:
    """Why it is known what is in it, or is not."""
    if not row.is_itemised:
        found = [
            Because(_("Stripe's balance agreed with the books after it"), True)
            if row.is_content_proved
            else Because(_("Stripe's balance has not been compared with the books since"), False)
        ]
    elif row.content == Content.VERIFIED.value:
        found = [Because(_("Its lines add up to it: %(count)s") % {"count": lines}, True)]
    elif row.content == Content.OFF.value:
        refused = row.content_off_minor is None
        words = (
            _("Stripe did not list its lines; it is asked again every day")
            if refused
            else _("Its lines do not add up to it")
        )
        found = [Because(words, False)]
    else:
        found = [Because(_("Stripe has not finished saying what is in it"), False)]
    if unposted:
        found.append(Because(_("Lines that are not in the books yet: %(count)s") % {"count": unposted}, False))
    elif lines:
        found.append(Because(_("Each of its lines is in the books"), True))
    return found


def _day(typed: Mapping[str, str], name: str, problems: list[tuple[str, str]]) -> date | None:
    if name not in typed:
        return None
    try:
        day = date.fromisoformat(typed[name])
    except ValueError:
        problems.append((f"f-{name}", _("Write the day as year, month and day: 2026-11-22.")))
        return None
    if EARLIEST <= day <= LATEST:
        return day
    problems.append((f"f-{name}", _("That day is too far away.")))
    return None
