"""/desk/payouts: every payout of Stripe's, the latest on top, and how far each is proved; the list as a file."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.payout_queries import PayoutFilter, PayoutRow, bank_days, count_payouts, list_payouts
from supporters.reconciliation.seen_until import statements_until
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import sheet
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import ListFile, list_file
from supporters.web.desk.payout_sample import sample_payout
from supporters.web.desk.payout_words import (
    FIELDS,
    PATH,
    VIEWS,
    Age,
    age_of,
    kind_words,
    read_looked,
    standing_tag,
    status_words,
    view_words,
)
from supporters.web.desk.roles import DOES_BOOKS

ROWS, PORTION = 50, 1_000
NUMBERS = (3, 4, 12, 13)  # which columns of the file, from 0


@get(PATH, opt={"access": DOES_BOOKS})
async def show_payouts(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """One page of the payouts that the address names; a field that can't be read is said to be so (422)."""
    looked = read_looked(read_query(request.scope["query_string"], FIELDS))
    rows = await list_payouts(reading, looked.wanted, limit=ROWS, offset=(looked.page - 1) * ROWS)
    total = await count_payouts(reading, looked.wanted)
    is_none = not total and not await count_payouts(reading, PayoutFilter())
    settings = house_of(request).settings
    return await desk_page(
        request,
        reading,
        "desk/payouts.html",
        here="payouts",
        looked=looked,
        rows=[(row, Money(row.amount_minor, row.currency), standing_tag(row.standing)) for row in rows],
        kinds={row.id: kind_words(row) for row in rows},
        ages=await _ages(reading, house_of(request), rows),
        total=total,
        views=[(view_words(view), looked.address(view=view), looked.wanted.view == view) for view in VIEWS],
        newer=looked.address(page=looked.page - 1) if looked.page > 1 else None,
        older=looked.address(page=looked.page + 1) if total > looked.page * ROWS else None,
        csv=looked.address(PATH + ".csv"),
        xlsx=looked.address(PATH + ".xlsx"),
        sample=sample_payout(settings.currency) if is_none and settings.is_test_mode else None,
        problems=looked.problems,
    )


@get(PATH + ".csv", opt={"access": DOES_BOOKS, "proof": True})
async def export_payouts(request: Request[Any, Any, Any]) -> Response[Any]:
    """The payouts that the address names, as CSV; the audit says who took them."""
    return await _export(request, "csv")


@get(PATH + ".xlsx", opt={"access": DOES_BOOKS, "proof": True})
async def export_payouts_workbook(request: Request[Any, Any, Any]) -> Response[Any]:
    """The same as a workbook."""
    return await _export(request, "xlsx")


async def _export(request: AnyRequest, kind: str) -> Response[Any]:
    looked = read_looked(read_query(request.scope["query_string"], FIELDS))
    if looked.problems:
        raise PageError(400, _("The filter in this address can't be read, so nothing was exported."))
    header = [
        _("Payout"), _("Arrives"), _("Currency"), _("Amount"), _("In the bank"), _("How it was made"), _("Stripe says"),
        _("Contents"), _("Standing"), _("Bank's reference"), _("Left Stripe (UTC)"), _("Seen in the bank"),
        _("Days on its way"), _("Days since it was due"), _("A statement shows that it is late"),
    ]  # fmt: skip
    wanted = ListFile(name="payouts", action="payout.export", view=looked.typed, header=header, numbers=NUMBERS)
    return await list_file(request, wanted, _rows(house_of(request), looked.wanted), kind)


async def _rows(house: House, wanted: PayoutFilter) -> AsyncIterator[list[list[str]]]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    async with house.db.reading() as session:
        offset = 0
        while True:
            rows = await list_payouts(session, wanted, limit=PORTION, offset=offset)
            ages = await _ages(session, house, rows)
            yield [_cells(row, ages[row.id]) for row in rows]
            if len(rows) < PORTION:
                return
            offset += len(rows)


async def _ages(session: AsyncSession, house: House, rows: Sequence[PayoutRow]) -> dict[str, Age | None]:
    """How long each of these took, or has not come."""
    zone, days = house.settings.time_zone, await bank_days(session, [row.id for row in rows])
    today, seen = local_date(house.clock.now(), zone), await statements_until(session)
    return {row.id: age_of(row, days.get(row.id), today=today, seen=seen, zone=zone) for row in rows}


def _cells(row: PayoutRow, age: Age | None) -> list[str]:
    return [
        row.id,
        row.arrival_on.isoformat(),
        row.currency,
        sheet.number(Money(row.amount_minor, row.currency)),
        sheet.number(None if row.bank_minor is None else Money(row.bank_minor, row.currency)),
        kind_words(row),
        status_words(row.status),
        row.content,
        standing_tag(row.standing).word,
        row.trace_id or "",
        row.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        age.bank_on.isoformat() if age and age.bank_on else "",
        str(age.days) if age else "",
        str(age.waits) if age and age.waits > 0 else "",
        (_("yes") if age.is_late else _("no")) if age else "",
    ]


HANDLERS = [show_payouts, export_payouts, export_payouts_workbook]
