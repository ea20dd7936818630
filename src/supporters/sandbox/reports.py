"""Stripe's exported reports as CSV: what they are called, which columns they have, and what stands in those.

Amounts are in whole units of the currency, moments as `2026-11-23 09:30:00`, in UTC or in the time zone asked for.
Source: docs.stripe.com/reports/report-types/balance and .../payout-reconciliation, read 23 November 2026. Which columns
come without being asked for is from published exports; Stripe's tables mark them in a way that the stored copies lack.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from supporters.sandbox.errors import Json, malformed
from supporters.sandbox.money import exponent_of
from supporters.sandbox.params import part
from supporters.sandbox.world import World

_decode = msgspec.json.decode
LINES = "select json from object where kind = 'balance_transaction' and {} order by created, seq"
PAID_OUT = (
    "select json from object indexed by object_payout"
    " where payout = ? and kind = 'balance_transaction' and id != ? order by seq"
)
WITHOUT_PAYOUTS = "json_extract(json, '$.reporting_category') not in ('payout', 'payout_reversal')"

CORE = (
    "balance_transaction_id", "created_utc", "created", "available_on_utc", "available_on", "currency", "gross", "fee",
    "net", "reporting_category", "source_id", "description", "customer_facing_amount", "customer_facing_currency",
    "regulatory_tag",
)  # fmt: skip
AUTOMATIC = ("automatic_payout_id", "automatic_payout_effective_at_utc", "automatic_payout_effective_at")
PLACE = ("line1", "line2", "city", "state", "postal_code", "country")
WHO = (
    *("customer_id", "customer_email", "customer_name", "customer_description"),
    *(f"{part}_{line}" for part in ("customer_shipping_address", "customer_address") for line in PLACE),
    *(f"{part}_{line}" for part in ("shipping_address", "card_address") for line in PLACE),
)
OF_CHARGE = (
    "charge_id", "payment_intent_id", "charge_created_utc", "charge_created", "invoice_id", "invoice_number",
    "subscription_id", "payment_method_type", "is_link", "card_brand", "card_funding", "card_country",
    "statement_descriptor", "dispute_reason", "connected_account_id", "connected_account_name",
    "connected_account_country", "connected_account_direct_charge_id",
)  # fmt: skip
TRACE = ("trace_id", "trace_id_status")
OF_PAYOUT = (
    "payout_id", "effective_at_utc", "effective_at", "currency", "gross", "fee", "net", "reporting_category",
    "balance_transaction_id", "description", "payout_expected_arrival_date", "payout_status", "payout_reversed_at_utc",
    "payout_reversed_at", "payout_type", "payout_description", "payout_destination_id", "regulatory_tag", *TRACE,
)  # fmt: skip
NINE = (
    "balance_transaction_id", "created", "available_on", "currency", "gross", "fee", "net", "reporting_category",
    "description",
)  # fmt: skip
SUMMARY = ("category", "description", "net_amount", "currency")
METADATA = ("payment_metadata[", "refund_metadata[", "transfer_metadata[")


class ReportType(NamedTuple):
    """One kind of report: its columns, those that come without being asked for, and how its lines are found."""

    name: str
    version: int
    columns: tuple[str, ...]
    defaults: tuple[str, ...]
    lines: "Callable[[World, int, int], Iterator[Json]]"
    has_start: bool = True
    is_summary: bool = False


def _activity(world: World, start: int, end: int) -> Iterator[Json]:
    query = LINES.format(f"created >= ? and created < ? and {WITHOUT_PAYOUTS}")
    return _read(world, query, (start, end))


def _payouts(world: World, start: int, end: int) -> Iterator[Json]:
    facts = Facts(world)
    for line in _read(world, LINES.format(f"not {WITHOUT_PAYOUTS}"), ()):
        if start <= facts.effective_at(line) < end:
            yield line


def _paid_out(world: World, start: int, end: int) -> Iterator[Json]:
    for payout in _automatic(world):
        if start <= payout["arrival_date"] < end:
            yield from _read(world, PAID_OUT, (payout["id"], payout["balance_transaction"]))


def _not_paid_out(world: World, _start: int, end: int) -> Iterator[Json]:
    gone = {payout["id"] for payout in _automatic(world) if payout["arrival_date"] < end}
    for line in _read(world, LINES.format("created < ?"), (end,)):
        if line.get("_payout") not in gone:
            yield line


def _automatic(world: World) -> list[Json]:
    only = ("json_extract(json, '$.automatic')",)
    return world.store.select("payout", only, (), newest=False, limit=-1, by_time=True)


def _read(world: World, query: str, values: Sequence[str | int]) -> Iterator[Json]:
    for (text,) in world.store.db.execute(query, values):
        yield _decode(text)


REPORTS = {
    "balance_change_from_activity.itemized.3": ReportType(
        "Itemized balance change from activity", 3, (*CORE, *AUTOMATIC, *WHO, *OF_CHARGE), NINE, _activity
    ),
    "payouts.itemized.3": ReportType(
        "Itemized payouts",
        3,
        OF_PAYOUT,
        tuple(name for name in OF_PAYOUT[:12] if not name.endswith("_utc")),
        _payouts,
    ),
    "payout_reconciliation.itemized.5": ReportType(
        "Itemized payout reconciliation",
        5,
        (*AUTOMATIC, *CORE, *WHO, *OF_CHARGE, *TRACE),
        ("automatic_payout_id", "automatic_payout_effective_at", *NINE),
        _paid_out,
    ),
    "ending_balance_reconciliation.itemized.4": ReportType(
        "Itemized ending balance reconciliation",
        4,
        (*AUTOMATIC, *CORE, *WHO, *OF_CHARGE, *TRACE),
        ("automatic_payout_id", "automatic_payout_effective_at", *NINE),
        _not_paid_out,
        has_start=False,
    ),
    "balance.summary.1": ReportType("Balance summary", 1, SUMMARY, SUMMARY, _activity, is_summary=True),
}


class Facts:
    """What a line leads to. One charge or payout is remembered, since its columns ask for it one after the other."""

    def __init__(self, world: World, zone: tzinfo = UTC) -> None:
        self._world = world
        self.zone = zone
        self._last: dict[str, tuple[str, Json]] = {}

    def _find(self, slot: str, kinds: Sequence[str], object_id: str | None) -> Json:
        if not object_id:
            return {}
        kept_id, kept = self._last.get(slot, ("", {}))
        if object_id == kept_id:
            return kept
        none: Json = {}
        found = next((one for kind in kinds if (one := self._world.store.find(kind, object_id))), none)
        self._last[slot] = (object_id, found)
        return found

    def source(self, line: Json) -> Json:
        """The charge, refund, dispute, payout or top-up that made the line, empty if none did."""
        return self._find("source", ("charge", "refund", "dispute", "payout", "topup"), line["source"])

    def charge(self, line: Json) -> Json:
        """The charge that the line is about, empty if it is about none."""
        source = self.source(line)
        return source if source.get("object") == "charge" else self._find("charge", ("charge",), source.get("charge"))

    def customer(self, line: Json) -> Json:
        """The customer who was charged, empty if there is none."""
        return self._find("customer", ("customer",), self.charge(line).get("customer"))

    def payout(self, line: Json) -> Json:
        """The payout whose own line it is, empty if it is none's."""
        source = self.source(line)
        return source if source.get("object") == "payout" else {}

    def paid_at(self, line: Json) -> int | None:
        """When the automatic payout that the line went out with arrives, if it has gone out."""
        return self.paid_out_with(line).get("arrival_date")

    def paid_out_with(self, line: Json) -> Json:
        """The automatic payout that the line went out with, empty if it has not gone out."""
        return self._find("payout", ("payout",), line.get("_payout"))

    def effective_at(self, line: Json) -> int:
        """When a payout's money leaves the balance, as the reports count it; what came back did when it came."""
        payout = self.payout(line)
        if line["type"] != "payout":
            return line["created"]
        return payout["arrival_date"] if payout["automatic"] else payout["created"]

    def reversed_at(self, line: Json) -> int | None:
        """When the payout came back, if it did."""
        back = self._find("back", ("balance_transaction",), self.payout(line).get("failure_balance_transaction"))
        return back.get("created")


