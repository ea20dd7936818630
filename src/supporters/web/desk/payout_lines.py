"""A payout's lines as an address asks for them, and what their kinds are called. Pure."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.reconciliation.payout_lines import LineFilter, LineKind, Part, Purposes
from supporters.web.desk.paging import page_number

FIELDS = ("kind", "fund", "appeal", "page")
MOST_PAGES = 10_000


class AskedLines(msgspec.Struct, frozen=True):
    """Lines as an address asks for them: what was understood, what was typed, which page, what there is none of."""

    wanted: LineFilter
    typed: dict[str, str]
    page: int
    problems: list[tuple[str, str]]

    def query(self, *, page: int = 1, **more: str) -> str:
        """The query of this view with its "?", or of another page of it; `more` replaces fields. Empty for all of them."""
        fields = {**self.typed, **more, "page": str(page) if page > 1 else ""}
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"?{query}" if query else ""


class LineSum(msgspec.Struct, frozen=True):
    """What lines of one kind, or all that are shown, come to; `fee` as it lessens the net."""

    lines: int
    gross: Money
    fee: Money
    net: Money
    label: str = ""
    query: str = ""
    is_chosen: bool = False


def read_lines(query: Mapping[str, str], held: Purposes) -> AskedLines:
    """What the query asks for. What the payout has nothing of is left out and named."""
    typed = {name: said for name in FIELDS if (said := clean_line(query.get(name, ""), limit=40))}
    page = page_number(typed.pop("page", ""), most=MOST_PAGES)
    problems: list[tuple[str, str]] = []
    kind, fund, appeal = (typed.get(name, "") for name in FIELDS[:3])
    if kind and kind not in set(LineKind):
        problems.append(("f-kind", _("There is no such kind of line.")))
    if fund and fund not in held.funds:
        problems.append(("f-fund", _("This payout has no line of that fund.")))
    if appeal and appeal not in held.appeals:
        problems.append(("f-appeal", _("This payout has no line of that appeal.")))
    wrong = {name.removeprefix("f-") for name, _words in problems}
    read = {name: value for name, value in typed.items() if name not in wrong}
    wanted = LineFilter(
        kind=LineKind(read["kind"]) if "kind" in read else None,
        fund_id=read.get("fund", ""),
        appeal_id=read.get("appeal", ""),
    )
    return AskedLines(wanted, read, page, problems)


def kind_word(kind: str) -> str:
    """What lines of this kind are called."""
    return {
        LineKind.ONCE.value: _("One-off donations"),
        LineKind.MONTHLY.value: _("Monthly donations"),
        LineKind.YEARLY.value: _("Yearly donations"),
        LineKind.PAYMENT.value: _("Payments of other things"),
        LineKind.REFUND.value: _("Refunds"),
        LineKind.DISPUTE.value: _("Disputes"),
        LineKind.UNPAID.value: _("Debits that a bank did not pay"),
        LineKind.FEE.value: _("Stripe's own charges"),
    }.get(kind, _("Everything else"))


def sums_by_kind(parts: Sequence[Part], currency: str, asked: AskedLines) -> list[LineSum]:
    """What each kind comes to, with the address that shows only its lines."""
    chosen = asked.wanted.kind
    return [
        _sum(
            [part],
            currency,
            kind_word(part.category),
            asked.query(kind=part.category),
            is_chosen=part.category == chosen,
        )
        for part in parts
    ]


def sum_shown(parts: Sequence[Part], currency: str, asked: AskedLines) -> LineSum:
    """What all lines come to that the address asks for."""
    return _sum([part for part in parts if asked.wanted.kind in (None, part.category)], currency)


def _sum(parts: Sequence[Part], currency: str, label: str = "", query: str = "", *, is_chosen: bool = False) -> LineSum:
    return LineSum(
        sum(part.lines for part in parts),
        Money(sum(part.gross_minor for part in parts), currency),
        Money(-sum(part.fee_minor for part in parts), currency),
        Money(sum(part.net_minor for part in parts), currency),
        label,
        query,
        is_chosen,
    )
