"""/desk/payouts/{id}: one payout on all three sides, what is in it, why it is proved, and its certificate."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.mapping import find_mapping, read_mapping
from supporters.reconciliation.certify import Maker, certify_payout, find_certificate, latest_certificate, read_file
from supporters.reconciliation.matches import undo
from supporters.reconciliation.models import Certificate, CertificateKind
from supporters.reconciliation.payout_lines import (
    LineKind,
    Part,
    count_unposted,
    kinds_of,
    lines_of,
    parts_of,
    purposes_of,
)
from supporters.reconciliation.payout_queries import Arrival, PayoutRow, Posted, arrivals_of, find_payout, posted_of
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank_words import said_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.payout_lines import FIELDS, kind_word, read_lines, sum_shown, sums_by_kind
from supporters.web.desk.payout_words import (
    PATH,
    Because,
    category_words,
    content_reason,
    kind_words,
    payout_bars,
    reasons_of,
    standing_tag,
    status_words,
)
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.words import frequency_word

ROWS = 100
LONGEST_ID, LONGEST_NUMBER = 120, 18
STRIPE = "https://dashboard.stripe.com/"


@get(PATH + "/{payout_id:str}", opt={"access": DOES_BOOKS})
async def show_payout(
    request: Request[Any, Any, Any], payout_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The payout's page: the proof, the way from payments to payout, its lines and its journal."""
    row = await found_payout(reading, payout_id)
    asked = read_query(request.scope["query_string"], (*FIELDS, "done"))
    at_stripe = f"{STRIPE}{'test/' if house_of(request).settings.is_test_mode else ''}payouts/{row.id}"
    return await desk_page(
        request,
        reading,
        "desk/payout.html",
        here="payouts",
        root="/desk",
        stripe=at_stripe,
        done=asked.get("done", ""),
        **await payout_facts(reading, row, asked=asked, root="/desk"),
    )


async def payout_facts(session: AsyncSession, row: PayoutRow, *, asked: Mapping[str, str], root: str) -> dict[str, Any]:
    """What the page says of the payout: proof, the way from payments to payout, journal, and the lines that are asked for."""
    parts, arrivals = await parts_of(session, row.id), await arrivals_of(session, row.id)
    posted = await posted_of(session, row.id)
    counted = sum(part.lines for part in parts)
    return {
        "row": row,
        "amount": Money(row.amount_minor, row.currency),
        "tag": standing_tag(row.standing),
        "kind": kind_words(row),
        "said": status_words(row.status),
        "sides": _sides(row, parts, posted),
        "bars": payout_bars(parts, row.currency),
        "arrivals": [(each, said_of(each.line.counterparty, each.line.text)) for each in arrivals],
        "reasons": await _reasons(session, row, arrivals, counted),
        "names": await staff_names(session, [each.made_by for each in arrivals]),
        "difference": Money((row.bank_minor or 0) - row.amount_minor, row.currency),
        "counted": counted,
        "journal": await _journal(session, posted),
        "certificate": await latest_certificate(session, CertificateKind.PAYOUT, row.id),
        "money": Money,
        **await _lines(session, row, asked=asked, address=f"{root}/payouts/{row.id}"),
    }


async def _lines(session: AsyncSession, row: PayoutRow, *, asked: Mapping[str, str], address: str) -> dict[str, Any]:
    """One page of the lines that are asked for, what they come to by kind, and what else can be asked for."""
    held = await purposes_of(session, row.id)
    looked = read_lines(asked, held)
    kinds = await kinds_of(session, row.id, looked.wanted)
    shown = sum_shown(kinds, row.currency, looked)
    first = (looked.page - 1) * ROWS
    lines = await lines_of(session, row.id, limit=ROWS, offset=first, wanted=looked.wanted)
    return {
        "lines": [(each, category_words(each.line.reporting_category), _often(each.frequency)) for each in lines],
        "looked": looked,
        "held": held,
        "address": address,
        "shown": shown,
        "kinds": sums_by_kind(kinds, row.currency, looked),
        "kind_names": [(name.value, kind_word(name)) for name in LineKind],
        "before": address + looked.query(page=looked.page - 1) if looked.page > 1 else None,
        "after": address + looked.query(page=looked.page + 1) if shown.lines > looked.page * ROWS else None,
        "problems": looked.problems,
    }


