"""How differences of payouts, bank statements and paper money arise."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bank.banker import NUMBER, Banker
from discrepancies.storytelling import Hands, Story, Telling
from statements import Line
from supporters.appeals.models import Appeal
from supporters.bank.models import BankLine, BankStatement
from supporters.discrepancies.codes import Code, Resolution
from supporters.donations.deposits import PayingIn, pay_in
from supporters.donations.other_models import OtherKind
from supporters.kit.money import Money
from supporters.reconciliation.other_money import Giver, NewPayment, Recorded, bounce, record_payment

DANA = "01HDANADANADANADANADANADAN"
UNTIL_STATEMENT = 9
OPENING = 100_000
Json = dict[str, Any]


class Treasury(Hands):
    """Whoever acts where payouts reach a bank: one statement holds what all stories have the bank write."""

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self.lines: list[Line] = []
        self.path = ""
        self.files: list[str] = []

    async def pay_out(self, amount: int, *, currency: str = "gbp") -> Json:
        """Something is sold, and all that is available leaves at once; returns the payout."""
        await self.sell(amount, currency=currency)
        return (await self.control("run-payout"))["payouts"][0]

    def write(self, amount: int, text: str, *, after: int = 2, name: str = "STRIPE PAYMENTS UK LTD") -> None:
        """The bank writes a line for the day that is so many days from now."""
        line = Line(
            self.today + timedelta(days=after), amount, name=name, text=text, reference=f"R{len(self.lines):05}"
        )
        self.lines.append(line)

    async def take(self, form: str, lines: list[Line], *, opening: int) -> str:
        """A statement is brought to the desk and taken; returns its file."""
        await self.come_to_work()
        banker = Banker(self.site, self.desk, self.path)
        if not self.path:
            self.path = banker.path = (await banker.add(name="Unity", number=NUMBER)).headers["location"]
        path = await banker.bring(form, sorted(lines, key=lambda line: line.day), opening=opening)
        await banker.take(path)
        return path.rpartition("/")[2]

    async def receive(self, kind: OtherKind, amount: int) -> Recorded:
        """Somebody brings money that never meets Stripe."""
        site = self.site
        async with site.db.unit_of_work() as session:
            appeal_id = await session.scalar(select(Appeal.id).limit(1))
            new = NewPayment(
                giver=Giver(name="Ada Brook"),
                kind=kind,
                amount=Money(amount, "GBP"),
                received_on=self.today,
                appeal_id=appeal_id or "",
                locale="en_GB",
                livemode=False,
            )
            now, settings = site.clock.now(), site.settings
            return await record_payment(session, new, actor_id=DANA, ids=site.ids, now=now, settings=settings)

    async def pay_in(self, payment_id: str, counted: int, reference: str) -> str:
        """It is counted and brought to the bank."""
        paying = PayingIn(
            payment_ids=[payment_id], counted=Money(counted, "GBP"), paid_in_on=self.today, reference=reference
        )
        now = self.site.clock.now()
        async with self.site.db.unit_of_work() as session:
            return await pay_in(session, paying, actor_id=DANA, today=self.today, ids=self.site.ids, now=now)

    async def line_of(self, amount: int) -> str:
        """The bank line of that amount."""
        async with self.site.db.reading() as session:
            return (await session.scalars(select(BankLine.id).where(BankLine.amount_minor == amount))).one()


# payouts


async def _list_is_short(hands: Treasury) -> Telling:
    await hands.sell(1_311)
    payout = await hands.pay_out(2_417)
    line = hands.site.sandbox.objects("balance_transaction")[-2]
    await hands.control("misfile-line", line=line["id"])
    yield 1
    yield payout["id"]


async def _comes_back(hands: Treasury) -> Telling:
    payout = await hands.pay_out(1_523)
    await hands.control("fail-payout", payout=payout["id"], code="no_account")
    yield payout["id"]


async def _fails_late(hands: Treasury) -> Telling:
    payout = await hands.pay_out(1_637)
    yield UNTIL_STATEMENT
    await hands.control("fail-payout", payout=payout["id"])
    yield 1
    yield payout["id"]


async def _below_zero(hands: Treasury) -> Telling:
    sale = await hands.sell(1_741)
    await hands.control("run-payout")
    await hands.stripe("refunds", charge=sale)
    yield (await hands.control("run-payout"))["payouts"][0]["id"]


async def _called_back(hands: Treasury) -> Telling:
    payout = await hands.pay_out(1_867)
    yield UNTIL_STATEMENT
    await hands.stripe(f"payouts/{payout['id']}/reverse")
    yield 1
    yield payout["id"]


async def _by_hand(hands: Treasury) -> Telling:
    await hands.sell(1_979)
    yield (await hands.stripe("payouts", amount="1500", currency="gbp"))["id"]


async def _at_once(hands: Treasury) -> Telling:
    await hands.sell(9_000)
    yield (await hands.stripe("payouts", amount="5000", currency="gbp", method="instant"))["id"]


async def _in_euros(hands: Treasury) -> Telling:
    payout = await hands.pay_out(2_083, currency="eur")
    yield UNTIL_STATEMENT
    yield 1
    yield payout["id"]


# the bank


async def _never_arrives(hands: Treasury) -> Telling:
    payout = await hands.pay_out(2_179)
    yield UNTIL_STATEMENT
    yield 1
    yield payout["id"]


async def _nobody_knows(hands: Treasury) -> Telling:
    hands.write(4_000, "thank you", name="A N Other")
    yield UNTIL_STATEMENT
    yield 1
    yield await hands.line_of(4_000)


async def _in_one(hands: Treasury) -> Telling:
    first, second = await hands.pay_out(3_251), await hands.pay_out(3_373)
    both = first["amount"] + second["amount"]
    hands.write(both, "STRIPE")
    yield UNTIL_STATEMENT
    yield 1
    yield await hands.line_of(both)


async def _in_two(hands: Treasury) -> Telling:
    payout = await hands.pay_out(4_441)
    hands.write(3_000, "STRIPE 1 OF 2")
    hands.write(payout["amount"] - 3_000, "STRIPE 2 OF 2")
    yield UNTIL_STATEMENT
    yield 1
    yield payout["id"]


async def _brought_again(hands: Treasury) -> Telling:
    """Here the statement is brought that holds what the others have had written: once as it is, once in other clothes."""
    yield UNTIL_STATEMENT
    hands.write(-500, "BANK CHARGES", after=0, name="")
    await hands.take("camt.08", hands.lines, opening=OPENING)
    yield await hands.take("ofx2", hands.lines, opening=OPENING)


async def _one_is_missing(hands: Treasury) -> Telling:
    yield UNTIL_STATEMENT
    yield 2
    closing = OPENING + sum(line.amount for line in hands.lines)
    late = [Line(hands.today, -700, text="BANK CHARGES", reference="R90000")]
    file_id = await hands.take("camt.08", late, opening=closing + 12_345)
    async with hands.site.db.reading() as session:
        yield (await session.scalars(select(BankStatement.id).where(BankStatement.bank_file_id == file_id))).one()


# paper


async def _bad_cheque(hands: Treasury) -> Telling:
    cheque = await hands.receive(OtherKind.CHEQUE, 5_000)
    await hands.pay_in(cheque.payment_id, 5_000, "CHEQUE-0001")
    hands.write(5_000, "PAID IN CHEQUE-0001", name="")
    yield UNTIL_STATEMENT
    yield 1
    site = hands.site
    async with site.db.unit_of_work() as session:
        told: Json = {"words": "No money.", "actor_id": DANA, "ids": site.ids, "now": site.clock.now()}
        await bounce(session, cheque.payment_id, settings=site.settings, **told)
    yield cheque.payment_id


async def _counted_less(hands: Treasury) -> Telling:
    cash = await hands.receive(OtherKind.CASH, 3_100)
    deposit = await hands.pay_in(cash.payment_id, 2_600, "CASH-0001")
    hands.write(2_600, "PAID IN CASH-0001", name="")
    yield deposit


R = Resolution
STORIES = (
    Story(Code.PAYOUT_CONTENT_OFF, "the list of a payout leaves a line out", _list_is_short, R.EXPLAINED),
    Story(Code.PAYOUT_FAILED_RETURNED, "a payout comes back on its way", _comes_back, R.FIXED_HERE),
    Story(Code.NEGATIVE_PAYOUT, "a refund is made after all was paid out", _below_zero, R.EXPLAINED),
    Story(Code.MANUAL_PAYOUT, "a payout is made by hand", _by_hand, R.NOTED),
    Story(Code.INSTANT_PAYOUT_FEE, "a payout is made at once", _at_once, R.NOTED),
    Story(Code.PAID_THEN_FAILED, "a payout that was paid comes back after all", _fails_late, R.FIXED_HERE),
    Story(Code.PAYOUT_REVERSED, "a payout is called back", _called_back, R.NOTED),
    Story(Code.MULTI_CCY_PAYOUT, "euros are paid out, and there is no account in euros", _in_euros, R.EXPLAINED),
    Story(Code.PAYOUT_NOT_IN_BANK, "the statement does not show a payout", _never_arrives, R.EXPLAINED),
    Story(Code.BANK_MERGED, "the bank books two payouts as one", _in_one, R.EXPLAINED),
    Story(Code.BANK_SPLIT, "the bank books one payout as two", _in_two, R.EXPLAINED),
    Story(Code.BANK_CREDIT_UNKNOWN, "somebody sends 40 pounds", _nobody_knows, R.AS_OTHER_INCOME),
    Story(Code.DEPOSIT_BATCH_OFF, "less cash is counted than was written down", _counted_less, R.OVER_SHORT),
    Story(Code.CHEQUE_BOUNCED, "a cheque that was paid in is not paid", _bad_cheque, R.FIXED_HERE),
    Story(Code.BANK_DUPLICATE_IMPORT, "a statement is brought in two formats", _brought_again, R.NOTED),
    Story(Code.STATEMENT_GAP, "the next statement begins with another balance", _one_is_missing, R.ACCEPTED),
)
