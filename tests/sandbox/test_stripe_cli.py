"""Proof that is not ours: Stripe's own command line plays Stripe's own fixtures against the sandbox.

Each fixture (`stripe trigger EVENT`) has a sandbox of its own, so that the event it promises can come from nothing else.
It passes when the command line reports success, an event of exactly that type arrives over HTTP with a right signature,
and every request, every answer and every event is as Stripe's document has them. The tables below name every fixture
that the command line knows and every event that the product knows: one that is in neither is a failure, not a gap.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import stripe
from listening import listening

from openapi import ValidatingApp, stripe_document
from planning import begun, later, price
from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock
from supporters.payments import translate
from supporters.sandbox import topups
from supporters.sandbox.config import SandboxConfig
from supporters.sandbox.sandbox import Sandbox

FOLDER = Path(__file__).parents[1] / "cli"
KEY = "sk_test_sandbox_of_the_cli"
SECRET = "whsec_of_the_cli"
AT_ONCE = 4
A_WHILE = timedelta(seconds=5)


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


PLAYED = names(
    """
    balance.available charge.captured charge.dispute.closed charge.dispute.created charge.dispute.updated
    charge.failed charge.refund.updated charge.refunded charge.succeeded checkout.session.async_payment_failed
    checkout.session.async_payment_succeeded checkout.session.completed checkout.session.expired
    customer.created customer.deleted customer.updated customer.subscription.created
    customer.subscription.deleted customer.subscription.paused customer.subscription.trial_will_end
    customer.subscription.updated invoice.created invoice.deleted invoice.finalized invoice.marked_uncollectible
    invoice.paid invoice.payment_action_required invoice.payment_failed invoice.payment_succeeded invoice.sent
    invoice.updated invoice.voided invoiceitem.created invoiceitem.deleted
    payment_intent.amount_capturable_updated payment_intent.canceled payment_intent.created
    payment_intent.payment_failed payment_intent.processing payment_intent.requires_action
    payment_intent.succeeded payment_method.attached payment_method.detached payment_method.updated
    payout.created payout.updated price.created price.updated product.created product.deleted product.updated
    reporting.report_run.succeeded
    setup_intent.canceled setup_intent.created setup_intent.requires_action setup_intent.setup_failed
    setup_intent.succeeded subscription.payment_failed subscription.payment_succeeded
    test_helpers.test_clock.advancing test_helpers.test_clock.created test_helpers.test_clock.deleted
    test_helpers.test_clock.ready topup.created
    """
)
CALLED = {
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
}
"""Fixtures that are not called after the event that they bring about."""

REFUSED = {"payment_intent.partially_funded": "bank transfers into a customer's cash balance are offered to nobody"}
"""Fixtures of events that the product names, which the sandbox refuses in plain words."""

OF_OTHERS = {
    "cards, accounts and papers that a publisher does not have": """
        account.application.deauthorized account.updated identity.verification_session.canceled
        identity.verification_session.created identity.verification_session.redacted issuing_authorization.request
        issuing_authorization.request.eu issuing_authorization.request.gb issuing_card.created issuing_card.created.eu
        issuing_card.created.gb issuing_cardholder.created issuing_cardholder.created.eu issuing_cardholder.created.gb
        issuing_transaction.created issuing_transaction.purchase_details_receipt_updated issuing_transaction.updated
        transfer.created transfer.reversed transfer.updated""",
    "a donation is never discounted, credited, taxed, quoted or metered": """
        coupon.created coupon.deleted coupon.updated credit_note.created credit_note.updated credit_note.voided
        customer.discount.created customer.discount.deleted customer.discount.updated promotion_code.created
        promotion_code.updated quote.accepted quote.canceled quote.created quote.finalized tax_rate.created
        tax_rate.updated v1.billing.meter.error_report_triggered v1.billing.meter.no_meter_found""",
    "older or other ways to the same thing, which the product does not use": """
        billing_portal.configuration.created billing_portal.configuration.updated billing_portal.session.created
        cash_balance.funds_available customer_cash_balance_transaction.created customer.source.created
        customer.source.updated payment_link.created payment_link.updated plan.created plan.deleted plan.updated
        subscription_schedule.aborted subscription_schedule.canceled subscription_schedule.completed
        subscription_schedule.created subscription_schedule.expiring subscription_schedule.released
        subscription_schedule.updated""",
}
"""Fixtures of events that the product neither hears nor names, by why."""

WITHOUT_FIXTURE = names(
    """
    charge.dispute.funds_reinstated charge.dispute.funds_withdrawn charge.pending charge.updated
    customer.subscription.resumed invoice.upcoming invoice_payment.paid mandate.updated
    payment_method.automatically_updated payout.canceled payout.failed payout.paid payout.reconciliation_completed
    radar.early_fraud_warning.created refund.created refund.failed refund.updated topup.canceled topup.failed
    topup.reversed topup.succeeded
    """
)
"""Events that the product knows and the command line does not: told in a story of ours, proved by Stripe's document."""