def major(minor: int, currency: str) -> str:
    """The amount in whole units, as reports write it: `-12.30`, or `500` for yen."""
    exponent = exponent_of(currency)
    if not exponent:
        return str(minor)
    whole, rest = divmod(abs(minor), 10**exponent)
    return f"{'-' if minor < 0 else ''}{whole}.{rest:0{exponent}}"


def _at(moment: int | None, zone: tzinfo = UTC) -> str:
    return "" if moment is None else f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M:%S}"


def _card(facts: Facts, line: Json, name: str) -> object:
    return part(part(facts.charge(line), "payment_method_details"), "card").get(name)


def _faced(facts: Facts, line: Json) -> Json:
    """What the giver saw: the charge, refund or dispute in its own currency."""
    source = facts.source(line)
    return source if source.get("object") in ("charge", "refund", "dispute") else {}


def _faced_amount(facts: Facts, line: Json) -> str:
    source = _faced(facts, line)
    return major(source["amount"] * (1 if line["amount"] >= 0 else -1), source["currency"]) if source else ""


def _trace(facts: Facts, line: Json) -> Json:
    payout = facts.payout(line) or facts.paid_out_with(line)
    return part(payout, "trace_id")


VALUES: dict[str, Callable[[Facts, Json], object]] = {
    "balance_transaction_id": lambda _, line: line["id"],
    "created_utc": lambda _, line: _at(line["created"]),
    "created": lambda facts, line: _at(line["created"], facts.zone),
    "available_on_utc": lambda _, line: _at(line["available_on"]),
    "available_on": lambda facts, line: _at(line["available_on"], facts.zone),
    "currency": lambda _, line: line["currency"],
    "gross": lambda _, line: major(line["amount"], line["currency"]),
    "fee": lambda _, line: major(line["fee"], line["currency"]),
    "net": lambda _, line: major(line["net"], line["currency"]),
    "reporting_category": lambda _, line: line["reporting_category"],
    "source_id": lambda _, line: line["source"],
    "description": lambda _, line: line["description"],
    "customer_facing_amount": _faced_amount,
    "customer_facing_currency": lambda facts, line: _faced(facts, line).get("currency"),
    "automatic_payout_id": lambda _, line: line.get("_payout"),
    "automatic_payout_effective_at_utc": lambda facts, line: _at(facts.paid_at(line)),
    "automatic_payout_effective_at": lambda facts, line: _at(facts.paid_at(line), facts.zone),
    "customer_id": lambda facts, line: facts.charge(line).get("customer"),
    "customer_email": lambda facts, line: facts.customer(line).get("email"),
    "customer_name": lambda facts, line: facts.customer(line).get("name"),
    "customer_description": lambda facts, line: facts.customer(line).get("description"),
    "charge_id": lambda facts, line: facts.charge(line).get("id"),
    "payment_intent_id": lambda facts, line: facts.charge(line).get("payment_intent"),
    "charge_created_utc": lambda facts, line: _at(facts.charge(line).get("created")),
    "charge_created": lambda facts, line: _at(facts.charge(line).get("created"), facts.zone),
    "invoice_id": lambda facts, line: facts.charge(line).get("_invoice"),
    "subscription_id": lambda facts, line: facts.charge(line).get("_subscription"),
    "payment_method_type": lambda facts, line: part(facts.charge(line), "payment_method_details").get("type"),
    "is_link": lambda facts, line: "false" if facts.charge(line) else "",
    "card_brand": lambda facts, line: _card(facts, line, "brand"),
    "card_funding": lambda facts, line: _card(facts, line, "funding"),
    "card_country": lambda facts, line: _card(facts, line, "country"),
    "statement_descriptor": lambda facts, line: facts.charge(line).get("statement_descriptor_suffix"),
    "dispute_reason": lambda facts, line: (
        facts.source(line).get("reason") if facts.source(line).get("object") == "dispute" else ""
    ),
    "trace_id": lambda facts, line: _trace(facts, line).get("value"),
    "trace_id_status": lambda facts, line: _trace(facts, line).get("status"),
    "payout_id": lambda facts, line: facts.payout(line).get("id"),
    "effective_at_utc": lambda facts, line: _at(facts.effective_at(line)),
    "effective_at": lambda facts, line: _at(facts.effective_at(line), facts.zone),
    "payout_expected_arrival_date": lambda facts, line: _at(facts.payout(line).get("arrival_date"), facts.zone),
    "payout_status": lambda facts, line: facts.payout(line).get("status"),
    "payout_reversed_at_utc": lambda facts, line: _at(facts.reversed_at(line)),
    "payout_reversed_at": lambda facts, line: _at(facts.reversed_at(line), facts.zone),
    "payout_type": lambda facts, line: facts.payout(line).get("type"),
    "payout_description": lambda facts, line: facts.payout(line).get("description"),
    "payout_destination_id": lambda facts, line: facts.payout(line).get("destination"),
}
"""How a column is filled. A documented column that is not here is always empty: the sandbox has no such thing."""


