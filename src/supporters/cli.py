"""`supporters`: everything that a person starts."""

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import uvicorn

from supporters import __version__, cli_money
from supporters.kit.errors import NotFound, SupportersError
from supporters.kit.logs import configure_logs
from supporters.running import in_loop, out, require_current, run, settings_of_process
from supporters.settings import Settings, SettingsError
from supporters.staff.models import Role

GRACE_SECONDS = 30
LARGEST_REPORT = 256 * 1024
DATA_ERROR = 65  # EX_DATAERR of sysexits.h: the mail server keeps the message for a person


@click.group()
@click.version_option(__version__, prog_name="supporters")
def cli() -> None:
    """Donations and supporters for news publishers."""


def main() -> None:
    """Runs the command line; an error that a person can mend is said in words and ends with status 1."""
    try:
        cli(standalone_mode=False)
    except (SupportersError, SettingsError) as error:
        click.echo(error.message, err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes; more than one needs PostgreSQL.")
@click.option("--no-jobs", is_flag=True, help="Web only: run `supporters worker` beside it.")
def serve(host: str, port: int, workers: int, no_jobs: bool) -> None:
    """Serve the pages and, unless told otherwise, do the background work."""
    settings = settings_of_process()
    if workers > 1 and settings.database_url.startswith("sqlite"):
        raise click.UsageError("several workers need PostgreSQL: set SUPPORTERS_DATABASE_URL")
    run(require_current(settings))
    uvicorn.run(
        "supporters.app:web_only" if no_jobs else "supporters.app:everything",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@cli.command()
@in_loop
async def worker() -> None:
    """Do the background work: Stripe's events, jobs, letters, timers."""
    import signal

    from supporters.worker import Worker, open_tools

    settings = settings_of_process()
    await require_current(settings)
    tools = open_tools(settings)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        await Worker(tools).run(stop)
    finally:
        await tools.close()


@cli.command()
@click.option("--to", "target", default="head", show_default=True, help="head, base or a revision")
@in_loop
async def migrate(target: str) -> None:
    """Bring the database to the newest shape. One process at a time; running it twice does no harm."""
    from supporters.kit.db import Database
    from supporters.kit.migrate import migrate as run

    settings = settings_of_process()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database_url)
    try:
        await run(db, target)
    finally:
        await db.close()
    out.print("The database is up to date." if target == "head" else f"The database is at {target}.")


@cli.command()
@click.option("--books", is_flag=True, help="Only whether the books hold, check by check.")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
@click.option("--simulate", is_flag=True, help="Only show an example of every discrepancy; nothing is stored.")
@click.option("--list", "listed", is_flag=True, help="Only what the books rest on, and what holds each of it.")
@in_loop
async def check(books: bool, as_json: bool, simulate: bool, listed: bool) -> None:
    """Show the settings in effect, try everything they name, and ask whether the books hold."""
    if listed:
        from supporters.invariants import in_lines

        for line in in_lines():
            out.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    if simulate:
        _simulate(as_json=as_json)
        return
    from supporters.checkup import check_all, check_each, in_json
    from supporters.settings import redacted
    from supporters.worker import open_tools

    settings = settings_of_process()
    tools = open_tools(settings)
    try:
        if not books and not as_json:
            for name, value in redacted(settings).items():
                out.print(f"{name} = {value}", markup=False)
        findings = await (check_each(tools) if books else check_all(tools))
    finally:
        await tools.close()
    if as_json:
        click.echo(in_json(findings))
    for finding in [] if as_json else findings:
        out.print(f"{'ok  ' if finding.is_ok else 'FAIL'}  {finding.name}: {finding.words}", markup=False)
    if not all(finding.is_ok for finding in findings):
        sys.exit(1)
    if books and not as_json:
        out.print("ok    books: they hold")


def _simulate(*, as_json: bool) -> None:
    """Every kind of discrepancy was shown once. Needs no settings: what is missing or wrong in them says nothing of these."""
    import msgspec

    from supporters.discrepancies.examples import in_lines, tell_all
    from supporters.kit.clock import SystemClock, local_date
    from supporters.kit.strings import use_language

    try:
        settings = settings_of_process()
    except SettingsError:
        settings = Settings()
    use_language(settings.locale)
    told = tell_all(today=local_date(SystemClock().now(), settings.time_zone), currency=settings.currency)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
        return
    for line in in_lines(told, locale=settings.locale):
        out.print(line, markup=False)


@cli.command()
@click.option("--port", default=8001, show_default=True)
@click.option("--webhook", help="Where events go, such as http://127.0.0.1:8000/hooks/stripe")
@click.option("--webhook-secret", default="whsec_sandbox", show_default=True)
@click.option(
    "--data", type=click.Path(path_type=Path), help="SQLite file; without it everything is forgotten at the end."
)
@click.option("--publisher", default="The Weekly Lamp", show_default=True)
@click.option("--seed", type=int, help="Makes ids repeatable.")
@click.option("--with-parent", is_flag=True, hidden=True, help="Ends when its standard input does.")
@in_loop
async def sandbox(
    port: int,
    webhook: str | None,
    webhook_secret: str,
    data: Path | None,
    publisher: str,
    seed: int | None,
    with_parent: bool,
) -> None:
    """Run a Stripe that lives on this machine. Listens on 127.0.0.1 only."""
    from supporters.demo.processes import serve_app, until_input_ends
    from supporters.sandbox.app import create_app
    from supporters.sandbox.config import SandboxConfig

    configure_logs(as_json=False)
    config = SandboxConfig(
        database_path=data,
        base_url=f"http://127.0.0.1:{port}",
        webhook_url=webhook,
        webhook_secret=webhook_secret,
        publisher=publisher,
        seed=seed,
    )
    await serve_app(create_app(config), port=port, until=until_input_ends() if with_parent else None)


@cli.command()
@click.option("--port", default=8000, show_default=True)
@click.option("--sandbox-port", default=8001, show_default=True)
@click.option("--smtp-port", default=8002, show_default=True)
@click.option("--site-port", type=int, help="Of the sample paper's site, built with Pelican; else --port + 3.")
@click.option("--plain-port", type=int, help="Of its site in plain HTML; else --port + 4.")
@click.option("--strict-port", type=int, help="Of its site with a strict policy for scripts; else --port + 5.")
@click.option("--renew-seconds", default=20.0, hidden=True)
@click.option("--data-dir", envvar="SUPPORTERS_DATA_DIR", default=".data/demo", type=click.Path(path_type=Path))
@in_loop
async def demo(
    port: int, sandbox_port: int, smtp_port: int, data_dir: Path, renew_seconds: float, **sites: int
) -> None:
    """Serve the whole product with sample data: a Stripe that runs here, a mailbox, three sites that carry the snippet."""
    if find_spec("aiosmtpd") is None:
        raise click.ClickException("the demo needs packages of its own: pip install 'supporters[demo]'")
    from supporters.demo.run import Ports, run_demo

    asked = (sites["site_port"], sites["plain_port"], sites["strict_port"])
    site, plain, strict = (given or port + after for after, given in enumerate(asked, start=3))
    ports = Ports(product=port, sandbox=sandbox_port, smtp=smtp_port, site=site, plain=plain, strict=strict)
    await run_demo(ports, data_dir=data_dir, say=out.print, renew_seconds=renew_seconds)


@cli.command()
@in_loop
async def bounce() -> None:
    """Read one bounced letter from standard input, as a mail server pipes it: a dead address gets no further letter."""
    from supporters.mail.reports import NotAReport
    from supporters.newsletters.troubles import take_bounce
    from supporters.worker import open_tools

    settings = settings_of_process()
    raw = sys.stdin.buffer.read(LARGEST_REPORT + 1)
    await require_current(settings)
    tools = open_tools(settings)
    try:
        async with tools.db.unit_of_work() as session:
            count = await take_bounce(session, raw, settings=settings, ids=tools.ids, now=tools.clock.now())
    except NotAReport as error:
        click.echo(error.message, err=True)
        sys.exit(DATA_ERROR)
    finally:
        await tools.close()
    out.print(f"{count} address(es) noted.")


cli.add_command(cli_money.sync)
cli.add_command(cli_money.cut_over)
cli.add_command(cli_money.verify)
cli.add_command(cli_money.payouts)


@cli.group()
def staff() -> None:
    """Who works at the desk."""


@staff.command("add")
@click.argument("email")
@click.option("--name", prompt=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), prompt=True)
@click.password_option(help="At least 12 characters.")
@in_loop
async def staff_add(email: str, name: str, role: str, password: str) -> None:
    """Let someone sign in to the desk."""
    from supporters.kit.clock import SystemClock
    from supporters.kit.db import Database
    from supporters.kit.ids import Ids
    from supporters.staff.actions import add_staff

    db = Database(settings_of_process().database_url)
    try:
        async with db.unit_of_work() as session:
            await add_staff(
                session,
                email,
                name,
                role,
                password,
                ids=Ids(),
                now=SystemClock().now(),
            )
    finally:
        await db.close()
    out.print(f"{email} may sign in to the desk as {role}.", markup=False)


