"""The donation form as it comes back: accepted, refused in words, never half-stored."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from pages import Page
from supporters.donations.models import Checkout, Donation
from supporters.guard.switches import GIVING, set_switch
from supporters.sandbox.faults import FaultKind
from whole import Whole, session_id, words

BIDI = "\u202egnihton\u202c"


async def filled(site: Whole, **changes: str) -> dict[str, str]:
    """What a browser sends of a form that is filled in well, with these changes."""
    page = await site.reader.get("/give", params={"amount": "25"})
    site.clock.advance(timedelta(seconds=20))
    typed = {**Page(page.text).sent(), "frequency": "once", "email": "ben.osei@example.org", "name": "Ben Osei"}
    return {**typed, **changes}


async def stored(site: Whole) -> int:
    async with site.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(Donation)) or 0


async def test_good_form_leads_to_the_payment_page(site: Whole) -> None:
    answer = await site.reader.post("/give", data=await filled(site, newsletter="on"))

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(site.settings.checkout_origin)
    async with site.db.reading() as session:
        donation = (await session.scalars(select(Donation))).one()
    assert (donation.amount_minor, donation.currency, donation.wants_newsletter) == (2500, "GBP", True)
    assert donation.is_suspicious is False


async def test_form_that_comes_back_at_once_is_only_suspicious(site: Whole) -> None:
    page = await site.reader.get("/give", params={"amount": "25"})
    typed = {**Page(page.text).sent(), "frequency": "once", "email": "ben.osei@example.org", "name": "Ben Osei"}

    answer = await site.reader.post("/give", data=typed)

    assert answer.status_code == 303
    async with site.db.reading() as session:
        assert await session.scalar(select(Donation.is_suspicious)) is True


@pytest.mark.parametrize(
    ("amount", "inside", "said"),
    [
        ("20000", "10000", "The largest donation by card is £10,000."),
        ("9999999", "10000", "The largest donation by card is £10,000."),
        ("9" * 30, "10000", "The largest donation by card is £10,000."),
        ("-5", "2", "The smallest donation is £2."),
        ("−9999999", "2", "The smallest donation is £2."),
        ("--5", "", "The amount in the link could not be read. Choose one here."),
    ],
)
async def test_a_link_beyond_a_limit_names_the_limit(site: Whole, amount: str, inside: str, said: str) -> None:
    page = await site.reader.get("/give", params={"frequency": "once", "amount": amount})

    assert page.status_code == 200
    assert said in words(page.text)
    assert Page(page.text).sent().get("other", "") == inside


async def test_empty_form_comes_back_with_every_problem_linked_to_its_field(site: Whole) -> None:
    sent = await filled(site, once="", email="", name="")

    answer = await site.reader.post("/give", data=sent)

    page = Page(answer.text)
    assert answer.status_code == 422
    assert page.title.startswith("Error: ")
    assert {"#amount", "#email", "#name"} <= set(page.links())
    ids = {marks["id"] for _tag, marks in page.tags if "id" in marks}
    assert {link[1:] for link in page.links() if link.startswith("#")} <= ids
    assert "No money has been taken." in answer.text
    assert await stored(site) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"once": "other", "other": "twelve"}, "Enter an amount in numbers"),
        ({"once": "other", "other": ""}, "Enter an amount in numbers"),
        ({"once": "other", "other": "1.999"}, "without fractions"),
        ({"once": "other", "other": "1.99"}, "The smallest donation is £2"),
        ({"once": "other", "other": "10,001"}, "The largest donation by card is £10,000"),
        ({"once": "other", "other": "-5"}, "Enter an amount in numbers"),
        ({"once": "other", "other": "NaN"}, "Enter an amount in numbers"),
        ({"once": "other", "other": "1e3"}, "Enter an amount in numbers"),
        ({"once": "other", "other": "٢٥ pounds"}, "Enter an amount in numbers"),
        ({"once": "0"}, "The smallest donation is £2"),
        ({"once": BIDI}, "Enter an amount in numbers"),
        ({"frequency": "weekly"}, "Choose how often"),
        ({"frequency": ""}, "Choose how often"),
        ({"frequency": "monthly", "monthly": "1"}, "The smallest donation is £2"),
        ({"email": "ada.brook@example"}, "Enter an email address in the format"),
        ({"email": "a" * 300 + "@example.org"}, "Enter an email address in the format"),
        ({"email": "ada\u202e@example.org"}, "Enter an email address in the format"),
        ({"email": "ada@example.org\r\nBcc: all@example.org"}, "Enter an email address in the format"),
        ({"email": ""}, "Enter your email address"),
        ({"name": "   "}, "Enter your name"),
        ({"name": BIDI}, "characters that cannot be shown"),
        ({"name": "Ada\x00Brook"}, "characters that cannot be shown"),
        ({"name": "n" * 121}, "at most 120 characters"),
        ({"name": "see https://spam.example"}, "without an address of a web page"),
        ({"token": ""}, "has been renewed"),
        ({"token": "01ARZ3NDEKTSV4RRFFQ69G5FAV.0.forged"}, "has been renewed"),
        ({"appeal": "moon-landing"}, "goes to the general fund"),
    ],
)
async def test_wrong_field_is_explained_and_what_was_typed_is_kept(
    site: Whole, changes: dict[str, str], words: str
) -> None:
    sent = await filled(site, **changes)

    answer = await site.reader.post("/give", data=sent)

    page = Page(answer.text)
    assert answer.status_code == 422, answer.text
    assert words in answer.text
    assert page.value("token")
    if "name" not in changes:
        assert page.value("name") == "Ben Osei"
    if "email" not in changes:
        assert page.value("email") == "ben.osei@example.org"
    assert await stored(site) == 0


@pytest.mark.parametrize("typed", ["25", "£25", "25.00", "25,00", " 25 ", "£ 25.00", "２５"])
async def test_amount_is_understood_as_people_write_it(site: Whole, typed: str) -> None:
    answer = await site.reader.post("/give", data=await filled(site, once="other", other=typed))

    assert answer.status_code == 303, answer.text
    async with site.db.reading() as session:
        assert await session.scalar(select(Donation.amount_minor)) == 2500


async def test_chosen_ladder_beats_a_leftover_in_the_free_field(site: Whole) -> None:
    answer = await site.reader.post("/give", data=await filled(site, once="50", other="3"))

    assert answer.status_code == 303
    async with site.db.reading() as session:
        assert await session.scalar(select(Donation.amount_minor)) == 5000


async def test_mistake_costs_no_second_attempt(site: Whole) -> None:
    sent = await filled(site, email="")
    corrected = Page((await site.reader.post("/give", data=sent)).text).sent()

    answer = await site.reader.post("/give", data={**corrected, "email": "ben.osei@example.org"})

    assert answer.status_code == 303
    assert corrected["token"].partition(".")[0] == sent["token"].partition(".")[0]


async def test_page_left_open_too_long_is_renewed_and_can_be_sent(site: Whole) -> None:
    sent = await filled(site)
    site.clock.advance(timedelta(hours=3))

    renewed = await site.reader.post("/give", data=sent)
    answer = await site.reader.post("/give", data=Page(renewed.text).sent())

    assert renewed.status_code == 422
    assert "open for a long time" in renewed.text
    assert answer.status_code == 303


async def test_same_form_twice_is_one_donation(site: Whole) -> None:
    sent = await filled(site)

    answers = [await site.reader.post("/give", data=sent) for _ in range(2)]

    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await stored(site) == 1


async def test_paid_form_sent_again_says_so_and_charges_nothing(site: Whole) -> None:
    sent = await filled(site)
    given = await site.reader.post("/give", data=sent)
    await site.pay(given)
    await site.settle()

    answer = await site.reader.post("/give", data=sent)

    assert answer.status_code == 409
    assert "not charged a second time" in answer.text
    assert any("/thanks/" in link for link in Page(answer.text).links())
    assert await stored(site) == 1


@pytest.mark.parametrize("kind", ["500", "429", "timeout"])
async def test_stripe_out_of_reach_charges_nothing_and_keeps_everything(site: Whole, kind: FaultKind) -> None:
    sent = await filled(site, newsletter="on", article="/2026/ferry")
    site.sandbox.fail_next(kind, seconds=0.1)

    answer = await site.reader.post("/give", data=sent)
    kept = Page(answer.text).sent()
    site.clock.advance(timedelta(seconds=30))
    again = await site.reader.post("/give", data=kept)

    assert answer.status_code == 503
    assert "Your card was not charged" in answer.text
    assert {**kept, "token": ""} == {**sent, "token": "", "other": ""}
    assert again.status_code == 303, again.text
    assert await stored(site) == 1


async def test_back_from_the_payment_page_everything_is_still_there(site: Whole) -> None:
    given = await site.reader.post("/give", data=await filled(site, once="other", other="33"))
    back = site.sandbox.session(session_id(given))["cancel_url"]

    answer = await site.reader.get(back)

    page = Page(answer.text)
    assert answer.status_code == 200
    assert "not charged" in answer.text
    assert (page.value("other"), page.value("email"), page.value("name")) == ("33", "ben.osei@example.org", "Ben Osei")
    again = await site.reader.post("/give", data=page.sent())
    assert again.headers["location"] == given.headers["location"]


async def test_forged_way_back_shows_an_empty_form(site: Whole) -> None:
    given = await site.reader.post("/give", data=await filled(site))
    back = site.sandbox.session(session_id(given))["cancel_url"]

    answer = await site.reader.get(back[:-3] + "AAA")

    assert answer.status_code == 200
    assert "ben.osei" not in answer.text


async def test_switched_off_while_the_form_was_open_takes_nothing(site: Whole) -> None:
    sent = await filled(site)
    async with site.db.unit_of_work() as session:
        await set_switch(session, GIVING, is_off=True, words="Back at noon.", actor_id=None, now=site.clock.now())

    answer = await site.reader.post("/give", data=sent)

    assert answer.status_code == 503
    assert "Back at noon." in answer.text
    assert await stored(site) == 0


async def test_too_many_unpaid_pages_from_one_place_are_refused_in_words(site: Whole) -> None:
    answers: list[httpx.Response] = []
    for number in range(12):
        sent = await filled(site, email=f"reader{number}@example.org")
        answers.append(await site.reader.post("/give", data=sent))

    refused = [answer for answer in answers if answer.status_code != 303]
    assert refused
    assert {answer.status_code for answer in refused} == {429}
    assert "No money has been taken" in refused[0].text
    assert refused[0].headers["retry-after"]
    async with site.db.reading() as session:
        pages = await session.scalar(select(func.count()).select_from(Checkout))
    assert pages == len(answers) - len(refused)
