"""How a bank's CSV is written, guessed from the file: shown to a person, who confirms or corrects it. Pure."""

from collections.abc import Sequence
from itertools import islice, permutations

import msgspec

from supporters.bank import csv_names as names
from supporters.bank.amounts import NotAnAmount, decimal_mark, read_amount, sign_of
from supporters.bank.csv_status import Status, is_known, status_of
from supporters.bank.csv_status import unknown_words as status_words_unknown
from supporters.bank.csv_text import (
    Row,
    looks_like_amount,
    named_separator,
    rows_of,
    separator_of,
)
from supporters.bank.dates import fitting_orders, is_date, read_date
from supporters.bank.encodings import decode, encoding_of
from supporters.bank.parsed import CsvProfile
from supporters.bank.refusals import refuse, shown
from supporters.kit.strings import gettext as _

GUESSED_FROM = 400  # rows
SHOWN = 5
MOSTLY = 0.9

Table = Sequence[Sequence[str]]


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """The columns as far as the file tells them, its first rows of data as they stand, and what a person must look at."""

    profile: CsvProfile
    rows: tuple[tuple[str, ...], ...]
    doubts: tuple[str, ...] = ()


def guess_profile(content: bytes) -> Guess:
    """How this file is written. Raises Unreadable where no line has both a day and an amount."""
    encoding = encoding_of(content)
    separator, text = named_separator(decode(content))
    separator = separator or separator_of(text)
    rows = list(islice(rows_of(text, separator), GUESSED_FROM))
    first = next((at for at, (_line, row) in enumerate(rows) if _is_data(row)), None)
    if first is None:
        raise refuse(
            _(
                "No line of this file has both a day and an amount. Is it the statement, downloaded from the bank as CSV?"
            )
        )
    head = _header_before(rows, first)
    start = first if head is None else head
    while head is None and start and _may_be_data(rows[start - 1][1], rows[first][1]):
        start -= 1  # a first line with a broken day is named when it is read, and not passed over
    header = tuple(cell.strip() for cell in rows[head][1]) if head is not None else ()
    table = [[cell.strip() for cell in row] for _line, row in rows[first:] if _is_data(row)]
    profile = CsvProfile(
        encoding=encoding,
        delimiter=separator,
        skip_rows=start,
        has_header=head is not None,
        header=header,
    )
    profile, doubts = _columns(profile, table)
    return Guess(profile=profile, rows=tuple(tuple(row) for row in table[:SHOWN]), doubts=tuple(doubts))


def _is_data(row: Sequence[str]) -> bool:
    """Whether the row has a day and, in another cell, an amount."""
    cells = [cell.strip() for cell in row]
    days = [at for at, cell in enumerate(cells) if cell and is_date(cell)]
    return bool(days) and any(at not in days and looks_like_amount(cell) for at, cell in enumerate(cells))


def _header_before(rows: Sequence[Row], first: int) -> int | None:
    """The row with the names of the columns: the last before the data with names and no day or amount in it, if any."""
    for at in range(first - 1, -1, -1):
        cells = [cell.strip() for cell in rows[at][1]]
        filled = [cell for cell in cells if cell]
        if len(filled) > 1 and not any(is_date(cell) or looks_like_amount(cell) for cell in filled):
            return at
    return None


def _may_be_data(row: Sequence[str], data: Sequence[str]) -> bool:
    """Whether the row is as wide as one of data and has a day or an amount where that one has."""
    if len(row) != len(data):
        return False
    return any(
        (is_date(one.strip()) and is_date(two.strip()))
        or (looks_like_amount(one.strip()) and looks_like_amount(two.strip()) and not is_date(two.strip()))
        for one, two in zip(row, data, strict=True)
    )


def _columns(profile: CsvProfile, table: Table) -> tuple[CsvProfile, list[str]]:
    """The profile with every column that the file tells, and the doubts."""
    doubts = _twice_named(profile.header)
    profile = _with_status(profile, _turned(table), doubts)
    table = [row for row in table if status_of(row, profile) is Status.BOOKED] or table
    columns = _turned(table)
    width = len(columns)
    days = [at for at, cells in enumerate(columns) if sum(map(is_date, cells)) >= MOSTLY * len(cells)]
    if not days:
        raise refuse(
            _("No column of this file has a day in every line. Download the statement from the bank once more.")
        )
    date_column = _named(profile.header, names.DATES, days)
    date_column = days[0] if date_column is None else date_column
    others = [at for at in days if at != date_column]
    profile = msgspec.structs.replace(
        profile,
        date_column=date_column,
        date_order=_order(columns[date_column], doubts),
        value_column=_named(profile.header, names.VALUES, others),
    )
    profile = _money_columns(profile, columns, [at for at in range(width) if at not in days], doubts)
    return _word_columns(profile, columns, days), doubts


