"""Bank statements for tests: the same lines written in every format that the house reads.

`write("camt.08", lines, opening=10_000)` gives the file's bytes; `some_lines(Random(1), 40)` gives lines to write.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple
from xml.sax.saxutils import escape

from supporters.kit.money import exponent

ACCOUNT = "GB29NWBK60161331926819"
CAMT = {f"camt.{each}": f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{each}" for each in ("02", "04", "08", "13")}
CSV = ("csv", "csv-two-columns", "csv-german", "csv-us", "csv-marks", "csv-utf16")
FORMATS = (*CSV, "xero", *CAMT, "camt.zip", "ofx1", "ofx2", "mt940", "qif")
NAMES = ("STRIPE PAYMENTS UK LTD", "A Müller", "Jo O'Brien & Sons", "Zoë Ångström", "Co-operative Bank", "M Adeyemi")
TEXTS = ("STRIPE PAYOUT", "DON-7K3F-9Q", "standing order", "cheque 000123", "card fee; monthly", "rent, office")


class Line(NamedTuple):
    """One line to be written. *Money*: minor units, money in is positive."""

    day: date
    amount: int
    name: str = ""
    text: str = ""
    reference: str = ""
    account: str = ""
    end_to_end: str = ""
    parts: tuple["Line", ...] = ()
    is_reversal: bool = False
    is_booked: bool = True


def some_lines(random: Random, count: int, *, start: date = date(2026, 10, 1), days: int = 31) -> list[Line]:
    """Lines in the order of their days, some on one day, some with the same text."""
    spread = sorted(random.randrange(days) for _ in range(count))
    return [
        Line(
            day=start + timedelta(days=offset),
            amount=random.choice([1, 1, 1, -1]) * random.randint(1, 500_000),
            name=random.choice(NAMES),
            text=random.choice(TEXTS),
            reference=f"R{number:06}",
            account="DE89370400440532013000" if number % 2 else "",
            end_to_end=f"E2E-{number}" if number % 3 == 0 else "",
        )
        for number, offset in enumerate(spread)
    ]


def write(
    form: str,
    lines: Sequence[Line],
    *,
    opening: int = 0,
    currency: str = "GBP",
    account: str = ACCOUNT,
    closing: int | None = None,
) -> bytes:
    """The statement in that format; `closing` is what it adds up to, unless a test wants it wrong."""
    end = opening + sum(line.amount for line in lines if line.is_booked) if closing is None else closing
    if form in CAMT:
        return _camt(CAMT[form], lines, opening, end, currency, account)
    if form == "camt.zip":
        return zip_of({"statement.xml": _camt(CAMT["camt.08"], lines, opening, end, currency, account)})
    if form in ("ofx1", "ofx2"):
        return _ofx(lines, end, currency, account, is_xml=form == "ofx2")
    if form == "mt940":
        return _mt940(lines, opening, end, currency, account)
    if form == "qif":
        return _qif(lines, currency)
    return _csv(form, lines, opening, currency)


def zip_of(files: dict[str, bytes]) -> bytes:
    """A ZIP with these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def plain(minor: int, currency: str = "GBP", mark: str = ".", group: str = "") -> str:
    """The amount as banks write it: `1.234,56`."""
    text = f"{Decimal(minor).scaleb(-exponent(currency)):,.{exponent(currency)}f}"
    return text.translate({ord(","): group, ord("."): mark})


def _csv(form: str, lines: Sequence[Line], opening: int, currency: str) -> bytes:
    out = io.StringIO(newline="")
    separator = ";" if form == "csv-german" else "\t" if form == "csv-utf16" else ","
    writer = csv.writer(out, delimiter=separator)
    writer.writerows(_csv_rows(form, lines, opening, currency))
    encoding = {"csv-german": "cp1252", "csv-utf16": "utf-16", "csv-us": "utf-8-sig"}.get(form, "utf-8")
    return out.getvalue().encode(encoding)


