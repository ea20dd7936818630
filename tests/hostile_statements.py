"""Hostile bank statements, amounts and days: sound ones with wounds, and a judge of what was made of them.

Nothing may come out of a parser but `Unreadable`, or a file that keeps its promises.
"""

import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from statements import CSV, Line, mt940_details, plain, some_lines, write, zip_of
from supporters.bank.amounts import NotAnAmount, read_amount
from supporters.bank.archive import unpack
from supporters.bank.dates import FIRST_YEAR, LAST_YEAR, NotADate, read_date
from supporters.bank.formats import format_of, read_plainly
from supporters.bank.limits import DEFAULT, MOST_CHARS
from supporters.bank.parsed import ParsedFile, ParsedLine, Unreadable

MOST_WORDS = 800  # characters of a refusal
PIECES = [
    b"NaN", b"1e999", b"1.234,56-", b"(1)", b"-", b"--", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"9" * 400,
    b"\r", b'"', b"'", b";;;;", b",,,,", b"\t|\t", b"sep=;\n", b"=cmd|'/c calc'!A0", b"@SUM(1)", b"\n\n", b"Total",
    b"31/02/2026", b"00/00/0000", b"99999999999999999999", b"&lol;", b"&#0;", b"&#x110000;", b"<![CDATA[", b"]]>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"<?xml?>", b"<Ntry>", b"</Ntry>", b"<Stmt>", b"</Stmt>", b"<a>" * 60, b"</a>" * 60,
    b"xmlns='u'", b"<STMTTRN>", b"</STMTTRN>", b"<STMTRS>", b"</OFX>", b"<MEMO>", b"<DTPOSTED>20261399", b"<TRNAMT>,",
    b":61:", b":86:", b":20:X\n", b":62F:", b"?20", b"?32", b"RC", b"{4:", b"-}", b"!Type:Bank\n", b"^\n", b"D13/13'26\n",
    b"T1.2.3\n", b"CRDT", b"DBIT", b"QQQ", b"Pending", b",Declined", b"\xef\xbb\xbf", b"\xff\xfe", b"PK\x03\x04", b"1,1,1,1",
]  # fmt: skip
WITH_STATES = (
    b"Started,Completed Date,Description,Amount,Currency,State,Balance\n"
    b"2026-11-02,2026-11-02,Jo,50.00,GBP,COMPLETED,150.00\n2026-11-03,,Ada,500.00,GBP,PENDING,\n"
    b"2026-11-03,2026-11-04,Train,-20.00,GBP,COMPLETED,130.00\n2026-11-04,,Max,5.00,GBP,DECLINED,\n"
)
SEEDS: dict[str, tuple[str, ...]] = {
    "csv": CSV,
    "xero": ("xero",),
    "camt": ("camt.02", "camt.04", "camt.08", "camt.13"),
    "ofx": ("ofx1", "ofx2"),
    "mt940": ("mt940",),
    "qif": ("qif",),
    "zip": ("camt.zip",),
}
TARGETS = (*SEEDS, "any", "amount", "date")


def seeds(target: str, random: Random) -> list[bytes]:
    """Sound statements for that parser, small ones."""
    forms = [form for forms in SEEDS.values() for form in forms] if target == "any" else list(SEEDS[target])
    found: list[bytes] = []
    for form in forms:
        for count in (1, 4):
            lines = some_lines(random, count)
            batch = Line(lines[0].day, 600, "Batch", parts=(Line(lines[0].day, 100, "A"), Line(lines[0].day, 500, "B")))
            back = Line(lines[0].day, -250, "Back", "taken back", is_reversal=True)
            found.append(write(form, [*lines, batch, back], opening=1_000))
    return [*found, WITH_STATES] if target in ("csv", "any") else found


def bend(content: bytes, random: Random) -> bytes:
    """The content with up to five wounds: cut out, put in, doubled, swapped."""
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(content) + 1)
        upto = min(len(content), at + random.choice([0, 0, 0, 1, 2, 8, 60]))
        piece = random.choice(
            [random.choice(PIECES), random.choice(PIECES), random.randbytes(random.randint(0, 6)), b""]
        )
        kind = random.random()
        if kind < 0.1:
            piece = content[at : at + random.choice([10, 100])] * random.choice([2, 3, 30])
        elif kind < 0.15:
            content, piece = content[:at], b""
        content = content[:at] + piece + content[upto:]
    return content


