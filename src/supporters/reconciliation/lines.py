"""Bank lines as they are looked at by the hundred: what matching and its list need of each, and nothing that keeps track."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine


class OpenLine(msgspec.Struct, frozen=True):
    """One line as it was read. *Money*: signed, money in is positive."""

    id: str
    bank_account_id: str
    booked_on: date
    amount_minor: int
    currency: str
    counterparty: str
    counterparty_hash: str
    text: str
    bank_reference: str
    end_to_end: str
    is_reversal: bool


Line = BankLine | OpenLine


def every_line() -> Select[*tuple[Any, ...]]:
    """The query of every line, to be narrowed down for `read_lines`."""
    return select(*(getattr(BankLine, name) for name in OpenLine.__struct_fields__))


async def read_lines(session: AsyncSession, wanted: Select[*tuple[Any, ...]]) -> Sequence[OpenLine]:
    """The lines of a query that began with `every_line`."""
    return [OpenLine(*row) for row in await session.execute(wanted)]
