"""The report of sources as people read it: names of rows, links to their donations, the chart's bars, the file's lines."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

import msgspec

from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.reports.sources import By, SourceRow, SourceTable, add_up
from supporters.web.desk.periods import Period
from supporters.web.desk.sheet import number

MOST_ROWS, MOST_BARS = 100, 8
BAR_LABEL_CHARS = 42
WIDEST_PER_CENT = 78  # the amount stands behind the bar


class Names(msgspec.Struct, frozen=True):
    """Titles that may be shown: of verified articles by (site, path), of issues by number."""

    articles: Mapping[tuple[str, str], str]
    issues: Mapping[str, str]


class Line(msgspec.Struct, frozen=True):
    """One row of the table as it is shown. `href` leads to its donations."""

    name: str
    more: str
    row: SourceRow
    href: str | None = None


class Bar(msgspec.Struct, frozen=True):
    """One bar of the chart."""

    label: str
    width: str
    amount: Money


def by_word(by: By) -> str:
    """What the report is put together by."""
    return {
        By.ARTICLE: _("Article"),
        By.ISSUE: _("Issue"),
        By.APPEAL: _("Appeal"),
        By.PLACEMENT: _("Placement"),
        By.ORIGIN: _("Where from"),
    }[by]


def row_name(by: By, row: SourceRow, names: Names) -> tuple[str, str]:
    """What the row is called, and in small what is known besides. Only the site's own feed makes a path a title."""
    first, second = row.key
    if by is By.ARTICLE:
        if first is None or second is None:
            return _("Not from an article"), ""
        title = names.articles.get((first, second))
        return (title, second) if title else (second, "")
    if by is By.APPEAL:
        return second or first or "", first or ""
    if first is None:
        return _nothing(by), ""
    if by is By.ISSUE:
        return _("Issue %(number)s") % {"number": first}, names.issues.get(first, "")
    return first, ""


def donations_href(by: By, row: SourceRow, period: Period) -> str | None:
    """The list that holds the row's donations, where the list can be narrowed to them."""
    first, second = row.key
    chosen = {By.ARTICLE: ("article", second), By.ISSUE: ("issue", first), By.APPEAL: ("appeal", first)}.get(by)
    if chosen is None or not chosen[1] or len(chosen[1]) > 120:
        return None
    days = {"from": period.since.isoformat(), "to": period.until.isoformat()}
    return "/desk/donations?" + urlencode({"state": "received", **days, chosen[0]: chosen[1]})


def lines_of(by: By, table: SourceTable, names: Names, *, period: Period, is_linked: bool) -> list[Line]:
    """The strongest rows, and one for all others, so that the lines add up."""
    shown = [
        Line(*row_name(by, row, names), row, donations_href(by, row, period) if is_linked else None)
        for row in table.rows[:MOST_ROWS]
    ]
    rest = table.rows[MOST_ROWS:]
    if rest:
        words = ngettext("%(n)s more", "%(n)s more", len(rest)) % {"n": len(rest)}
        shown.append(Line(words, _("all in the CSV file"), add_up(rest)))
    return shown


def bars_of(table: SourceTable, lines: Iterable[Line]) -> list[Bar]:
    """The strongest sources as bars from zero; nothing that has brought in nothing."""
    strong = [each for each in lines if each.row.net_minor > 0 and each.row in table.rows][:MOST_BARS]
    most = max((each.row.net_minor for each in strong), default=1)
    return [
        Bar(
            label=_short(each.name),
            width=f"{max(WIDEST_PER_CENT * each.row.net_minor / most, 0.4):.2f}%",
            amount=Money(each.row.net_minor, table.currency),
        )
        for each in strong
    ]


def header_of(by: By) -> list[str]:
    """The names of the columns of the report as a file."""
    return [
        by_word(by), _("Address or code"), _("Currency"), _("Donations"), _("People"), _("Given"), _("Fees"), _("Returned"),
        _("Not settled yet"), _("In another currency"), _("Settled net"), _("Claimed donations"),
    ]  # fmt: skip


def cells_of(by: By, tables: Iterable[SourceTable], names: Names) -> list[list[str]]:
    """Every row of every currency, and the sum of each."""
    told: list[list[str]] = []
    for table in tables:
        told += [_cells(*_named(by, row, names), row, table.currency) for row in table.rows]
        told.append(_cells(_("Sum"), "", table.total, table.currency))
    return told


def _named(by: By, row: SourceRow, names: Names) -> tuple[str, str]:
    if by is By.ARTICLE and row.key[0] and row.key[1]:
        return names.articles.get((row.key[0], row.key[1]), ""), f"{row.key[0]}{row.key[1]}"
    return row_name(by, row, names)


def _cells(name: str, code: str, row: SourceRow, currency: str) -> list[str]:
    amounts = (
        row.given_minor,
        row.fee_minor,
        row.returned_minor,
        row.unsettled_minor,
        row.exchanged_minor,
        row.net_minor,
    )
    figures = [number(Money(minor, currency)) for minor in amounts]
    return [name, code, currency, str(row.donations), str(row.people), *figures, str(row.claimed)]


def _nothing(by: By) -> str:
    return {
        By.ISSUE: _("Not from an issue"),
        By.PLACEMENT: _("Not from a placement"),
        By.ORIGIN: _("Straight to us, or not known"),
    }[by]


def _short(text: str) -> str:
    return text if len(text) <= BAR_LABEL_CHARS else text[: BAR_LABEL_CHARS - 1].rstrip() + "…"
