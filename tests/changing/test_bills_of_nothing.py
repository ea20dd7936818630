"""A new date makes Stripe write a bill of nothing at once: no donation, no letter, no receipt, nothing in the books."""

from datetime import timedelta

from changing.conftest import Giver
from supporters.donations.models import Donation
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerTransaction
from supporters.plans.models import Instalment, PlanState
from supporters.receipts.models import Receipt
from supporters.sandbox.invoices import draw_up, finalize, plan_lines
from supporters.sandbox.invoices_pay import mark_paid
from supporters.sandbox.subscriptions import period_of
from supporters.settings import Settings
from whole import Mailbag, Whole, hidden_fields, running

KEPT = (Donation, Instalment, Receipt, LedgerTransaction)


async def bill_nothing(site: Whole) -> None:
    """Stripe's bill for the days until a date that was put off, which are free. Source: docs.stripe.com, "Trials"."""
    world = site.sandbox.world
    with world.atomic():
        [plan] = world.store.all("subscription")
        start, end = period_of(plan)
        lines = plan_lines(world, plan, start, end, free=True)
        customer = world.get("customer", plan["customer"])
        bill = draw_up(world, customer, reason="subscription_update", lines=lines, plan=plan, period=(start, end))
        world.add(bill, "invoice.created")
        world.change(plan, {"latest_invoice": bill["id"]}, "customer.subscription.updated")
        mark_paid(world, finalize(world, bill))
    await site.settle()


async def test_bill_of_nothing_after_a_new_date_counts_as_nothing_on_either_engine(
    db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> None:
    async with running(db, clock, Ids(clock), settings, mailbag) as site:
        giver = await Giver(site).begin()
        due = (await giver.plan()).next_at
        assert due
        wanted = due.date() + timedelta(days=9)
        shown = await giver.send("/date", next_on=wanted.isoformat())
        assert (await giver.post("/date", **hidden_fields(shown.text))).status_code == 303
        await site.settle()
        before = [len(await giver.rows(table)) for table in KEPT]
        letters, story = await giver.letters(), await giver.history()

        await bill_nothing(site)

        assert [bill["amount_due"] for bill in site.sandbox.objects("invoice")] == [1000, 0]
        assert {bill["status"] for bill in site.sandbox.objects("invoice")} == {"paid"}
        assert [len(await giver.rows(table)) for table in KEPT] == before
        assert (await giver.letters(), await giver.history(), await giver.tasks()) == (letters, story, [])
        plan = await giver.plan()
        assert (plan.state, plan.next_at and plan.next_at.date()) == (PlanState.ACTIVE, wanted)

        await giver.pass_time(days=42)

        assert [len(await giver.rows(table)) for table in (Donation, Instalment, Receipt)] == [2, 2, 2]
        assert [row.amount_minor for row in await giver.rows(Donation)] == [1000, 1000]
        await site.books_hold()
