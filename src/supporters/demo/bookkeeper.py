"""Who does the books of the sample paper, month after month: statements, what each line is, the close, the files.

Everything goes by the house's own verbs, at the moment at which it would have been done.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL, published_appeal
from supporters.bank.models import BankLine, LineState
from supporters.checks import books_hold
from supporters.demo import sample_money as money
from supporters.demo.banker import Banker
from supporters.demo.counter import Dated, day_of, moment
from supporters.discrepancies.resolve import note_quiet
from supporters.exports import batches
from supporters.exports.gather import Wanted
from supporters.exports.targets import Mode, Target
from supporters.jobs.queue import enqueue
from supporters.kit.clock import FixedClock
from supporters.ledger.chart import Account
from supporters.ledger.models import BankProof
from supporters.ledger.periods import next_month
from supporters.payments.models import Payout, PayoutState
from supporters.plans.models import ReceiptWish
from supporters.reconciliation.bulk import accept
from supporters.reconciliation.certify import Maker, certify_payout
from supporters.reconciliation.closing import Close, close_month
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.gifts import Gift, write_gift
from supporters.reconciliation.learning import back_test, switch_rule
from supporters.reconciliation.match_jobs import LEARN_RULES, MATCH_LINES
from supporters.reconciliation.matches import Because, Part, confirm
from supporters.reconciliation.models import MatchRule, RuleKind, Side
from supporters.reconciliation.other_money import Giver
from supporters.reconciliation.promises_kept import FOLLOW_PROMISES
from supporters.reconciliation.proposals import propose
from supporters.reconciliation.standing import Standing, begin_standing
from supporters.sandbox import bank
from supporters.sandbox.sandbox import Sandbox
from supporters.worker import Tools, Worker

PULL, COMPARE, DETECT = "balance.pull", "balance.compare", "discrepancies.detect"
BOOKED = {**dict.fromkeys(money.INCOME, Account.OTHER_INCOME), **dict.fromkeys(money.FEES, Account.BANK_FEES)}
WORDS = {**money.INCOME, **money.FEES}
MOMENTS = timedelta(seconds=3)  # what was too much for one run comes again in a second
FIRST_LATE = 7  # days of the month: what comes later than ten days is matched by nobody but people,
LAST_WITH_TROUBLE = 11  # and the statement goes on past the days that a payout may take


class Bookkeeper:
    """Dana at the money side of the desk."""

    def __init__(
        self, tools: Tools, sandbox: Sandbox, clock: FixedClock, *, dana: str, since: datetime, until: datetime
    ) -> None:
        self._tools = tools
        self._sandbox = sandbox
        self._clock = clock
        self._dana = dana
        self._since = since
        self._until = until
        self._banker = Banker(tools, sandbox, clock, dana=dana)
        self._worker = Worker(tools)  # with the books, which the life itself leaves for later
        self._account = ""
        self._givers: dict[str, str] = {}

    def happenings(self) -> Iterator[Dated]:
        """All that is going to be done, each with its moment."""
        yield self._since, self._banker.show_readers
        month, last = self._since.date().replace(day=1), day_of(self._until, money.LAST_CLOSED, 1)
        while month <= last:
            closing = datetime.combine(next_month(month), self._since.time(), tzinfo=self._since.tzinfo)
            on = closing.replace(day=money.CLOSING_DAY, hour=money.CLOSING_HOUR)
            yield on, partial(self._close, month, is_last=month == last)
            month = next_month(month)
        yield moment(self._until, 1, money.HALF + 1), self._bring_half

    async def run(self, *kinds: str) -> None:
        """These jobs of the house are done, and whatever they lead to."""
        for kind in kinds:
            async with self._tools.db.unit_of_work() as session:
                await enqueue(session, kind, {}, ids=self._tools.ids, now=self._clock.now())
            await self._worker.drain()
            self._clock.advance(MOMENTS)
        await self._worker.drain()

    async def _close(self, month: date, *, is_last: bool) -> None:
        """The month is over: its bank lines are explained, what is to be read is read, it is closed and handed on."""
        is_here = month >= day_of(self._until, money.FIRST_STATEMENT, 1)
        await self.run(COMPARE)
        if is_here:
            await self._bring(month, next_month(month) - timedelta(days=1), ending="xml" if month.month % 2 else "sta")
            await self._explain()
        await self.run(DETECT, FOLLOW_PROMISES)
        broken = await self._broken()
        async with self._tools.db.unit_of_work() as session:
            await note_quiet(session, actor_id=self._dana, now=self._clock.now())
            proof = BankProof.STATEMENT if is_here else BankProof.ELSEWHERE
            wanted = Close(month=month, bank_proof=proof, note="" if is_here else money.IN_XERO, broken=len(broken))
            await close_month(session, wanted, self._maker())
            if is_last:
                await certify_payout(session, await self._last_payout(session, month), self._maker())
        if is_last:
            await self._hand_on(Target.BEANCOUNT, Mode.LINE, self._since.date().replace(day=1), month, broken)
            await self._hand_on(Target.QUICKBOOKS, Mode.PAYOUT, month, month, broken)
        await self._hand_on(Target.XERO, Mode.PAYOUT, month, month, broken)
        if is_last:
            await self._learn()

    async def _bring_half(self) -> None:
        """The first half of the month that is open: by its rules, with what went wrong at the bank."""
        first, last = day_of(self._until, 1, 1), day_of(self._until, 1, money.HALF)
        await self.run(COMPARE)
        self._go_wrong(first)
        await self._bring(first, last, ending="xml")
        await self._explain_cheque()
        await self.run(FOLLOW_PROMISES, DETECT)

    async def _bring(self, first: date, last: date, *, ending: str) -> None:
        self._account = self._account or await self._banker.open_account()
        await self._banker.bring(self._account, first, last, ending=ending)
        await self.run(MATCH_LINES)

    def _go_wrong(self, first: date) -> None:
        """One payout of the month is late by more than a week, and one comes in two parts."""
        world = self._sandbox.world
        arrived = [(bank.day_of(one["arrival_date"]), one) for one in bank.arrived(world) if one["amount"] > 0]
        mine = [(day, one) for day, one in arrived if first <= day <= first.replace(day=LAST_WITH_TROUBLE)]
        by_amount = {
            one["amount"]: (day, one) for day, one in mine
        }  # of each amount one: else nobody could tell them apart
        late = next((one for day, one in by_amount.values() if day >= first.replace(day=FIRST_LATE)), None)
        split = next((one for _day, one in by_amount.values() if one is not late), None)
        if late:
            text, day = f"{bank.PLAIN} {late['trace_id']['value']}", first.replace(day=money.HALF + 1)
            bank.trouble(world, late["id"], "lose")
            bank.pay(world, bank.Paid(day=day, amount=late["amount"], name=bank.STRIPE, text=text))
        if split:
            bank.trouble(world, split["id"], "split")

    async def _explain(self) -> None:
        """Every line that the house could not place by itself is what Dana says."""
        async with self._tools.db.unit_of_work() as session:
            for line in await self._open_lines(session):
                if line.counterparty in money.GIFTS:
                    await self._write_gift(session, line)
                    continue
                name = line.counterparty if line.counterparty in BOOKED else line.text
                if name in BOOKED:
                    part = Part(Side.ACCOUNT, BOOKED[name].value, line.amount_minor)
                    await self._confirm(session, line, part, WORDS[name])
            await settle_dealt_with(session, now=self._clock.now())

    async def _explain_cheque(self) -> None:
        """What the bank took back of a cheque is that cheque."""
        async with self._tools.db.unit_of_work() as session:
            lines = [line for line in await self._open_lines(session) if line.amount_minor < 0]
            for line_id, found in (await propose(session, lines)).items():
                now = self._clock.now()
                await accept(session, [line_id], found[0], actor_id=self._dana, ids=self._tools.ids, now=now)

    async def _write_gift(self, session: AsyncSession, line: BankLine) -> None:
        appeal = await published_appeal(session, GENERAL)
        assert appeal, "the house makes it"
        known = self._givers.get(line.counterparty)
        giver = Giver(supporter_id=known) if known else Giver(name=money.GIFTS[line.counterparty])
        recorded = await write_gift(
            session,
            line.id,
            Gift(giver=giver, appeal_id=appeal.id),
            actor_id=self._dana,
            ids=self._tools.ids,
            now=self._clock.now(),
            settings=self._tools.settings,
        )
        self._givers[line.counterparty] = recorded.supporter_id

    async def _confirm(self, session: AsyncSession, line: BankLine, part: Part, words: str) -> None:
        because = Because(note=words)
        ids, now = self._tools.ids, self._clock.now()
        await confirm(session, [line.id], [part], because=because, actor_id=self._dana, ids=ids, now=now)

    async def _learn(self) -> None:
        """What was said three times is proposed: some rules are on, one is off, the others wait for whoever tries it."""
        await self.run(LEARN_RULES)
        async with self._tools.db.unit_of_work() as session:
            for rule in await self._rules(session):
                await back_test(session, rule.id, now=self._clock.now())
        async with self._tools.db.unit_of_work() as session:
            for rule in await self._rules(session):
                if rule.kind == RuleKind.STANDING_ORDER:
                    await self._begin_standing(session, rule)
                elif rule.words in (money.RULE_ON, money.RULE_OFF):
                    is_on = rule.words == money.RULE_ON
                    await switch_rule(session, rule.id, is_on=is_on, actor_id=self._dana, now=self._clock.now())

    async def _rules(self, session: AsyncSession) -> Sequence[MatchRule]:
        return (await session.scalars(select(MatchRule).order_by(MatchRule.id))).all()

    async def _begin_standing(self, session: AsyncSession, rule: MatchRule) -> None:
        """Moira Dunmore's is on; Peter Larkham's waits for whoever tries the demo."""
        giver = self._givers.get(rule.words)
        if rule.words != money.STANDING_ON or giver is None:
            return
        appeal = await published_appeal(session, GENERAL)
        assert appeal, "the house makes it"
        said = Standing(giver=Giver(supporter_id=giver), appeal_id=appeal.id, receipts=ReceiptWish.EACH)
        ids, now, settings = self._tools.ids, self._clock.now(), self._tools.settings
        await begin_standing(session, rule.id, said, actor_id=self._dana, ids=ids, now=now, settings=settings)

    async def _hand_on(self, target: Target, mode: Mode, first: date, month: date, broken: Sequence[str]) -> None:
        """These months are in a file for this program."""
        settings = self._tools.settings
        wanted = Wanted(
            target=target,
            mode=mode,
            starts_on=first,
            ends_on=next_month(month) - timedelta(days=1),
            home_currency=settings.currency,
        )
        maker = batches.Maker(
            organisation=settings.legal_name,
            actor_id=self._dana,
            ids=self._tools.ids,
            now=self._clock.now(),
            broken=broken,
        )
        async with self._tools.db.unit_of_work() as session:
            await batches.make_batch(session, wanted, maker)

    async def _broken(self) -> list[str]:
        async with self._tools.db.reading() as session:
            return [each.name for each in await books_hold(session, now=self._clock.now())]

    async def _last_payout(self, session: AsyncSession, month: date) -> str:
        """The last one of the month that the bank has seen."""
        paid = (Payout.status == PayoutState.PAID) & (Payout.arrival_on < next_month(month))
        wanted = select(Payout.stripe_payout_id).where(paid)
        latest = wanted.order_by(Payout.arrival_on.desc(), Payout.stripe_payout_id).limit(1)
        return (await session.scalars(latest)).one()

    async def _open_lines(self, session: AsyncSession) -> Sequence[BankLine]:
        waiting = select(BankLine).where(BankLine.state == LineState.OPEN.value)
        return (await session.scalars(waiting.order_by(BankLine.booked_on, BankLine.id))).all()

    def _maker(self) -> Maker:
        settings = self._tools.settings
        return Maker(
            publisher=settings.publisher_name,
            zone=settings.time_zone,
            actor_id=self._dana,
            now=self._clock.now(),
        )