def _turned(table: Table) -> list[list[str]]:
    """The table column by column, short rows filled up."""
    return [[row[at] if at < len(row) else "" for row in table] for at in range(max(map(len, table)))]


def _with_status(profile: CsvProfile, columns: Table, doubts: list[str]) -> CsvProfile:
    """The profile with the column that says whether a row is booked: by its name, or because it says nothing else."""
    telling = [at for at, cells in enumerate(columns) if any(map(is_known, cells))]
    column = _named(profile.header, names.STATUSES, telling)
    if column is None:
        column = next((at for at in telling if all(map(is_known, columns[at]))), None)
    if column is None:
        return profile
    unknown = status_words_unknown(columns[column])
    if unknown:
        doubts.append(
            _(
                "Lines with the status {words} are left out, as it is not known to mean booked. If it does, say so below."
            ).format(words=", ".join(f"“{shown(word)}”" for word in unknown[:5]))
        )
    return msgspec.structs.replace(profile, status_column=column)


def _order(cells: Sequence[str], doubts: list[str]) -> str:
    """The order of day and month that every day fits; where several do, the one in which the lines run in time."""
    dated = [cell for cell in cells if is_date(cell)]
    orders = fitting_orders(dated)
    if not orders:
        doubts.append(_("The days are written in more than one way: look at the first lines."))
        return "dmy"
    starts_with_year = dated[0][:4].isdigit()
    fitting = [order for order in ("dmy", "mdy", "ymd") if order in orders]
    if not starts_with_year and len(fitting) > 1:  # hardly anybody begins with a year of two digits
        fitting = [order for order in fitting if order != "ymd"]
    readings = {order: [read_date(cell, order) for cell in dated] for order in fitting}
    if len({tuple(days) for days in readings.values()}) == 1:
        return "ymd" if starts_with_year else fitting[0]
    running = [order for order, days in readings.items() if days in (sorted(days), sorted(days, reverse=True))]
    doubts.append(_("Day and month could be either way round: look at the first lines."))
    return (running or fitting)[0]


def _money_columns(profile: CsvProfile, columns: Table, free: list[int], doubts: list[str]) -> CsvProfile:
    """Amount, or money in and out, balance, sign and decimal mark."""
    numeric = [at for at in free if any(columns[at]) and all(map(looks_like_amount, filter(None, columns[at])))]
    balance = _named(profile.header, names.BALANCES, numeric)
    numeric = [at for at in numeric if at != balance]
    came, went = _named(profile.header, names.INS, numeric), _named(profile.header, names.OUTS, numeric)
    amount = _named(profile.header, names.AMOUNTS, numeric)
    mark = _mark(profile, columns, [at for at in (*numeric, balance) if at is not None], doubts)
    profile = msgspec.structs.replace(profile, decimal_mark=mark)
    if came is not None and went is not None and came != went and (amount is None or not all(columns[amount])):
        signed = sum("-" in cell or "(" in cell for cell in columns[went])
        return msgspec.structs.replace(
            profile,
            in_column=came,
            out_column=went,
            balance_column=balance,
            is_negated=signed * 2 > sum(1 for cell in columns[went] if cell.strip("0.,")),
        )
    if amount is None:
        profile = _unnamed_money(profile, columns, numeric, balance, doubts)
    else:
        profile = msgspec.structs.replace(profile, amount_column=amount, balance_column=balance)
    return _with_sign(profile, columns, free, doubts)


def _with_sign(profile: CsvProfile, columns: Table, free: list[int], doubts: list[str]) -> CsvProfile:
    """The profile with the column that says credit or debit, where amounts have no sign of their own."""
    if profile.amount_column is None or any(_value(cell, profile) < 0 for cell in columns[profile.amount_column]):
        return profile
    signs = [at for at in free if all(sign_of(cell) is not None for cell in columns[at])]
    if not signs:
        doubts.append(_("No line is money out. If some should be, choose the column that says so."))
    return msgspec.structs.replace(profile, sign_column=signs[0] if signs else None)


