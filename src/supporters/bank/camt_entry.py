"""One entry of CAMT.053, and the single payments in it where the bank booked several as one. Pure."""

from datetime import date
from xml.etree.ElementTree import Element

import msgspec

from supporters.bank.amounts import NotAnAmount, read_amount
from supporters.bank.balances import money_words
from supporters.bank.clean import clean, join
from supporters.bank.dates import NotADate, read_date
from supporters.bank.parsed import ParsedLine
from supporters.bank.refusals import refuse
from supporters.bank.xml_branches import text_under, under
from supporters.kit.strings import gettext as _

EMPTY = frozenset(["NOTPROVIDED", "NONREF", "NOT PROVIDED", "NONE"])
BOOKED = frozenset(["BOOK", ""])
MOST_TEXTS = 20


def read_entry(entry: Element, currency: str, place: str) -> ParsedLine | None:
    """The entry; its parts add up to it. None for one that is only announced, without a day. Raises Unreadable."""
    amount = entry.find("Amt")
    code = (amount.get("Ccy") if amount is not None else None) or currency
    minor = _signed(entry, _amount(_text(amount), code, place), place)
    is_reversal = _text(entry.find("RvslInd")) in ("true", "1")
    value_on = _day(entry.find("ValDt"), place)
    booked_on = _day(entry.find("BookgDt"), place) or value_on
    status = entry.find("Sts")
    is_booked = (text_under(status, "Cd") or _text(status)) in BOOKED
    if booked_on is None:
        if not is_booked:
            return None
        raise refuse(_("{place} has no booking day (BookgDt). Download the file from the bank once more."), place=place)
    if code != currency:
        raise refuse(
            _(
                "{place}: the amount is in {found}, the account in {currency}. Download the file from the bank once more."
            ),
            place=place,
            found=code,
            currency=currency,
        )
    details = [each for group in entry.findall("NtryDtls") for each in group.findall("TxDtls")]
    line = ParsedLine(
        booked_on=booked_on,
        value_on=value_on,
        amount_minor=minor,
        currency=code,
        type_code=_type_code(entry.find("BkTxCd")),
        bank_reference=_given(text_under(entry, "AcctSvcrRef")),
        is_reversal=is_reversal,
        is_booked=is_booked,
        where=place,
    )
    if len(details) == 1:
        return _with_words(line, details[0], entry)
    return _with_parts(line, entry, details)


def _with_parts(line: ParsedLine, entry: Element, details: list[Element]) -> ParsedLine:
    """The entry with its payments, where every one says its amount. Raises Unreadable where they do not add up."""
    text = clean(text_under(entry, "AddtlNtryInf"))
    parts: list[ParsedLine] = []
    for number, each in enumerate(details, start=1):
        place = _("{place}, payment {number}").format(place=line.where, number=number)
        found = _part_amount(each, line.currency, place)
        if found is None:
            texts = [_with_words(line, one).text for one in details[:MOST_TEXTS]]
            return msgspec.structs.replace(line, text=join([*texts, text]))
        minor = _signed(each, found, place, usual=line.amount_minor)
        part = msgspec.structs.replace(line, amount_minor=minor, bank_reference="", where=place)
        parts.append(_with_words(part, each))
    off = line.amount_minor - sum(part.amount_minor for part in parts)
    if off and parts:
        parts.append(_charges(line, entry, off, len(parts)))
    return msgspec.structs.replace(line, text=text, parts=tuple(parts))


def _charges(line: ParsedLine, entry: Element, off: int, count: int) -> ParsedLine:
    """What the bank kept of the entry, as a part of its own. Raises Unreadable if its charges are not the difference."""
    charges = 0
    for tag in ("Amt", "TtlChrgsAndTaxAmt", "Rcrd"):
        for found in entry.iter("Chrgs"):
            amount = under(found, tag, "Amt") if tag == "Rcrd" else found.find(tag)
            charges += _amount(_text(amount), line.currency, line.where) if amount is not None else 0
        if charges:
            break
    if charges != abs(off):
        raise refuse(
            _(
                "{place}: its {count} payments make {sum}, but the entry is {amount}: {off} is missing. "
                "Download the file from the bank once more."
            ),
            place=line.where,
            count=count,
            sum=money_words(line.amount_minor - off, line.currency),
            amount=money_words(line.amount_minor, line.currency),
            off=money_words(off, line.currency),
        )
    return msgspec.structs.replace(line, amount_minor=off, text=_("Charges of the bank"), bank_reference="")


