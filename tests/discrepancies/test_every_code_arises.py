"""Every kind of difference comes about as it does in life, is found by the house's own jobs, explained, and closed.

What happens is the sandbox's doing, or a bank file's, or somebody's at the desk; nothing is written into the tables.
"""

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from discrepancies.stories_of_balance import STORIES as OF_BALANCE
from discrepancies.stories_of_gifts import IN_EUROS
from discrepancies.stories_of_gifts import STORIES as OF_GIFTS
from discrepancies.stories_of_payouts import STORIES as OF_PAYOUTS
from discrepancies.stories_of_payouts import Treasury
from discrepancies.storytelling import Hands, Story, close, tell
from engines import on_postgresql
from paper import SETTINGS_ENV
from supporters.discrepancies.codes import Code
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings, read_settings
from whole import Mailbag, Whole, running

ALL = (*OF_GIFTS, *IN_EUROS, *OF_BALANCE, *OF_PAYOUTS)
# What the house tells apart beyond the kinds that accountants list: each has a test of its own where it arises.
OUR_OWN = {
    Code.DUPLICATE_PAYMENT,
    Code.PAYMENT_UNTRACED,
    Code.TAKEN_AFTER_STOP,
    Code.CHANGE_NOT_MADE,
    Code.EVENT_PARKED,
    Code.REFUND_NOT_MADE,
    Code.FRAUD_WARNING,
    Code.BALANCE_LINE_CHANGED,
    Code.STANDING_ORDER_MISSED,
}
Record = Callable[[str, object], None]


@pytest.fixture
async def hands(site: Whole) -> AsyncIterator[Hands]:
    desk = await site.staff("finance")
    yield Hands(site, desk)
    await desk.aclose()


@pytest.fixture
async def euros(sqlite_db: Database, clock: FixedClock, mailbag: Mailbag) -> AsyncIterator[Hands]:
    """A paper whose readers give in euros and whose account at Stripe is in pounds."""
    settings = read_settings({**SETTINGS_ENV, "SUPPORTERS_CURRENCY": "EUR"})
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as site:
        desk = await site.staff("finance")
        yield Hands(site, desk)
        await desk.aclose()


@pytest.fixture
async def treasury(db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Treasury]:
    async with running(db, clock, Ids(clock), settings, mailbag) as site:
        desk = await site.staff("finance")
        yield Treasury(site, desk)
        await desk.aclose()


async def prove(hands: Hands, stories: Sequence[Story], record_property: Record) -> None:
    """All of them arise, are closed at the desk one by one, and the books hold, also against what Stripe holds."""
    told = await tell(hands, stories)
    await hands.come_to_work()
    for said in await close(hands, stories, told):
        record_property("proof", said)
    await hands.site.books_hold()


def test_no_kind_is_without_a_story() -> None:
    told = [story.code for story in ALL]

    assert len(told) == len(set(told)) == 46
    assert set(told) | OUR_OWN == set(Code)


async def test_what_happens_to_gifts(hands: Hands, record_property: Record) -> None:
    await prove(hands, OF_GIFTS, record_property)


async def test_what_happens_to_gifts_in_another_currency_and_to_the_balance(
    euros: Hands, record_property: Record
) -> None:
    await prove(euros, (*IN_EUROS, *OF_BALANCE), record_property)


@on_postgresql
async def test_what_happens_between_stripe_and_the_bank(treasury: Treasury, record_property: Record) -> None:
    await prove(treasury, OF_PAYOUTS, record_property)
