"""Statements handed to the bank's verbs as parsers give them, without a file around."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from supporters.bank.accounts import add_account, number_of
from supporters.bank.check import check_file, prepare_file
from supporters.bank.files import add_file, parsed_of, set_checked
from supporters.bank.fingerprint import Keys
from supporters.bank.models import BankFile, BankLine, LineState
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement
from supporters.bank.prepare import Findings
from supporters.bank.queries import find_account, find_bank_file, find_body
from supporters.bank.take import take_file
from supporters.bank.undo import undo_file
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings

DANA = "01HDANADANADANADANADANADAN"
NUMBER = "GB29 NWBK 6016 1331 9268 19"


def day(number: int) -> date:
    return date(2026, 11, number)


def line(on: int, amount: int, text: str = "", **more: object) -> ParsedLine:
    """One line in pounds on a day of November."""
    return ParsedLine(booked_on=day(on), amount_minor=amount, currency="GBP", text=text, where=f"line {on}", **more)  # pyright: ignore[reportArgumentType] - plain fields


def statement(*lines: ParsedLine, opening: int | None = None, **more: object) -> ParsedStatement:
    """A statement that adds up."""
    closing = None if opening is None else opening + sum(each.amount_minor for each in lines if each.is_booked)
    return ParsedStatement(currency="GBP", lines=lines, opening_minor=opening, closing_minor=closing, **more)  # pyright: ignore[reportArgumentType] - plain fields


class Bank:
    """One account that is given statements."""

    def __init__(self, db: Database, settings: Settings, ids: Ids, clock: FixedClock) -> None:
        self.db, self.settings, self.ids, self.clock = db, settings, ids, clock
        self.keys = Keys(settings.secret_key)
        self.account_id = ""

    async def open(self, *, number: str = "", name: str = "Unity") -> str:
        async with self.db.unit_of_work() as session:
            kept = number_of(number, keys=self.keys)
            self.account_id = await add_account(
                session, name=name, currency="GBP", number=kept, actor_id=DANA, ids=self.ids, now=self.now
            )
        return self.account_id

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def bring(self, *statements: ParsedStatement, form: str = "camt", name: str = "november.xml") -> str:
        """The file waits, checked."""
        parsed = ParsedFile(format=form, statements=statements)
        async with self.db.unit_of_work() as session:
            account = await find_account(session, self.account_id)
            assert account is not None
            file_id = await add_file(
                session,
                account,
                name=name,
                content=repr(parsed).encode(),
                form=form,
                actor_id=DANA,
                ids=self.ids,
                now=self.now,
            )
            today = self.now.date()
            checked = await check_file(session, account, parsed, profile=None, settings=self.settings, today=today)
            assert await set_checked(session, file_id, checked)
        return file_id

    async def take(self, file_id: str, *, takes_alike: bool = False, joins_reworded: bool = False) -> Findings:
        """The file is taken."""
        async with self.db.unit_of_work() as session:
            account, file = await find_account(session, self.account_id), await find_bank_file(session, file_id)
            _content, body = await find_body(session, file_id)
            assert account
            assert file
            assert body
            prepared = await prepare_file(
                session,
                account,
                parsed_of(body),
                layout=file.layout,
                left_out=0,
                settings=self.settings,
                takes_alike=takes_alike,
                joins_reworded=joins_reworded,
            )
            assert await take_file(
                session, file, account, prepared, keys=self.keys, actor_id=DANA, ids=self.ids, now=self.now
            )
        return prepared.findings

    async def load(self, *statements: ParsedStatement, form: str = "camt", takes_alike: bool = False) -> Findings:
        """The file is brought and taken."""
        return await self.take(await self.bring(*statements, form=form), takes_alike=takes_alike)

    async def file_of(self, file_id: str) -> BankFile:
        async with self.db.reading() as session:
            file = await find_bank_file(session, file_id)
        assert file
        return file

    async def undo(self, file_id: str) -> bool:
        async with self.db.unit_of_work() as session:
            account, file = await find_account(session, self.account_id), await find_bank_file(session, file_id)
            assert account
            assert file
            return await undo_file(session, file, account, actor_id=DANA, ids=self.ids, now=self.now)

    async def lines(self, *, with_undone: bool = False) -> Sequence[BankLine]:
        async with self.db.reading() as session:
            query = select(BankLine).order_by(BankLine.booked_on, BankLine.amount_minor, BankLine.id)
            if not with_undone:
                query = query.where(BankLine.state != LineState.UNDONE.value)
            return (await session.scalars(query)).all()

    async def amounts(self) -> list[int]:
        """Of all lines that count, parts left out."""
        return [each.amount_minor for each in await self.lines() if each.parent_id is None]
