"""What banks call the columns of a CSV, in the languages whose files we have met. Pure."""

import re

# The first name that fits wins, so the longer and more telling ones come first. Compared without case, marks and spaces.
DATES = (
    "booking date", "buchungstag", "buchungsdatum", "transaction date", "txn date", "completed date", "posted date",
    "posting date", "date posted", "started date", "entry date", "booked", "booked on", "date de comptabilisation",
    "date operation", "fecha operacion", "fecha", "boekdatum", "datum", "date", "data", "day",
)  # fmt: skip
VALUES = ("value date", "valuta", "valutadatum", "wertstellung", "wert", "date de valeur", "fecha valor", "valued on")
AMOUNTS = (
    "transaction amount", "amount", "betrag", "umsatz", "montant", "importe", "bedrag", "value", "net", "sum", "belopp",
)  # fmt: skip
INS = (
    "paid in", "money in", "credit amount", "credits", "credit", "in", "deposit", "deposits", "received", "receipts",
    "haben", "gutschrift", "eingang", "eingange", "einnahmen", "crédit", "abono", "bij", "lodgement", "lodgements",
)  # fmt: skip
OUTS = (
    "paid out", "money out", "debit amount", "debits", "debit", "out", "withdrawal", "withdrawals", "spent", "payments",
    "soll", "lastschrift", "ausgang", "ausgange", "ausgaben", "débit", "cargo", "af",
)  # fmt: skip
SIGNS = (
    "cr dr", "dr cr", "credit debit", "debit credit", "credit debit indicator", "cdtdbtind", "c d", "sign", "s h", "soll haben",
    "afbij", "af bij",
)  # fmt: skip
BALANCES = ("account balance", "running balance", "balance", "saldo nach buchung", "kontostand", "saldo", "solde")
NAMES = (
    "counter party", "counterparty", "counterparty name", "payee", "payer", "name", "merchant name", "merchant",
    "beneficiary", "empfanger", "auftraggeber", "beguenstigter zahlungspflichtiger", "begunstigter zahlungspflichtiger",
    "name zahlungsbeteiligter", "zahlungspflichtiger", "zahlungsempfanger", "nom", "beneficiaire", "naam tegenpartij",
    "payer name", "name of payer", "from to", "other party",
)  # fmt: skip
TEXTS = (
    "description", "details", "narrative", "memo", "particulars", "verwendungszweck", "buchungstext", "transaction description",
    "libelle", "concepto", "omschrijving", "mededelingen", "notes", "message", "text", "purpose", "remittance information",
)  # fmt: skip
REFERENCES = (
    "bank reference", "transferwise id",
    "transaction id", "transactionid", "reference", "ref", "referenz", "kundenreferenz", "id", "fitid",
    "reference number", "transaction reference",
)  # fmt: skip
ACCOUNTS = (
    "counterparty account", "counterparty iban", "payer account", "other account", "iban", "kontonummer", "kontonummer iban",
    "tegenrekening",
)  # fmt: skip
TYPES = ("transaction type", "type", "code", "transaction code", "mutatiesoort", "vorgang", "umsatzart")
STATUSES = (
    "status", "state", "transaction status", "payment status", "booking status", "umsatzstatus", "buchungsstatus", "zustand",
    "statut", "etat", "estado",
)  # fmt: skip
CURRENCIES = ("currency", "wahrung", "devise", "divisa", "valuta", "ccy", "munt", "account currency")
TOTALS = (
    "total", "totals", "sum", "summe", "gesamt", "saldo", "balance", "closing balance", "opening balance", "end", "end of file",
    "endsaldo", "anfangssaldo", "kontostand", "subtotal", "grand total", "printed", "generated", "totaal",
)  # fmt: skip

_NOT_WORDS = re.compile(r"[\W_]+")
_PLAIN = str.maketrans("äöüéèêáíóñçåÄÖÜÉ", "aoueeeaioncaAOUE")


def plain_name(text: str) -> str:
    """The name without case, accents and marks: `CR/DR` is `cr dr`."""
    return _NOT_WORDS.sub(" ", text.translate(_PLAIN).casefold()).strip()


def named(header: tuple[str, ...], names: tuple[str, ...], taken: set[int]) -> int | None:
    """The column with the first of these names, whole or as its beginning, that is not taken yet."""
    plain = [plain_name(each) for each in header]
    for name in names:
        wanted = plain_name(name)
        for index, each in enumerate(plain):
            if index not in taken and each == wanted:
                return index
    for name in names:
        wanted = plain_name(name)
        for index, each in enumerate(plain):
            if len(wanted) > 3 and index not in taken and each.startswith(wanted + " "):
                return index
    return None


def is_total(row: list[str]) -> bool:
    """Whether a row without a day is one of totals or an ending, not a broken line."""
    words = [plain_name(cell) for cell in row if cell.strip()]
    return bool(words) and any(words[0] == name or words[0].startswith(name + " ") for name in TOTALS)