def hostile_zip(random: Random, inner: list[bytes]) -> bytes:
    """A ZIP of bent statements, or a bent ZIP of sound ones."""
    files = {f"{number}.xml": random.choice(inner) for number in range(random.randint(1, 2))}
    if random.random() < 0.5:
        return zip_of({name: bend(content, random) for name, content in files.items()})
    return bend(zip_of(files), random)


def cases(target: str, seed: int) -> Callable[[], Callable[[], None]]:
    """A maker of cases for that target: each case is a call that raises AssertionError when a promise was broken."""
    random = Random(seed)
    if target == "amount":
        return lambda: _amount_case(random)
    if target == "date":
        return lambda: _date_case(random)
    sound = seeds("camt" if target == "zip" else target, random)

    def case() -> Callable[[], None]:
        content = hostile_zip(random, sound) if target == "zip" else bend(random.choice(sound), random)
        return lambda: judge(content, "" if target == "any" else target)

    return case


def judge(content: bytes, form: str) -> None:
    """The content is refused with words, or what came of it keeps the promises of `ParsedFile`."""
    problem = _problem(content, form)
    promise(problem is None or (problem and problem.isprintable() and len(problem) < MOST_WORDS), "words", problem)


def _problem(content: bytes, form: str) -> str | None:
    """Why the content is not taken, None where it was, and rightly."""
    try:
        file = read_plainly(content, currency="GBP", profile=None, limits=DEFAULT, form=form or format_of(content))
    except Unreadable as problem:
        return problem.message
    check(file)
    return None


def promise(kept: object, what: str, *seen: object) -> None:
    """Raises AssertionError with what was seen where a promise was not kept."""
    if not kept:
        raise AssertionError(f"{what}: " + ", ".join(repr(each)[:200] for each in seen))


def check(file: ParsedFile) -> None:
    """The file keeps its promises: sums, sizes, days."""
    promise(file.statements, "statements")
    for statement in file.statements:
        for line in statement.lines:
            _check_line(line)
            for part in line.parts:
                _check_line(part)
            parts = sum(part.amount_minor for part in line.parts)
            promise(not line.parts or parts == line.amount_minor, "parts", line)
        if statement.opening_minor is not None and statement.closing_minor is not None:
            moved = sum(line.amount_minor for line in statement.lines if line.is_booked)
            promise(
                statement.opening_minor + moved == statement.closing_minor, "balances", statement.opening_minor, moved
            )


def _check_line(line: ParsedLine) -> None:
    promise(type(line.amount_minor) is int and abs(line.amount_minor) < 10**16, "amount", line)
    promise(FIRST_YEAR <= line.booked_on.year <= LAST_YEAR, "day", line)
    promise(len(line.currency) == 3 and line.where, "currency and place", line)
    for text in (line.text, line.counterparty, line.account, line.bank_reference, line.end_to_end, line.type_code):
        promise(len(text) <= MOST_CHARS and "\n" not in text and "\x00" not in text, "text", text)


def _amount_case(random: Random) -> Callable[[], None]:
    """Half are amounts whose value is known, half are anything."""
    if random.random() < 0.5:
        currency, mark = random.choice(["GBP", "EUR", "JPY", "KWD"]), random.choice(".,")
        minor = random.randint(0, 10 ** random.randint(1, 13))
        group = random.choice(["", " ", "'", "\u00a0", "," if mark == "." else "."])
        text = plain(minor, currency, mark, group)
        is_out = random.random() < 0.5
        if is_out:
            text = random.choice(["-{}", "{}-", "({})", "{} DR", "−{}", "{}D", "- {}", "S {}"]).format(text)
        else:
            text = random.choice(
                ["{}", "+{}", "{} CR", "{}C", currency + " {}", "{} " + currency.lower(), " {} "]
            ).format(text)
        return lambda: _same_amount(text, currency, mark, -minor if is_out else minor)
    alphabet = "0123456789.,-+() £$€'CRDR\u00a0−٣½Ⅷe"
    text = "".join(random.choice(alphabet) for _ in range(random.choice([0, 1, 3, 6, 12, 60])))
    return lambda: _any_amount(text, random.choice([".", ","]))


def _same_amount(text: str, currency: str, mark: str, expected: int) -> None:
    try:
        found: object = read_amount(text, currency, mark)
    except NotAnAmount as problem:
        found = problem
    promise(found == expected, "amount", text, currency, mark, found, expected)


def _any_amount(text: str, mark: str) -> None:
    try:
        minor = read_amount(text, "GBP", mark)
    except NotAnAmount:
        return
    digits = "".join(char for char in unicodedata.normalize("NFKC", text) if char.isascii() and char.isdigit()).lstrip(
        "0"
    )
    promise(digits.rstrip("0") == str(abs(minor)).rstrip("0").lstrip("0"), "digits", text, minor)


