"""What supporters read about their plans: every letter renders, says what it must, and goes out once."""

from datetime import date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import delete, select, update

from plans.conftest import PlanJourney
from supporters.donations.models import Donation
from supporters.jobs.queue import run_due
from supporters.kit.clock import FixedClock
from supporters.kit.templates import Templates
from supporters.mail.models import Letter
from supporters.mail.render import RenderedLetter, render_letter
from supporters.payments.facts import InvoiceSeen, MandateSeen, MethodSeen
from supporters.plans import letters, methods
from supporters.plans.at_bank import AT_BANK
from supporters.plans.history import note
from supporters.plans.links import PlanLinks
from supporters.plans.models import Actor, ChangeKind, ChangeState, Plan, PlanChange, PlanState
from supporters.plans.words import reason_words
from supporters.receipts.models import StatedPayment
from supporters.settings import Settings

Changes = dict[str, object]


def unpaid(*, tries: int, next_try: datetime | None) -> InvoiceSeen:
    """A bill of £10 whose card had run out, as a look at Stripe finds it."""
    return InvoiceSeen(
        invoice_id="in_1",
        subscription_id="sub_1",
        status="open",
        billing_reason="subscription_cycle",
        amount_due_minor=1000,
        amount_paid_minor=0,
        currency="GBP",
        tries=tries,
        next_try_at=next_try,
        period_start=None,
        period_end=None,
        paid_at=None,
        page_url=None,
        has_failed=True,
        needs_action=False,
        failure_code="expired_card",
    )


async def changed(journey: PlanJourney, plan_id: str, **values: object) -> None:
    """The plan stands so."""
    async with journey.db.unit_of_work() as session:
        await session.execute(update(Plan).where(Plan.id == plan_id).values(**values))


async def rendered(journey: PlanJourney, kind: str) -> RenderedLetter:
    """The one letter of that kind, as it is read."""
    [letter] = [row for row in await journey.rows(Letter) if row.kind == kind]
    return render_letter(Templates(journey.settings, clock=journey.clock), letter)


async def tell_change(journey: PlanJourney, plan_id: str, kind: ChangeKind, actor: Actor) -> None:
    """The letter about such a change of a plan of £5 waits to be sent."""
    change = PlanChange(id=journey.ids.ulid(), kind=kind, was={"amount_minor": 500}, wanted={}, actor=actor)
    change.state = ChangeState.DONE
    async with journey.db.unit_of_work() as session:
        told = await session.get_one(Plan, plan_id)
        ids, now, settings = journey.ids, journey.clock.now(), journey.settings
        await letters.tell_changed(session, told, change, ids=ids, now=now, settings=settings)


@pytest.mark.parametrize(
    ("tries", "next_in", "subject", "says"),
    [
        (1, 3, "We couldn't take your £10 this time", "If that works, you need do nothing."),
        (2, 5, "Next try for your £10 on", "the donation stops"),
        (3, None, "We couldn't take your £10", "unless you stop"),
    ],
)
async def test_letter_about_a_failure_says_why_when_next_and_has_one_button(
    journey: PlanJourney, tries: int, next_in: int | None, subject: str, says: str
) -> None:
    plan = await journey.begin()
    now = journey.clock.now()
    next_try = now + timedelta(days=next_in) if next_in else None
    await changed(journey, plan.id, state=PlanState.FAILING, amount_minor=9900)  # since the bill was drawn up

    for _ in range(2):
        async with journey.db.unit_of_work() as session:
            told = await session.get_one(Plan, plan.id)
            ids, settings = journey.ids, journey.settings
            bill = unpaid(tries=tries, next_try=next_try)
            await letters.tell_failed(session, told, bill, ids=ids, now=now, settings=settings)

    letter = await rendered(journey, "plan_failed")
    assert letter.subject.startswith(subject)
    assert "No money was taken. Your card has run out." in letter.text
    assert says in letter.text
    assert letter.html.count('class="l-button"') == letter.html.count("/payment") == 1


async def test_letter_of_the_start_says_sum_date_and_how_to_stop(journey: PlanJourney) -> None:
    await journey.begin()

    letter = await rendered(journey, "plan_started")

    assert letter.subject == f"Your £10 a month to {journey.settings.publisher_name}"
    assert "You give £10 a month until you stop." in letter.text
    assert f"{journey.settings.base_url}/giving/" in letter.text
    assert "Next payment: Tuesday 22 December" in letter.text
    assert "Paid with: Card ending 4242" in letter.text
    assert "You now have" not in letter.text