NEVER_TOLD = {
    "charge.expired": "no charge of the sandbox waits a week for its capture",
    "invoice.will_be_due": "only an invoice that is sent is ever due, and no plan sends one",
    "invoice_payment.created": "no event of Stripe's document",
    "price.deleted": "a price cannot be deleted through the API",
    "radar.early_fraud_warning.updated": "nothing about a warning changes but whether it can be acted upon",
    "reporting.report_run.failed": "a report that cannot be made is refused when it is asked for",
    "reporting.report_type.updated": "an event about no account's money, which Stripe sends to all",
}
"""Events that the product names and nothing in the sandbox brings about, by why."""


def known_to_the_product() -> frozenset[str]:
    """Every type of event that the product hears or names as one to pass over."""
    return frozenset(translate.HEARD) | translate.SILENT | frozenset(translate._READERS)


# the command line


@pytest.fixture(scope="module")
def program() -> Path:
    """Stripe's own command line, as `make` installs it from the lock file in `tests/cli`."""
    found = sorted(
        chain.from_iterable(FOLDER.glob(f"node_modules/@stripe/cli-*/bin/{name}") for name in ("stripe", "stripe.exe"))
    )
    assert found, (
        "Stripe's command line is not there: run `make test` once, or `npm ci --prefix tests/cli --ignore-scripts`"
    )
    return found[0]


class CommandLine:
    """Runs the program with a home of its own and no way out of this machine."""

    def __init__(self, program: Path, home: Path) -> None:
        self.program = program
        self.env = {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "PATH": os.defpath,
        }

    async def __call__(self, *words: str) -> str:
        """What the program said."""
        pipe, merged = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
        running = await asyncio.create_subprocess_exec(self.program, *words, env=self.env, stdout=pipe, stderr=merged)
        try:
            said, _ = await asyncio.wait_for(running.communicate(), 60)
        except BaseException:
            running.kill()
            await running.wait()
            raise
        return said.decode()

    async def fixtures(self) -> frozenset[str]:
        """Every event that `stripe trigger` knows."""
        said = await self("trigger", "--help")
        listed = said.partition("Supported events:")[2].partition("Usage:")[0]
        return frozenset(listed.split())


@pytest.fixture
def command_line(program: Path, tmp_path: Path) -> CommandLine:
    return CommandLine(program, tmp_path)


# the sandboxes


class Account:
    """A sandbox for one fixture, and what its webhooks brought."""

    def __init__(self, base: str) -> None:
        config = SandboxConfig(
            api_key=KEY, base_url=base, webhook_url=f"{base}/hooks", webhook_secret=SECRET, settle_delay_seconds=0
        )
        self.sandbox = Sandbox(config)
        self.app = ValidatingApp(self.sandbox.api)
        self.told: list[str] = []
        self.problems: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Stripe's side at /v1, the receiver's at /hooks."""
        if scope["path"] != "/hooks":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self._take(dict(scope["headers"]), body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _take(self, headers: dict[bytes, bytes], body: bytes) -> None:
        event = json.loads(body)
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), headers[b"stripe-signature"].decode(), SECRET, tolerance=300
            )
            stripe_document().check_event(event)
            self.told.append(event["type"])
        except (stripe.SignatureVerificationError, AssertionError) as error:
            self.problems.append(str(error))

    async def verdict(self, fixture: str, said: str) -> list[str]:
        """What is wrong with how the fixture went; nothing, if it went as Stripe's would."""
        await self.sandbox.advance(A_WHILE)
        while await self.sandbox.tick(at_once=4):
            pass
        wrong = [*self.problems, *self.app.errors]
        if "Trigger succeeded" not in said:
            wrong.append(said[-600:])
        if CALLED.get(fixture, fixture) not in self.told:
            wrong.append(f"no such event arrived, only {sorted(set(self.told))}")
        return [f"{fixture}: {problem}" for problem in wrong]


