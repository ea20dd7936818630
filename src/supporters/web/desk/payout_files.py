"""/desk/payouts/{id}/lines: what is in one payout, or a part of it, as CSV, XLSX and JSON, with the ids of both sides."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.response import Response, Stream
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.payout_lines import PayoutLine, kinds_of, lines_of, purposes_of
from supporters.reconciliation.payout_queries import PayoutRow
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.list_file import PORTION, ListFile, Rows, in_portions, list_files
from supporters.web.desk.payout import found_payout
from supporters.web.desk.payout_lines import FIELDS, AskedLines, kind_word, read_lines, sum_shown
from supporters.web.desk.payout_words import PATH, category_words
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import number
from supporters.web.desk.step_up import ask_proof
from supporters.web.desk.words import frequency_word

LINES = PATH + "/{payout_id:str}/lines"
FORMAT, VERSION = "supporters-payout-lines", 1


class _Asked(NamedTuple):
    payout: PayoutRow
    looked: AskedLines

    @property
    def name(self) -> str:
        """What the file and the audit call it."""
        return f"payout-{self.payout.id}"

    @property
    def view(self) -> dict[str, str]:
        """Which payout, and what narrows its lines."""
        return {"payout": self.payout.id, **self.looked.typed}


async def _asked(request: AnyRequest) -> _Asked:
    async with house_of(request).db.reading() as session:
        payout = await found_payout(session, request.path_params["payout_id"])
        held = await purposes_of(session, payout.id)
    looked = read_lines(read_query(request.scope["query_string"], FIELDS), held)
    if looked.problems:
        raise PageError(400, _("The filter in this address can't be read, so nothing was exported."))
    return _Asked(payout, looked)


async def _lines(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    asked = await _asked(request)
    header = [
        _("Date and time (UTC)"), _("Kind"), _("What"), _("Frequency"), _("Donation"), _("Name"), _("Fund"), _("Appeal"),
        _("Currency"), _("Gross"), _("Fee"), _("Net"), _("In the books (UTC)"), _("At Stripe"), _("Payment"), _("Payout"),
    ]  # fmt: skip
    wanted = ListFile(name=asked.name, view=asked.view, header=header, numbers={9, 10, 11})

    async def read(session: AsyncSession, limit: int, offset: int) -> Rows:
        found = await lines_of(session, asked.payout.id, limit=limit, offset=offset, wanted=asked.looked.wanted)
        return [_cells(each, asked.payout.id) for each in found]

    return wanted, in_portions(house_of(request), read)


def _cells(found: PayoutLine, payout_id: str) -> list[str]:
    line = found.line
    posted = line.posted_at.strftime("%Y-%m-%d %H:%M:%S") if line.posted_at else ""
    return [
        line.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        kind_word(found.kind),
        category_words(line.reporting_category),
        frequency_word(found.frequency) if found.frequency else "",
        found.reference or "",
        found.name or "",
        found.fund or "",
        found.appeal or "",
        line.currency,
        *(number(Money(minor, line.currency)) for minor in (line.gross_minor, -line.fee_minor, line.net_minor)),
        posted,
        line.stripe_balance_transaction_id,
        line.stripe_payment_intent_id or "",
        payout_id,
    ]


@get(LINES + ".json", opt={"access": DOES_BOOKS, "proof": True})
async def take_json(request: Request[Any, Any, Any]) -> Response[Any]:
    """The same for programs, with the payout and what the lines come to; or the page that asks for a proof."""
    needs = await ask_proof(request)
    if needs:
        return needs
    asked, house = await _asked(request), house_of(request)
    async with house.db.unit_of_work() as session:
        await record(
            session,
            actor_kind="staff",
            actor_id=member_of(request).id,
            action="list.export",
            record_kind="export",
            record_id=asked.name,
            detail={"filter": asked.view},
            now=house.clock.now(),
        )
    headers = {"content-disposition": f'attachment; filename="{asked.name}.json"', "cache-control": "no-store"}
    return Stream(_json(request, asked), media_type="application/json", headers=headers)


async def _json(request: AnyRequest, asked: _Asked) -> AsyncIterator[bytes]:
    """One object, written as its lines are read. *Money*: minor units; fees as they lessen the net."""
    payout, looked = asked
    async with house_of(request).db.reading() as session:
        shown = sum_shown(await kinds_of(session, payout.id, looked.wanted), payout.currency, looked)
        sums = {"lines": shown.lines, "gross_minor": shown.gross.minor, "fee_minor": shown.fee.minor}
        head = {
            "format": FORMAT,
            "version": VERSION,
            "payout": {
                "id": payout.id,
                "currency": payout.currency,
                "amount_minor": payout.amount_minor,
                "bank_minor": payout.bank_minor,
                "arrival_on": payout.arrival_on,
                "status": payout.status,
                "standing": payout.standing,
            },
            "filter": looked.typed,
            "sum": {**sums, "net_minor": shown.net.minor},
        }
        yield msgspec.json.encode(head)[:-1] + b',"lines":['
        offset, comma = 0, b""
        while True:
            lines = await lines_of(session, payout.id, limit=PORTION, offset=offset, wanted=looked.wanted)
            for each in lines:
                yield comma + msgspec.json.encode(_object(each))
                comma = b",\n"
            offset += PORTION
            if len(lines) < PORTION:
                break
    yield b"]}\n"


def _object(found: PayoutLine) -> dict[str, object]:
    line = found.line
    return {
        "id": line.stripe_balance_transaction_id,
        "created_at": line.created_at,
        "kind": found.kind,
        "category": line.reporting_category,
        "currency": line.currency,
        "gross_minor": line.gross_minor,
        "fee_minor": -line.fee_minor,
        "net_minor": line.net_minor,
        "payment": line.stripe_payment_intent_id,
        "donation": found.reference,
        "frequency": found.frequency,
        "name": found.name,
        "fund": found.fund,
        "appeal": found.appeal,
        "posted_at": line.posted_at,
    }


HANDLERS = [*list_files(LINES, access=DOES_BOOKS, asked=_lines), take_json]
