"""/desk/months/charts: what fees take of payments, month by month, and how long things have waited."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.reconciliation.ageing import Aged, FeeRate, ages, fee_rates
from supporters.reports.months import last_months
from supporters.web.common.house import house_of
from supporters.web.desk.age_words import band_words
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS

MONTHS = 12


class RateLine(msgspec.Struct, frozen=True):
    """One month's fees; `width` is of the highest rate, as SVG takes it."""

    rate: FeeRate
    words: str
    width: str
    gross: Money
    fee: Money


class AgeLine(msgspec.Struct, frozen=True):
    """What has waited for so long."""

    words: str
    aged: Aged
    width: str

    @property
    def count(self) -> int:
        """All of it."""
        return self.aged.discrepancies + self.aged.bank_lines


@get("/desk/months/charts", opt={"access": DOES_BOOKS})
async def show_charts(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Twelve months of fee rates, and what waits now by its age."""
    house = house_of(request)
    zone = house.settings.time_zone
    today = local_date(house.clock.now(), zone)
    rates = await fee_rates(reading, last_months(today, MONTHS), zone=zone)
    return await desk_page(
        request,
        reading,
        "desk/money_charts.html",
        here="months",
        rates=rate_lines(rates),
        ages=age_lines(await ages(reading, today=today, zone=zone)),
    )


def rate_lines(rates: Sequence[FeeRate]) -> list[tuple[str, list[RateLine]]]:
    """The rates by currency."""
    highest = max((each.basis_points for each in rates), default=0)
    return [
        (
            currency,
            [
                RateLine(
                    each,
                    _percent(each.basis_points),
                    _share(each.basis_points, highest),
                    Money(each.gross_minor, currency),
                    Money(each.fee_minor, currency),
                )
                for each in rates
                if each.currency == currency
            ],
        )
        for currency in sorted({each.currency for each in rates})
    ]


def age_lines(found: Sequence[Aged]) -> list[AgeLine]:
    """What waits by its age, in words."""
    highest = max(each.discrepancies + each.bank_lines for each in found)
    return [
        AgeLine(
            band_words(each.since_days, each.until_days), each, _share(each.discrepancies + each.bank_lines, highest)
        )
        for each in found
    ]


def _percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02d} %"


def _share(part: int, whole: int) -> str:
    """The bar's width, leaving room for its figure beside it."""
    return f"{part * 80 // whole if whole else 0}%"


HANDLERS = [show_charts]
