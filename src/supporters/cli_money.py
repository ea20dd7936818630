"""The commands about money: reading Stripe again, and the day on which the books begin."""

import re
import sys
from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from supporters.kit.errors import NotFound
from supporters.kit.money import Money, exponent
from supporters.running import in_loop, out, require_current, settings_of_process
from supporters.settings import Settings

if TYPE_CHECKING:
    from supporters.payments.lines import Read
    from supporters.reconciliation.certificate import Finding
    from supporters.reconciliation.opening import Opening

DAY = click.DateTime(formats=["%Y-%m-%d"])
A_YEAR = 366
STRIPE_BEGAN = 2010


@click.command()
@click.option("--since", type=DAY, help="First day; default: all, from the day on which the books begin.")
@click.option("--until", type=DAY, help="First day that is not read any more.")
@click.option("--dry-run", is_flag=True, help="Only say what would be new or different.")
@click.option("--again", is_flag=True, help="Also what an earlier run has read to its end.")
@click.option("--at-once", type=click.IntRange(1, 8), default=4, show_default=True, help="Questions at a time.")
@click.option(
    "--csv",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="An exported report of Stripe's instead of its lists; may be given several times.",
)
@in_loop
async def sync(
    since: datetime | None, until: datetime | None, dry_run: bool, again: bool, at_once: int, files: tuple[Path, ...]
) -> None:
    """Read Stripe's balance, payouts and events again. Goes on where it broke off; a key that may only read is enough."""
    from supporters.syncing import Asked, Screen, sync_files
    from supporters.syncing import sync as run_sync
    from supporters.worker import open_tools

    settings = settings_of_process()
    if files and (since or until or again):
        raise click.UsageError("--csv reads the files that are given, whole: leave --since, --until and --again out")
    if since and since.year < STRIPE_BEGAN:
        raise click.UsageError(f"--since: Stripe has nothing from before {STRIPE_BEGAN}")
    if since and until and until <= since:
        raise click.UsageError("--until has to be later than --since")
    await require_current(settings)
    tools = open_tools(settings)
    asked = Asked(
        since=_moment(since, settings),
        until=_moment(until, settings),
        is_dry=dry_run,
        again=again,
        at_once=at_once,
    )
    try:
        with _Bar() as bar:
            screen = Screen(say=bar.say, begin=bar.begin, step=bar.step)
            if files:
                await sync_files(tools, files, screen, is_dry=dry_run)
                return
            is_whole = await run_sync(tools, asked, screen)
    finally:
        await tools.close()
    if not is_whole:
        sys.exit(1)