def _csv_rows(form: str, lines: Sequence[Line], opening: int, currency: str) -> Iterable[list[str]]:
    balance = opening
    yield from CSV_HEADS[form]
    for line in lines:
        balance += line.amount
        amount, size = plain(line.amount, currency), plain(abs(line.amount), currency, group=",")
        if form == "xero":
            yield [f"{line.day:%d/%m/%Y}", amount, line.name, line.text, line.reference]
        elif form == "csv-two-columns":
            pair = [size, ""] if line.amount < 0 else ["", size]
            yield [f"{line.day:%d %b %Y}", "TRF", line.name, line.text, *pair, plain(balance, currency, group=",")]
        elif form == "csv-german":
            after = plain(abs(line.amount), currency, ",", ".") + ("-" if line.amount < 0 else "")
            yield [f"{line.day:%d.%m.%Y}", f"{line.day:%d.%m.%y}", line.name, line.text, line.account, after, currency]
        elif form == "csv-us":
            yield [f"{line.day:%m/%d/%Y}", f"{line.name}\n{line.text}", f"({size})" if line.amount < 0 else f"${size}"]
        elif form == "csv-marks":
            yield [line.day.isoformat(), line.text, size, "DR" if line.amount < 0 else "CR", line.reference, line.name]
        else:
            yield [f"{line.day:%d/%m/%Y}", line.text, line.name, amount, plain(balance, currency), line.reference]
    if form == "csv-two-columns":
        yield ["Total", "", "", "", plain(-sum(min(line.amount, 0) for line in lines), currency), "", ""]


CSV_HEADS: dict[str, list[list[str]]] = {
    "csv": [["Date", "Description", "Payee", "Amount", "Balance", "Reference"]],
    "csv-utf16": [["Date", "Description", "Payee", "Amount", "Balance", "Reference"]],
    "csv-two-columns": [
        ["Account name:", "The Paper Ltd"], ["Sort code:", "60-16-13"], [],
        ["Date", "Type", "Counter Party", "Description", "Paid out", "Paid in", "Balance"],
    ],
    "csv-german": [["Buchungstag", "Wertstellung", "Empfänger", "Verwendungszweck", "IBAN", "Betrag", "Währung"]],
    "csv-us": [["Date", "Description", "Amount"]],
    "csv-marks": [["Booked", "Details", "Amount", "CR/DR", "Transaction ID", "Payer"]],
    "xero": [["*Date", "*Amount", "Payee", "Description", "Reference"]],
}  # fmt: skip


def _camt(space: str, lines: Sequence[Line], opening: int, closing: int, currency: str, account: str) -> bytes:
    first, last = _days(lines)
    body = "".join(_camt_entry(line, currency, is_new=space[-2:] >= "08") for line in lines)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{space}"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-01T00:00:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>S1</Id><ElctrncSeqNb>7</ElctrncSeqNb><Acct><Id><IBAN>{account}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        f"{_camt_balance('OPBD', opening, first, currency)}{_camt_balance('CLBD', closing, last, currency)}{body}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _camt_balance(code: str, minor: int, day: date, currency: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_camt_amount(minor, currency)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )


def _camt_amount(minor: int, currency: str) -> str:
    side = "DBIT" if minor < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{plain(abs(minor), currency)}</Amt><CdtDbtInd>{side}</CdtDbtInd>'


def _camt_entry(line: Line, currency: str, *, is_new: bool) -> str:
    status = "BOOK" if line.is_booked else "PDNG"
    return (
        f"<Ntry>{_camt_amount(line.amount, currency)}"
        + ("<RvslInd>true</RvslInd>" if line.is_reversal else "")
        + (f"<Sts><Cd>{status}</Cd></Sts>" if is_new else f"<Sts>{status}</Sts>")
        + f"<BookgDt><Dt>{line.day}</Dt></BookgDt><ValDt><Dt>{line.day}</Dt></ValDt>"
        + f"<AcctSvcrRef>{line.reference}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd>"
        + "<SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls>"
        + "".join(_camt_details(part, currency, is_new=is_new) for part in line.parts or (line,))
        + "</NtryDtls></Ntry>\n"
    )


def _camt_details(line: Line, currency: str, *, is_new: bool) -> str:
    who, accounts = ("Dbtr", "DbtrAcct") if line.amount >= 0 else ("Cdtr", "CdtrAcct")
    name = f"<Nm>{escape(line.name)}</Nm>"
    return (
        f"<TxDtls><Refs>{f'<EndToEndId>{line.end_to_end}</EndToEndId>' if line.end_to_end else ''}</Refs>"
        f"{_camt_amount(line.amount, currency)}<RltdPties><{who}>{f'<Pty>{name}</Pty>' if is_new else name}</{who}>"
        + (f"<{accounts}><Id><IBAN>{line.account}</IBAN></Id></{accounts}>" if line.account else "")
        + f"</RltdPties><RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf></TxDtls>"
    )


