"""How differences of Stripe's balance arise: fees, exchange, reserves, top-ups, and lines that nobody knows."""

from discrepancies.storytelling import Hands, Story, Telling
from supporters.discrepancies.codes import Code, Resolution

USUAL = 29  # payments that cost as usual: with the dear one enough to learn from


async def _own_fee(hands: Hands) -> Telling:
    await hands.control("charge-fee", service="radar", amount=120, tax=24)
    yield f"{hands.month}:GBP"


async def _dear_card(hands: Hands) -> Telling:
    for number in range(USUAL):
        await hands.sell(1000 + 50 * number)
    await hands.control("card-fee", basis_points=900, fixed=100)
    await hands.sell(1700)
    await hands.control("card-fee")
    yield f"{hands.month}:GBP"


async def _exchange(hands: Hands) -> Telling:
    await hands.control("rate", currency="eur", rate="0.86", fee_basis_points=200)
    await hands.sell(3000, currency="eur")
    yield f"{hands.month}:GBP"


async def _reserve(hands: Hands) -> Telling:
    await hands.control("hold-reserve", amount=900)
    yield "GBP"


async def _reserve_back(hands: Hands) -> Telling:
    await hands.control("hold-reserve", amount=300)
    yield 1
    await hands.control("release-reserve", amount=300)
    yield f"{hands.month}:GBP"


async def _minimum(hands: Hands) -> Telling:
    yield 1
    await hands.control("least-balance", amount=2000)
    await hands.control("run-payout")
    yield f"{hands.month}:GBP"


async def _unknown_line(hands: Hands) -> Telling:
    await hands.control("line", type="adjustment", category="not_yet_invented", amount=-21)
    yield 1
    lines = hands.site.sandbox.objects("balance_transaction")
    yield next(line["id"] for line in lines if line["reporting_category"] == "not_yet_invented")


async def _top_up(hands: Hands) -> Telling:
    made = await hands.stripe("topups", amount="5000", currency="gbp")
    await hands.control("succeed-topup", topup=made["id"])
    yield hands.site.sandbox.world.get("topup", made["id"])["balance_transaction"]


async def _drift(hands: Hands) -> Telling:
    """Stripe says that it holds less than its lines add up to; a day later it holds what they say."""
    yield 1
    await hands.control("skew-balance", amount=-150)
    yield 1
    assert await hands.find(Code.BALANCE_DRIFT, "GBP")
    await hands.control("skew-balance", amount=0)
    yield "GBP"


R = Resolution
STORIES = (
    Story(Code.FEE_WITHOUT_CHARGE, "Stripe takes a fee for its own service, and tax on it", _own_fee, R.NOTED),
    Story(Code.FEE_RATE_OUTLIER, "one card costs five times as much as the others", _dear_card, R.NOTED),
    Story(Code.FX_CONVERSION, "a shop sells in euros", _exchange, R.NOTED),
    Story(Code.RESERVE_HELD, "Stripe holds security back", _reserve, R.NOTED),
    Story(Code.RESERVE_RELEASED, "Stripe lets go of what it held back", _reserve_back, R.NOTED),
    Story(Code.MIN_BALANCE_HOLD, "a least balance stays behind when a payout leaves", _minimum, R.NOTED),
    Story(Code.UNKNOWN_CATEGORY, "a kind of line comes that nobody has met", _unknown_line, R.AS_FEE),
    Story(Code.TOPUP, "the balance is topped up from the bank", _top_up, R.EXPLAINED),
    Story(Code.BALANCE_DRIFT, "Stripe says that it holds less than its lines", _drift, R.EXPLAINED),
)
