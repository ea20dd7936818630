"""What can befall a monthly donation, as giver and desk see it in a real browser: debits, disputes, second thoughts."""

import pytest
from lifetime import Lifetime, Person, text_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

REASON = "The card's owner says that the payment was not theirs"
THANKS = "Thank you – your £10 to The Weekly Lamp"

# For `make e2e`.
LONG = {
    *(f"test_a_debit_that_fails_late_and_one_that_comes_back[{way}]" for way in ("mouse", "keyboard")),
    *(f"test_a_dispute_that_is_won[{way}]" for way in ("mouse", "no scripts", "keyboard")),
    *(f"test_a_dispute_that_is_lost[{way}]" for way in ("mouse", "no scripts")),
    *(f"test_a_first_day_can_be_undone_or_made_a_one_off[{way}]" for way in ("mouse", "no scripts", "keyboard")),
    *(f"test_a_bank_that_wants_its_owners_yes_for_a_renewal[{way}]" for way in ("mouse", "no scripts")),
}


async def test_a_debit_that_fails_late_and_one_that_comes_back(life: Lifetime) -> None:
    ada = await life.person()

    await life.begin(ada, "and it is paid")
    await ada.reads(
        "Nearly there", "Your bank has been asked for £10.", "Your monthly donation begins when it has arrived."
    )
    assert life.subjects() == []
    await life.pass_until(2026, 11, 28)
    await ada.look_again()
    await ada.reads(
        "Thank you, Ada. Your £10 arrived.", "The next £10 is taken on 22 December 2026", "26 November 2026"
    )
    life.letter("Your £10 a month to The Weekly Lamp", "Paid with: Direct Debit ending 2345")

    await life.pass_until(2026, 12, 23)
    await ada.open_letter(life.letter("Your £10 a month to The Weekly Lamp"))
    await ada.follow("Change or stop it")
    await ada.reads("Active", "At the bank: £10, asked for on 23 December. We shall know by 1 January")
    await life.happens("fail-debit", charge=life.charges()[-1], code="insufficient_funds")
    await life.pass_until(2026, 12, 24)
    failed = life.letter("We couldn't take your £10 this time", "It is tried again on Saturday 26 December.")
    await ada.open_letter(failed)
    await ada.follow("Pay with another card or account")
    await ada.reads("The £10 that could not be taken is then taken from it at once.", "Direct Debit ending 2345")
    await ada.follow("Keep it as it is")
    await ada.reads(
        "Payment failed", "We could not take £10 on", "We try again on 26 December.", "So far £10.00 in 1 payment"
    )

    await life.pass_until(2027, 1, 10)
    await ada.look_again()
    await ada.reads("Active", "So far £20.00 in 2 payments")
    assert "Card" not in text_of(life.letter(THANKS, "Receipt R-2026-0002"))
    await life.happens("return-debit", charge=life.charges()[-1])
    await life.pass_until(2027, 1, 12)
    life.letter(
        "Your bank has returned £10 to you",
        "Receipt R-2026-0002 does not count any more.",
        "Your monthly donation stops with this. Nothing more will be taken, and nothing is owed.",
    )
    assert life.subjects()[-2:] == [THANKS, "Your bank has returned £10 to you"]
    await ada.look_again()
    await ada.reads("Stopping", "So far £10.00 in 2 payments")
    await life.books_equal_stripes()


async def test_a_dispute_that_is_won(life: Lifetime) -> None:
    ada = await life.person()

    await life.begin(ada)
    await life.happens("dispute", charge=life.charges()[-1])
    await life.pass_until(2026, 11, 23)
    await the_plan_is_held(life, ada)
    await the_desk_has_a_task(life)
    [dispute] = life.whole.sandbox.objects("dispute")
    await life.happens("close-dispute", dispute=dispute["id"], outcome="won")
    await life.pass_until(2026, 12, 26)
    asked = life.letter(
        "Shall your monthly donation go on?",
        "It goes on only if you say so, and nothing is taken before.",
        "it ends on",
    )
    await ada.look_again()
    await ada.reads("Paused", "Next payment None until you let it go on", "So far £10.00 in 1 payment")
    assert len(life.charges()) == 1

    await ada.open_letter(asked)
    await ada.follow("Go on with it")
    await ada.reads(
        "Go on giving £10 a month?", "the next payment is taken on Friday 22 January 2027, and nothing before"
    )
    await ada.press("Go on")
    await life.settle()
    await ada.look_again()
    await ada.reads("Your monthly donation goes on")
    await life.pass_until(2027, 1, 23)
    life.letter(THANKS, "Receipt R-2027-0001", "Date: 22 January 2027")
    await life.books_equal_stripes()