@post(PATH + "/{payout_id:str}/unlink", status_code=303, opt={"access": DOES_BOOKS})
async def take_unlink(
    request: Request[Any, Any, Any], payout_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Every bank line that shows the payout is open again; the payout stays, and the books have the opposite entries."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    row = await found_payout(session, payout_id)
    arrivals = await arrivals_of(session, row.id)
    if arrivals:  # one takes all lines of the payout with it
        await undo(session, arrivals[0].line.id, actor_id=member.id, ids=house.ids, now=house.clock.now())
    return Redirect(f"{PATH}/{row.id}?done=unlinked", status_code=303)


@post(PATH + "/{payout_id:str}/certificate", status_code=303, opt={"access": DOES_BOOKS})
async def take_certificate(
    request: Request[Any, Any, Any], payout_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """A certificate of the payout as it stands now is kept."""
    await read_sealed(request, member_of(request), [])
    row = await found_payout(session, payout_id)
    await certify_payout(session, row.id, maker_of(request))
    return Redirect(f"{PATH}/{row.id}?done=certified", status_code=303)


@get("/desk/certificates/{number:str}", opt={"access": DOES_BOOKS})
async def show_certificate(number: FromPath[str], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The certificate's file, byte for byte; `supporters verify` checks it, with nothing else at hand."""
    return await certificate_file(reading, await found_certificate(reading, number))


async def found_certificate(reading: AsyncSession, number: str) -> Certificate:
    """The certificate with this number. Raises NotFound."""
    is_one = number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER
    found = await find_certificate(reading, int(number)) if is_one else None
    if found is None:
        raise NotFound(_("There is no such certificate."))
    return found


async def certificate_file(reading: AsyncSession, found: Certificate) -> Response[bytes]:
    """The certificate's file, to be kept."""
    name = f"certificate-{found.number}.json"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    body = await read_file(reading, found.number) or b""
    return Response(body, media_type="application/json", headers=headers)


async def found_payout(session: AsyncSession, payout_id: str) -> PayoutRow:
    """The payout. Raises NotFound."""
    is_one = payout_id.isascii() and payout_id.isprintable() and len(payout_id) <= LONGEST_ID
    row = await find_payout(session, payout_id) if is_one else None
    if row is None:
        raise NotFound(_("There is no such payout."))
    return row


def maker_of(request: AnyRequest) -> Maker:
    """Whoever asks, as certificates name them."""
    house = house_of(request)
    settings = house.settings
    return Maker(
        publisher=settings.publisher_name,
        zone=settings.time_zone,
        actor_id=member_of(request).id,
        now=house.clock.now(),
    )


def _sides(row: PayoutRow, parts: Sequence[Part], posted: Sequence[Posted]) -> dict[str, Money | None]:
    """What books, lines and bank have of it; None where nothing is there."""
    booked = [each.minor for each in posted if each.account == Account.STRIPE_BALANCE]
    lines = sum(part.net_minor for part in parts)
    return {
        "books": Money(sum(booked), row.currency) if booked else None,
        "lines": Money(lines, row.currency) if parts else None,
        "bank": None if row.bank_minor is None else Money(row.bank_minor, row.currency),
    }


async def _reasons(session: AsyncSession, row: PayoutRow, arrivals: Sequence[Arrival], lines: int) -> list[Because]:
    found = content_reason(row, lines=lines, unposted=await count_unposted(session, row.id))
    for each in arrivals:
        found += reasons_of(each.match)
    return found


async def _journal(session: AsyncSession, posted: Sequence[Posted]) -> list[tuple[str, str, str, Money]]:
    """What the books have of its lines as the accountant calls it: code, name, our account, and the sum, debit positive."""
    mapping = await read_mapping(session)
    sums: dict[tuple[str, str, str, str], int] = {}
    for each in posted:
        outside = find_mapping(mapping, Account(each.account), fund_id=each.fund_id, kind=each.frequency)
        key = (outside.code, outside.name, each.account, each.currency)
        sums[key] = sums.get(key, 0) + each.minor
    return [(code, name, ours, Money(minor, held)) for (code, name, ours, held), minor in sorted(sums.items()) if minor]


def _often(frequency: str | None) -> str:
    return frequency_word(frequency) if frequency else ""


HANDLERS = [show_payout, take_unlink, take_certificate, show_certificate]