@pytest.mark.parametrize("kind", [kind for kind in ChangeKind if kind is not ChangeKind.TRY_NOW])
async def test_every_change_is_told_once_with_what_was_and_what_is(journey: PlanJourney, kind: ChangeKind) -> None:
    plan = await journey.begin()
    now = journey.clock.now()
    await changed(journey, plan.id, amount_minor=500, paused_until=now + timedelta(days=40), stops_at=plan.next_at)
    change = PlanChange(id=journey.ids.ulid(), kind=kind, was={"amount_minor": 1000}, wanted={}, actor=Actor.STAFF)
    change.state = ChangeState.DONE

    for _ in range(2):
        async with journey.db.unit_of_work() as session:
            told = await session.get_one(Plan, plan.id)
            ids, settings = journey.ids, journey.settings
            await letters.tell_changed(session, told, change, ids=ids, now=now, settings=settings)

    letter = await rendered(journey, "plan_changed")
    assert letter.subject.startswith("Done: ")
    assert "as you asked us to" in letter.text
    if kind is ChangeKind.AMOUNT:
        assert letter.subject == "Done: £10 → £5 a month"


@pytest.mark.parametrize(
    ("kind", "held_days", "says"),
    [
        (ChangeKind.SKIP, 1, "Next payment: Friday 22 January 2027"),
        (ChangeKind.PAUSE, 63, "Nothing is taken before Monday 22 March 2027"),
        (ChangeKind.AMOUNT, 1, "Next payment: Friday 22 January 2027"),
    ],
)
async def test_letter_of_a_pause_names_the_day_on_which_money_is_next_taken(
    journey: PlanJourney, kind: ChangeKind, held_days: int, says: str
) -> None:
    plan = await journey.begin()
    assert plan.next_at
    await changed(journey, plan.id, state=PlanState.PAUSED, paused_until=plan.next_at + timedelta(days=held_days))

    await tell_change(journey, plan.id, kind, Actor.SUPPORTER)

    letter = await rendered(journey, "plan_changed")
    assert says in letter.text
    assert "December" not in letter.text


async def test_letter_of_a_stop_says_what_the_bank_was_asked_for_before(journey: PlanJourney) -> None:
    plan = await journey.begin()
    told = {"bill": "in_9", "amount_minor": 1000, "currency": "GBP", "known_by": "2026-11-30T12:00:00+00:00"}
    async with journey.db.unit_of_work() as session:
        ids, now = journey.ids, journey.clock.now()
        await note(session, plan.id, AT_BANK, cause="in_9:1", ids=ids, now=now, detail=told)

    await tell_change(journey, plan.id, ChangeKind.STOP, Actor.SUPPORTER)

    letter = await rendered(journey, "plan_changed")
    except_for = "your bank was asked for £10 before, and nobody can call that back. We know by Monday 30 November."
    for part in (letter.text, letter.html):
        assert except_for in part


@pytest.mark.parametrize(
    ("actor", "subject"),
    [(Actor.SUPPORTER, "Done: your monthly donation goes on"), (Actor.HOUSE, "Your monthly donation goes on")],
)
async def test_only_what_somebody_asked_for_is_called_done(journey: PlanJourney, actor: Actor, subject: str) -> None:
    plan = await journey.begin()

    await tell_change(journey, plan.id, ChangeKind.GO_ON, actor)

    assert (await rendered(journey, "plan_changed")).subject == subject


@pytest.mark.parametrize(("stops_at", "count"), [(None, 1), ("2026-12-22T09:00:00+00:00", 0)])
async def test_only_a_stop_taken_back_stands_for_the_letter_of_the_start(
    journey: PlanJourney, stops_at: str | None, count: int
) -> None:
    plan, ids, now = await journey.begin(), journey.ids, journey.clock.now()
    goes_on = PlanChange(id=ids.ulid(), plan_id=plan.id, kind=ChangeKind.GO_ON, was={"stops_at": stops_at}, wanted={})
    goes_on.state, goes_on.actor, goes_on.idempotency_key = ChangeState.REQUESTED, Actor.SUPPORTER, "v1:plan:1"
    goes_on.created_at = now

    async with journey.db.unit_of_work() as session:
        await session.execute(delete(Letter))
        session.add(goes_on)
        await session.flush()
        told = await session.get_one(Plan, plan.id)
        await letters.tell_begun(session, told, ids=ids, now=now, settings=journey.settings)

    assert (await journey.letters()).count("plan_started") == count


