"""What happens in each quarter of the year: gifts, sales, disputes, payouts, and what goes wrong at the bank."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from year_world import YEAR, Town

from discrepancies.stories_of_gifts import LAST_SECOND
from supporters.discrepancies.codes import Code

C = Code


async def first(town: Town) -> None:
    """A shop, lost messages, reserves, a least balance, a payout by hand; and the bank books two payouts as one."""
    await town.until(date(YEAR, 1, 12))
    town.january = await town.gift("20", email="jan@example.org")
    await town.gift("15")
    await town.until(date(YEAR, 1, 19))
    await town.leave()
    await town.until(date(YEAR, 2, 10))
    await town.sell(4_000)
    await town.tell(
        C.CHARGE_UNKNOWN,
        C.WEBHOOK_MISSED,
        C.DONATION_NO_BT,
        C.PAYMENT_MISMATCH,
        C.DUPLICATE_DONATION,
        C.REFUND_EXTERNAL,
        C.FEE_WITHOUT_CHARGE,
        C.RESERVE_HELD,
        C.RESERVE_RELEASED,
        C.MIN_BALANCE_HOLD,
        C.MANUAL_PAYOUT,
        C.TEST_IN_LIVE,
        C.OTHER_ACCOUNT,
    )
    await town.control("least-balance", amount=0)
    await town.until(date(YEAR, 2, 23))
    await town.sell(3_251)
    await town.leave()
    await town.sell(3_373)
    second = await town.leave()
    await town.until(date(YEAR, 2, 27))
    await town.control("bank-merge", payout=second["id"])
    town.book(date(YEAR, 3, 3), 4_000, "thank you", name="A N OTHER")
    await town.until(date(YEAR, 3, 16))
    await town.gift("12")
    await town.until(date(YEAR, 3, 23))
    await town.leave()
    await town.until(date(YEAR, 4, 10))
    await town.night()


async def second(town: Town) -> None:
    """Money goes back, also out of a closed month; payouts fail; and the bank books one payout as two."""
    await town.until(date(YEAR, 4, 13))
    await town.control("release-reserve", amount=900)
    await town.sell(20_000)
    await town.refund(town.january.payment, 400)
    await town.until(date(YEAR, 4, 20))
    await town.tell(
        C.PAYOUT_CONTENT_OFF,
        C.PAYOUT_FAILED_RETURNED,
        C.PAID_THEN_FAILED,
        C.TOPUP,
        C.UNKNOWN_CATEGORY,
        C.REFUND_PENDING_FUNDS,
        C.REFUND_FAILED,
        C.REFUND_EXCEEDS,
    )
    waiting = town.site.sandbox.objects("refund")
    await town.control("pay-refund", refund=next(one["id"] for one in waiting if one["status"] == "pending"))
    await town.control("file-line", line=town.misfiled())
    await town.tell(C.BALANCE_DRIFT)
    town.book(date(YEAR, 5, 4), -3_600, "REFUND TO READER", name="M READER")
    await town.until(date(YEAR, 5, 11))
    await town.sell(4_441)
    split = await town.leave()
    await town.until(date(YEAR, 5, 15))
    await town.control("bank-split", payout=split["id"])
    await town.gift("40")
    await town.until(date(YEAR, 6, 15))
    await town.leave()
    await town.until(date(YEAR, 7, 10))
    await town.night()


async def third(town: Town) -> None:
    """Banks dispute payments, payouts go the other way or at once, a cheque is not paid; and one payout comes late."""
    town.book(date(YEAR, 7, 14), 2_600, "PAID IN CASH-0001")
    town.book(date(YEAR, 7, 15), 5_000, "PAID IN CHEQUE-0001")
    town.book(date(YEAR, 7, 24), -5_000, "UNPAID CHEQUE-0001")
    await town.until(date(YEAR, 7, 13))
    await town.tell(C.NEGATIVE_PAYOUT, C.INSTANT_PAYOUT_FEE, C.PAYOUT_REVERSED)
    await town.sell(30_000)
    await town.until(date(YEAR, 8, 3))
    await town.tell(
        C.DISPUTE_UNPAID,
        C.DISPUTE_LOST,
        C.DISPUTE_AND_REFUND,
        C.PARTIAL_DISPUTE,
        C.DEBIT_RETURNED,
    )
    town.book(date(YEAR, 8, 4), -2_500, "REFUND TO READER", name="M READER")
    await town.until(date(YEAR, 8, 31))
    await town.leave()
    await town.until(date(YEAR, 9, 21))
    await town.sell(5_150)
    late = await town.leave()
    await town.until(date(YEAR, 9, 25))
    await town.control("bank-late", payout=late["id"])
    await town.until(date(YEAR, 10, 2))
    disputed = await town.gift("22")
    await town.until(date(YEAR, 10, 9))
    town.told[C.DISPUTE_OPENED] = await town.dispute(disputed)
    await town.until(date(YEAR, 10, 12))
    await town.night()


async def fourth(town: Town) -> None:
    """Euros without an account for them, euros exchanged, a dear card, a bank's question, the last second of a month."""
    await town.until(date(YEAR, 10, 19))
    await town.sell(10_000)
    await town.tell(C.MULTI_CCY_PAYOUT)
    await town.tell(C.FX_CONVERSION, C.FEE_RATE_OUTLIER)
    await town.until(date(YEAR, 11, 16))
    await town.leave()
    await town.until(date(YEAR, 11, 30), hour=23)
    begun = await town.begin("33")
    town.site.clock.set(LAST_SECOND)
    await town.finish(begun, settles=False)
    town.site.clock.advance(timedelta(seconds=2))
    await town.site.settle()
    town.told[C.TIMEZONE_CUTOFF] = f"{YEAR}-12:GBP"
    await town.until(date(YEAR, 12, 21))
    await town.leave()
    asked = await town.gift("27")
    await town.until(date(YEAR + 1, 1, 8))
    town.told[C.DISPUTE_INQUIRY] = await town.dispute(asked, inquiry=True)
    await town.until(date(YEAR + 1, 1, 11))
    await town.night()


HAPPENS: tuple[Callable[[Town], Awaitable[None]], ...] = (first, second, third, fourth)
