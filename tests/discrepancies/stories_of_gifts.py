"""How differences of donations, refunds, disputes and messages arise."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from discrepancies.storytelling import Hands, Story, Telling
from supporters.discrepancies.codes import Code, Resolution
from supporters.donations.models import Refund
from supporters.ledger.models import BankProof
from supporters.ledger.periods import lock_month
from whole import session_id

LAST_SECOND = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
TO_DECEMBER = 11  # days from the beginning


async def _sale(hands: Hands) -> Telling:
    await hands.sell(1900)
    yield f"{hands.month}:GBP"


async def _lost_message(hands: Hands) -> Telling:
    begun = await hands.begin()
    await hands.control("drop", count=1, types=["checkout.session.completed"])
    await hands.finish(begun)
    yield 1
    yield hands.month


async def _no_line(hands: Hands) -> Telling:
    gift = await hands.finish(await hands.begin(), settles=False)
    await hands.control("withhold-line", charge=gift.charge)
    await hands.site.settle()
    yield 2
    await hands.control("give-line", charge=gift.charge)
    yield await hands.donation_of(gift.payment)


async def _other_amount(hands: Hands) -> Telling:
    begun = await hands.begin("40")
    await hands.control("reprice-page", session=session_id(begun), amount=3600)
    paid = await hands.finish(begun)
    yield 1
    yield paid.payment


async def _twice(hands: Hands) -> Telling:
    await hands.gift("31", email="ada@example.org")
    yield (await hands.gift("31", email="ada@example.org")).id


async def _refund_elsewhere(hands: Hands) -> Telling:
    yield await hands.refund((await hands.gift()).payment, 500)


async def _refund_waits(hands: Hands) -> Telling:
    gift = await hands.gift()
    await hands.control("short-refunds", count=1)
    refund = await hands.refund(gift.payment, 700)
    yield 3
    yield refund


async def _refund_comes_back(hands: Hands) -> Telling:
    refund = await hands.refund((await hands.gift()).payment, 2500)
    await hands.site.settle()
    await hands.control("fail-refund", refund=refund)
    await hands.site.settle()
    yield 1
    async with hands.site.db.reading() as session:
        yield (await session.scalars(select(Refund.id).where(Refund.stripe_refund_id == refund))).one()


async def _refund_of_more(hands: Hands) -> Telling:
    """Nobody hears that the first refund came back, so that the money seems to have been returned twice."""
    gift = await hands.gift()
    refund = await hands.refund(gift.payment, 2500)
    await hands.site.settle()
    await hands.control("mute", types=["refund.updated", "charge.refund.updated", "refund.failed"], count=3)
    await hands.control("fail-refund", refund=refund)
    await hands.refund(gift.payment, 2500)
    yield 1
    yield gift.id


async def _refund_after_closing(hands: Hands) -> Telling:
    gift = await hands.gift()
    yield TO_DECEMBER
    site = hands.site
    async with site.db.unit_of_work() as session:
        await lock_month(
            session,
            "2026-11",
            bank_proof=BankProof.ELSEWHERE,
            actor_id="01HDANADANADANADANADANADAN",
            now=site.clock.now(),
            time_zone=site.settings.time_zone,
        )
    site.clock.advance(timedelta(minutes=1))
    await hands.refund(gift.payment, 400)
    yield f"{hands.month}:GBP"


async def _last_second(hands: Hands) -> Telling:
    yield TO_DECEMBER - 3
    begun = await hands.begin()
    hands.site.clock.set(LAST_SECOND)
    await hands.finish(begun, settles=False)
    hands.site.clock.advance(timedelta(seconds=2))
    await hands.site.settle()
    yield "2026-12:GBP"


async def _dispute(hands: Hands) -> Telling:
    gift = await hands.gift()
    yield TO_DECEMBER
    dispute = await hands.dispute(gift)
    yield 1
    yield dispute


async def _inquiry(hands: Hands) -> Telling:
    gift = await hands.gift()
    yield TO_DECEMBER
    dispute = await hands.dispute(gift, inquiry=True)
    yield 1
    yield dispute


async def _won_without_money(hands: Hands) -> Telling:
    dispute = await hands.dispute(await hands.gift())
    await hands.site.settle()
    await hands.control("close-dispute", dispute=dispute, outcome="won", withheld=True)
    yield 11
    yield dispute


async def _lost_dispute(hands: Hands) -> Telling:
    dispute = await hands.dispute(await hands.gift())
    await hands.site.settle()
    await hands.control("close-dispute", dispute=dispute, outcome="lost")
    yield 1
    yield dispute


async def _dispute_of_refunded(hands: Hands) -> Telling:
    gift = await hands.gift()
    await hands.refund(gift.payment, 1000)
    await hands.site.settle()
    dispute = await hands.dispute(gift)
    yield 1
    yield dispute


async def _dispute_of_part(hands: Hands) -> Telling:
    dispute = await hands.dispute(await hands.gift(), amount=1500)
    yield 1
    yield dispute


async def _dispute_at_another_rate(hands: Hands) -> Telling:
    await hands.control("rate", currency="eur", rate="0.86")
    gift = await hands.gift("50")
    await hands.control("rate", currency="eur", rate="0.88")
    dispute = await hands.dispute(gift)
    yield 1
    yield dispute


async def _debit_comes_back(hands: Hands) -> Telling:
    gift = await hands.finish(await hands.begin("35"), "debit")
    yield 7
    await hands.control("return-debit", charge=gift.charge, code="insufficient_funds")
    yield 1
    yield gift.payment


async def _other_mode(hands: Hands) -> Telling:
    await hands.control("stray-event", livemode=True)
    yield hands.month


async def _other_account(hands: Hands) -> Telling:
    await hands.control("stray-event", account="acct_another")
    yield "acct_another"


R = Resolution
STORIES = (
    Story(Code.CHARGE_UNKNOWN, "a shop sells something on the same account", _sale, R.NOTED),
    Story(Code.WEBHOOK_MISSED, "a message is lost on its way and fetched at night", _lost_message, R.NOTED),
    Story(Code.DONATION_NO_BT, "the balance has no line of a payment for two days", _no_line, R.EXPLAINED),
    Story(Code.PAYMENT_MISMATCH, "Stripe takes ten per cent off a gift", _other_amount, R.OWED_BACK),
    Story(Code.DUPLICATE_DONATION, "one reader gives the same twice within minutes", _twice, R.EXPLAINED),
    Story(Code.REFUND_EXTERNAL, "a refund is made at Stripe", _refund_elsewhere, R.EXPLAINED),
    Story(Code.REFUND_PENDING_FUNDS, "a refund waits three days for money", _refund_waits, R.ACCEPTED),
    Story(Code.REFUND_FAILED, "the bank sends a refund back", _refund_comes_back, R.OWED_BACK),
    Story(Code.REFUND_EXCEEDS, "a refund that came back unheard of is made again", _refund_of_more, R.EXPLAINED),
    Story(Code.REFUND_PRIOR_PERIOD, "November is closed, its gift refunded", _refund_after_closing, R.NOTED),
    Story(Code.TIMEZONE_CUTOFF, "a gift of the last second of a month", _last_second, R.NOTED),
    Story(Code.DISPUTE_OPENED, "a card's owner disputes a payment", _dispute, R.ACCEPTED),
    Story(Code.DISPUTE_INQUIRY, "a bank asks about a payment", _inquiry, R.EXPLAINED),
    Story(Code.DISPUTE_UNPAID, "a dispute is won, and no money comes", _won_without_money, R.WRITTEN_OFF),
    Story(Code.DISPUTE_LOST, "a dispute is lost", _lost_dispute, R.NOTED),
    Story(
        Code.DISPUTE_AND_REFUND, "a payment is refunded in part and disputed whole", _dispute_of_refunded, R.ACCEPTED
    ),
    Story(Code.PARTIAL_DISPUTE, "a part of a payment is disputed", _dispute_of_part, R.ACCEPTED),
    Story(Code.DEBIT_RETURNED, "a debit that had succeeded is returned", _debit_comes_back, R.NOTED),
    Story(Code.TEST_IN_LIVE, "a message of the other mode comes", _other_mode, R.EXPLAINED),
    Story(Code.OTHER_ACCOUNT, "a message of another account comes", _other_account, R.EXPLAINED),
)
IN_EUROS = (
    Story(
        Code.FX_DISPUTE, "euros are disputed at another rate than they came at", _dispute_at_another_rate, R.AS_EXCHANGE
    ),
)
