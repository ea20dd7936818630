"""Money of the sample paper that never meets Stripe: promises of readers, cash and cheques over the counter, the bank's lines."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial

from sqlalchemy import select

from supporters.appeals.queries import GENERAL, published_appeal
from supporters.demo import sample
from supporters.demo import sample_money as money
from supporters.donations.deposits import PayingIn, pay_in
from supporters.donations.models import Frequency
from supporters.donations.other_models import OtherKind, OtherPayment
from supporters.donations.promises import PromiseForm, make_promise
from supporters.kit.clock import Clock
from supporters.kit.money import Money
from supporters.plans.dates import add_months
from supporters.receipts.issue import mail_domain
from supporters.reconciliation.other_money import Giver, NewPayment, bounce, record_payment
from supporters.sandbox.bank import Paid, pay
from supporters.sandbox.sandbox import Sandbox
from supporters.worker import Tools

Happening = Callable[[], Awaitable[None]]
Dated = tuple[datetime, Happening]
MIDDAY = 12
SHOWS_AFTER = timedelta(days=2)  # what is paid in at the counter


class Counter:
    """What readers promise and bring, and what Dana writes down of it."""

    def __init__(self, tools: Tools, sandbox: Sandbox, clock: Clock, *, dana: str, until: datetime) -> None:
        self._tools = tools
        self._sandbox = sandbox
        self._clock = clock
        self._dana = dana
        self._until = until

    def happenings(self) -> Iterator[Dated]:
        """All that is going to happen, each with its moment."""
        self._show_lines()
        for promised in money.PROMISES:
            yield moment(self._until, promised.months, promised.day), partial(self._promise, promised)
        yield self._until - timedelta(days=5), partial(self._promise, money.STILL_PROMISED)
        for paid in money.DEPOSITS:
            yield moment(self._until, paid.months, paid.day), partial(self._bring, paid)
        yield moment(self._until, 1, money.BOUNCED_ON), self._bounce

    def _show_lines(self) -> None:
        """The bank has its lines already: a statement shows them from their day on."""
        for each in money.AT_BANK:
            self._pay(day_of(self._until, each.months, each.day), each.minor, each.name, each.text, each.account)
        minor, name, text = money.AT_THE_END
        self._pay(day_of(self._until, 0, 1) - timedelta(days=1), minor, name, text, "")

    async def _promise(self, promised: money.Promised) -> None:
        """The reader promises it on the public page; the bank shows the reference, as people write it."""
        settings, ids = self._tools.settings, self._tools.ids
        form = PromiseForm(
            attempt_id=ids.ulid(),
            amount=Money(promised.minor, settings.currency),
            frequency=Frequency(promised.frequency),
            email=sample.address_of(promised.name, 0),
            name=promised.name,
        )
        async with self._tools.db.unit_of_work() as session:
            made = await make_promise(
                session,
                form,
                domain=mail_domain(settings),
                ids=ids,
                now=self._clock.now(),
                settings=settings,
            )
            reference = made.reference
        words = reference if promised.frequency != "once" else reference.lower().replace("-", " ")
        for months, day in promised.came:
            self._pay(day_of(self._until, months, day), promised.minor, promised.name, words, promised.account)

    async def _bring(self, paid: money.PaidIn) -> None:
        """Cash and cheques are written down with their givers and go to the bank as one sum."""
        currency, now = self._tools.settings.currency, self._clock.now()
        counted = sum(each.minor for each in paid.given) - paid.short_minor
        async with self._tools.db.unit_of_work() as session:
            appeal = await published_appeal(session, GENERAL)
            assert appeal, "the house makes it"
            payments: list[str] = []
            for each in paid.given:
                new = self._payment(each, appeal.id, now.date())
                recorded = await record_payment(
                    session,
                    new,
                    actor_id=self._dana,
                    ids=self._tools.ids,
                    now=now,
                    settings=self._tools.settings,
                )
                payments.append(recorded.payment_id)
            slip = PayingIn(
                payment_ids=payments,
                counted=Money(counted, currency),
                paid_in_on=now.date(),
                reference=paid.slip,
            )
            await pay_in(session, slip, actor_id=self._dana, today=now.date(), ids=self._tools.ids, now=now)
        self._pay(now.date() + SHOWS_AFTER, counted, "EASTMERE BRANCH", f"COUNTER CREDIT {paid.slip}", "")

    def _payment(self, given: money.Given, appeal_id: str, day: date) -> NewPayment:
        settings = self._tools.settings
        return NewPayment(
            giver=Giver(name=given.name, email=sample.address_of(given.name, 0)),
            kind=OtherKind(given.kind),
            amount=Money(given.minor, settings.currency),
            received_on=day,
            appeal_id=appeal_id,
            locale=settings.locale,
            livemode=not settings.is_test_mode,
            cheque_number=given.number,
        )

    async def _bounce(self) -> None:
        """The bank's letter has come: one of the cheques was not paid."""
        async with self._tools.db.unit_of_work() as session:
            mine = select(OtherPayment.id).where(OtherPayment.cheque_number == money.BOUNCED)
            await bounce(
                session,
                (await session.scalars(mine)).one(),
                words=money.BOUNCED_WORDS,
                actor_id=self._dana,
                ids=self._tools.ids,
                now=self._clock.now(),
                settings=self._tools.settings,
            )

    def _pay(self, day: date, minor: int, name: str, text: str, account: str) -> None:
        paid = Paid(day=day, amount=minor, name=name.upper(), text=text, account=account)
        pay(self._sandbox.world, paid)


def day_of(until: datetime, months: int, day: int) -> date:
    """That day of the month so many months before that of `until`."""
    return add_months(until.date().replace(day=1), -months).replace(day=day)


def moment(until: datetime, months: int, day: int, hour: int = MIDDAY) -> datetime:
    """That hour of the day."""
    return datetime.combine(day_of(until, months, day), datetime.min.time(), tzinfo=UTC).replace(hour=hour)
