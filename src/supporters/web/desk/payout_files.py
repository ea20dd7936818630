"""/desk/payouts/{id}/lines.csv: what is in one payout, line by line, with the ids of Stripe and of our donations."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.payout_queries import PayoutLine, lines_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.list_file import ListFile, Rows, in_portions, list_files
from supporters.web.desk.payout import found_payout
from supporters.web.desk.payout_words import PATH, category_words
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import number
from supporters.web.desk.words import frequency_word


async def _lines(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    async with house.db.reading() as session:
        payout = await found_payout(session, request.path_params["payout_id"])
    header = [
        _("Date and time (UTC)"), _("What"), _("Frequency"), _("Donation"), _("Currency"), _("Gross"), _("Fee"), _("Net"),
        _("In the books (UTC)"), _("At Stripe"), _("Payment"), _("Payout"),
    ]  # fmt: skip
    wanted = ListFile(name=f"payout-{payout.id}", view={"payout": payout.id}, header=header, numbers={5, 6, 7})

    async def read(session: AsyncSession, limit: int, offset: int) -> Rows:
        found = await lines_of(session, payout.id, limit=limit, offset=offset)
        return [_cells(each, payout.id) for each in found]

    return wanted, in_portions(house, read)


def _cells(found: PayoutLine, payout_id: str) -> list[str]:
    line = found.line
    posted = line.posted_at.strftime("%Y-%m-%d %H:%M:%S") if line.posted_at else ""
    return [
        line.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        category_words(line.reporting_category),
        frequency_word(found.frequency) if found.frequency else "",
        found.reference or "",
        line.currency,
        *(number(Money(minor, line.currency)) for minor in (line.gross_minor, -line.fee_minor, line.net_minor)),
        posted,
        line.stripe_balance_transaction_id,
        line.stripe_payment_intent_id or "",
        payout_id,
    ]


HANDLERS = [*list_files(PATH + "/{payout_id:str}/lines", access=DOES_BOOKS, asked=_lines)]
