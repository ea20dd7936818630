"""The bank's statements for download, and what the control page shows of the bank."""

from datetime import date, timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from supporters.kit.strings import gettext as _
from supporters.sandbox.bank import arrived, day_of, statement_of, troubles
from supporters.sandbox.bank_files import FORMS
from supporters.sandbox.clockwork import run_due
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.sandbox import Sandbox
from supporters.sandbox.world import World

SHOWN = 40


@get("/_control/bank/{name:str}")
async def download_statement(
    name: FromPath[str], request: Request[Any, Any, Any], sandbox: NamedDependency[Sandbox]
) -> Response[bytes]:
    """The account's statement as a file, of this month until now unless `from` and `to` say other days."""
    stem, _dot, ending = name.rpartition(".")
    if stem != "statement" or ending not in FORMS:
        raise ApiError(404, _("There is no such statement."), param="form")
    run_due(sandbox.world)
    today = day_of(sandbox.world.now())
    query = request.query_params
    starts_on = _day(query.get("from"), "from") or today.replace(day=1)
    statement = statement_of(sandbox.world, starts_on, _day(query.get("to"), "to") or today)
    form = FORMS[ending]
    file_name = f"statement-{statement.starts_on}-{statement.ends_on}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"}
    return Response(form.write(statement), media_type=form.media_type, headers=headers)


def _day(text: str | None, name: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise invalid(_("Write the day as year, month and day: 2026-11-22."), param=name) from None
    if not 2000 <= day.year < 2200:
        raise invalid(_("There was no such account in that year."), param=name)
    return day


def bank_state(world: World) -> Json:
    """The months whose statements can be downloaded, the payouts that have arrived, and what goes wrong with them."""
    today = day_of(world.now())
    wrong = {name: told.kind for name, told in troubles(world).items()}
    return {
        "bank_months": [_month(today), _month(today.replace(day=1) - timedelta(days=1))],
        "bank_forms": {ending: form.name for ending, form in FORMS.items()},
        "bank_payouts": arrived(world, latest=SHOWN)[::-1],
        "bank_troubles": wrong,
    }


def _month(last: date) -> dict[str, str]:
    return {"name": f"{last:%B %Y}", "from": last.replace(day=1).isoformat(), "to": last.isoformat()}


HANDLERS = [download_statement]