class _Bar:
    """A bar for a person at a terminal; nothing of it in a file or a log."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        count, words = MofNCompleteColumn(), TextColumn("{task.description}")
        columns = (TextColumn("Balance"), BarColumn(), count, TimeRemainingColumn(), words)
        self._progress = Progress(*columns, console=out, disable=not out.is_terminal, transient=True)
        self._task = self._progress.add_task("", total=None, visible=False)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._progress.stop()

    def begin(self, windows: int) -> None:
        self._progress.update(self._task, total=windows, visible=True)

    def step(self, read: "Read") -> None:
        self._progress.update(self._task, advance=1, description=f"{read.lines:,} lines")

    def say(self, words: str) -> None:
        out.print(words, markup=False)


@click.command("cut-over")
@click.option("--start", type=DAY, help="The day on which the books begin: nothing before it is posted.")
@click.option(
    "--stripe",
    "stripe",
    multiple=True,
    metavar="GBP:1234.50",
    help="Stripe's balance when that day began, available and pending; a reserve is account 1110.",
)
@click.option("--in-transit", multiple=True, metavar="po_…:GBP:250.00", help="A payout on its way to the bank then.")
@click.option("--dispute", "disputes", multiple=True, metavar="dp_…:GBP:10.00", help="Taken back and undecided then.")
@click.option(
    "--account", "others", multiple=True, metavar="1000:GBP:99.00", help="What another account held; owed: negative."
)
@click.option("--withdraw", is_flag=True, help="Take the opening balances back, to give right ones.")
@click.option(
    "--by", "email", required=True, help="The address with which you sign in to the desk; the audit log names you."
)
@in_loop
async def cut_over(
    start: datetime | None,
    stripe: tuple[str, ...],
    in_transit: tuple[str, ...],
    disputes: tuple[str, ...],
    others: tuple[str, ...],
    withdraw: bool,
    email: str,
) -> None:
    """Begin the books on a day, with what was there on its first moment. Once; until it is withdrawn."""
    from supporters.ledger.chart import Account
    from supporters.reconciliation.opening import Opening

    if withdraw == bool(start) or (withdraw and (stripe or in_transit or disputes or others)):
        raise click.UsageError("give --start with the balances of that day, or --withdraw alone")
    opening = None
    if start:
        accounts = {account.value: account for account in Account}
        opening = Opening(
            starts_on=start.date(),
            stripe=tuple(_money(text) for text in stripe),
            in_transit=tuple(_named(text) for text in in_transit),
            disputes=tuple(_named(text) for text in disputes),
            others=tuple((accounts[_known(code, accounts)], money) for code, money in map(_named, others)),
        )
    await _begin_or_withdraw(settings_of_process(), opening, email)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify(files: tuple[Path, ...]) -> None:
    """Check certificates of payouts and months: nothing but the files is needed, no database and no connection."""
    from supporters.reconciliation.certificate import LARGEST, Body, NoCertificate, read, verify_chain
    from supporters.reconciliation.certificate import verify as look

    read_ones: list[Body] = []
    is_whole = True
    for file in files:
        try:
            if file.stat().st_size > LARGEST:
                raise NoCertificate("this file is too large for a certificate")
            body = read(file.read_bytes())
            findings = look(body)
        except NoCertificate as error:
            click.echo(f"{file}: {error}")
            is_whole = False
            continue
        read_ones.append(body)
        click.echo(f"{file}: certificate {body['number']} of {body['kind']} {body['subject']}, {body['publisher']}")
        is_whole &= _tell(findings)
    is_whole &= _tell(verify_chain(read_ones))
    click.echo("Everything holds." if is_whole else "Not everything holds.")
    if not is_whole:
        sys.exit(1)


def _tell(findings: "list[Finding]") -> bool:
    """Says each; whether all of them hold."""
    for finding in findings:
        click.echo(f"  {'ok ' if finding.holds else 'NO '} {finding.sentence}")
    return all(finding.holds for finding in findings)


async def _begin_or_withdraw(settings: Settings, opening: "Opening | None", email: str) -> None:
    from supporters.kit.clock import SystemClock
    from supporters.kit.db import Database
    from supporters.kit.ids import Ids
    from supporters.reconciliation.opening import begin_books, withdraw_opening
    from supporters.staff.queries import staff_by_email

    await require_current(settings)
    db = Database(settings.database_url)
    now, ids, zone = SystemClock().now(), Ids(), settings.time_zone
    try:
        async with db.unit_of_work() as session:
            found = await staff_by_email(session, email)
            if found is None:
                raise NotFound("Nobody signs in with that address.")
            if opening is None:
                await withdraw_opening(session, actor_id=found.id, ids=ids, now=now)
                out.print("The opening balances are taken back; the books have no opening day now.")
                return
            begun = await begin_books(session, opening, actor_id=found.id, ids=ids, now=now, time_zone=zone)
    finally:
        await db.close()
    out.print(f"The books begin on {opening.starts_on.isoformat()} with {begun.posted} opening balance(s).")
    if begun.taken_back:
        out.print(f"{begun.taken_back:,} posting(s) of Stripe's lines from before that day were taken back.")


@click.command()
@click.option("--since", type=DAY, help="First day of arrival; default: a year ago.")
@in_loop
async def payouts(since: datetime | None) -> None:
    """Lay Stripe's lines, the ledger and the bank beside each other, payout by payout, and name those that do not agree."""
    from supporters.kit.clock import SystemClock, local_date
    from supporters.kit.db import Database
    from supporters.reconciliation.three_way import shown_until, three_way

    settings = settings_of_process()
    await require_current(settings)
    today = local_date(SystemClock().now(), settings.time_zone)
    first = since.date() if since else today - timedelta(days=A_YEAR)
    db = Database(settings.database_url)
    try:
        async with db.reading() as session:
            due = await shown_until(session)
            found = await three_way(session, since=first, until=today + timedelta(days=A_YEAR), due=due)
    finally:
        await db.close()
    for payout in found.off:
        amount = Money(payout.amount_minor, payout.currency)
        out.print(f"off   {payout.payout_id}, {amount}: {', '.join(payout.differences)}", markup=False, highlight=False)
    off = found.payouts - found.agreeing
    out.print(
        f"{found.payouts} payout(s) since {first} with {found.lines} line(s): {found.agreeing} agree, {off} do not."
    )
    if off:
        sys.exit(1)


def _moment(day: datetime | None, settings: Settings) -> datetime | None:
    """When that day began in the time zone of the books."""
    if day is None:
        return None
    began: date = day.date()
    return datetime.combine(began, time.min, ZoneInfo(settings.time_zone)).astimezone(UTC)


def _named(text: str) -> tuple[str, Money]:
    name, mark, rest = text.partition(":")
    if not mark or not name:
        raise click.UsageError(f"{text!r} is no name, currency and amount like po_1:GBP:250.00")
    return name, _money(rest)


def _money(text: str) -> Money:
    """A currency and an amount, such as GBP:-12.30. Raises UsageError."""
    found = re.fullmatch(r"([A-Za-z]{3}):(-?\d{1,12}(?:\.\d{1,3})?)", text)
    if found:
        currency = found[1].upper()
        minor = Decimal(found[2]).scaleb(exponent(currency))
        if minor == minor.to_integral_value():
            return Money(int(minor), currency)
    raise click.UsageError(f"{text!r} is no currency and amount like GBP:250.00")


def _known(code: str, accounts: Container[str]) -> str:
    if code not in accounts:
        raise click.UsageError(f"there is no account {code}: use the codes of these books, such as 1000 for the bank")
    return code
