"""A won dispute as its supporter and the desk see it: nothing goes on without a word, and it is said when it ends."""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from supporters.donations.models import Dispute
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.plans.models import Plan, PlanState
from supporters.sandbox.disputes import decide, open_dispute
from supporters.settings import Settings
from whole import Mailbag, Whole, hidden_fields, running, words


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product


async def one_plan(site: Whole) -> Plan:
    async with site.db.reading() as session:
        return (await session.scalars(select(Plan))).one()


async def settle(site: Whole) -> None:
    """All jobs that follow from one another have run."""
    for _ in range(3):
        await site.settle()


async def win(site: Whole) -> str:
    """A monthly donation whose dispute was won; returns what the letter about it says."""
    await site.pay(await site.give(amount="10", frequency="monthly", monthly="other", name="Ada Brook"))
    await settle(site)
    world = site.sandbox.world
    with world.atomic():
        dispute = open_dispute(world, site.sandbox.objects("charge")[-1])
    await settle(site)
    with world.atomic():
        decide(world, dispute, "won")
    await settle(site)
    letter = next(each for each in site.mailbag.letters if "go on?" in str(each["Subject"]))
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_letter_of_a_won_dispute_leads_to_the_question_and_the_plan_goes_on_by_its_answer(site: Whole) -> None:
    letter = await win(site)
    found = re.search(r"/giving/\S+", letter)
    assert found
    question = found[0]

    plan_page = words((await site.reader.get(question.removesuffix("/pause"))).text)
    asked = await site.reader.get(question)
    answer = await site.reader.post(question.replace("/pause", "/go-on"), data=hidden_fields(asked.text))
    await settle(site)

    assert "Dear Ada Brook" in letter
    assert "Your bank has decided about the payment that was questioned: it counts as given." in letter
    assert "If you do nothing, it ends on Thursday 21 January 2027" in letter
    assert (
        "Nothing is taken until you let your donation go on. If you do nothing, it ends on 21 January 2027."
        in plan_page
    )
    assert "None until you let it go on" in plan_page
    assert "the next payment is taken on Tuesday 22 December, and nothing before" in words(asked.text)
    assert answer.status_code == 303
    assert (await one_plan(site)).state == PlanState.ACTIVE


async def test_desk_says_what_a_won_dispute_left_held_and_until_when(site: Whole) -> None:
    await win(site)
    plan = await one_plan(site)
    desk = await site.staff("admin")
    async with site.db.reading() as session:
        dispute = (await session.scalars(select(Dispute))).one()

    page = words((await desk.get(f"/desk/plans/{plan.id}")).text)
    about = words((await desk.get(f"/desk/disputes/{dispute.id}")).text)

    assert re.search(r"held until the supporter lets it go on; ends on [^;]*21[^;]* without their word", page)
    assert "Asked whether it goes on" in page
    assert "its supporter is asked whether it goes on" in about
