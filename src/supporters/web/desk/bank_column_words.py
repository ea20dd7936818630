"""The columns of a bank's table, as the form asks for them. Pure."""

from supporters.kit.strings import gettext as _

COLUMN_FIELDS = {
    "date": "date_column",
    "amount": "amount_column",
    "in": "in_column",
    "out": "out_column",
    "sign": "sign_column",
    "balance": "balance_column",
    "name": "counterparty_column",
    "account": "account_column",
    "reference": "reference_column",
    "value": "value_column",
    "type": "type_column",
    "currency": "currency_column",
    "status": "status_column",
}
TEXT_FIELDS = ("text1", "text2", "text3")
AMOUNT_FIELDS = ("amount", "in", "out")
FIELDS = (*COLUMN_FIELDS, *TEXT_FIELDS, "order", "mark", "negated", "booked")


def field_words() -> dict[str, tuple[str, str]]:
    """What each column is called, and what to know about it."""
    return {
        "date": (_("Day"), _("When the bank booked the line.")),
        "amount": (_("Amount"), _("One column with a minus for money out.")),
        "in": (_("Money in"), _("Where money in and money out have a column each.")),
        "out": (_("Money out"), ""),
        "sign": (_("Credit or debit"), _("Where a column says which way the money went.")),
        "balance": (_("Balance after the line"), _("It proves that no line is missing.")),
        "text1": (_("Text"), _("What payer and bank wrote; up to three columns.")),
        "text2": (_("More text"), ""),
        "text3": (_("More text still"), ""),
        "name": (_("Who paid or was paid"), ""),
        "account": (_("Their account"), ""),
        "reference": (_("Reference"), ""),
        "value": (_("Value date"), ""),
        "type": (_("Kind of line"), ""),
        "currency": (_("Currency"), ""),
        "status": (_("Booked, pending, declined"), _("Only rows that the bank has booked are taken.")),
    }


def order_words() -> dict[str, str]:
    """How dates may be written."""
    return {
        "dmy": _("day first: 24/11/2026"),
        "mdy": _("month first: 11/24/2026"),
        "ymd": _("year first: 2026-11-24"),
    }


def mark_words() -> dict[str, str]:
    """What may stand before the decimals."""
    return {".": _("point: 1,234.56"), ",": _("comma: 1.234,56")}
