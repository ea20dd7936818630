"""QIF: a letter and a value in each line, `^` after each record. No currency, no balance, and days in any order. Pure."""

from collections.abc import Iterator

from supporters.bank.amounts import NotAnAmount, decimal_mark, read_amount
from supporters.bank.clean import clean
from supporters.bank.dates import NotADate, fitting_orders, read_date
from supporters.bank.encodings import decode
from supporters.bank.limits import DEFAULT, Limits
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

TYPES = frozenset(["bank", "cash", "ccard", "oth a", "oth l"])
MONTH_FIRST = frozenset(["USD"])

Record = tuple[int, dict[str, str]]  # the line it begins in, and what stands after each letter


def read_qif(content: bytes, *, currency: str, order: str = "", limits: Limits = DEFAULT) -> ParsedFile:
    """The one statement; `order` of day and month where a person has said it, else as the days tell. Raises Unreadable."""
    records = list(_records(decode(content), limits))
    if not records:
        raise refuse(_("The file has no records. Download the statement from the bank once more."))
    days = [_day(fields.get("D", "")) for _line, fields in records]
    order = order or _order(days, currency)
    mark = decimal_mark(fields.get("T", fields.get("U", "")) for _line, fields in records)[0] or "."
    opening: int | None = None
    lines: list[ParsedLine] = []
    for record, day in zip(records, days, strict=True):
        line = _line(record, day, order, mark, currency)
        if not lines and opening is None and record[1].get("P", "").strip().casefold() == "opening balance":
            opening = line.amount_minor
        elif record[1].get("P", "").strip().casefold() == "opening balance":
            raise refuse(
                _(
                    "Line {line}: a second opening balance. The file holds two accounts: export each into a file of its own."
                ),
                line=record[0],
            )
        else:
            lines.append(line)
    lines.sort(key=lambda line: line.booked_on)
    statement = ParsedStatement(
        currency=currency,
        lines=tuple(lines),
        opening_minor=opening,
        starts_on=lines[0].booked_on if lines else None,
        ends_on=lines[-1].booked_on if lines else None,
    )
    return ParsedFile(format="qif", statements=(statement,))


def _records(text: str, limits: Limits) -> Iterator[Record]:
    """The records of bank accounts. Raises Unreadable for other kinds, and where the last one has no end."""
    fields: dict[str, str] = {}
    begun, is_ours, found = 0, False, 0
    account, kind, first = "", "", ("", "")  # of the records now, and of the first one
    for number, raw in enumerate(text.splitlines(), start=1):
        row = raw.rstrip()
        if row.startswith("!"):
            is_ours = _is_ours(row, number, was_ours=is_ours)
            kind = row.casefold() if is_ours and row[1:5].casefold() == "type" else kind
        elif row.strip() == "^":
            account = account if is_ours else fields.get("N", account)
            if is_ours and fields:
                first = first if found else (account, kind)
                _check_account((account, kind), first, begun)
                yield begun, fields
                found += 1
                if found > limits.lines:
                    raise refuse(
                        _("The file has more than {most} lines. Download shorter periods, one file each."),
                        most=limits.lines,
                    )
            fields = {}
        elif row:
            begun = begun if fields else number
            if row[0] in "DTP" and row[0] in fields and is_ours:
                raise refuse(
                    _(
                        "Line {line}: the record that begins in line {begun} has no end (^). Download the file once more."
                    ),
                    line=number,
                    begun=begun,
                )
            if row[0] not in "SE$%":  # how the payer's own books split it
                fields.setdefault(row[0], row[1:])
    if is_ours and fields:
        raise refuse(
            _("Line {line}: the last record has no end (^). The file is cut off: download it from the bank once more."),
            line=begun,
        )


def _check_account(now: tuple[str, str], first: tuple[str, str], line: int) -> None:
    """All records are of one account. Raises Unreadable."""
    if now != first:
        raise refuse(
            _(
                "Line {line}: here begin the lines of a second account, {second}, after those of {first}. "
                "Export each account into a file of its own."
            ),
            line=line,
            second=now[0].strip() or now[1],
            first=first[0].strip() or first[1],
        )


def _is_ours(row: str, number: int, *, was_ours: bool) -> bool:
    """Whether what follows are lines of a bank account. Raises Unreadable for other kinds of records."""
    head, _colon, kind = row[1:].casefold().partition(":")
    if head in ("option", "clear"):
        return was_ours
    if head != "type":
        return False
    if kind.strip() not in TYPES:
        raise refuse(
            _("Line {line}: this file holds “{kind}”, not the lines of a bank account. Export the account as QIF."),
            line=number,
            kind=row,
        )
    return True


def _day(text: str) -> str:
    """The day with one mark between its numbers: `11/24' 6` is `11/24/06`."""
    first, apostrophe, year = text.partition("'")
    if not apostrophe:
        return "".join(text.split()) if text[:1].isdigit() or text[:1] == " " else text.strip()
    return "".join(first.split()).rstrip("/-.") + "/" + year.strip().rjust(2, "0")


def _order(days: list[str], currency: str) -> str:
    """The order that every day fits; of several the one in which the lines run in time, else the country's."""
    fitting = fitting_orders(days) or {"dmy"}
    usual = ["mdy", "dmy", "ymd"] if currency in MONTH_FIRST else ["dmy", "mdy", "ymd"]
    orders = [order for order in usual if order in fitting]
    for order in orders:
        try:
            read = [read_date(day, order) for day in days]
        except NotADate:
            return orders[0]  # no order fits every day: the line will be named
        if read in (sorted(read), sorted(read, reverse=True)):
            return order
    return orders[0]


def _line(record: Record, day: str, order: str, mark: str, currency: str) -> ParsedLine:
    number, fields = record
    amount = fields.get("T", fields.get("U", "")).strip()
    try:
        return ParsedLine(
            booked_on=read_date(day, order),
            amount_minor=read_amount(amount, currency, mark),
            currency=currency,
            counterparty=clean(fields.get("P", "")),
            text=clean(fields.get("M", "")),
            bank_reference=clean(fields.get("N", "")),
            where=_("line {number}").format(number=number),
        )
    except NotADate as problem:
        raise refuse(
            _("Line {line}, day (D): “{value}” is {problem}. Correct the line, or download the file once more."),
            line=number,
            value=fields.get("D", ""),
            problem=str(problem),
        ) from None
    except NotAnAmount as problem:
        raise refuse(
            _("Line {line}, amount (T): “{value}” is {problem}. Correct the line, or download the file once more."),
            line=number,
            value=amount,
            problem=str(problem),
        ) from None
