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
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from supporters.kit.strings import gettext as _
from supporters.payments.facts import BalanceLine, PayoutSeen
from supporters.payments.report_cells import Row, Unreadable, currency_of, given, minor, needed, wrong

A_DAY = timedelta(days=1)
STRIPE_BEGAN = datetime(2010, 1, 1, tzinfo=UTC)


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


class Told(msgspec.Struct, frozen=True):
    """What one row tells: a line of the balance, a payout, or the tax in a line's fee (`tax_of`, minor units).

    `untold`: a line of which this file does not say what it is, and the type that it gives.
    """

    line: BalanceLine | None = None
    payout: PayoutSeen | None = None
    tax_of: tuple[str, int] | None = None
    untold: tuple[str, str] | None = None


class Report:
    """One exported file, of a known kind. Raises Unreadable for anything else."""

    def __init__(
        self, name: str, content: bytes, *, livemode: bool, time_zone: str = "UTC", now: datetime | None = None
    ) -> None:
        self.name = name
        self._latest = now + A_DAY if now else None
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

    def created(self, row: Row, name: str) -> datetime | None:
        """The same of a column that tells of what has been: nothing there is older than Stripe, or still to come."""
        at = self.moment(row, name)
        if at and (at < STRIPE_BEGAN or (self._latest and at > self._latest)):
            raise wrong(row, name, _("%(day)s can't be: export the file again") % {"day": at.date().isoformat()})
        return at

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
        for kind, wanted in COLUMNS.items():
            if wanted <= names:
                return kind
        words = _(
            "%(file)s is none of Stripe's exports that are known here: balance change from activity, payout reconciliation or "
            "ending balance (itemised), payouts, fees, or the balance's history. Nothing was taken from it."
        )
        raise Unreadable(words % {"file": self.name})


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
    category = needed(row, "reporting_category")
    created = report.created(row, "created")
    if created is None:
        words = _("it is empty or not in the file: choose the columns again, with created_utc among them")
        raise wrong(row, "created_utc", words)
    source = given(row, "source_id")
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
            charge_id=given(row, "charge_id") or (source if source and source.startswith("ch_") else None),
            payment_intent_id=given(row, "payment_intent_id"),
            payout_id=given(row, "automatic_payout_id"),
        )
    )


def _history(row: Row, report: Report) -> Iterator[Told]:
    type_ = needed(row, "Type")
    category = CATEGORIES.get(type_)
    created = report.created(row, "Created (UTC)")
    if category is None or created is None:
        yield Told(untold=(needed(row, "id"), type_))
        return
    source = given(row, "Source")
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
    out = given(row, "Transfer") or (source if category == "payout" else None)
    yield Told(line=msgspec.structs.replace(line, payout_id=out))


def _payouts(row: Row, report: Report) -> Iterator[Told]:
    created, arrival = report.created(row, "Created (UTC)"), report.moment(row, "Arrival Date (UTC)")
    if created is None or arrival is None:
        raise wrong(row, "Created (UTC)", _("it is empty: export the payouts again with all columns"))
    currency = currency_of(row, "Currency")
    amount = minor(row, "Amount", currency)
    payout_id, line_id = needed(row, "id"), needed(row, "Balance Transaction")
    yield Told(
        payout=PayoutSeen(
            payout_id=payout_id,
            created_at=created,
            arrival_on=arrival.date(),
            amount_minor=amount,
            currency=currency,
            status=needed(row, "Status"),
            livemode=report.livemode,
            method=row.cells.get("Method") or "standard",
            line_id=line_id,
            failure_line_id=given(row, "Failure Balance Transaction"),
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
    left = report.created(row, "effective_at")
    reversed_at = report.created(row, "payout_reversed_at")
    created = (reversed_at or left) if category == "payout_reversal" else left
    if created is None:
        raise wrong(row, "effective_at_utc", _("it is empty: choose the columns again"))
    payout_id = needed(row, "payout_id")
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
    tax = minor(row, "tax", currency_of(row, "currency")) if row.cells.get("tax") else 0
    if tax:
        yield Told(tax_of=(needed(row, "balance_transaction_id"), tax))


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
    money = currency_of(row, currency)
    gross, fee, net = (minor(row, name, money) for name in amounts)
    if gross - fee != net:
        raise wrong(row, amounts[2], _("gross less fee is not net: export the file again"))
    return BalanceLine(
        id=needed(row, key),
        created_at=created,
        available_at=available or created,
        status="available",
        type=type_,
        reporting_category=category,
        currency=money,
        gross_minor=gross,
        fee_minor=fee,
        net_minor=net,
        fee_details=[],  # only the report of fees tells what a fee is made of
        exchange_rate=None,
        source_id=source_id,
        charge_id=None,
        payment_intent_id=None,
        payout_id=None,
    )
