"""/desk/plans: every monthly and yearly donation. Every view is an address, and the sums are those of the whole view."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.plans.at_bank import bills_at_bank
from supporters.plans.desk_queries import (
    FREQUENCIES,
    METHODS,
    STATES,
    PlanFilter,
    list_plans,
    look_up_supporters,
    plan_id_of,
    sum_plans,
)
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.masking import sees_people
from supporters.web.desk.plan_words import mask_plan, method_word, plan_tag, rhythm_word, state_word
from supporters.web.desk.roles import PLANS_SEE
from supporters.web.desk.words import frequency_word

PATH = "/desk/plans"
FIELDS = ("q", "state", "frequency", "method", "before")
LONGEST = 120


class AskedPlans(msgspec.Struct, frozen=True):
    """A view as somebody asked for it: what was understood, what they typed, and what could not be read."""

    view: PlanFilter
    typed: dict[str, str]
    before: str | None
    problems: list[tuple[str, str]]

    def address(self, **changes: str | None) -> str:
        """The list with this view in its query; `changes` replace fields, None drops one."""
        fields = {**self.typed, **changes}
        query = urlencode({name: fields[name] for name in FIELDS if fields.get(name)})
        return f"{PATH}?{query}" if query else PATH


@get(PATH, opt={"access": PLANS_SEE})
async def show_plans(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[Any]:
    """One page of the list, newest first. A reference in the search goes straight to its plan."""
    house, role = house_of(request), member_of(request).role
    asked = read_view(read_query(request.scope["query_string"], FIELDS), sees=sees_people(role))
    found = await plan_id_of(reading, asked.view.words) if asked.view.words.upper().startswith("P-") else None
    if found:
        return Redirect(f"{PATH}/{found}", status_code=303)
    currency = house.settings.currency
    view = await look_up_supporters(reading, asked.view)
    page = await list_plans(reading, view, currency=currency, before=asked.before)
    rows = [mask_plan(row, role) for row in page.rows]
    return await desk_page(
        request,
        reading,
        "desk/plans.html",
        here="plans",
        problems=asked.problems,
        asked=asked,
        query=asked.address().removeprefix(PATH),
        rows=[(row, plan_tag(row), rhythm_word(row.frequency), method_word(row.method)) for row in rows],
        at_bank=await bills_at_bank(reading, [row.id for row in rows]),
        sums=await sum_plans(reading, view, currency=currency),
        older=asked.address(before=page.before) if page.before else None,
        newest=asked.address() if asked.before else None,
        views=_views(asked),
        states=[(each, state_word(each)) for each in STATES],
        frequencies=[(each, frequency_word(each)) for each in FREQUENCIES],
        methods=[(each, method_word(each)) for each in METHODS],
    )


def read_view(query: Mapping[str, str], *, sees: bool) -> AskedPlans:
    """What the query asks for. A field that can't be read is left out of the view and named in `problems`."""
    typed = {name: clean_line(query[name], limit=LONGEST) for name in FIELDS if query.get(name)}
    problems: list[tuple[str, str]] = []
    choices = {
        "state": (STATES, _("There is no such status.")),
        "frequency": (FREQUENCIES, _("Choose monthly, quarterly or yearly.")),
        "method": (METHODS, _("There is no such way to pay.")),
    }
    chosen = dict.fromkeys(choices, "")
    for name, (known, words) in choices.items():
        if typed.get(name, "") in ("", *known):
            chosen[name] = typed.get(name, "")
        else:
            problems.append((f"f-{name}", words))
    before = typed.pop("before", None)
    state, frequency, method = (chosen[name] for name in ("state", "frequency", "method"))
    view = PlanFilter(typed.get("q", ""), state, frequency, method, sees_people=sees)
    return AskedPlans(view, typed, before if before and is_ulid(before) else None, problems)


def _views(asked: AskedPlans) -> list[tuple[str, str, bool]]:
    """Views that are asked for most: label, address, whether it is the one that is shown."""
    views: list[tuple[str, dict[str, str]]] = [
        (_("All"), {}),
        (_("Going on"), {"state": "going_on"}),
        (_("Failing"), {"state": "failing"}),
        (_("Paused"), {"state": "paused"}),
        (_("Asked to stop"), {"state": "stopping"}),
        (_("Stopped"), {"state": "stopped"}),
    ]
    empty = msgspec.structs.replace(asked, typed={})
    return [(label, empty.address(**fields), asked.typed == fields) for label, fields in views]


HANDLERS = [show_plans]
