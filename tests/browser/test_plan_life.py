"""Monthly and yearly donations from the first day to the statement, as their giver sees them in a real browser."""

import pytest
from lifetime import Lifetime, Person, text_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

THANKS_10 = "Thank you – your £10 to The Weekly Lamp"
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"]
THANKS_15 = "Thank you – your £15 to The Weekly Lamp"

# For `make e2e`.
LONG = {
    *(f"test_a_plan_from_its_first_day_to_the_statement[{way}]" for way in ("no scripts", "keyboard")),
    *(f"test_a_yearly_plan_is_announced_taken_and_on_the_statement[{way}]" for way in ("mouse", "keyboard")),
}


async def test_a_plan_from_its_first_day_to_the_statement(life: Lifetime) -> None:
    ada = await life.person()

    await life.begin(ada)
    await the_first_day(life, ada)
    await a_year_goes_by(life)
    dana = await a_payment_fails_and_is_mended(life, ada)
    await the_amount_is_changed(life, ada)
    await two_months_are_left_out(life, ada)
    await it_stops(life, ada)

    await the_statement_says_all_of_it(life, ada)
    await the_desk_knows_all_of_it(await life.staff("support", dana))
    await life.books_equal_stripes()


async def the_first_day(life: Lifetime, ada: Person) -> None:
    """What was promised is on the page and in the letters."""
    await ada.reads(
        "Thank you, Ada. Your £10 arrived.",
        "Your £10 a month has started",
        "The next £10 is taken on 22 December 2026, then it goes on until you stop.",
        "Card ending 4242",
        "R-2026-0001",
    )
    assert life.subjects() == [THANKS_10, "Your £10 a month to The Weekly Lamp"]
    life.letter(THANKS_10, "Receipt R-2026-0001", "£10 is taken each month until you stop.")
    started = life.letter(
        "Your £10 a month to The Weekly Lamp",
        "You give £10 a month until you stop.",
        "Next payment: Tuesday 22 December",
        "Paid with: Card ending 4242",
    )
    await ada.open_letter(started)
    await ada.follow("Change or stop it")
    await ada.reads("£10 a month", "Active", "Next payment 22 December", "So far £10.00 in 1 payment")


async def a_year_goes_by(life: Lifetime) -> None:
    """Each month is taken on its day, and has its receipt."""
    for year, month in ((2027, 2), (2027, 5), (2027, 8), (2027, 11)):
        await life.pass_until(year, month, 23)
    assert life.subjects()[2:] == [THANKS_10] * 12
    said = [text_of(letter) for letter in life.whole.mailbag.letters[2:]]
    days = [f"22 {month} 2027" for month in MONTHS]
    for day, text in zip(["22 December 2026", *days], said, strict=True):
        assert f"Date: {day}" in text


async def a_payment_fails_and_is_mended(life: Lifetime, ada: Person) -> Person:
    """The letter says why and what happens next; its button leads to another card, and the payment is taken from it.

    Gives whoever looked on at the desk.
    """
    await life.happens("decline-next", code="insufficient_funds")
    await life.pass_until(2027, 12, 22)
    failed = life.letter(
        "We couldn't take your £10 this time",
        "No money was taken. Your bank says that there was not enough in the account at that moment.",
        "It is tried again on Saturday 25 December. If that works, you need do nothing.",
    )
    dana = await life.staff()
    await dana.open("/desk/failed-payments")
    await dana.reads(
        "At stake a month £10.00", "Failing 1 of 1 person", "22 Dec Ada Brook", "Next try: 25 Dec £10 a month"
    )

    await ada.open_letter(failed)
    await ada.follow("Pay with another card")
    await ada.reads("The £10 that could not be taken is then taken from it at once.", "Until now Card ending 4242")
    await ada.press("On to Stripe")
    await ada.reads("Save a way to pay")
    await ada.press("Save it")
    await ada.reads("We are doing it now")
    await life.settle()
    await ada.look_again()
    await ada.reads(
        "Another way to pay",
        "Next payment Saturday 22 January 2028",
        "The £10 that could not be taken before was taken now.",
    )

    life.letter("Done: another way to pay", "Your monthly donation is paid this way from now on.")
    life.letter(THANKS_10, "Receipt R-2027-0012", "Date: 22 December 2027")
    await dana.look_again()
    await dana.reads("Failing 0 of 0 people", "No payment is failing.")
    return dana


async def the_amount_is_changed(life: Lifetime, ada: Person) -> None:
    """More is asked for twice, and taken from the next payment on."""
    await ada.follow("Back to this donation")
    await ada.reads("Active", "So far £140.00 in 14 payments")
    await ada.follow("Change amount")
    await ada.reads("The new amount counts from the next payment, Saturday 22 January 2028; nothing is taken before.")
    await ada.write("How much a month?", "15")
    await ada.press("Change the amount")
    await ada.reads("Until now £10 a month", "From now on £15 a month", "First taken Saturday 22 January 2028")
    await ada.press("Give £15 a month")
    await life.settle()
    await ada.look_again()
    await ada.reads("Done", "From the next payment on you give £15 a month. Until then nothing is taken.")
    life.letter("Done: £10 → £15 a month", "Next payment: Saturday 22 January 2028")

    await life.pass_until(2028, 1, 22)
    life.letter(THANKS_15, "Receipt R-2028-0001", "Date: 22 January 2028")


