"""A statement as a PDF, where the extra `pdf` is installed (typst). Without it, the page to print is all there is.

What people typed goes in as data and is never read as markup.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

import msgspec
from babel.dates import format_date

from supporters.kit.clock import local_date
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.paths import data_dir
from supporters.receipts.mine import Payment, Period, period_words, sums_of
from supporters.settings import Settings

TEMPLATE = "pdf/statement.typ"
DAY = "d MMMM y"


class Typesetter(Protocol):
    """What is needed of typst."""

    def compile(self, input: bytes, /, *, sys_inputs: dict[str, str]) -> bytes: ...


def has_pdf() -> bool:
    """Whether statements can be had as PDF here."""
    return find_spec("typst") is not None


def statement_pdf(told: dict[str, object]) -> bytes:
    """The statement that `told` describes, typeset. Takes a tenth of a second of the processor: call it in a thread."""
    typst = cast("Typesetter", import_module("typst"))
    source = (data_dir("templates") / TEMPLATE).read_bytes()
    return typst.compile(source, sys_inputs={"told": msgspec.json.encode(told).decode()})


def statement_words(
    payments: Sequence[Payment], period: Period, *, name: str, address: str, made_on: str, settings: Settings
) -> dict[str, object]:
    """Everything that the PDF says, written out: the oldest payment first."""
    locale = settings.locale

    def money(amount: Money) -> str:
        return format_money(amount, locale)

    def row(each: Payment) -> list[str]:
        day = format_date(local_date(each.at, settings.time_zone), DAY, locale=locale)
        number = each.receipt_number or ""
        return [day, each.reference, each.purpose, number, money(each.amount), money(each.kept)]

    columns = [_("Date"), _("Reference"), _("For"), _("Receipt"), _("Amount"), _("After refunds")]
    paper = ", ".join(filter(None, (settings.legal_name, settings.postal_address)))
    return {
        "language": locale[:2],
        "publisher": settings.publisher_name,
        "heading": period_words(period),
        "period": _("%(first)s to %(last)s")
        % {
            "first": format_date(period.first, DAY, locale=locale),
            "last": format_date(period.last, DAY, locale=locale),
        },
        "facts": [[_("Given by"), f"{name}, {address}"], [_("To"), paper], [_("Made on"), made_on]],
        "columns": columns,
        "rows": [row(each) for each in reversed(payments)],
        "sums": [
            [_count(each.payments), "", "", "", money(each.given), money(each.kept)] for each in sums_of(payments)
        ],
        "note": _("Sums are those that were taken. What the bank has not answered yet counts as nothing."),
    }


def _count(payments: int) -> str:
    return ngettext("%(num)s payment", "%(num)s payments", payments) % {"num": payments}
