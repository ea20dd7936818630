"""Finding other payments for a bank line: what is ticked, what it comes to, and what is left. Every state is an address."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.kit.money import Money
from supporters.kit.text import clean_line
from supporters.reconciliation.match_names import references_of
from supporters.reconciliation.match_queries import ExpectedFilter, expected_by_key, find_expected
from supporters.reconciliation.matching import Expected
from supporters.web.common.forms import read_query
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.match_words import LONGEST, ShownPart, read_amount, read_day, show_expected

SHOWN, MOST_PICKED = 20, 20
PICKS = tuple(f"p{number}" for number in range(SHOWN + MOST_PICKED))
FIND = ("fq", "fmin", "fmax", "ffrom", "fto")


class Found(msgspec.Struct, frozen=True):
    """The payments that were ticked, as far as they are still open."""

    picked: Sequence[Expected] = ()
    is_stale: bool = False

    def left_of(self, line: BankLine) -> Money:
        """What of the line they do not explain."""
        return Money(line.amount_minor - sum(each.amount_minor for each in self.picked), line.currency)


class Find(msgspec.Struct, frozen=True):
    """The part of the page that finds other payments."""

    typed: dict[str, str]
    problems: dict[str, str]
    rows: Sequence[tuple[str, ShownPart, Expected, bool]]  # the field's name, the payment, whether it is ticked
    picked: Sequence[Expected]
    is_stale: bool
    chosen: Money
    left: Money
    is_asked: bool


async def read_find(
    request: AnyRequest, session: AsyncSession, line: BankLine, found: Found | None, *, places: Collection[str]
) -> Find:
    """What the address asks for; with `found`, what a form had ticked."""
    query = read_query(request.scope["query_string"], (*FIND, *PICKS))
    typed = {name: clean_line(query[name], limit=LONGEST) for name in FIND if query.get(name)}
    problems: list[tuple[str, str]] = []
    wanted = ExpectedFilter(
        currency=line.currency,
        words=typed.get("fq", ""),
        least_minor=read_amount(typed, "fmin", line.currency, problems),
        most_minor=read_amount(typed, "fmax", line.currency, problems),
        since=read_day(typed, "ffrom", problems),
        until=read_day(typed, "fto", problems),
    )
    ticked = found or await picked_of(session, query, line)
    keys = {(each.side, each.ref_id) for each in ticked.picked}
    others = await find_expected(session, wanted, limit=SHOWN + len(keys), near=line.booked_on)
    rest = [each for each in others if (each.side, each.ref_id) not in keys][:SHOWN]
    shown = [*((each, True) for each in ticked.picked), *((each, False) for each in rest)]
    left, called = ticked.left_of(line), await references_of(session, [each for each, _is_ticked in shown])
    return Find(
        typed=typed,
        problems=dict(problems),
        rows=[
            (PICKS[number], show_expected(each, places=places, references=called), each, is_ticked)
            for number, (each, is_ticked) in enumerate(shown)
        ],
        picked=ticked.picked,
        is_stale=ticked.is_stale,
        chosen=Money(line.amount_minor, line.currency) - left,
        left=left,
        is_asked=bool(typed or ticked.picked or ticked.is_stale),
    )


async def picked_of(session: AsyncSession, fields: Mapping[str, Any], line: BankLine) -> Found:
    """The payments that these fields tick, in the line's currency; one that is gone is left out and said so."""
    keys: list[tuple[str, str]] = []
    for name in PICKS:
        side, colon, ref_id = str(fields.get(name, ""))[:LONGEST].partition(":")
        if colon and (side, ref_id) not in keys:
            keys.append((side, ref_id))
    known = await expected_by_key(session, keys[:MOST_PICKED])
    picked = [known[key] for key in keys if key in known and known[key].currency == line.currency]
    return Found(picked, len(picked) < len(keys))