def _with_words(line: ParsedLine, details: Element, entry: Element | None = None) -> ParsedLine:
    """The line with who, which account, and what was written; the other side is the payer of what came in."""
    is_from_others = (line.amount_minor > 0) != line.is_reversal
    who, account = ("Dbtr", "DbtrAcct") if is_from_others else ("Cdtr", "CdtrAcct")
    parties, remittance = details.find("RltdPties"), details.find("RmtInf")
    side, theirs = under(parties, who), under(parties, account, "Id")
    references = details.find("Refs")
    pieces: list[str] = []
    if remittance is not None:
        pieces += [_text(each) for each in remittance.findall("Ustrd")]
        pieces += [text_under(each, "CdtrRefInf", "Ref") for each in remittance.findall("Strd")]
    pieces.append(text_under(details, "AddtlTxInf"))
    return msgspec.structs.replace(
        line,
        counterparty=clean(text_under(side, "Nm") or text_under(side, "Pty", "Nm")),
        account=clean(text_under(theirs, "IBAN") or text_under(theirs, "Othr", "Id")),
        text=join(pieces) or clean(text_under(entry, "AddtlNtryInf")),
        end_to_end=_given(text_under(references, "EndToEndId")),
        bank_reference=line.bank_reference or _given(text_under(references, "AcctSvcrRef")),
    )


def _part_amount(details: Element, currency: str, place: str) -> int | None:
    """The payment's amount in the account's currency, None where it is not given in that one. Raises Unreadable."""
    for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt"), ("AmtDtls", "InstdAmt", "Amt")):
        amount = under(details, *path)
        if amount is not None and amount.get("Ccy", currency) == currency:
            return _amount(_text(amount), currency, place)
    return None


def _signed(element: Element, minor: int, place: str, *, usual: int | None = None) -> int:
    """The amount with the sign of its CdtDbtInd. Raises Unreadable."""
    side = _text(element.find("CdtDbtInd"))
    if not side and usual is not None:
        return minor if usual >= 0 else -minor
    if side not in ("CRDT", "DBIT"):
        raise refuse(
            _("{place}, CdtDbtInd: “{value}” is neither CRDT nor DBIT. Download the file from the bank once more."),
            place=place,
            value=side,
        )
    return minor if side == "CRDT" else -minor


def _amount(text: str, currency: str, place: str) -> int:
    try:
        return read_amount(text, currency)
    except NotAnAmount as problem:
        raise refuse(
            _("{place}, Amt: “{value}” is {problem} ({currency}). Download the file from the bank once more."),
            place=place,
            value=text,
            problem=str(problem),
            currency=currency,
        ) from None


def _day(element: Element | None, place: str) -> date | None:
    """The day of a date or a time. Raises Unreadable."""
    if element is None:
        return None
    text = text_under(element, "Dt") or text_under(element, "DtTm")
    try:
        return read_date(text[:10], "ymd") if text else None
    except NotADate as problem:
        raise refuse(
            _("{place}, {tag}: “{value}” is {problem}. Download the file from the bank once more."),
            place=place,
            tag=str(element.tag),
            value=text,
            problem=str(problem),
        ) from None


def _type_code(element: Element | None) -> str:
    """`PMNT-RCDT-ESCT`, or the bank's own code."""
    if element is None:
        return ""
    domain = element.find("Domn")
    if domain is None:
        return clean(text_under(element, "Prtry", "Cd"))
    family = domain.find("Fmly")
    parts = (text_under(domain, "Cd"), text_under(family, "Cd"), text_under(family, "SubFmlyCd"))
    return clean("-".join(part for part in parts if part))


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _given(text: str) -> str:
    kept = clean(text)
    return "" if kept.upper() in EMPTY else kept
