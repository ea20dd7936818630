"""The sample paper's bank: its account, and statements brought by the product's own verbs, as at the desk."""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.accounts import add_account, number_of
from supporters.bank.check import check_file, prepare_file, read_apart
from supporters.bank.files import add_file, set_checked
from supporters.bank.fingerprint import Keys
from supporters.bank.models import BankAccount, BankFile, BankStatement, FileState
from supporters.bank.take import take_file
from supporters.demo import sample
from supporters.donations.giving_accounts import set_giving_account
from supporters.jobs.queue import enqueue
from supporters.kit.clock import Clock
from supporters.ledger.periods import next_month
from supporters.reconciliation.match_jobs import MATCH_LINES
from supporters.sandbox.bank import NUMBER, statement_of
from supporters.sandbox.bank_files import FORMS
from supporters.sandbox.sandbox import Sandbox
from supporters.worker import Tools

ENDINGS = {"sta": "mt940", "xml": "camt"}  # a table would be asked for its columns: left for whoever tries the demo


class Days(NamedTuple):
    """The days of a statement, both included."""

    starts_on: date
    ends_on: date


async def days_to_bring(session: AsyncSession, *, today: date) -> Days:
    """What the house has not seen of the bank: from the day after its last statement to that month's end, or to today."""
    shown = select(func.max(BankStatement.ends_on)).join(BankFile, BankFile.id == BankStatement.bank_file_id)
    last = await session.scalar(shown.where(BankFile.state == FileState.IMPORTED.value))
    first = min(last + timedelta(days=1), today) if last else today.replace(day=1)
    return Days(first, min(next_month(first) - timedelta(days=1), today))


class Banker:
    """Who does the books of the sample paper, at the bank's side of them."""

    def __init__(self, tools: Tools, sandbox: Sandbox, clock: Clock, *, dana: str) -> None:
        self._tools = tools
        self._sandbox = sandbox
        self._clock = clock
        self._dana = dana
        self._keys = Keys(tools.settings.secret_key)

    async def open_account(self) -> str:
        """The paper's account is known, by its number; returns its id."""
        settings = self._tools.settings
        async with self._tools.db.unit_of_work() as session:
            return await add_account(
                session,
                name=sample.BANK,
                currency=settings.currency,
                number=number_of(NUMBER, keys=self._keys),
                actor_id=self._dana,
                ids=self._tools.ids,
                now=self._clock.now(),
            )

    async def show_readers(self) -> None:
        """Readers who want to pay by bank see the account, and may promise to."""
        async with self._tools.db.unit_of_work() as session:
            await set_giving_account(
                session,
                currency=self._tools.settings.currency,
                holder=self._tools.settings.legal_name,
                numbers=sample.BANK_NUMBERS,
                is_shown=True,
                actor_id=self._dana,
                now=self._clock.now(),
            )

    async def bring(self, account_id: str, starts_on: date, ends_on: date, *, ending: str = "sta") -> None:
        """The bank's statement of these days is taken; what is certain is matched as soon as a worker looks."""
        content = FORMS[ending].write(statement_of(self._sandbox.world, starts_on, ends_on))
        await self._take(account_id, content, name=f"statement-{starts_on}.{ending}", form=ENDINGS[ending])

    async def _take(self, account_id: str, content: bytes, *, name: str, form: str) -> None:
        """The file is brought, checked and taken, as one is at the desk."""
        settings, ids, now = self._tools.settings, self._tools.ids, self._clock.now()
        async with self._tools.db.unit_of_work() as session:
            account = await session.get_one(BankAccount, account_id)
            parsed = await read_apart(content, name, account=account, profile=None, settings=settings)
            file_id = await add_file(
                session, account, name=name, content=content, form=form, actor_id=self._dana, ids=ids, now=now
            )
            checked = await check_file(session, account, parsed, profile=None, settings=settings, today=now.date())
            await set_checked(session, file_id, checked)
        async with self._tools.db.unit_of_work() as session:
            account = await session.get_one(BankAccount, account_id)
            file = await session.get_one(BankFile, file_id)
            prepared = await prepare_file(
                session,
                account,
                checked.parsed,
                layout=checked.layout,
                left_out=0,
                settings=settings,
                takes_alike=False,
            )
            await take_file(session, file, account, prepared, keys=self._keys, actor_id=self._dana, ids=ids, now=now)
            await enqueue(session, MATCH_LINES, {}, ids=ids, now=now, dedupe="import")
