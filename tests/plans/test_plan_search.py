"""The desk's search of plans: by names and addresses, looked up once, for those who may see them."""

import pytest
from sqlalchemy import insert, select

import books
from promises import add_plan, plan_id
from supporters.kit.db import Database
from supporters.people.models import EmailAddress, Supporter
from supporters.plans import desk_queries
from supporters.plans.desk_queries import PlanFilter, list_plans, look_up_supporters, sum_plans

PEOPLE = [
    ("A", "Foo Reed", "x@a.example"),
    ("B", "Bar", "y@FOO.example"),
    ("C", "Bar", "z@a.example"),
    ("D", "FOO", ""),
]


async def add_people(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        for number, (letter, name, address) in enumerate(PEOPLE, 1):
            person = letter * 26
            await session.execute(insert(Supporter).values(id=person, name=name, created_at=books.NOW))
            await add_plan(session, number, [books.NOW], settled=0, supporter_id=person)
            if address:
                row = {"address": address, "normalised": address.lower(), "created_at": books.NOW}
                await session.execute(insert(EmailAddress).values(id=person, supporter_id=person, **row))


@pytest.mark.parametrize("most", [500, 2])
async def test_a_search_finds_the_plans_of_those_whose_name_or_address_has_the_words(
    db: Database, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(desk_queries, "MOST_SUPPORTERS", most)  # with 2 there are too many: every plan's is looked at
    await add_people(db)

    async with db.reading() as session:
        view = await look_up_supporters(session, PlanFilter(words="foo", sees_people=True))
        page = await list_plans(session, view, currency="GBP")
        (sums,) = await sum_plans(session, view, currency="GBP")

    assert view.supporters == (("A" * 26, "B" * 26, "D" * 26) if most == 500 else None)
    assert [row.id for row in page.rows] == [plan_id(number) for number in (4, 2, 1)]
    assert (sums.plans, sums.people, sums.monthly.minor) == (3, 3, 3000)


async def test_who_may_not_see_people_does_not_learn_by_searching_whether_they_are_there(db: Database) -> None:
    await add_people(db)

    async with db.reading() as session:
        view = await look_up_supporters(session, PlanFilter(words="foo"))
        page = await list_plans(session, view, currency="GBP")

        assert (view.supporters, page.rows) == (None, [])
        assert await session.scalar(select(Supporter.id).where(Supporter.name == "FOO"))  # they are there
