"""Where readers land after paying: the page says what is true, not what the redirect suggests."""

from datetime import timedelta

from pages import Page
from whole import Whole, session_id


async def thanks_url(site: Whole, given: object) -> str:
    return site.sandbox.session(session_id(given))["success_url"]  # pyright: ignore[reportArgumentType]


async def test_before_the_webhook_the_page_waits_and_looks_again(site: Whole) -> None:
    given = await site.give(amount="25")

    page = await site.reader.get(await thanks_url(site, given))

    assert "Your bank is still confirming £25" in page.text
    assert "Thank you" not in page.text
    assert page.headers["refresh"] == "4"
    assert "http-equiv" not in page.text


async def test_page_stops_looking_when_nobody_can_be_waiting(site: Whole) -> None:
    given = await site.give()
    site.clock.advance(timedelta(minutes=50))

    page = await site.reader.get(await thanks_url(site, given))

    assert "refresh" not in page.headers
    assert "looks again by itself" not in page.text


async def test_paid_page_thanks_and_shows_the_receipt_facts(site: Whole) -> None:
    given = await site.give(amount="12.50", email="ben.osei@example.org")
    await site.pay(given)
    await site.settle()

    answer = await site.reader.get(await thanks_url(site, given))

    page = Page(answer.text)
    facts = dict(zip(page.says("dt"), page.says("dd"), strict=True))
    assert page.says("h1") == ["Thank you, Ben."]
    assert "A receipt is on its way to ben.osei@example.org." in answer.text
    assert facts["Amount"] == "£12.50"
    assert facts["Date"] == "22 November 2026"
    assert facts["Paid with"] == "Card ending 4242"
    assert facts["Receipt"].startswith("R-2026-")
    assert facts["To"] == "The Weekly Lamp Ltd"
    assert "refresh" not in answer.headers
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["cache-control"] == "no-store"


async def test_expired_page_says_nothing_was_charged_and_how_to_go_on(site: Whole) -> None:
    given = await site.give(amount="25")
    await site.pay(given, "expired")
    await site.settle()

    answer = await site.reader.get(await thanks_url(site, given))

    assert "Nothing was charged" in answer.text
    (again,) = [link for link in Page(answer.text).links() if "attempt=" in link]
    form = Page((await site.reader.get(again)).text)
    assert form.chosen() == ["once", "25"]
    assert form.value("email") == "ben.osei@example.org"


async def test_name_cannot_bring_markup_into_the_page(site: Whole) -> None:
    given = await site.give(name="<b>Ada</b> & Co")
    await site.pay(given)
    await site.settle()

    answer = await site.reader.get(await thanks_url(site, given))

    assert "<b>Ada" not in answer.text
    assert "&lt;b&gt;Ada" in answer.text


async def test_token_with_one_letter_changed_shows_nothing(site: Whole) -> None:
    given = await site.give()
    url = await thanks_url(site, given)
    forged = url[:-2] + ("A" if url[-2] != "A" else "B") + url[-1]

    answer = await site.reader.get(forged)

    assert answer.status_code == 404
    assert "ben.osei" not in answer.text


async def test_looking_changes_nothing(site: Whole) -> None:
    given = await site.give()
    url = await thanks_url(site, given)

    answers = [await site.reader.request(method, url) for method in ("HEAD", "GET", "HEAD", "GET")]
    await site.pay(given)
    await site.settle()

    assert {answer.status_code for answer in answers} == {200}
    assert "Thank you, Ben." in (await site.reader.get(url)).text
