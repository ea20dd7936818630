"""/desk/bank/{account}/lines: the lines of an account as a file, those that the page shows."""

from collections.abc import AsyncIterator
from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Response

from supporters.bank.models import BankAccount, BankLine
from supporters.bank.queries import Wanted, list_lines
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.web.common.errors import PageError
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank import PATH, found_account
from supporters.web.desk.bank_account import read_wanted
from supporters.web.desk.bank_words import show_line
from supporters.web.desk.list_file import ListFile, list_file
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import number
from supporters.web.desk.step_up import ask_proof

PORTION = 1_000
AMOUNT = 3


@get(PATH + "/{account_id:str}/lines.csv", opt={"access": DOES_BOOKS, "proof": True})
async def export_lines(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """The lines that the address names, as CSV; of lines that are not ours, day and amount."""
    return await _export(request, account_id, "csv")


@get(PATH + "/{account_id:str}/lines.xlsx", opt={"access": DOES_BOOKS, "proof": True})
async def export_lines_workbook(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """The same as a workbook."""
    return await _export(request, account_id, "xlsx")


async def _export(request: AnyRequest, account_id: str, kind: str) -> Response[Any]:
    house, looked = house_of(request), read_wanted(request.query_params)
    if looked.problems:
        raise PageError(400, _("The filter in this address can't be read, so nothing was exported."))
    needs = await ask_proof(request)
    if needs:  # before anything is said of the account
        return needs
    async with house.db.reading() as session:
        account = await found_account(session, account_id)
    header = [
        _("Booked"), _("Value date"), _("Currency"), _("Amount"), _("Who"), _("What they wrote"), _("Bank's reference"),
        _("Their reference"), _("Status"), _("Note"),
    ]  # fmt: skip
    view = {**looked.typed, "account": account_id}
    wanted = ListFile(name="bank-lines", action="bank_line.export", view=view, header=header, numbers={AMOUNT})
    return await list_file(request, wanted, _rows(house, account, looked.wanted), kind)


async def _rows(house: House, account: BankAccount, wanted: Wanted) -> AsyncIterator[list[list[str]]]:
    async with house.db.reading() as session:
        offset = 0
        while True:
            lines = await list_lines(session, account.id, wanted, limit=PORTION, offset=offset)
            yield [_cells(line) for line in lines]
            if len(lines) < PORTION:
                return
            offset += len(lines)


def _cells(line: BankLine) -> list[str]:
    return [
        line.booked_on.isoformat(),
        line.value_on.isoformat() if line.value_on else "",
        line.currency,
        number(Money(line.amount_minor, line.currency)),
        line.counterparty,
        line.text,
        line.bank_reference,
        line.end_to_end,
        show_line(line).tag.word,
        line.state_note or "",
    ]


HANDLERS = [export_lines, export_lines_workbook]
