"""A yes to the monthly offer is kept: however long worker or Stripe are away, and whatever is the matter with our key."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from supporters.donations.models import Checkout, MonthlyOffer
from supporters.payments.gateway import GatewayRefused
from supporters.payments.gateway_plans import PlanCalls
from supporters.plans.models import Plan
from whole import Whole, hidden_fields, session_id, words


async def paid_once(site: Whole) -> str:
    """The path of the thank-you page of £25."""
    given = await site.give(amount="25")
    await site.pay(given)
    await site.settle()
    return site.sandbox.session(session_id(given))["success_url"].removeprefix(site.settings.base_url)


async def say_yes(site: Whole) -> str:
    path = await paid_once(site)
    offered = await site.reader.get(path)
    await site.reader.post(f"{path}/monthly", data=hidden_fields(offered.text))
    return path


async def offer_state(site: Whole) -> str:
    async with site.db.reading() as session:
        return (await session.scalars(select(MonthlyOffer.state))).one()


async def plans(site: Whole) -> int:
    async with site.db.reading() as session:
        return len((await session.scalars(select(Plan.id))).all())


def refuse_key(patch: pytest.MonkeyPatch) -> None:
    async def refused(*_args: object, **_more: object) -> None:
        raise GatewayRefused("Invalid API Key provided", code="api_key_expired", http_status=401)

    patch.setattr(PlanCalls, "method_of_payment", refused)
    patch.setattr(PlanCalls, "detach_method", refused)


async def test_yes_whose_worker_was_away_for_days_is_begun_all_the_same(site: Whole) -> None:
    await say_yes(site)
    site.clock.advance(timedelta(days=3))

    await site.settle()

    assert (await offer_state(site), await plans(site)) == ("taken", 1)
    assert len(site.sandbox.objects("subscription")) == 1


async def test_yes_whose_answer_was_lost_before_a_long_silence_begins_one_plan_only(site: Whole) -> None:
    await say_yes(site)
    site.sandbox.fail_next("reply_lost", count=2, effect="done", method="POST", path="/v1/subscriptions")
    await site.worker.run_jobs()
    assert await plans(site) == 0
    site.sandbox.clear_faults()
    site.clock.advance(timedelta(days=2))

    await site.settle()

    assert (await offer_state(site), await plans(site)) == ("taken", 1)
    assert len(site.sandbox.objects("subscription")) == 1


async def test_yes_that_cannot_be_kept_is_told_by_letter_and_the_card_forgotten(site: Whole) -> None:
    path = await say_yes(site)
    site.clock.advance(timedelta(days=31))

    await site.settle()
    await site.worker.tick()
    await site.settle()

    letter = next(each for each in site.mailbag.letters if "Not begun" in str(each["Subject"]))
    body = letter.get_body(("plain",))
    assert body is not None
    assert letter["Subject"] == "Not begun: your £5 a month to The Weekly Lamp"
    assert "Nothing more is taken." in body.get_content()
    assert "Given once, and kept: £25" in body.get_content()
    assert (await offer_state(site), site.sandbox.objects("subscription")) == ("failed", [])
    assert site.sandbox.objects("payment_method")[0]["customer"] is None
    assert "Monthly could not be set up" in words((await site.reader.get(path)).text)


async def test_rolled_key_neither_closes_the_offer_nor_counts_a_card_as_forgotten(site: Whole) -> None:
    await say_yes(site)
    with pytest.MonkeyPatch.context() as patch:
        refuse_key(patch)
        await site.worker.run_jobs()
        assert await offer_state(site) == "wanted"
    site.clock.advance(timedelta(minutes=3))

    await site.settle()

    assert (await offer_state(site), await plans(site)) == ("taken", 1)


async def test_rolled_key_leaves_the_card_to_be_forgotten_later(site: Whole) -> None:
    await paid_once(site)
    site.clock.advance(timedelta(hours=24))
    with pytest.MonkeyPatch.context() as patch:
        refuse_key(patch)
        await site.worker.tick()
        await site.worker.run_jobs()
        async with site.db.reading() as session:
            assert await session.scalar(select(Checkout.forget_method_at)) is not None
    site.clock.advance(timedelta(minutes=3))

    await site.settle()

    assert site.sandbox.objects("payment_method")[0]["customer"] is None
