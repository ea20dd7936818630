"""`supporters demo`: the whole product on this machine, ready to be clicked through."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from supporters.app import create_app
from supporters.demo import sample
from supporters.demo.banker import Days, days_to_bring
from supporters.demo.editors import read_titles
from supporters.demo.examples import is_pelican_here
from supporters.demo.mailbox import MailSink
from supporters.demo.pages import place_brand, with_demo_pages
from supporters.demo.processes import HOST, refuse_taken_ports, serve_app, server_of, until_answers
from supporters.demo.regulars import first_moment
from supporters.demo.seed import Life, has_life, ids_of, webhooks_into
from supporters.demo.sites import RENEW_SECONDS, origin_at
from supporters.kit.clock import FixedClock, SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.logs import configure_logs
from supporters.kit.migrate import migrate
from supporters.mail.transport import SmtpTransport
from supporters.payments.gateway import Gateway
from supporters.sandbox.app import create_app as create_sandbox
from supporters.sandbox.config import SandboxConfig
from supporters.settings import PREFIX, Settings, read_settings
from supporters.worker import Tools, open_tools

Say = Callable[[str], None]
WITHOUT_PELICAN = (
    "not built, for Pelican is not installed: pip install 'supporters[demo]'. The sites below need no Pelican."
)
SANDBOX_FILE = "sandbox.db"


class Ports(NamedTuple):
    """The demo's ports on this machine: the product, what it talks to, and the three sites that carry the snippet."""

    product: int
    sandbox: int
    smtp: int
    site: int
    plain: int
    strict: int

    @property
    def sites(self) -> tuple[int, int, int]:
        """Those of the sample sites."""
        return (self.site, self.plain, self.strict)


async def run_demo(ports: Ports, *, data_dir: Path, say: Say, renew_seconds: float = RENEW_SECONDS) -> None:
    """Serves until interrupted. Raises SupportersError when a port is taken or a part does not start."""
    configure_logs(as_json=False, level=logging.WARNING)
    refuse_taken_ports(*ports)
    data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    settings = demo_settings(ports, data_dir=data_dir)
    place_brand(data_dir)
    sink = MailSink(data_dir / "mailbox", host=HOST, port=ports.smtp)
    sink.start()
    try:
        await _fill(settings, ports, data_dir=data_dir, say=say)
        sandbox = await _start_sandbox(settings, data_dir=data_dir, port=ports.sandbox)
        sites = await _start_sites(settings, ports, data_dir=data_dir, every=renew_seconds)
        try:
            tools = open_tools(settings)
            app = with_demo_pages(create_app(settings, tools=tools), settings=settings, mailbox=data_dir / "mailbox")
            announced = asyncio.create_task(_announce(tools, ports, say=say))
            await serve_app(app, port=ports.product)
            await announced
            await tools.close()
        finally:
            await asyncio.gather(_stop(sandbox), _stop(sites))
    finally:
        sink.stop()


def demo_settings(ports: Ports, *, data_dir: Path) -> Settings:
    """The demo's settings: everything on this machine, secrets made once and kept in its folder."""
    sandbox = f"http://{HOST}:{ports.sandbox}"
    site = origin_at(ports.site)
    return read_settings(
        {
            **sample.PAPER,
            f"{PREFIX}SECRET_KEY": _kept_secret(data_dir / "secret"),
            f"{PREFIX}DATA_DIR": str(data_dir),
            f"{PREFIX}BASE_URL": f"http://{HOST}:{ports.product}",
            f"{PREFIX}SITE_URL": site,
            f"{PREFIX}OTHER_SITES": f"{origin_at(ports.plain)},{origin_at(ports.strict)}",
            f"{PREFIX}FEED_URL": ",".join(
                f"{origin_at(port)}/feed.xml" for port in (ports.site, ports.plain, ports.strict)
            ),
            f"{PREFIX}PRIVATE_HOSTS": HOST,
            f"{PREFIX}ABOUT_URL": f"{site}/about.html",
            f"{PREFIX}PRIVACY_URL": f"{site}/privacy.html",
            f"{PREFIX}STRIPE_SECRET_KEY": "sk_test_sandbox",
            f"{PREFIX}STRIPE_WEBHOOK_SECRET": "whsec_" + _kept_secret(data_dir / "webhook-secret"),
            f"{PREFIX}STRIPE_API_BASE": sandbox,
            f"{PREFIX}CHECKOUT_ORIGIN": sandbox,
            f"{PREFIX}SMTP_URL": f"smtp://{HOST}:{ports.smtp}",
        }
    )


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(Ids().token(), encoding="ascii")
    return path.read_text(encoding="ascii")


def _sandbox_config(settings: Settings, *, data_dir: Path, port: int, clock: FixedClock | None = None) -> SandboxConfig:
    return SandboxConfig(
        database_path=data_dir / SANDBOX_FILE,
        base_url=f"http://{HOST}:{port}",
        webhook_url=f"{settings.base_url}/hooks/stripe",
        webhook_secret=settings.stripe_webhook_secrets[0],
        publisher=settings.publisher_name,
        clock=clock or SystemClock(),
        in_background=clock is None,
    )