class Town:
    """One HTTP server with an address for every account."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.accounts[scope["server"][1]](scope, receive, send)

    @contextmanager
    def account(self, port: int) -> Iterator[Account]:
        """A new account at that address, for the length of the block."""
        made = self.accounts[port] = Account(f"http://127.0.0.1:{port}")
        try:
            yield made
        finally:
            made.sandbox.world.store.close()


async def play(fixtures: list[str], command_line: CommandLine) -> list[str]:
    """What is wrong with how those fixtures went, each in a sandbox of its own."""
    made = Town()
    async with listening(made, AT_ONCE) as ports:
        free: asyncio.Queue[int] = asyncio.Queue()
        for port in ports:
            free.put_nowait(port)

        async def one(fixture: str) -> list[str]:
            port = await free.get()
            try:
                with made.account(port) as account:
                    words = ("trigger", fixture, "--api-key", KEY, "--api-base", f"http://127.0.0.1:{port}")
                    verdict = await account.verdict(fixture, await command_line(*words))
                    await account.sandbox.courier.close()
                    return verdict
            finally:
                free.put_nowait(port)

        return list(chain.from_iterable(await asyncio.gather(*(one(fixture) for fixture in fixtures))))


# what is proved


async def test_no_event_that_stripes_command_line_or_the_product_knows_is_left_out(command_line: CommandLine) -> None:
    others = [word for words in OF_OTHERS.values() for word in names(words)]
    fixtures, known = await command_line.fixtures(), known_to_the_product()

    tables = [*PLAYED, *REFUSED, *others]
    assert sorted(tables) == sorted(fixtures)
    assert len(set(tables)) == len(tables)
    assert not known & set(others)
    assert known - fixtures <= WITHOUT_FIXTURE | set(NEVER_TOLD)
    assert not (WITHOUT_FIXTURE | set(NEVER_TOLD)) & fixtures


@pytest.mark.timeout(300)
async def test_every_fixture_of_stripes_command_line_brings_its_event(
    command_line: CommandLine, record_property: Any
) -> None:
    fixtures = sorted(PLAYED)

    wrong = await play(fixtures, command_line)

    assert not wrong, "\n".join(wrong)
    others = sum(len(names(words)) for words in OF_OTHERS.values())
    record_property(
        "proof",
        f"Stripe's command line: {len(fixtures)} fixtures played, all well; {len(REFUSED)} refused as it says; "
        f"{others} of things that donations never meet; {len(WITHOUT_FIXTURE)} events without a fixture, by its document",
    )


async def test_fixture_that_the_sandbox_does_not_do_is_refused_in_plain_words(command_line: CommandLine) -> None:
    wrong = "\n".join(await play(sorted(REFUSED), command_line))

    assert wrong.count("Trigger failed") == len(REFUSED)
    assert wrong.count("Stripe would accept this request") == len(REFUSED)


async def control(world: StripeWorld, action: str, **told: Any) -> None:
    reply = await world.browser.post(f"/_control/{action}", json=told)
    assert reply.status_code == 200, reply.text


async def test_events_without_a_fixture_are_as_stripes_document_has_them(clock: FixedClock) -> None:
    """Every event that arrives is held to the document by the receiver; here all of them arrive."""
    world = StripeWorld(clock, payout_interval="daily")
    api = world.stripe.v1
    asked: Any = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}

    async def charged(card: str) -> str:
        return (await api.payment_intents.create_async({**asked, "payment_method": f"pm_{card}"})).latest_charge

    disputed, _ = await charged("card_createDispute"), await charged("card_createIssuerFraudRecord")
    await charged("bacsDebit_successDelayed")
    refund = await api.refunds.create_async({"charge": await charged("card_visa"), "amount": 500})
    plan = await begun(world)
    world.sandbox.update_card(plan.default_payment_method)
    listed = await price(world)
    pause: Any = {"end_behavior": {"missing_payment_method": "pause"}}
    trial: Any = {"customer": (await api.customers.create_async({})).id, "items": [{"price": listed.id}]}
    paused = await api.subscriptions.create_async({**trial, "trial_period_days": 1, "trial_settings": pause})
    topped, mistaken = [await api.topups.create_async({"amount": 500, "currency": "gbp"}) for _ in range(2)]
    await api.topups.create_async({"amount": 500, "currency": "gbp", "source": topups.FAILING})
    await api.topups.cancel_async(mistaken.id)
    await later(world, days=2)
    await control(world, "reverse-topup", topup=topped.id)
    await charged("card_bypassPending")
    await world.sandbox.settle_now()
    await api.payouts.cancel_async((await api.payouts.create_async({"amount": 100, "currency": "gbp"})).id)
    await control(world, "fail-refund", refund=refund.id)
    [dispute] = (await api.disputes.list_async({"charge": disputed})).data
    await control(world, "close-dispute", dispute=dispute.id, outcome="won")
    method = await api.payment_methods.attach_async("pm_card_visa", {"customer": paused.customer})
    await api.subscriptions.update_async(paused.id, {"default_payment_method": method.id})
    await api.subscriptions.resume_async(paused.id, {"billing_cycle_anchor": "now"})
    await later(world, days=35)
    await control(world, "fail-payout", payout=world.sandbox.objects("payout")[-1]["id"])
    await world.sandbox.deliver_due()
    told = set(world.hooks.types)
    await world.close()

    assert told >= WITHOUT_FIXTURE
    assert not told & set(NEVER_TOLD)
    world.app.assert_clean()