async def test_a_dispute_that_is_lost(life: Lifetime) -> None:
    ada = await life.person()

    await life.begin(ada)
    await life.happens("dispute", charge=life.charges()[-1])
    await life.pass_until(2026, 11, 23)
    await the_plan_is_held(life, ada)
    await life.pass_until(2026, 12, 2)  # nobody has answered by the day
    await ada.look_again()

    await ada.reads("Stopping", "So far £0.00 in 1 payment")
    returned = ("the bank has decided for you", "Receipt R-2026-0001 does not count", "Nothing more will be taken")
    life.letter("Your bank has returned £10 to you", *returned)
    dana = await life.staff()
    await dana.open("/desk/disputes?state=over")
    await dana.reads("Lost", REASON, "£10.00")
    await nothing_more_comes(life)


async def the_plan_is_held(life: Lifetime, ada: Person) -> None:
    """Nothing more is taken until the bank has decided, and Ada knows."""
    paused = life.letter(
        "Your monthly donation is paused", "Your bank is looking at a payment", "Until it has decided, nothing is taken"
    )
    await ada.open_letter(paused)
    await ada.follow("Look at it or change it")
    await ada.reads("Paused", "Next payment None until your bank has decided")


async def the_desk_has_a_task(life: Lifetime) -> None:
    """It stands first thing, with the day by which the bank wants its answer."""
    dana = await life.staff()
    await dana.open("/desk")
    await dana.reads("Needs you", "the first due 1 December")
    await dana.open("/desk/disputes")
    await dana.reads("1 Dec", "Needs an answer", "£10.00")
    await dana.follow(REASON)
    await dana.reads("Answer by 1 December, 09:37", "Ada Brook", "Send evidence at Stripe before the day")
    await dana.follow("Open the plan")
    await dana.reads("Paused", "nothing is taken until the dispute is decided", "A payment is disputed")


async def test_a_first_day_can_be_undone_or_made_a_one_off(life: Lifetime) -> None:
    ada = await life.person()

    await life.begin(ada)
    await ada.press("Undo all")
    await ada.reads("Your £10 goes back to the card or account that it came from", "no monthly payment is taken.")
    await ada.press("Undo all and return £10")
    await ada.reads("We are doing it now")
    await life.settle()
    await ada.look_again()
    said = await ada.reads("All undone", "Your £10 goes back to you", "It goes the way it came, and should be there by")
    assert "A receipt is on its way" not in said
    life.letter("Done: all undone", "Your £10 goes back the way it came, and nothing more will be taken.")
    life.letter("£10 is on its way back", "It goes to your card ending 4242.")

    await life.begin(ada)
    await ada.press("Make it one-off")
    await ada.reads("We are doing it now")
    await life.settle()
    await ada.look_again()
    await ada.reads("You gave once", "Your £10 is kept as a one-off, and nothing more is taken.")
    life.letter("Done: you gave once", "We keep the £10 that you gave, and nothing more will be taken.")

    await nothing_more_comes(life)
    assert [charge["amount_refunded"] for charge in life.whole.sandbox.objects("charge")] == [1000, 0]


async def nothing_more_comes(life: Lifetime) -> None:
    """Two months on nothing was taken and nobody was written to; the books are Stripe's."""
    before = life.subjects()
    await life.pass_until(2027, 1, 23)
    assert life.subjects() == before
    await life.books_equal_stripes()


async def test_a_bank_that_wants_its_owners_yes_for_a_renewal(life: Lifetime) -> None:
    ada = await life.person()
    await life.begin(ada, "after the bank asks for proof", "Complete the proof")
    await ada.reads("Thank you, Ada. Your £10 arrived.")

    await life.pass_until(2026, 12, 23)
    asked = life.letter(
        "Please confirm your £10 with your bank",
        "No money was taken yet.",
        "If you do nothing, we ask your bank again on Friday 25 December.",
    )
    dana = await life.staff()
    await dana.open("/desk/failed-payments")
    await dana.reads("22 Dec Ada Brook Bank asks The bank wants the supporter to confirm the payment.")
    await ada.open_letter(asked)
    await ada.follow("Confirm the payment")
    await ada.reads("This page stands in for Stripe’s.", "£10.00")
    await ada.press("The bank asks for proof")
    await ada.reads("Is it you paying £10.00?")
    await ada.press("Complete the proof")
    await ada.reads("The bank has its answer")
    await life.settle()

    life.letter(THANKS, "Receipt R-2026-0002", "Date: 23 December 2026")
    assert life.subjects().count("Please confirm your £10 with your bank") == 1
    await ada.open_letter(life.letter("Your £10 a month to The Weekly Lamp"))
    await ada.follow("Change or stop it")
    await ada.reads("Active", "Next payment 22 January 2027", "So far £20.00 in 2 payments")
    await dana.look_again()
    await dana.reads("No payment is failing.")
    await life.books_equal_stripes()