async def _fill(settings: Settings, ports: Ports, *, data_dir: Path, say: Say) -> None:
    """The database is migrated and, at the first start, filled with some months of sample data."""
    db = Database(settings.database_url)
    await migrate(db)
    now = SystemClock().now()
    clock = FixedClock(first_moment(now))
    tools = Tools(
        settings=settings,
        db=db,
        gateway=Gateway(settings.stripe_secret_key, api_base=settings.stripe_api_base),
        transport=SmtpTransport(settings.smtp_url),
        clock=clock,
        ids=ids_of(clock),
    )
    try:
        if await has_life(tools):
            return
        say("Making sample data ...")
        _forget_half_made(data_dir)
        await _live(tools, clock, data_dir=data_dir, sandbox_port=ports.sandbox, until=now)
    finally:
        await tools.close()


def _forget_half_made(data_dir: Path) -> None:
    for path in data_dir.glob(f"{SANDBOX_FILE}*"):
        path.unlink()
    for path in (data_dir / "mailbox").glob("*.eml"):
        path.unlink()


async def _live(tools: Tools, clock: FixedClock, *, data_dir: Path, sandbox_port: int, until: datetime) -> None:
    async with webhooks_into(tools) as client:

        async def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
            return (await client.post(url, headers=headers, content=body)).status_code

        config = _sandbox_config(tools.settings, data_dir=data_dir, port=sandbox_port, clock=clock)
        app = create_sandbox(config, deliver)
        server = server_of(app, port=sandbox_port)
        serving = asyncio.create_task(server.serve())
        try:
            await until_answers(sandbox_port, is_over=serving.done)
            await Life(tools, app.state.sandbox, clock, until=until).live()
        finally:
            server.should_exit = True
            await serving


async def _start_sandbox(settings: Settings, *, data_dir: Path, port: int) -> asyncio.subprocess.Process:
    """The sandbox as a process of its own; it ends when this one does, however that happens."""
    sandbox = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "supporters.cli", "sandbox", "--with-parent", "--port", str(port)),
        *("--data", str(data_dir / SANDBOX_FILE), "--publisher", settings.publisher_name),
        *("--webhook", f"{settings.base_url}/hooks/stripe", "--webhook-secret", settings.stripe_webhook_secrets[0]),
        stdin=asyncio.subprocess.PIPE,
    )
    await until_answers(port, is_over=lambda: sandbox.returncode is not None)
    return sandbox


async def _start_sites(settings: Settings, ports: Ports, *, data_dir: Path, every: float) -> asyncio.subprocess.Process:
    """The sample sites as a process of their own; they listen as soon as the product has told them their words."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "supporters.demo.sites", "--give", settings.base_url, "--every", str(every)),
        *("--data", str(data_dir / "sites"), "--ports", *(str(port) for port in ports.sites)),
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the demo, which then ends its parts in their order
    )


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.stdin is not None:
        child.stdin.close()
    with suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), 10)
    if child.returncode is None:
        child.kill()


async def _announce(tools: Tools, ports: Ports, *, say: Say) -> None:
    for port in (ports.product, *ports.sites):
        await until_answers(port)
    await read_titles(tools)
    async with tools.db.reading() as session:
        days = await days_to_bring(session, today=tools.clock.now().date())
    for label, address in addresses(tools.settings, ports, days):
        say(f"{label + ':':<13}{address}")
    say("Ctrl-C ends it. Everything is on this machine; no real money moves.")


def addresses(settings: Settings, ports: Ports, days: Days) -> tuple[tuple[str, str], ...]:
    """What the demo serves, and where; or why not. `days` are those of the statement to bring next."""
    sign_in = f"(sign in as {sample.STAFF_EMAIL}, password {sample.STAFF_PASSWORD})"
    by_letter = f"(as {sample.address_of(sample.SUPPORTER, 0)}; the letter with the link comes to the mailbox)"
    sandbox = f"http://{HOST}:{ports.sandbox}/_control"
    statement = f"{sandbox}/bank/statement.csv?from={days.starts_on}&to={days.ends_on}"
    return (
        ("Article", f"{settings.site_url}{sample.FERRY.path}" if is_pelican_here() else WITHOUT_PELICAN),
        ("Donate", f"{settings.base_url}/give"),
        ("Supporter", f"{settings.base_url}/sign-in {by_letter}"),
        ("Desk", f"{settings.base_url}/desk {sign_in}"),
        ("Mailbox", f"{settings.base_url}/mailbox"),
        ("Sandbox", sandbox),
        ("Statement", f"{statement} (the bank's, to be brought at the desk under Bank)"),
        ("Plain site", f"{origin_at(ports.plain)}{sample.TIDES.path}"),
        ("Strict site", f"{origin_at(ports.strict)}/"),
    )