async def two_months_are_left_out(life: Lifetime, ada: Person) -> None:
    """Nothing is taken in February and March; April is taken by itself."""
    await ada.follow("Back to this donation")
    await ada.follow("Pause")
    await ada.reads("The first payment left out is that of Tuesday 22 February.")
    await ada.choose("2 months", of="For how long?")
    await ada.press("Pause it")
    await life.settle()
    await ada.look_again()
    await ada.reads("Your monthly donation is paused", "Nothing is taken before Saturday 22 April")
    life.letter("Done: your monthly donation is paused", "It goes on by itself.")

    before = life.subjects()
    await life.pass_until(2028, 3, 22)
    assert life.subjects() == before
    await ada.follow("Back to this donation")
    await ada.reads("Paused", "Next payment 22 April 2028", "So far £155.00 in 15 payments")
    await life.pass_until(2028, 4, 22)
    life.letter(THANKS_15, "Receipt R-2028-0002", "Date: 22 April 2028")
    await ada.look_again()
    await ada.reads("Active", "Next payment 22 May", "So far £170.00 in 16 payments")


async def it_stops(life: Lifetime, ada: Person) -> None:
    """Two screens, no question before, an answer if wanted after, and nothing is taken any more."""
    await ada.follow("Stop")
    await ada.reads("Stop giving £15 a month?", "No more payments will be taken.")
    await ada.press("Stop my donation")
    await life.settle()
    await ada.look_again()
    await ada.reads("Nothing more will be taken. Until Monday 22 May you can take the stop back.")
    await ada.write("Why did you stop? (optional)", "I am moving abroad.")
    await ada.press("Send")
    await ada.reads("Thank you for telling us why.")
    life.letter("Done: your monthly donation is stopped", "Ends on: Monday 22 May", "You asked for this.")

    before = life.subjects()
    await life.pass_until(2028, 6, 23)
    assert life.subjects() == before


async def the_statement_says_all_of_it(life: Lifetime, ada: Person) -> None:
    """Signed in with a mailed code: what was given is there, year by year."""
    await life.sign_in(ada)
    await ada.reads("£15 a month", "Stopped", "So far £170.00 in 16 payments", "2028, 2 payments £30.00")
    await ada.reads("Statement for the last 12 months", "Statement for 2028")
    await ada.follow("Statement for 2027")
    await ada.reads("Statement for 2027", "Given by Ada Brook", "22 December 2027 Paid £10.00", "12 payments £120.00")
    await ada.page.emulate_media(media="print")
    await ada.reads("R-2027-0001", "R-2027-0012", "12 payments £120.00 £120.00")


async def the_desk_knows_all_of_it(dana: Person) -> None:
    """The plan's story, in the order in which it happened."""
    await dana.open("/desk/plans")
    await dana.follow("Ada Brook")
    said = await dana.reads("Stopped", "Given so far £170.00 16 payments", "I am moving abroad.")
    for told in ("Started", "failed", "£15", "Paused"):
        assert told in said


async def test_a_yearly_plan_is_announced_taken_and_on_the_statement(life: Lifetime) -> None:
    ada = await life.person()

    await life.begin(ada, frequency="Yearly", amount="£50")
    await ada.reads("Thank you, Ada. Your £50 arrived.", "The next £50 is taken on 22 November 2027")
    life.letter("Your £50 a year to The Weekly Lamp", "You give £50 a year until you stop.")
    await it_is_announced_two_weeks_before(life, ada)
    await it_is_taken_on_its_day(life, ada)

    await life.sign_in(ada)
    await ada.reads("£50 a year", "Active", "So far £100.00 in 2 payments")
    await ada.follow("Statement for 2027")
    await ada.page.emulate_media(media="print")
    await ada.reads("Statement for 2027", "22 November 2027", "R-2027-0001", "1 payment £50.00")
    await life.books_equal_stripes()


async def it_is_announced_two_weeks_before(life: Lifetime, ada: Person) -> None:
    """Nothing comes in the year between; then one letter, whose button leads to where it can still be changed."""
    before = life.subjects()
    await life.pass_until(2027, 11, 7)
    assert life.subjects() == before
    await life.pass_until(2027, 11, 8)
    due = life.letter(
        "Your yearly £50 is due on 22 November",
        "If you still want to give it, there is nothing to do.",
        "You can change the amount or the date, or stop it, until the day before.",
    )
    await ada.open_letter(due)
    await ada.follow("Change or stop it")
    await ada.reads("£50 a year", "Active", "Next payment 22 November", "So far £50.00 in 1 payment")
    await life.pass_until(2027, 11, 9)
    assert life.subjects() == [*before, "Your yearly £50 is due on 22 November"]


async def it_is_taken_on_its_day(life: Lifetime, ada: Person) -> None:
    """With its receipt, and the next one is a year away."""
    await life.pass_until(2027, 11, 23)
    life.letter("Thank you – your £50 to The Weekly Lamp", "Receipt R-2027-0001", "Date: 22 November 2027")
    await ada.look_again()
    await ada.reads("Next payment 22 November 2028", "So far £100.00 in 2 payments")