@pytest.mark.parametrize(("days_left", "count"), [(40, 0), (20, 1), (6, 1)])
@pytest.mark.parametrize("is_updated", [False, True])
async def test_card_that_ends_soon_is_told_unless_its_network_renews_it(
    journey: PlanJourney, days_left: int, count: int, is_updated: bool
) -> None:
    plan = await journey.begin()
    last_day = journey.clock.now().date() + timedelta(days=days_left)
    await changed(journey, plan.id, method_expires_on=last_day, is_updated_by_network=is_updated)

    await journey.tend()
    await journey.tend()

    assert (await journey.letters()).count("plan_card_ending") == (0 if is_updated else count)


async def test_card_is_told_of_again_a_week_before(journey: PlanJourney) -> None:
    plan = await journey.begin()
    await changed(journey, plan.id, method_expires_on=journey.clock.now().date() + timedelta(days=25))
    await journey.tend()
    journey.clock.advance(timedelta(days=19))

    await journey.tend()

    assert (await journey.letters()).count("plan_card_ending") == 2


async def test_ended_mandate_is_told_once_and_a_new_card_of_the_network_is_shown(journey: PlanJourney) -> None:
    plan = await journey.begin()
    method = plan.stripe_payment_method_id or ""
    card = MethodSeen(
        payment_method_id=method,
        customer_id=None,
        kind="card",
        brand="visa",
        last4="9999",
        expires=(2031, 2),
        is_automatic=True,
    )
    now, ids = journey.clock.now(), journey.ids

    for _ in range(2):
        async with journey.db.unit_of_work() as session:
            ended = MandateSeen("mandate_1", method, "inactive")
            assert await methods.see_mandate(session, ended, ids=ids, now=now)
            assert await methods.see_method(session, card, ids=ids, now=now)
    journey.clock.advance(methods.TOLD_AFTER)
    tell = partial(methods.tell_of_mandate, settings=journey.settings)
    await run_due(journey.db, {methods.MANDATE_ENDED: tell}, clock=journey.clock, ids=journey.ids)

    plan = await journey.plan(plan.id)
    assert (plan.method_last4, plan.method_expires_on, plan.is_updated_by_network) == ("9999", date(2031, 2, 28), True)
    assert (await journey.letters()).count("plan_mandate_ended") == 1
    assert (await journey.history()).count("card_updated") == 1


def test_link_opens_just_its_plan_for_180_days(settings: Settings, clock: FixedClock) -> None:
    links = PlanLinks(settings.secret_key, settings.base_url)
    plan_id, now = "01M819SK00FYHA4S682C8EAB58", clock.now()
    token = links.plan_url(plan_id, now=now).rpartition("/")[2]

    assert links.read_plan(token, now=now + timedelta(days=180)) == plan_id
    assert links.read_plan(token, now=now + timedelta(days=181)) is None
    assert links.read_plan(token[:-1] + ("A" if token[-1] != "A" else "B"), now=now) is None
    assert links.read_plan(plan_id, now=now) is None
    assert links.read_plan("", now=now) is None
    other = PlanLinks("x" * 40, settings.base_url).token(plan_id, now=now)
    assert links.read_plan(other, now=now) is None


def test_stolen_card_is_told_like_any_refusal() -> None:
    assert reason_words("stolen_card") == reason_words("lost_card") == reason_words(None) == reason_words("new_code")


async def test_supporter_who_wants_a_yearly_statement_gets_no_receipt_each_month(journey: PlanJourney) -> None:
    plan = await journey.begin()
    await changed(journey, plan.id, receipts="yearly")

    await journey.pass_time(days=31, hours=2)

    async with journey.db.reading() as session:
        kinds = (await session.scalars(select(Letter.kind))).all()
        stated = (await session.scalars(select(StatedPayment.donation_id))).all()
        renewals = (await session.scalars(select(Donation.id).where(Donation.is_renewal))).all()
    assert list(kinds).count("receipt") == 1
    assert stated == renewals != []  # what has no receipt is kept for the statement
    assert await journey.history() == ["started", "renewed"]
