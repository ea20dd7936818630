"""kill -9 of web and worker at random moments during a stream of donations: nothing lost, nothing doubled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import httpx
import pytest
from sqlalchemy import func, select, update

from databases import Databases
from paper import SETTINGS_ENV
from processes import Process
from supporters.checks import run_checks
from supporters.donations.models import Donation, DonationState
from supporters.jobs.models import Job, Schedule, WorkState
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.mail.models import Letter
from supporters.payments.gateway import Gateway
from supporters.receipts.models import Receipt
from whole import Mailbag, free_port, hidden_fields

KILLS = {"postgresql": 20, "sqlite": 10}
SEED = 2822
TRIES = 600
CONVERGE_SECONDS = 60


class House:
    """Sandbox, web and worker as processes, and readers who give while they are killed."""

    def __init__(self, url: str, mailbag: Mailbag, folder: Path) -> None:
        self.db = Database(url)
        self.mailbag = mailbag
        self.port, self.sandbox_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.stripe = f"http://127.0.0.1:{self.sandbox_port}"
        env = {
            **SETTINGS_ENV,
            "SUPPORTERS_DATABASE_URL": url,
            "SUPPORTERS_BASE_URL": self.base,
            "SUPPORTERS_SITE_URL": self.base,
            "SUPPORTERS_STRIPE_API_BASE": self.stripe,
            "SUPPORTERS_CHECKOUT_ORIGIN": self.stripe,
            "SUPPORTERS_SMTP_URL": mailbag.url,
            "SUPPORTERS_TRUSTED_PROXIES": "127.0.0.1",
        }
        hook = (
            "--webhook",
            f"{self.base}/hooks/stripe",
            "--webhook-secret",
            SETTINGS_ENV["SUPPORTERS_STRIPE_WEBHOOK_SECRET"],
        )
        sandbox = ("sandbox", "--port", str(self.sandbox_port), *hook)
        self.sandbox = Process(*sandbox, env={}, port=self.sandbox_port, log=folder / "sandbox.log")
        self.web = Process(
            "serve", "--no-jobs", "--port", str(self.port), env=env, port=self.port, log=folder / "web.log"
        )
        self.worker = Process("worker", env=env, log=folder / "worker.log")
        self.paid: list[str] = []

    async def start(self) -> None:
        for process in (self.sandbox, self.web, self.worker):
            process.start()
        await self.sandbox.until_ready()
        await self.web.until_ready()

    async def close(self) -> None:
        for process in (self.worker, self.web, self.sandbox):
            process.stop()
        await self.db.close()

    async def give(self, number: int) -> None:
        """One reader gives, resending the same form while the house is down, and pays."""
        headers = {"sec-fetch-site": "same-origin", "x-forwarded-for": f"198.51.100.{number % 250}"}
        async with httpx.AsyncClient(base_url=self.base, headers=headers, timeout=15) as reader:
            page = await _insist(lambda: reader.get("/give"))
            fields = {
                **hidden_fields(page.text), "frequency": "once", "once": "10", "other": "", "name": "Ada",
                "email": f"reader{number}@example.org",
            }  # fmt: skip
            given = await _insist(lambda: reader.post("/give", data=fields))
        session = given.headers["location"].rpartition("/")[2]
        async with httpx.AsyncClient(base_url=self.stripe, auth=("sk_test_sandbox", ""), timeout=15) as bank:
            answer = await bank.post(f"/v1/payment_pages/{session}/confirm", data={"payment_method": "pm_card_visa"})
            assert answer.status_code == 200, answer.text
        self.paid.append(session)

    async def kill_at_random(self, random: Random, *, kills: int, done: asyncio.Event) -> None:
        """So many times web or worker dies without a word and is started again."""
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.1, 1.3))
            victim = random.choice([self.web, self.worker])
            victim.kill()
            victim.start()
            await victim.until_ready()
        done.set()

    async def unsettled(self) -> dict[str, object]:
        """What is still missing: each payment needs its receipt, its letter and its line in the ledger."""
        async with self.db.reading() as session:
            receipts = await session.scalar(select(func.count()).select_from(Receipt))
            broken = await run_checks(session, now=SystemClock().now(), stripe_balance=await self.balance())
        letters = {letter["Message-ID"] for letter in self.mailbag.letters}
        found: dict[str, object] = {"receipts": receipts, "letters": len(letters), "broken": broken}
        return {} if receipts == len(letters) == len(self.paid) and not broken else found | {"paid": len(self.paid)}

    async def let_time_pass(self) -> None:
        """Leases of the dead have run out and every timer is due, as it would be some minutes later."""
        now = SystemClock().now()
        async with self.db.unit_of_work() as session:
            await session.execute(update(Schedule).values(next_at=now))
            for model in (Letter, Job):
                held = update(model).where(model.state == WorkState.RUNNING)
                await session.execute(held.values(lease_until=now))
                waiting = update(model).where(model.state == WorkState.READY)
                await session.execute(waiting.values(run_at=now))

    async def balance(self) -> dict[str, int]:
        gateway = Gateway("sk_test_sandbox", api_base=self.stripe)
        try:
            return await gateway.balance()
        finally:
            await gateway.close()


@asynccontextmanager
async def house(kind: str, databases: Databases, mailbag: Mailbag, folder: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        url = await databases.make(kind)
        stack.push_async_callback(databases.drop, kind, url)
        made = House(url, mailbag, folder)
        stack.push_async_callback(made.close)
        await made.start()
        yield made


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_kills_at_random_moments_lose_and_double_nothing(
    kind: str, databases: Databases, mailbag: Mailbag, tmp_path: Path
) -> None:
    async with house(kind, databases, mailbag, tmp_path) as made:
        done = asyncio.Event()
        killer = asyncio.create_task(made.kill_at_random(Random(SEED), kills=KILLS[kind], done=done))
        number = 0
        while not done.is_set():
            await made.give(number)
            number += 1
        await killer
        await made.give(number)

        for second in range(CONVERGE_SECONDS):
            if not await made.unsettled():
                break
            if second % 10 == 3:
                await made.let_time_pass()
            await asyncio.sleep(1)

        assert await made.unsettled() == {}
        async with made.db.reading() as session:
            states = await session.execute(select(Donation.state, func.count()).group_by(Donation.state))
            counts = dict(states.all())
        assert counts == {DonationState.PAID: len(made.paid)}
        assert len(set(made.paid)) == number + 1


async def _insist(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Asks again until there is an answer that is neither an error of the network nor of the server."""
    for _ in range(TRIES):
        try:
            answer = await send()
        except httpx.TransportError:
            answer = httpx.Response(599)
        if answer.status_code < 500:
            assert answer.status_code in {200, 303}, answer.text
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError("the house never answered")
