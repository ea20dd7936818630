"""A bank statement in the formats that banks give out: CSV with the day first, CAMT.053.001.08, OFX 2, MT940. Pure.

Written here alone, apart from the readers of the house, so that each is a check of the other.
Sources: iso20022.org message camt.053.001.08; OFX 2.1.1, sections 2 and 11; SWIFT MT940 with fields 86 as the Deutsche
Kreditwirtschaft numbers them; read 23 November 2026.
"""

import csv
import io
from collections.abc import Callable
from datetime import date
from html import escape
from typing import NamedTuple

from supporters.sandbox.bank import NUMBER, BankLine, Statement
from supporters.sandbox.reports import major

SORT_CODE, SHORT = NUMBER[8:14], NUMBER[14:]
COLUMNS = ("Date", "Type", "Counter Party", "Description", "Bank Reference", "Paid out", "Paid in", "Balance")
PURPOSE_CHARS = 27
SPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


class Form(NamedTuple):
    """A format: its name for people, how a file of it is sent, and what writes it."""

    name: str
    media_type: str
    write: Callable[[Statement], bytes]


def _plain(minor: int, currency: str) -> str:
    return major(minor, currency.lower())


def csv_of(statement: Statement) -> bytes:
    """The statement as a table with the balance after each line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    balance = statement.opening
    for line in statement.lines:
        balance += line.amount
        size = _plain(abs(line.amount), statement.currency)
        pair = (size, "") if line.amount < 0 else ("", size)
        kind = "BACS" if line.amount < 0 else "BGC"
        after = _plain(balance, statement.currency)
        writer.writerow((f"{line.day:%d/%m/%Y}", kind, line.name, line.text, line.reference, *pair, after))
    return out.getvalue().encode()


def camt_of(statement: Statement) -> bytes:
    """The statement as the XML of ISO 20022."""
    first, last, currency = statement.starts_on, statement.ends_on, statement.currency
    name = f"{first:%Y%m%d}-{last:%Y%m%d}"
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{SPACE}"><BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>{name}</MsgId><CreDtTm>{last}T23:59:59Z</CreDtTm></GrpHdr>\n<Stmt><Id>{name}</Id>"
        f"<ElctrncSeqNb>{first:%j}</ElctrncSeqNb><CreDtTm>{last}T23:59:59Z</CreDtTm>"
        f"<FrToDt><FrDtTm>{first}T00:00:00Z</FrDtTm><ToDtTm>{last}T23:59:59Z</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{NUMBER}</IBAN></Id><Ccy>{currency}</Ccy></Acct>\n"
    )
    balances = _balance("OPBD", statement.opening, first, currency) + _balance(
        "CLBD", statement.closing, last, currency
    )
    entries = "".join(_entry(line, currency) for line in statement.lines)
    return f"{head}{balances}{entries}</Stmt></BkToCstmrStmt></Document>\n".encode()


def _balance(code: str, minor: int, day: date, currency: str) -> str:
    kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return f"<Bal>{kind}{_amount(minor, currency)}<Dt><Dt>{day}</Dt></Dt></Bal>\n"


def _amount(minor: int, currency: str) -> str:
    side = "DBIT" if minor < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{_plain(abs(minor), currency)}</Amt><CdtDbtInd>{side}</CdtDbtInd>'


def _entry(line: BankLine, currency: str) -> str:
    who = "Dbtr" if line.amount >= 0 else "Cdtr"
    account = f"<{who}Acct><Id><IBAN>{line.account}</IBAN></Id></{who}Acct>" if line.account else ""
    party = f"<RltdPties><{who}><Pty><Nm>{escape(line.name, quote=False)}</Nm></Pty></{who}>{account}</RltdPties>"
    family = "RCDT" if line.amount >= 0 else "ICDT"
    return (
        f"<Ntry>{_amount(line.amount, currency)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{line.day}</Dt></BookgDt>"
        f"<ValDt><Dt>{line.day}</Dt></ValDt><AcctSvcrRef>{line.reference}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd>"
        f"<Fmly><Cd>{family}</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls>"
        f"{_amount(line.amount, currency)}{party if line.name else ''}"
        f"<RmtInf><Ustrd>{escape(line.text, quote=False)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def ofx_of(statement: Statement) -> bytes:
    """The statement as accounting programs of the desk load it. OFX says no opening balance."""
    first, last, currency = statement.starts_on, statement.ends_on, statement.currency
    status = "<STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>"
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
        f"<OFX><SIGNONMSGSRSV1><SONRS>{status}<DTSERVER>{last:%Y%m%d}235959</DTSERVER><LANGUAGE>ENG</LANGUAGE></SONRS>"
        f"</SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1</TRNUID>{status}<STMTRS><CURDEF>{currency}</CURDEF>"
        f"<BANKACCTFROM><BANKID>{SORT_CODE}</BANKID><ACCTID>{SHORT}</ACCTID><ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>{first:%Y%m%d}</DTSTART><DTEND>{last:%Y%m%d}</DTEND>\n"
        f"{''.join(_trade(line, currency) for line in statement.lines)}</BANKTRANLIST>"
        f"<LEDGERBAL><BALAMT>{_plain(statement.closing, currency)}</BALAMT><DTASOF>{last:%Y%m%d}</DTASOF></LEDGERBAL>"
        "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )
    return text.encode()


def _trade(line: BankLine, currency: str) -> str:
    kind = "CREDIT" if line.amount >= 0 else "DEBIT"
    return (
        f"<STMTTRN><TRNTYPE>{kind}</TRNTYPE><DTPOSTED>{line.day:%Y%m%d}120000[0:GMT]</DTPOSTED>"
        f"<TRNAMT>{_plain(line.amount, currency)}</TRNAMT><FITID>{line.reference}</FITID>"
        f"<NAME>{escape(line.name[:32], quote=False) or 'BANK'}</NAME>"
        f"<MEMO>{escape(line.text, quote=False)}</MEMO></STMTTRN>\n"
    )


def mt940_of(statement: Statement) -> bytes:
    """The statement as banks send it to each other."""
    first, last = statement.starts_on, statement.ends_on
    fields = [f":20:{last:%y%m%d}", f":25:{NUMBER}", f":28C:{first.timetuple().tm_yday}/1"]
    fields.append(
        f":60F:{_mark(statement.opening)}{first:%y%m%d}{statement.currency}{_comma(statement.opening, statement)}"
    )
    for line in statement.lines:
        days = f"{line.day:%y%m%d}{line.day:%m%d}"
        fields.append(f":61:{days}{_mark(line.amount)}{_comma(line.amount, statement)}NTRFNONREF//{line.reference}")
        fields.append(_details(line))
    fields.append(
        f":62F:{_mark(statement.closing)}{last:%y%m%d}{statement.currency}{_comma(statement.closing, statement)}"
    )
    return ("\r\n".join(fields) + "\r\n-\r\n").encode("ascii", "replace")


def _mark(minor: int) -> str:
    return "D" if minor < 0 else "C"


def _comma(minor: int, statement: Statement) -> str:
    text = _plain(abs(minor), statement.currency)
    return text.replace(".", ",") if "." in text else f"{text},"


def _details(line: BankLine) -> str:
    words = f"SVWZ+{line.text}"
    cut = [words[at : at + PURPOSE_CHARS] for at in range(0, len(words), PURPOSE_CHARS)]
    purpose = "".join(f"?{number}{piece}" for number, piece in enumerate(cut, start=20))
    account = f"?31{line.account}" if line.account else ""
    text = f":86:166?00TRANSFER{purpose}{account}?32{line.name[:PURPOSE_CHARS]}"
    return "\r\n".join(text[at : at + 65] for at in range(0, len(text), 65))


FORMS: dict[str, Form] = {
    "csv": Form("CSV", "text/csv; charset=utf-8", csv_of),
    "xml": Form("CAMT.053", "application/xml", camt_of),
    "ofx": Form("OFX", "application/x-ofx", ofx_of),
    "sta": Form("MT940", "text/plain; charset=us-ascii", mt940_of),
}
"""By the ending of the file's name."""
