"""Stripe's exported CSV files, read into the same facts as its lists. Pure.

Known by their columns: reports of single lines of the balance (balance change from activity, payout reconciliation, ending
balance), the itemised payouts report, the dashboard's exports of payouts and of the balance's history, and the report of
fees. None of them says everything. The reports of lines leave payouts out; the report of payouts knows only on which day
the money left, the dashboard's exports know the minute; only the report of fees knows the tax in a fee.

Source: docs.stripe.com/reports/report-types/balance, docs.stripe.com/reports/report-types/payout-reconciliation and
docs.stripe.com/reports/report-types/all-fees, read 2026-11-23. Amounts are in major units, times in UTC where the column
says so.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from supporters.kit.errors import SupportersError
from supporters.kit.money import exponent
from supporters.kit.strings import gettext as _
from supporters.payments.facts import BalanceLine, FeeDetail, PayoutSeen

AMOUNT = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,12})(?:(?P<mark>[.,])(?P<part>\d{1,6}))?", re.ASCII)


class Unreadable(SupportersError):
    """A file, or a cell of it, that can't be read; the message names file, line and column and what to do."""


class Kind(StrEnum):
    """What a file tells."""

    FEES = "fees"  # What is tax in the fees of lines.
    LINES = "lines"  # Lines of the balance, but for payouts.
    HISTORY = "history"  # Every line of the balance, without its reporting category.
    PAYOUTS = "payouts"  # Payouts as the dashboard exports them.
    ITEMIZED_PAYOUTS = "itemized payouts"  # Payouts as the report tells them.


# What a file must have to be of a kind; the first that fits.
COLUMNS: dict[Kind, frozenset[str]] = {
    Kind.ITEMIZED_PAYOUTS: frozenset(["payout_id", "balance_transaction_id", "currency", "gross", "fee", "net"]),
    Kind.FEES: frozenset(["balance_transaction_id", "amount", "tax", "currency", "incurred_by"]),
    Kind.LINES: frozenset(["balance_transaction_id", "currency", "gross", "fee", "net", "reporting_category"]),
    Kind.HISTORY: frozenset(["id", "Type", "Source", "Amount", "Fee", "Net", "Currency", "Created (UTC)"]),
    Kind.PAYOUTS: frozenset(["id", "Amount", "Currency", "Arrival Date (UTC)", "Status", "Balance Transaction"]),
}
# In which order files are taken in: what knows a line best comes first.
ORDER = (Kind.FEES, Kind.LINES, Kind.HISTORY, Kind.PAYOUTS, Kind.ITEMIZED_PAYOUTS)
# A type of the balance's history whose category is beyond doubt. An adjustment may be anything: reports of lines tell.
CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "tax_fee": "tax",
    "topup": "topup",
    "topup_reversal": "topup_reversal",
    "contribution": "contribution",
}


class Row(msgspec.Struct, frozen=True):
    """One line of a file, and where it stands."""

    file: str
    line: int
    cells: Mapping[str, str]
    has_commas: bool  # between its cells, so that one within an amount is for thousands as likely as not


class Told(msgspec.Struct, frozen=True):
    """What one row tells: a line of the balance, a payout, or the tax in a line's fee (`tax_of`, minor units)."""

    line: BalanceLine | None = None
    payout: PayoutSeen | None = None
    tax_of: tuple[str, int] | None = None


class Report:
    """One exported file, of a known kind. Raises Unreadable for anything else."""

    def __init__(self, name: str, content: bytes, *, livemode: bool, time_zone: str = "UTC") -> None:
        self.name = name
        self.livemode = livemode
        self._zone = ZoneInfo(time_zone)
        text = _text(name, content)
        self._delimiter = _delimiter(text)
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter)
        self._names = [cell.strip() for cell in self._next() or []]
        self.kind = self._kind()

    def rows(self) -> Iterator[Told]:
        """What every row tells, in the file's order. Raises Unreadable."""
        read = _READERS[self.kind]
        while True:
            cells = self._next()
            if cells is None:
                return
            if not any(cells):
                continue
            named = dict(zip(self._names, cells, strict=False))
            row = Row(self.name, self._reader.line_num, named, self._delimiter == ",")
            if len(cells) != len(self._names):
                words = _("it has %(found)s columns, and the first line names %(named)s: export the file again")
                raise wrong(row, "", words % {"found": len(cells), "named": len(self._names)})
            yield from read(row, self)

    def moment(self, row: Row, name: str) -> datetime | None:
        """The time in the column of that name, or in `<name>_utc` where the file has it; None where there is none."""
        text, zone = row.cells.get(f"{name}_utc", ""), UTC
        column = f"{name}_utc"
        if not text:
            column, text = name, row.cells.get(name, "")
            zone = UTC if "(UTC)" in name else self._zone
        if not text:
            return None
        try:
            at = datetime.fromisoformat(text.replace(" UTC", ""))
            return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise wrong(row, column, _("%(text)s is no time like 2026-11-22 09:36:00") % {"text": text[:40]}) from error

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            told = {"file": self.name, "line": self._reader.line_num}
            raise Unreadable(_("%(file)s, line %(line)s: this is no CSV. Export the file again.") % told) from error

    def _kind(self) -> Kind:
        names = set(self._names)
        known = frozenset[str]().union(*COLUMNS.values())
        twice = sorted(name for name in names & known if self._names.count(name) > 1)
        if twice:
            told = {"file": self.name, "column": twice[0]}
            raise Unreadable(_("%(file)s has the column %(column)s twice. Export the file again.") % told)
        for kind, needed in COLUMNS.items():
            if needed <= names:
                return kind
        words = _(
            "%(file)s is none of Stripe's exports that are known here: balance change from activity, payout reconciliation or "
            "ending balance (itemised), payouts, fees, or the balance's history. Nothing was taken from it."
        )
        raise Unreadable(words % {"file": self.name})