def _ofx(lines: Sequence[Line], closing: int, currency: str, account: str, *, is_xml: bool) -> bytes:
    first, last = _days(lines)
    trades = "".join(
        f"<STMTTRN><TRNTYPE>{'CREDIT' if line.amount >= 0 else 'DEBIT'}<DTPOSTED>{line.day:%Y%m%d}120000[0:GMT]"
        f"<TRNAMT>{plain(line.amount, currency)}<FITID>{line.reference or f'F{number}'}"
        f"<NAME>{escape(line.name[:32]) or 'none'}<MEMO>{escape(line.text) or 'none'}</STMTTRN>\n"
        for number, line in enumerate(lines)
    )
    body = (
        "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261101<LANGUAGE>ENG</SONRS>"
        "</SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS>"
        f"<CURDEF>{currency}<BANKACCTFROM><BANKID>601613<ACCTID>{account}<ACCTTYPE>CHECKING</BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>{first:%Y%m%d}<DTEND>{last:%Y%m%d}\n{trades}</BANKTRANLIST>"
        f"<LEDGERBAL><BALAMT>{plain(closing, currency)}<DTASOF>{last:%Y%m%d}</LEDGERBAL>"
        "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )
    if not is_xml:
        head = (
            "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\n"
            "COMPRESSION:NONE\r\nOLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n\r\n"
        )
        return (head + body).encode("cp1252", "replace")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" '
    return (head + 'OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n' + _closed(body)).encode()


def _closed(body: str) -> str:
    """The same with the end of every leaf written, as OFX 2 wants it."""
    pieces = []
    for piece in body.split("<")[1:]:
        tag, _, text = piece.partition(">")
        kept = text.strip()
        pieces.append(f"<{tag}>{kept}</{tag}>" if kept else f"<{tag}>")
    return "".join(pieces)


def _mt940(lines: Sequence[Line], opening: int, closing: int, currency: str, account: str) -> bytes:
    first, last = _days(lines)
    fields = [":20:STATEMENT", f":25:{account}", ":28C:7/1", f":60F:{_mt940_balance(opening, first, currency)}"]
    for line in lines:
        mark = ("RC" if line.amount < 0 else "RD") if line.is_reversal else "D" if line.amount < 0 else "C"
        amount = plain(abs(line.amount), currency, ",")
        fields.append(f":61:{line.day:%y%m%d}{line.day:%m%d}{mark}{amount}NTRFNONREF//{line.reference}")
        fields.append(":86:" + mt940_details(line))
    fields.append(f":62F:{_mt940_balance(closing, last, currency)}")
    return ("\r\n".join(fields) + "\r\n-\r\n").encode("utf-8")


def mt940_details(line: Line, order: str = "usual") -> str:
    """Field 86 with subfields; `order` "account first" puts the account before the purpose, as some banks do."""
    words = ([f"EREF+{line.end_to_end}"] if line.end_to_end else []) + [f"SVWZ+{line.text}"]
    cut = [word[at : at + 27] for word in words for at in range(0, len(word), 27)]
    pieces = [f"?{number}{piece}" for number, piece in enumerate(cut, start=20)]
    who = [f"?30COBADEFFXXX?31{line.account}"] if line.account else []
    name = [f"?32{line.name[:27]}"] + ([f"?33{line.name[27:54]}"] if len(line.name) > 27 else [])
    middle = [*who, *pieces, *name] if order == "account first" else [*pieces, *who, *name]
    text = "".join(["166?00GUTSCHRIFT?109248", *middle])
    return "\r\n".join(text[at : at + 65] for at in range(0, len(text), 65))


def _mt940_balance(minor: int, day: date, currency: str) -> str:
    return f"{'D' if minor < 0 else 'C'}{day:%y%m%d}{currency}{plain(abs(minor), currency, ',')}"


def _qif(lines: Sequence[Line], currency: str) -> bytes:
    records = "".join(
        f"D{line.day:%d/%m/%Y}\nT{plain(line.amount, currency, group=',')}\nP{line.name}\nM{line.text}\n"
        f"N{line.reference}\n^\n"
        for line in lines
    )
    return ("!Type:Bank\n" + records).encode()


def _days(lines: Sequence[Line]) -> tuple[date, date]:
    days = [line.day for line in lines] or [date(2026, 10, 1)]
    return min(days), max(days)
