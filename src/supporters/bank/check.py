"""A file is read and held to what is here, without anything being taken; other requests go on meanwhile."""

import asyncio
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.accounts import owner_of
from supporters.bank.continuity import pages_before
from supporters.bank.csv_file import column_name
from supporters.bank.files import Checked, Glimpse
from supporters.bank.fingerprint import Keys
from supporters.bank.limits import Limits
from supporters.bank.models import BankAccount
from supporters.bank.parsed import CsvProfile, ParsedFile
from supporters.bank.prepare import Around, Ours, Prepared, days_of, number_named, own_statements, prepare
from supporters.bank.queries import day_sums, known_money, lines_here, lines_of_pages, live_spans
from supporters.bank.read import read_statements
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _
from supporters.settings import Settings

SHOWN_LINES = 10
FIELDS = {
    "camt": ("BookgDt", "Ccy"),
    "ofx": ("DTPOSTED", "CURSYM"),
    "mt940": (":61:", ":60F:"),
    "qif": ("D", ""),
    "xero": ("Date", ""),
}  # day and currency


def limits_of(settings: Settings) -> Limits:
    """How much of a file is read, as this installation is set."""
    return Limits(bytes=settings.largest_statement_mb * 1024 * 1024)


def ours_of(account: BankAccount) -> Ours:
    """What a file for this account must fit."""
    return Ours(account.currency, account.last4, frozenset(account.also_hashes))


def columns_of(form: str, profile: CsvProfile | None) -> tuple[str, str]:
    """What a file of this form calls the day and the currency of its lines."""
    if profile is None:
        return FIELDS.get(form, ("", ""))
    code = "" if profile.currency_column is None else column_name(profile, profile.currency_column)
    return column_name(profile, profile.date_column), code


async def read_apart(
    content: bytes, name: str, *, account: BankAccount, profile: CsvProfile | None, settings: Settings
) -> ParsedFile:
    """The statements of the file. Raises Unreadable."""
    limits = limits_of(settings)
    return await asyncio.to_thread(
        read_statements, content, name, currency=account.currency, profile=profile, limits=limits
    )


async def check_file(
    session: AsyncSession,
    account: BankAccount,
    parsed: ParsedFile,
    *,
    profile: CsvProfile | None,
    settings: Settings,
    today: date,
) -> Checked:
    """What taking the file would do. Raises Unreadable when it is not for this account, or can't be right."""
    keys = Keys(settings.secret_key)
    columns = columns_of(parsed.format, profile)
    mine = await asyncio.to_thread(own_statements, parsed, ours_of(account), keys=keys, today=today, columns=columns)
    if not account.also_hashes:
        owner = await owner_of(session, number_named(mine.statements), account, keys=keys)
        if owner:
            raise refuse(_("The file is of the account “{name}”. Bring it there."), name=owner)
    layout = keys.layout(mine.format, profile)
    left_out = len(parsed.statements) - len(mine.statements)
    prepared = await prepare_file(
        session, account, mine, layout=layout, left_out=left_out, settings=settings, takes_alike=False
    )
    return Checked(mine, layout, profile, prepared.findings, account.revision, glimpse_of(prepared))


def glimpse_of(prepared: Prepared) -> Glimpse:
    """The first lines that would be taken, and the first that would not because others are alike."""
    compared = prepared.compared
    new = zip(compared.new[:SHOWN_LINES], prepared.kept, strict=False)
    alike = [each.found.line for each in compared.again if each.is_alike]
    reworded = [(each.found.line, each.line_id) for each in compared.reworded[:SHOWN_LINES]]
    return Glimpse(
        tuple((each.found.line, kept.is_whole) for each, kept in new), tuple(alike[:SHOWN_LINES]), tuple(reworded)
    )


async def prepare_file(
    session: AsyncSession,
    account: BankAccount,
    parsed: ParsedFile,
    *,
    layout: str,
    left_out: int,
    settings: Settings,
    takes_alike: bool,
    joins_reworded: bool = False,
) -> Prepared:
    """All that would be written for these statements of this account."""
    days = [day for statement in parsed.statements for day in days_of(statement)]
    first, last = min(days), max(days)
    spans = await live_spans(session, account.id)
    starts_on = days_of(parsed.statements[0])[0]
    pages = pages_before(spans, starts_on, parsed.statements[0].opening_minor)
    around = Around(
        here=await lines_here(session, account.id, first=first, last=last),
        spans=spans,
        sums=await day_sums(session, account.id),
        known=await known_money(session, currency=account.currency, first=first),
        before=await lines_of_pages(session, pages, starts_on),
    )
    return await asyncio.to_thread(
        prepare,
        parsed,
        ours_of(account),
        around,
        keys=Keys(settings.secret_key),
        layout=layout,
        left_out=left_out,
        takes_alike=takes_alike,
        joins_reworded=joins_reworded,
    )