def _date_case(random: Random) -> Callable[[], None]:
    """Half are days in a known order, half are anything."""
    if random.random() < 0.5:
        day = date(1980, 1, 1) + timedelta(days=random.randrange(36_000))
        order, style = random.choice(
            [
                ("dmy", "%d/%m/%Y"), ("dmy", "%d.%m.%Y"), ("mdy", "%m/%d/%Y"), ("ymd", "%Y-%m-%d"), ("dmy", "%d %b %Y"),
                ("mdy", "%b %d, %Y"), ("dmy", "%Y%m%d"), ("dmy", "%d-%b-%Y"), ("mdy", "%Y-%m-%dT%H:%M:%S"),
                ("dmy", "%A %d %B %Y"),
            ]
        )  # fmt: skip
        text = day.strftime(style)
        return lambda: _same_day(text, order, day)
    alphabet = "0123456789/-. 'TZ:JanFebMarOct٣"
    text = "".join(random.choice(alphabet) for _ in range(random.choice([0, 4, 8, 10, 20, 60])))
    return lambda: _any_day(text, random.choice(["dmy", "mdy", "ymd"]))


def _same_day(text: str, order: str, expected: date) -> None:
    promise(read_date(text, order) == expected, "day", text, order, expected)


def _any_day(text: str, order: str) -> None:
    try:
        day = read_date(text, order)
    except NotADate:
        return
    promise(FIRST_YEAR <= day.year <= LAST_YEAR, "day", text, day)


def bombs() -> dict[str, bytes]:
    """Files of a few kilobytes that ask for far more."""
    lines = some_lines(Random(3), 2)
    camt = write("camt.08", lines)
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return {
        "zeros": zip_of({"a.xml": bytes(30 * 1024 * 1024)}),
        "many": zip_of({f"{number}.xml": b"<a/>" for number in range(500)}),
        "nested": zip_of({"a.zip": zip_of({"b.zip": zip_of({"c.xml": camt})})}),
        "laughs": camt.replace(b"?>\n", f'?><!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]>\n'.encode(), 1).replace(
            b"<Id>S1", b"<Id>&l11;S1", 1
        ),
        "outside": camt.replace(b"?>\n", b'?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n', 1),
        "deep": camt.replace(b"<Ntry>", b"<Ntry>" + b"<a>" * 200_000, 1),
        "attributes": camt.replace(b"<Ntry>", b"<Ntry " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b">", 1),
        "one long tag": camt.replace(
            b"<Ntry>", b"<Ntry><b " + b" ".join(b'a%d="1"' % n for n in range(400_000)) + b">", 1
        ),
        "wide": camt.replace(b"<Ntry>", b"<Ntry>" + b"<a/>" * 1_500_000, 1),
        "wide and slow": camt.replace(b"<Ntry>", b"<Ntry>" + b"<ab>123</ab>" * 400_000, 1),
        "one long field": write("mt940", lines).replace(b":86:", b":86:" + b"?20" * 500_000, 1),
        "one long cell": b"Date,Amount,Text\n01/10/2026,1.00," + b"x" * 3_000_000,
        "quote without end": b'Date,Amount,Text\n01/10/2026,1.00,"' + b"x\n" * 1_000_000,
        "tags": b"OFXHEADER:100\n\n<OFX>" + b"<STMTRS>" * 300_000,
        "open tags": b"OFXHEADER:100\n\n<OFX>" + b"<A>" * 2_000_000,
        "many leaves": write("ofx1", lines).replace(
            b"<NAME>", b"".join(b"<A%d>x" % n for n in range(400_000)) + b"<NAME>"
        ),
        "no tag ends": b"OFXHEADER:100\n\n<OFX>" + b"<" * 2_000_000,
        "cdata": b"OFXHEADER:100\n\n<OFX>" + b"<![CDATA[" * 200_000,
        "digits": b"Date,Amount\n01/10/2026," + b"9" * 100_000,
        "columns": b"Date,Amount\n01/10/2026,1.00" + b"," * 2_000_000,
        "records": b"!Type:Bank\n" + b"^\n" * 1_000_000 + b"D1\n",
    }


def unpacks(content: bytes) -> list[tuple[str, bytes]]:
    """What a ZIP gives."""
    return list(unpack(content, DEFAULT))


__all__ = ["TARGETS", "bend", "bombs", "cases", "check", "judge", "mt940_details", "unpacks"]