def _unnamed_money(
    profile: CsvProfile, columns: Table, numeric: list[int], balance: int | None, doubts: list[str]
) -> CsvProfile:
    """The amounts where no name tells them: the columns under which the balance runs, else the first with decimals."""
    marked = [at for at in numeric if any("." in cell or "," in cell for cell in columns[at])] or numeric
    ways = [(a, None, b) for a, b in permutations(marked[:4], 2)]
    ways += [(i, o, b) for i, o, b in permutations(marked[:4], 3) if _never_both(columns[i], columns[o], profile)]
    if balance is not None:
        ways += [(a, None, balance) for a in marked]
        ways += [
            (i, o, balance) for i, o in permutations(marked[:4], 2) if _never_both(columns[i], columns[o], profile)
        ]
    best = max(ways, key=lambda way: _runs(profile, columns, way), default=None)
    if best and _runs(profile, columns, best) >= MOSTLY:
        first, out, balance = best
        if out is None:
            return msgspec.structs.replace(profile, amount_column=first, balance_column=balance)
        return msgspec.structs.replace(profile, in_column=first, out_column=out, balance_column=balance)
    doubts.append(_("No name tells which column is the amount: look at the first lines."))
    if not marked:
        raise refuse(
            _("No column of this file has only amounts in it. Download the statement from the bank once more.")
        )
    return msgspec.structs.replace(profile, amount_column=marked[0], balance_column=balance)


def _never_both(some: Sequence[str], others: Sequence[str], profile: CsvProfile) -> bool:
    return not any(_value(one, profile) and _value(other, profile) for one, other in zip(some, others, strict=True))


def _runs(profile: CsvProfile, columns: Table, way: tuple[int, int | None, int]) -> float:
    """The share of lines after which the balance is the one before plus the amount, forwards or backwards."""
    first, out, balance = way
    after = [_value(cell, profile) for cell in columns[balance]]
    moved = [_value(cell, profile) for cell in columns[first]]
    if out is not None:
        moved = [came - _value(cell, profile) for came, cell in zip(moved, columns[out], strict=True)]
    steps = len(after) - 1
    if steps < 1:
        return 0.0
    forwards = sum(after[at] == after[at - 1] + moved[at] for at in range(1, steps + 1))
    backwards = sum(after[at - 1] == after[at] + moved[at - 1] for at in range(1, steps + 1))
    return max(forwards, backwards) / steps


def _value(cell: str, profile: CsvProfile) -> int:
    """The cell's amount in thousandths of whatever currency; 0 where it is none."""
    digits = cell.translate({ord(each): None for each in "£$€"}).strip()
    try:
        return read_amount(digits, "BHD", profile.decimal_mark)
    except NotAnAmount:
        return 0


def _mark(profile: CsvProfile, columns: Table, money: list[int], doubts: list[str]) -> str:
    mark, do_agree = decimal_mark(cell for at in money for cell in columns[at])
    usual = "," if profile.delimiter == ";" else "."
    if not do_agree:
        doubts.append(_("Points and commas in the amounts contradict each other: look at the first lines."))
    elif mark is None and any("." in cell or "," in cell for at in money for cell in columns[at]):
        doubts.append(_("It is not clear whether a point or a comma stands before the decimals: look at the amounts."))
    return mark or usual


def _word_columns(profile: CsvProfile, columns: Table, days: list[int]) -> CsvProfile:
    """Texts, names, references, currency: by their names; without any, the longest texts."""
    money = {profile.amount_column, profile.in_column, profile.out_column, profile.balance_column, profile.sign_column}
    free = [at for at in range(len(columns)) if at not in money and at not in days and at != profile.status_column]
    codes = [at for at in free if all(len(cell) == 3 and cell.isalpha() and cell.isupper() for cell in columns[at])]
    found: dict[str, int | None] = {"currency_column": _named(profile.header, names.CURRENCIES, codes)}
    for field, wanted in (
        ("counterparty_column", names.NAMES),
        ("reference_column", names.REFERENCES),
        ("account_column", names.ACCOUNTS),
        ("type_column", names.TYPES),
    ):
        left = [at for at in free if at not in found.values()]
        found[field] = _named(profile.header, wanted, left)
    left = [at for at in free if at not in found.values()]
    texts: list[int] = []
    while (column := _named(profile.header, names.TEXTS, [at for at in left if at not in texts])) is not None:
        texts.append(column)
    if not texts and left:
        texts = [max(left, key=lambda at: sum(map(len, columns[at])))]
    return msgspec.structs.replace(profile, text_columns=tuple(texts), **found)


def _named(header: tuple[str, ...], wanted: tuple[str, ...], among: Sequence[int]) -> int | None:
    return names.named(header, wanted, set(range(len(header))) - set(among))


def _twice_named(header: tuple[str, ...]) -> list[str]:
    plain = [names.plain_name(each) for each in header if each]
    return [
        _("More than one column is called “{name}”: look at which one is used.").format(name=name)
        for name in dict.fromkeys(plain)
        if plain.count(name) > 1
    ]
