"""Monthly and yearly donations as files: the list as it is seen, and the board of failed payments."""

from collections.abc import AsyncIterator
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.strings import gettext as _
from supporters.plans.desk_queries import FailingRow, PlanFilter, PlanRow, failing_plans, list_plans, look_up_supporters
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.list_file import ListFile, Rows, at_once, list_files
from supporters.web.desk.plan_words import failure_words, method_word, plan_tag
from supporters.web.desk.plans import FIELDS, PATH, read_view
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import number
from supporters.web.desk.words import frequency_word

FAILING = "/desk/failed-payments"
AMOUNT, OF_FAILING = 4, 8  # which columns of the files, from 0
MOST_FAILING = 10_000


async def _plans(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    asked = read_view(read_query(request.scope["query_string"], FIELDS), sees=True)
    if asked.problems:
        raise PageError(400, _("The filter in this address can't be read, so nothing was exported."))
    header = [
        _("Reference"), _("Name"), _("Email"), _("Currency"), _("Amount"), _("Frequency"), _("Status"), _("How it is paid"),
        _("Began (UTC)"), _("Taken next (UTC)"), _("Ended (UTC)"), _("Why it ended"),
    ]  # fmt: skip
    wanted = ListFile(name="plans", view=asked.typed, header=header, numbers={AMOUNT})
    return wanted, _rows(house_of(request), asked.view)


async def _rows(house: House, wanted: PlanFilter) -> AsyncIterator[Rows]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    async with house.db.reading() as session:
        view, before = await look_up_supporters(session, wanted), None
        while True:
            page = await list_plans(session, view, currency=house.settings.currency, before=before)
            yield [_plan_cells(row) for row in page.rows]
            before = page.before
            if before is None:
                return


def _plan_cells(row: PlanRow) -> list[str]:
    return [
        row.reference,
        row.name,
        row.email,
        row.amount.currency,
        number(row.amount),
        frequency_word(row.frequency),
        plan_tag(row).word,
        method_word(row.method),
        _time(row.started_at),
        _time(row.taken_at),
        _time(row.stopped_at),
        plan_tag(row).about if row.stopped_at else "",
    ]


async def _failing(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    header = [
        _("Failed (UTC)"), _("Reference"), _("Name"), _("Email"), _("Why"), _("Next try (UTC)"), _("Tries"), _("Currency"),
        _("Amount"), _("Frequency"), _("Letters sent"), _("Last letter (UTC)"),
    ]  # fmt: skip
    wanted = ListFile(name="failed-payments", view={}, header=header, numbers={6, OF_FAILING, 10})

    async def read(session: AsyncSession) -> Rows:
        return [_failing_cells(each) for each in await failing_plans(session, limit=MOST_FAILING)]

    return wanted, at_once(house_of(request), read)


def _failing_cells(found: FailingRow) -> list[str]:
    row = found.plan
    return [
        _time(row.failed_at),
        row.reference,
        row.name,
        row.email,
        failure_words(row),
        _time(row.next_try_at),
        str(row.tries),
        row.amount.currency,
        number(row.amount),
        frequency_word(row.frequency),
        str(found.letters),
        _time(found.last_letter_at),
    ]


def _time(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""


HANDLERS = [
    *list_files(PATH, access=DOES_BOOKS, asked=_plans),
    *list_files(FAILING, access=DOES_BOOKS, asked=_failing),
]
