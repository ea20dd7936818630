"""A campaign: many plans for many months, through real processes, with failures, refunds, disputes and daily payouts.

    .venv/bin/python bench/plans.py --plans 1000 --months 12

Four processes: this driver, the sandbox, the web service (uvicorn) and the worker, on one SQLite database. All read one
clock that the driver moves day by day, each time everything is quiet. With --folder a run that was ended half-way goes on
from there. Only the types of events that the product handles are sent.
"""

import argparse
import asyncio
import json
import math
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from common import free_port, machine, resident_mb
from plan_processes import SPAN, processes, sandbox_config, tools_of, work

DAY = 86_400
FAILS, RENEWED_CARD, REFUNDS, DISPUTES = 0.02, 0.9, 0.01, 0.002
SPREAD = 28  # plans begin on so many days
AFTER = 16  # days for the last retries, disputes and payouts
SETTLES = 1.3  # seconds until the sandbox has booked the fees of a new charge
WARM = 20  # plans after which a process counts as idle and warm


class Campaign:
    """What the driver does and has measured."""

    def __init__(self, folder: Path, plans: int, months: int, pids: dict[str, int]) -> None:
        self.folder, self.plans, self.months, self.pids = folder, plans, months, pids
        self.tools = tools_of(folder)
        self.bank = httpx.AsyncClient(base_url=self.tools.settings.stripe_api_base, timeout=120)
        self.path = folder / "state.json"
        self.state: dict[str, Any] = {"day": 0, "busy": 0.0, "events": 0, "renewals": 0, "idle": {}}
        if self.path.exists():
            self.state = json.loads(self.path.read_text())

    def keep(self) -> None:
        """What is known so far is on the disk."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.state))
        fresh.replace(self.path)

    async def count(self, query: str, **values: Any) -> int:
        """A number out of the product's database."""
        from sqlalchemy import text

        async with self.tools.db.reading() as session:
            return int(await session.scalar(text(query), values) or 0)

    async def ready(self) -> None:
        """All processes answer."""
        for _ in range(300):
            try:
                await self.bank.get("/_bench/left")
                async with httpx.AsyncClient() as client:
                    await client.get(f"{self.tools.settings.base_url}/give", timeout=30)
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
            else:
                return
        raise RuntimeError(f"a process did not start: see {self.folder / 'log'}")

    async def begin(self, day: int) -> None:
        """As many plans as the day asks for have begun."""
        begun = await self.count("select count(*) from plan")
        for number in range(begun, min(self.plans, math.ceil(self.plans * (day + 1) / SPREAD))):
            answer = await self.bank.post("/_control/pay", json={"session": await self._open_page(number)})
            answer.raise_for_status()
            if number == min(WARM, self.plans - 1):
                await self.quiet()
                self._note_idle()

    def _note_idle(self) -> None:
        self.state["idle"] = {name: resident_mb([self.pids[name]]) for name in ("web", "worker")}

    async def _open_page(self, number: int) -> str:
        from supporters.donations.checkout import begin_checkout
        from supporters.donations.forms import GiveForm, GoTo
        from supporters.donations.give import Visitor
        from supporters.donations.models import Frequency
        from supporters.kit.money import Money

        tools = self.tools
        form = GiveForm(
            frequency=Frequency.MONTHLY, amount=Money(300 + number % 90 * 25, "GBP"), email=f"reader{number}@example.org",
            name=f"Reader {number}", wants_newsletter=False, appeal_slug="general",
        )  # fmt: skip
        answer = await begin_checkout(
            tools.db, tools.gateway, form, attempt_id=tools.ids.ulid(), limits=tools.limits, settings=tools.settings,
            visitor=Visitor(network=f"10.{number // 250}.{number % 250}.1"), ids=tools.ids, clock=tools.clock,
        )  # fmt: skip
        if not isinstance(answer, GoTo):
            raise TypeError(answer)
        return answer.url.rpartition("/")[2]

    async def quiet(self) -> None:
        """Nothing is left to happen at this time of the clock, at Stripe or here."""
        calm = 0
        while calm < 2:
            left = int((await self.bank.get("/_bench/left")).text)
            now = self.tools.clock.now()
            for table, state in (
                ("inbox_event", "= 'received'"),
                ("job", "in ('ready', 'running')"),
                ("letter", "= 'ready'"),
            ):
                at = now.replace(tzinfo=None).isoformat(sep=" ")
                left = left or await self.count(
                    f"select count(*) from {table} where state {state} and run_at <= :at", at=at
                )
            calm = 0 if left else calm + 1
            await asyncio.sleep(0.1)

    async def trouble(self, day: int) -> None:
        """What befalls plans on this day: the same on every run."""
        chance = random.Random(day)
        due = await self.count("select count(*) from plan where state = 'active'") / 30
        declined = sum(chance.random() < FAILS for _ in range(_rounded(due, chance)))
        if declined:
            await self.act("decline-next", code="insufficient_funds", count=declined)
        if chance.random() < due * FAILS * (1 - RENEWED_CARD):
            found = await self._some("select stripe_subscription_id from plan where state = 'active'", chance)
            await self.bank.get(f"/_bench/break-card?{found}")
        for _ in range(_rounded(due * REFUNDS, chance)):
            await self._refund(await self._some(UNTOUCHED.format("id"), chance))
        for _ in range(_rounded(due * DISPUTES, chance)):
            await self.act("dispute", charge=await self._some(UNTOUCHED.format("stripe_charge_id"), chance))
        if day % 4 == 0 and (
            dispute := await self._some("select stripe_dispute_id from dispute where closed_at is null", chance)
        ):
            await self.act("close-dispute", dispute=dispute, outcome=chance.choice(["won", "lost"]))

    async def act(self, name: str, **told: Any) -> None:
        (await self.bank.post(f"/_control/{name}", json=told)).raise_for_status()

    async def _some(self, query: str, chance: random.Random) -> str | None:
        from sqlalchemy import text

        async with self.tools.db.reading() as session:
            found = (await session.scalars(text(query))).all()
        return chance.choice(sorted(found)) if found else None

    async def _refund(self, donation_id: str | None) -> None:
        from supporters.donations.models import RefundReason
        from supporters.donations.reverse import refundable, request_refund

        if donation_id is None:
            return
        async with self.tools.db.unit_of_work() as session:
            await request_refund(
                session, donation_id, amount=await refundable(session, donation_id), reason=RefundReason.SUPPORTER_ASKED,
                note_text=None, actor_id="0" * 26, ids=self.tools.ids, now=self.tools.clock.now(),
            )  # fmt: skip

    async def pass_days(self) -> None:
        """All days have gone by; a run that goes on begins with the day that was not finished."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        days = SPREAD + self.months * 30 + AFTER
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns) as progress:
            bar = progress.add_task("days", total=days, completed=self.state["day"], told="")
            for day in range(self.state["day"], days):
                await self._day(day)
                progress.update(bar, completed=day + 1, told=f"{day + 1}/{days}, {self.state['events']:,} events")

    async def _day(self, day: int) -> None:
        if day < SPREAD:
            await self.begin(day)
        await self.trouble(day)
        self.tools.clock.advance(SETTLES)
        await self.quiet()  # what is on its way was signed by this day's clock
        before = time.perf_counter()
        self.tools.clock.advance(DAY)
        await asyncio.sleep(0.3)
        await self.quiet()
        self.state["busy"] += time.perf_counter() - before
        self.state["events"] = await self.count("select count(*) from inbox_event where state <> 'received'")
        self.state["renewals"] = await self.count("select count(*) - (select count(*) from plan) from instalment")
        self.state["day"] = day + 1
        self.keep()


OPEN_DISPUTES = "select stripe_dispute_id from dispute where closed_at is null"
UNTOUCHED = (
    "select {} from donation where paid_at is not null and stripe_charge_id is not null and refunded_minor = 0 and "
    "stripe_payment_intent_id not in (select stripe_payment_intent_id from dispute) "
    "and id not in (select donation_id from refund) order by paid_at desc limit 200"
)


def _rounded(expected: float, chance: random.Random) -> int:
    """The expected number as a whole one, that is right on average."""
    return int(expected) + (chance.random() < expected % 1)


def percentile(path: Path, share: float) -> float:
    """The span in milliseconds that this share did not exceed."""
    spans = sorted(value for (value,) in SPAN.iter_unpack(path.read_bytes()))
    return spans[min(int(len(spans) * share), len(spans) - 1)] * 1000


async def run(folder: Path, plans: int, months: int) -> bool:
    """The whole campaign; says whether the books are equal."""
    from supporters.kit.migrate import migrate
    from supporters.worker import prepare

    tools = tools_of(folder)
    await migrate(tools.db)
    await prepare(tools)
    await tools.close()
    with processes(folder) as pids:
        campaign = Campaign(folder, plans, months, pids)
        await campaign.ready()
        await campaign.quiet()
        if not campaign.state["idle"] and campaign.state["day"]:
            campaign._note_idle()
        await campaign.pass_days()
        campaign.tools.clock.advance(SETTLES)  # the fees of what was charged last
        await campaign.quiet()
        report(campaign)
        broken = await books(campaign)
    for line in broken:
        print("BROKEN:", line)
    if not broken:
        print(
            "books: equal to the sandbox to the penny in every account; each bill and payment once; receipts without gap"
        )
    return not broken


def report(campaign: Campaign) -> None:
    """The figures, printed."""
    state, folder = campaign.state, campaign.folder
    print(
        f"{state['events']:,} events in {state['busy']:.0f} s: {state['events'] / state['busy']:.0f} events/s applied, ",
        end="",
    )
    print(f"{state['renewals']:,} renewals: {state['renewals'] / state['busy']:.1f} a second")
    print(f"accept: p50 {percentile(folder / 'accept', 0.5):.1f} ms, p99 {percentile(folder / 'accept', 0.99):.1f} ms")
    for name, idle in state["idle"].items():
        now = resident_mb([campaign.pids[name]])
        print(f"{name}: idle {idle:.0f} MB, at the end {now:.0f} MB: grown by {now - idle:.0f} MB (30 allowed)")


async def books(campaign: Campaign) -> list[str]:
    """What is not as it must be."""
    import plan_books
    from supporters.checks import run_checks
    from supporters.sandbox.sandbox import Sandbox

    tools = campaign.tools
    balance = await tools.gateway.balance()
    stripe = Sandbox(sandbox_config(campaign.folder))
    async with tools.db.reading() as session:
        broken = [str(found) for found in await run_checks(session, now=tools.clock.now(), stripe_balance=balance)]
        ours, theirs = await plan_books.instalments_and_bills(session, stripe.objects("invoice"))
        broken += [f"bill {one}" for one in (ours - theirs) + (theirs - ours)]
        ours, theirs = await plan_books.donations_and_payments(session, stripe.objects("charge"))
        broken += [f"payment {one}" for one in (ours - theirs) + (theirs - ours)]
        broken += [f"receipts {one}" for one in await plan_books.gaps_in_receipts(session)]
        booked = await plan_books.booked(session)
    told = plan_books.told_by_lines(stripe.objects("balance_transaction"), stripe.objects("dispute"))
    broken += [
        f"account {one}: {booked[one]} here, {told[one]} told" for one in booked | told if booked[one] != told[one]
    ]
    disputes = [one["status"] for one in stripe.objects("dispute")]
    canceled = sum(one["status"] == "canceled" for one in stripe.objects("subscription"))
    print(
        f"{len(stripe.objects('charge')):,} charges, {sum(not one['paid'] for one in stripe.objects('charge'))} refused, "
        f"{canceled} plans ended, {len(stripe.objects('refund'))} refunds, {len(disputes)} disputes "
        f"({disputes.count('won')} won, {disputes.count('lost')} lost), {len(stripe.objects('payout'))} payouts"
    )
    return broken


def settle_environment(folder: Path) -> None:
    """What the processes are told; ports are new on every start."""
    from paper import SETTINGS_ENV

    os.environ.update(SETTINGS_ENV)
    api = f"http://127.0.0.1:{free_port()}"
    os.environ.update(
        CAMPAIGN=str(folder), SUPPORTERS_DATABASE_URL=f"sqlite:///{folder}/product.db", SUPPORTERS_DATA_DIR=str(folder),
        SUPPORTERS_STRIPE_API_BASE=api, SUPPORTERS_CHECKOUT_ORIGIN=api, SUPPORTERS_BASE_URL=f"http://127.0.0.1:{free_port()}",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--folder", type=Path, help="where a run is kept, to go on with it")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.work:
        asyncio.run(work(told.folder))
        return
    print(machine())
    with tempfile.TemporaryDirectory(prefix="campaign") as scratch:
        folder = (told.folder or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        settle_environment(folder)
        print(f"{told.plans:,} plans for {told.months} months, SQLite, kept in {folder}", flush=True)
        sys.exit(0 if asyncio.run(run(folder, told.plans, told.months)) else 1)


if __name__ == "__main__":
    main()
