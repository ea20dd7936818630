"""The page of one appeal: before, while and after it runs; how far it has come; what is shown when it is shared."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from supporters.appeals.models import Appeal, Attribution
from supporters.donations.models import Donation
from supporters.donations.queries import donation_page
from supporters.reports.tickers import Ticker, median_gifts, raised_by, ticker_lines
from whole import Whole, hidden_fields, words

DAY = timedelta(days=1)


@pytest.fixture
async def winter(site: Whole) -> str:
    """A published appeal that began yesterday and ends tomorrow, with a goal and a ticker; its id."""
    async with site.db.unit_of_work() as session:
        general = await session.scalar(select(Appeal).where(Appeal.slug == "general"))
        assert general is not None
        values = {column.key: getattr(general, column.key) for column in Appeal.__table__.columns}
        values |= {
            "id": site.ids.ulid(),
            "slug": "winter",
            "heading": "Winter appeal",
            "has_ticker": True,
            "goal_minor": 1_200_000,
            "if_more": "What is over goes to the general fund.",
            "starts_at": site.clock.now() - DAY,
            "ends_at": site.clock.now() + DAY,
        }
        await session.execute(insert(Appeal).values(**values))
    return str(values["id"])


async def change(site: Whole, **values: Any) -> None:
    async with site.db.unit_of_work() as session:
        await session.execute(update(Appeal).where(Appeal.slug == "winter").values(**values))
    site.clock.advance(timedelta(seconds=6))


async def give(site: Whole, amount: str, email: str = "ben.osei@example.org") -> None:
    await site.pay(await site.give(amount=amount, email=email, appeal="winter"))
    await site.settle()


async def ticker(site: Whole) -> Ticker:
    async with site.db.reading() as session:
        return (await ticker_lines(session, now=site.clock.now()))["winter"]


async def test_an_open_appeal_shows_its_true_figure_at_most_a_minute_old(site: Whole, winter: str) -> None:
    before = words((await site.reader.get("/g/winter")).text)
    await give(site, "100")
    await give(site, "20", "ada@example.org")
    site.clock.advance(timedelta(seconds=60))

    page = await site.reader.get("/g/winter")

    assert "£0 of £12,000 0 readers so far" in before
    assert "£120 of £12,000 2 readers so far" in words(page.text)
    assert '<progress value="12000" max="1200000"' in page.text
    assert "The appeal ends on 23 November, 09:36. What is over goes to the general fund." in words(page.text)


async def test_a_goal_in_people_counts_people_not_donations(site: Whole, winter: str) -> None:
    await change(site, goal_minor=None, goal_people=500)
    await give(site, "5")
    await give(site, "10", "BEN.OSEI@example.org")
    site.clock.advance(timedelta(seconds=60))

    assert "1 of 500 readers £15 so far" in words((await site.reader.get("/g/winter")).text)


async def test_returned_money_is_not_raised_and_whoever_has_all_back_is_not_counted(site: Whole, winter: str) -> None:
    await give(site, "30")
    await give(site, "20", "ada@example.org")
    async with site.db.unit_of_work() as session:
        mine = Donation.appeal_id == winter
        await session.execute(
            update(Donation).where(mine & (Donation.amount_minor == 3000)).values(refunded_minor=3000)
        )
        await session.execute(update(Donation).where(mine & (Donation.amount_minor == 2000)).values(refunded_minor=500))

    line = await ticker(site)

    assert (line.raised_minor, line.people, line.currency) == (1500, 1, "GBP")


async def test_tickers_stop_with_the_appeal_and_say_nothing_of_those_without(site: Whole, winter: str) -> None:
    assert (await ticker(site)).raised_minor == 0

    site.clock.advance(DAY)

    async with site.db.reading() as session:
        assert await ticker_lines(session, now=site.clock.now()) == {}
        assert set(await raised_by(session, [winter], now=site.clock.now())) == {"winter"}


async def test_an_ended_appeal_thanks_says_what_came_together_and_leads_to_the_general_fund(
    site: Whole, winter: str
) -> None:
    await give(site, "100")
    site.clock.advance(DAY)

    pages = [await site.reader.get("/g/winter?article=/paper/crew"), await site.reader.get("/give?appeal=winter")]

    for page in pages:
        assert page.status_code == 200
        assert "This appeal has ended. Thank you to everyone who gave." in words(page.text)
        assert "£100 of £12,000 1 reader gave" in words(page.text)
        assert "<form" not in page.text
    assert 'href="/give?article=%2Fpaper%2Fcrew"' in pages[0].text
    assert f'href="{site.settings.site_url}/paper/crew"' in pages[0].text


async def test_a_form_that_was_open_when_the_appeal_ended_takes_no_money_unasked(site: Whole, winter: str) -> None:
    page = await site.reader.get("/g/winter")
    fields = {**hidden_fields(page.text), "frequency": "once", "once": "10", "email": "a@example.org", "name": "Ada"}
    site.clock.advance(DAY)
    fresh = hidden_fields((await site.reader.get("/give")).text)["token"]

    answer = await site.reader.post("/give", data={**fields, "token": fresh})

    assert answer.status_code == 422
    assert "goes to the general fund" in words(answer.text)


async def test_an_appeal_not_begun_or_unknown_is_the_general_one_with_a_notice(site: Whole, winter: str) -> None:
    await change(site, starts_at=site.clock.now() + DAY / 2)

    pages = [await site.reader.get(f"/g/{slug}") for slug in ("winter", "moon-landing", "%2e%2e", "a" * 300)]

    for page in pages:
        assert page.status_code == 404
        assert "goes to the general fund" in words(page.text)
        assert "appeal" not in hidden_fields(page.text)


async def test_what_is_shared_names_the_appeal_and_escapes_its_words(site: Whole, winter: str) -> None:
    await change(site, share_title='"Winter" <now>', share_text="", ask="Paper is dear.")

    page = (await site.reader.get("/g/winter")).text
    plain = (await site.reader.get("/give")).text

    assert '<meta property="og:title" content="&#34;Winter&#34; &lt;now&gt;">' in page
    assert '<meta property="og:description" content="Paper is dear.">' in page
    assert f'<meta property="og:url" content="{site.settings.base_url}/g/winter">' in page
    assert f'<meta property="og:url" content="{site.settings.base_url}/give">' in plain
    assert '<meta property="og:title" content="Help fund the paper">' in plain
    assert 'name="twitter:card"' in page


async def test_a_busy_page_with_a_ticker_asks_the_database_nothing_more(site: Whole, winter: str) -> None:
    await site.reader.get("/g/winter")
    asked: list[str] = []
    event.listen(site.db.engine.sync_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    for number in range(5):
        assert (await site.reader.get(f"/g/winter?amount={number + 5}")).status_code == 200

    assert asked == []


async def test_a_donation_knows_the_article_on_a_site_of_ours(site: Whole) -> None:
    await site.pay(await site.give(article=f"{site.settings.site_url}/paper/crew"))
    await site.settle()

    async def address(*sites: str) -> str | None:
        async with site.db.reading() as session:
            donation_id = await session.scalar(select(Donation.id).join(Attribution))
            assert donation_id is not None
            found = await donation_page(session, donation_id, sites=sites)
            assert found is not None
            return found.article_url

    assert await address(*site.settings.sites) == f"{site.settings.site_url}/paper/crew"
    assert await address("https://other.example") is None


async def test_the_middle_gift_is_told_only_when_one_gift_does_not_show_through(site: Whole, winter: str) -> None:
    async def gifts(count: int, now: datetime) -> dict[str, int]:
        async with site.db.unit_of_work() as session:
            mine = await session.scalar(select(Donation))
            assert mine is not None
            values = {column.key: getattr(mine, column.key) for column in Donation.__table__.columns}
            fresh = {"stripe_payment_intent_id": None, "stripe_charge_id": None, "created_at": now}
            for number in range(count):
                unique = {name: site.ids.ulid() for name in ("id", "reference", "attempt_id")}
                await session.execute(
                    insert(Donation).values({**values, **fresh, **unique, "amount_minor": 100 * (number + 1)})
                )
            return await median_gifts(session, currency="GBP")

    await give(site, "30")

    assert await gifts(18, site.clock.now()) == {}
    assert await gifts(1, site.clock.now()) == {"once": 900}