@staff.command("reset-second-factor")
@click.argument("email")
@in_loop
async def staff_reset_second_factor(email: str) -> None:
    """Take a lost second factor away; the person is signed out everywhere and sets up a new one."""
    from supporters.kit.clock import SystemClock
    from supporters.kit.db import Database
    from supporters.kit.ids import Ids
    from supporters.staff.actions import reset_second_factor
    from supporters.staff.letters import StaffLetters
    from supporters.staff.queries import staff_by_email

    settings = settings_of_process()
    db = Database(settings.database_url)
    try:
        async with db.unit_of_work() as session:
            found = await staff_by_email(session, email)
            if found is None:
                raise NotFound("Nobody signs in with that address.")
            had_one = await reset_second_factor(
                session, found.id, letters=StaffLetters(settings, Ids()), now=SystemClock().now()
            )
    finally:
        await db.close()
    out.print(f"{email} has no second factor now." if had_one else f"{email} had no second factor.", markup=False)


@staff.command("new-password")
@click.argument("email")
@in_loop
async def staff_new_password(email: str) -> None:
    """Print a link that sets a new password, for when no admin can sign in to send one."""
    from supporters.kit.clock import SystemClock
    from supporters.kit.db import Database
    from supporters.staff.new_password import PasswordLinks, make_link
    from supporters.staff.queries import staff_by_email

    settings = settings_of_process()
    db = Database(settings.database_url)
    try:
        async with db.unit_of_work() as session:
            found = await staff_by_email(session, email)
            if found is None:
                raise NotFound("Nobody signs in with that address.")
            link = await make_link(session, found.id, links=PasswordLinks(settings), now=SystemClock().now())
    finally:
        await db.close()
    out.print(f"{email} sets a new password here, within 24 hours and once:", markup=False)
    out.print(link, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