def _value_of(column: str) -> Callable[[Facts, Json], object]:
    whose, bracket, key = column.partition("[")
    if not bracket:
        return VALUES.get(column, lambda _facts, _line: "")
    name = key.removesuffix("]")
    if whose == "payment_metadata":
        return lambda facts, line: part(facts.charge(line), "metadata").get(name)
    if whose == "refund_metadata":
        return lambda facts, line: (
            part(facts.source(line), "metadata").get(name) if facts.source(line).get("object") == "refund" else ""
        )
    return lambda _facts, _line: ""


def columns_of(report: ReportType, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The columns of a run, as asked for or as they come. Raises: ApiError for one that the report does not have."""
    for column in wanted or ():
        if column not in report.columns and not (column.startswith(METADATA) and column.endswith("]")):
            raise malformed(f"Invalid column: {column} is not a column of this report.", param="parameters[columns]")
    return tuple(wanted or report.defaults)


def write_report(world: World, report: ReportType, params: Json) -> bytes:
    """The report as CSV, its heading first. Times: `interval_start` inclusive, `interval_end` exclusive."""
    return (_sum if report.is_summary else _itemize)(world, report, params)


def _itemize(world: World, report: ReportType, params: Json) -> bytes:
    columns = columns_of(report, params.get("columns"))
    facts = Facts(world, ZoneInfo(params.get("timezone") or "UTC"))
    fill = [_value_of(column) for column in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    lines = report.lines(world, params.get("interval_start", 0), params["interval_end"])
    writer.writerows([value(facts, line) for value in fill] for line in _wanted(lines, params))
    return text.getvalue().encode()


def _wanted(lines: Iterable[Json], params: Json) -> Iterator[Json]:
    currency, category = params.get("currency"), params.get("reporting_category")
    for line in lines:
        is_wanted = currency in (None, line["currency"]) and category in (None, line["reporting_category"])
        if is_wanted and line["balance_type"] == "payments":
            yield line


def _sum(world: World, report: ReportType, params: Json) -> bytes:
    """What the balance was, what came and went, and what it is, by currency."""
    zone = ZoneInfo(params.get("timezone") or "UTC")
    start, end, facts = params["interval_start"], params["interval_end"], Facts(world)
    sums: dict[str, list[int]] = {params.get("currency") or world.config.currency: [0, 0, 0]}
    for line in _wanted(_read(world, LINES.format("created < ?"), (end,)), params):
        is_payout = line["reporting_category"] in ("payout", "payout_reversal")
        at = facts.effective_at(line) if is_payout else line["created"]
        if at < end:
            sums.setdefault(line["currency"], [0, 0, 0])[0 if at < start else 2 if is_payout else 1] += line["net"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns := columns_of(report, params.get("columns")))
    for currency, (before, activity, payouts) in sorted(sums.items()):
        said = (
            ("starting_balance", f"Starting balance ({_at(start, zone)[:10]})", before),
            ("activity", "Activity", activity),
            ("payouts", "Total payouts", payouts),
            ("ending_balance", f"Ending balance ({_at(end, zone)[:10]})", before + activity + payouts),
        )
        for category, description, net in said:
            row = {"category": category, "description": description, "currency": currency}
            row["net_amount"] = major(net, currency)
            writer.writerow([row[column] for column in columns])
    return text.getvalue().encode()
