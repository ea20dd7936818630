"""/desk/months/waiting: money that waits in the books: in suspense, or written down and not at the bank; the oldest first."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.left_over import (
    BANK_LINE,
    DEPOSIT,
    PAYMENT,
    Waiting,
    in_suspense,
    not_at_the_bank,
    sums_of,
)
from supporters.reconciliation.postings import SOURCE_KIND
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.age_words import days_old
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import ListFile, Rows, short_files
from supporters.web.desk.month_words import PATH as MONTHS
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import number

PATH = MONTHS + "/waiting"
SHOWN = 200  # of each; the files have all


class ShownWaiting(msgspec.Struct, frozen=True):
    """One sum that waits, with its place at the desk if it has one."""

    what: str
    ref: str
    href: str
    since: date
    age: str
    amount: Money


@get(PATH, opt={"access": DOES_BOOKS})
async def show_waiting_money(
    request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Both lists, the oldest of each, with the sums of all."""
    house = house_of(request)
    today = local_date(house.clock.now(), house.settings.time_zone)
    suspense, at_bank = await in_suspense(reading), await not_at_the_bank(reading)
    return await desk_page(
        request,
        reading,
        "desk/money_waits.html",
        here="months",
        suspense=[_shown(each, today) for each in suspense[:SHOWN]],
        suspense_count=len(suspense),
        suspense_sums=sums_of(suspense),
        at_bank=[_shown(each, today) for each in at_bank[:SHOWN]],
        at_bank_count=len(at_bank),
        at_bank_sums=sums_of(at_bank),
        path=PATH,
    )


def _shown(found: Waiting, today: date) -> ShownWaiting:
    words = {
        BANK_LINE: _("Bank line"),
        DEPOSIT: _("Deposit"),
        PAYMENT: _("Other money"),
        SOURCE_KIND: _("Line of Stripe's balance"),
    }
    places = {
        BANK_LINE: "/desk/match/{ref}",
        DEPOSIT: "/desk/other-money#deposits",
        PAYMENT: "/desk/other-money/{ref}",
    }
    return ShownWaiting(
        words.get(found.kind, _("Entry of the books")),
        found.ref,
        places.get(found.kind, "").format(ref=quote(found.ref, safe="")),
        found.since,
        days_old((today - found.since).days),
        found.amount,
    )


async def _suspense(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    return _file(request, "suspense", await in_suspense(session))


async def _at_bank(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    return _file(request, "not-at-the-bank", await not_at_the_bank(session))


def _file(request: AnyRequest, name: str, found: Sequence[Waiting]) -> tuple[ListFile, Rows]:
    house = house_of(request)
    today = local_date(house.clock.now(), house.settings.time_zone)
    header = [_("What"), _("Reference"), _("Since"), _("Days"), _("Currency"), _("Amount")]
    rows = [
        [
            _shown(it, today).what,
            it.ref,
            it.since.isoformat(),
            str((today - it.since).days),
            it.amount.currency,
            number(it.amount),
        ]
        for it in found
    ]
    return ListFile(name=name, view={}, header=header, numbers={3, 5}), rows


HANDLERS = [
    show_waiting_money,
    *short_files(PATH + "/suspense", access=DOES_BOOKS, read=_suspense, has_names=False),
    *short_files(PATH + "/at-bank", access=DOES_BOOKS, read=_at_bank, has_names=False),
]