def wrong(row: Row, column: str, what: str) -> Unreadable:
    """The error that names file, line and column."""
    told = {"file": row.file, "line": row.line, "column": column, "what": what}
    if not column:
        return Unreadable(_("%(file)s, line %(line)s: %(what)s.") % told)
    return Unreadable(_("%(file)s, line %(line)s, column %(column)s: %(what)s.") % told)


def _text(name: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        words = _("%(file)s is no UTF-8 text, as Stripe's exports are. Export it again as CSV.")
        raise Unreadable(words % {"file": name}) from error
    if "\0" in text:
        raise Unreadable(_("%(file)s is no text. Export it again as CSV.") % {"file": name})
    return text


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _lines(row: Row, report: Report) -> Iterator[Told]:
    category = _needed(row, "reporting_category")
    created = report.moment(row, "created")
    if created is None:
        words = _("it is empty or not in the file: choose the columns again, with created_utc among them")
        raise wrong(row, "created_utc", words)
    source = _given(row, "source_id")
    line = _line(
        row,
        category=category,
        created=created,
        available=report.moment(row, "available_on"),
        type_="",
        source_id=source,
        amounts=("gross", "fee", "net"),
    )
    yield Told(
        line=msgspec.structs.replace(
            line,
            charge_id=_given(row, "charge_id") or (source if source and source.startswith("ch_") else None),
            payment_intent_id=_given(row, "payment_intent_id"),
            payout_id=_given(row, "automatic_payout_id"),
        )
    )


def _history(row: Row, report: Report) -> Iterator[Told]:
    type_ = _needed(row, "Type")
    category = CATEGORIES.get(type_)
    created = report.moment(row, "Created (UTC)")
    if category is None or created is None:
        return
    source = _given(row, "Source")
    line = _line(
        row,
        category=category,
        created=created,
        available=report.moment(row, "Available On (UTC)"),
        type_=type_,
        source_id=source,
        amounts=("Amount", "Fee", "Net"),
        key="id",
        currency="Currency",
    )
    out = _given(row, "Transfer") or (source if category == "payout" else None)
    yield Told(line=msgspec.structs.replace(line, payout_id=out))


def _payouts(row: Row, report: Report) -> Iterator[Told]:
    created, arrival = report.moment(row, "Created (UTC)"), report.moment(row, "Arrival Date (UTC)")
    if created is None or arrival is None:
        raise wrong(row, "Created (UTC)", _("it is empty: export the payouts again with all columns"))
    currency = _currency(row, "Currency")
    amount = _minor(row, "Amount", currency)
    payout_id, line_id = _needed(row, "id"), _needed(row, "Balance Transaction")
    yield Told(
        payout=PayoutSeen(
            payout_id=payout_id,
            created_at=created,
            arrival_on=arrival.date(),
            amount_minor=amount,
            currency=currency,
            status=_needed(row, "Status"),
            livemode=report.livemode,
            method=row.cells.get("Method") or "standard",
            line_id=line_id,
            failure_line_id=_given(row, "Failure Balance Transaction"),
            failure_code=row.cells.get("Failure Code") or None,
            trace_id=row.cells.get("Trace ID") or None,
            descriptor=row.cells.get("Statement Descriptor") or None,
            occurred_at=created,
        )
    )
    if (row.cells.get("Method") or "standard") == "standard":  # else it had a fee, which this file does not tell
        yield Told(line=_payout_line(line_id, payout_id, created, arrival, currency, amount))


def _payout_line(
    line_id: str, payout_id: str, created: datetime, arrival: datetime, currency: str, amount_minor: int
) -> BalanceLine:
    return BalanceLine(
        id=line_id,
        created_at=created,
        available_at=max(created, arrival),
        status="available",
        type="payout",
        reporting_category="payout",
        currency=currency,
        gross_minor=-amount_minor,
        fee_minor=0,
        net_minor=-amount_minor,
        fee_details=[],
        exchange_rate=None,
        source_id=payout_id,
        charge_id=None,
        payment_intent_id=None,
        payout_id=payout_id,
    )


def _itemized_payouts(row: Row, report: Report) -> Iterator[Told]:
    category = row.cells.get("reporting_category") or "payout"
    left = report.moment(row, "effective_at")
    reversed_at = report.moment(row, "payout_reversed_at")
    created = (reversed_at or left) if category == "payout_reversal" else left
    if created is None:
        raise wrong(row, "effective_at_utc", _("it is empty: choose the columns again"))
    payout_id = _needed(row, "payout_id")
    line = _line(
        row,
        category=category,
        created=created,
        available=created,
        type_="payout" if category == "payout" else "",
        source_id=payout_id,
        amounts=("gross", "fee", "net"),
    )
    if category != "payout":
        yield Told(line=line)
        return
    arrival = report.moment(row, "payout_expected_arrival_date") or created
    yield Told(line=msgspec.structs.replace(line, payout_id=payout_id))
    yield Told(
        payout=PayoutSeen(
            payout_id=payout_id,
            created_at=created,
            arrival_on=arrival.date(),
            amount_minor=-line.gross_minor,
            currency=line.currency,
            status=row.cells.get("payout_status") or "pending",
            livemode=report.livemode,
            line_id=line.id,
            trace_id=row.cells.get("trace_id") or None,
            occurred_at=created,
        )
    )


def _fees(row: Row, _report: Report) -> Iterator[Told]:
    tax = _minor(row, "tax", _currency(row, "currency")) if row.cells.get("tax") else 0
    if tax:
        yield Told(tax_of=(_needed(row, "balance_transaction_id"), tax))


_READERS: dict[Kind, Callable[[Row, Report], Iterator[Told]]] = {
    Kind.FEES: _fees,
    Kind.LINES: _lines,
    Kind.HISTORY: _history,
    Kind.PAYOUTS: _payouts,
    Kind.ITEMIZED_PAYOUTS: _itemized_payouts,
}


def _line(
    row: Row,
    *,
    category: str,
    created: datetime,
    available: datetime | None,
    type_: str,
    source_id: str | None,
    amounts: tuple[str, str, str],
    key: str = "balance_transaction_id",
    currency: str = "currency",
) -> BalanceLine:
    money = _currency(row, currency)
    gross, fee, net = (_minor(row, name, money) for name in amounts)
    if gross - fee != net:
        raise wrong(row, amounts[2], _("gross less fee is not net: export the file again"))
    return BalanceLine(
        id=_needed(row, key),
        created_at=created,
        available_at=available or created,
        status="available",
        type=type_,
        reporting_category=category,
        currency=money,
        gross_minor=gross,
        fee_minor=fee,
        net_minor=net,
        fee_details=[FeeDetail("stripe_fee", fee, money)] if fee else [],
        exchange_rate=None,
        source_id=source_id,
        charge_id=None,
        payment_intent_id=None,
        payout_id=None,
    )


def _needed(row: Row, column: str) -> str:
    text = row.cells.get(column, "").strip()
    if not text or len(text) > 120 or not text.isascii():
        raise wrong(row, column, _("it is empty or no plain text: export the file again"))
    return text


def _given(row: Row, column: str) -> str | None:
    return _needed(row, column) if row.cells.get(column, "").strip() else None


def _currency(row: Row, column: str) -> str:
    text = _needed(row, column).upper()
    if len(text) != 3 or not text.isalpha():
        raise wrong(row, column, _("%(text)s is no currency like gbp") % {"text": text[:20]})
    return text


def _minor(row: Row, column: str, currency: str) -> int:
    """The amount in minor units. Stripe's reports have no marks for thousands; what may be one is refused."""
    text = row.cells.get(column, "").strip()
    found, digits = AMOUNT.fullmatch(text), exponent(currency)
    part = (found["part"] or "").rstrip("0") if found else ""
    is_grouped = found and len(found["part"] or "") == 3 and (digits < 3 or (row.has_commas and found["mark"] == ","))
    if found and len(part) <= digits and not is_grouped:
        return int(found["whole"] + part.ljust(digits, "0")) * (-1 if found["sign"] else 1)
    told = {"text": text[:40] or "“”", "currency": currency}
    raise wrong(row, column, _("%(text)s is no amount in %(currency)s") % told)
