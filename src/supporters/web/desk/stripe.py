"""/desk/stripe: whether Stripe is heard, read and believed: messages, sweeps, balance, payouts; and all is well, or is not."""

from collections.abc import AsyncIterator
from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.stripe_health import Brought, Sweep, brought, missed_events, read_health
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import ListFile, Rows, at_once, list_files
from supporters.web.desk.payout_words import standing_tag
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.stripe_words import (
    PATH,
    back_words,
    brought_words,
    often_words,
    show_holding,
    sweep_tag,
    sweep_word,
    troubles_of,
)
from supporters.web.desk.words import Tag


@get(PATH, opt={"access": DOES_BOOKS})
async def show_stripe(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What is wrong, or that all is well; then messages, sweeps, balance and payouts, one after the other."""
    house = house_of(request)
    now, locale = house.clock.now(), house.settings.locale
    health = await read_health(reading, now=now)
    found = await brought(reading, health.sweeps, now=now)
    return await desk_page(
        request,
        reading,
        "desk/stripe.html",
        here="stripe",
        path=PATH,
        health=health,
        troubles=troubles_of(health, locale=locale),
        missed=await missed_events(reading, now=now),
        sweeps=[_shown(each, each_found) for each, each_found in zip(health.sweeps, found, strict=True)],
        holdings=[show_holding(each, locale=locale) for each in health.holdings],
        unproved=[(row, Money(row.amount_minor, row.currency), standing_tag(row.standing)) for row in health.unproved],
    )


def _shown(it: Sweep, found: Brought) -> tuple[Sweep, str, str, str, str, Tag]:
    how = (often_words(it.plan.every), back_words(it.plan.overlap))
    return (it, sweep_word(it), *how, brought_words(it, found), sweep_tag(it))


async def _sweeps(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    header = [
        _("What is read"), _("How often"), _("Each run begins before the last one's end"), _("Read whole until (UTC)"),
        _("Last run (UTC)"), _("New or changed"), _("Status"), _("Tries that failed"), _("Why"),
    ]  # fmt: skip

    async def read(session: AsyncSession) -> Rows:
        now = house.clock.now()
        health = await read_health(session, now=now)
        found = await brought(session, health.sweeps, now=now)
        return [_cells(*each) for each in zip(health.sweeps, found, strict=True)]

    return ListFile(name="stripe", view={}, header=header, numbers={7}), at_once(house, read)


def _cells(it: Sweep, found: Brought) -> list[str]:
    _it, what, often, back, words, tag = _shown(it, found)
    moments = [at.strftime("%Y-%m-%d %H:%M:%S") if at else "" for at in (it.read_until, it.run_at)]
    return [what, often, back, *moments, words, tag.word, str(it.tries), it.error]


HANDLERS = [show_stripe, *list_files(PATH, access=DOES_BOOKS, asked=_sweeps)]
