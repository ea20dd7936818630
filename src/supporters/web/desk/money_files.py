"""Finance's shorter lists as files: disputes, money that never met Stripe, deposits, promises, the board of months."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import fund_names
from supporters.donations.dispute_queries import list_disputes
from supporters.donations.other_models import Deposit, Promise
from supporters.donations.other_queries import list_deposits, list_payments, list_promises
from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.mapping import list_mapping
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.accounts import PATH as ACCOUNTS
from supporters.web.desk.accounts import AccountView, account_view
from supporters.web.desk.dispute_words import DisputeShown, show_dispute
from supporters.web.desk.list_file import ListFile, Rows, at_once, list_files
from supporters.web.desk.month_words import PATH as MONTHS
from supporters.web.desk.month_words import month_named
from supporters.web.desk.months import ShownMonth, read_board
from supporters.web.desk.other_money import PATH as OTHER
from supporters.web.desk.other_money import Shown, shown
from supporters.web.desk.other_words import deposit_tag, frequency_words, promise_tag
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import number

DISPUTES = "/desk/disputes"
MOST_DISPUTES = 100_000


async def _disputes(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    state = "over" if request.query_params.get("state") == "over" else ""
    header = [
        _("Dispute"), _("At Stripe"), _("Donation"), _("Status"), _("Why"), _("Currency"), _("Amount"), _("Answer by (UTC)"),
        _("Opened (UTC)"), _("Closed (UTC)"), _("What can be done"),
    ]  # fmt: skip
    wanted = ListFile(name="disputes", view={"state": state}, header=header, numbers={6})

    async def read(session: AsyncSession) -> Rows:
        found = await list_disputes(session, is_over=bool(state), limit=MOST_DISPUTES)
        return [_dispute_cells(show_dispute(each)) for each in found]

    return wanted, at_once(house_of(request), read)


def _dispute_cells(it: DisputeShown) -> list[str]:
    days = [day.strftime("%Y-%m-%d %H:%M:%S") if day else "" for day in (it.due_at, it.opened_at, it.closed_at)]
    sum_ = [it.amount.currency, number(it.amount)]
    return [it.id, it.stripe_id, it.donation_id, it.tag.word, it.reason, *sum_, *days, it.todo]


async def _payments(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    header = [
        _("Payment"), _("Donation"), _("From"), _("How"), _("Cheque number"), _("Received"), _("Currency"), _("Amount"),
        _("Where it stands"), _("Deposit"), _("Note"),
    ]  # fmt: skip
    wanted = ListFile(name="other-money", view={}, header=header, numbers={7})
    return wanted, _pages(house_of(request))


async def _pages(house: House) -> AsyncIterator[Rows]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    async with house.db.reading() as session:
        page, has_more = 1, True
        while has_more:
            rows, has_more = await list_payments(session, page=page)
            yield [_payment_cells(shown(row)) for row in rows]
            page += 1


def _payment_cells(it: Shown) -> list[str]:
    row = it.payment
    return [
        row.id,
        it.reference,
        it.name,
        it.kind,
        row.cheque_number,
        row.received_on.isoformat(),
        row.currency,
        number(it.amount),
        it.tag.word,
        row.deposit_id or "",
        row.end_note or row.note or "",
    ]


async def _deposits(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    header = [_("Deposit"), _("Reference"), _("Day"), _("Currency"), _("Counted"), _("Where it stands")]
    wanted = ListFile(name="deposits", view={}, header=header, numbers={4})

    async def read(session: AsyncSession) -> Rows:
        return [_deposit_cells(each) for each in await list_deposits(session, limit=None)]

    return wanted, at_once(house_of(request), read)


def _deposit_cells(row: Deposit) -> list[str]:
    counted = number(Money(row.counted_minor, row.currency))
    return [row.id, row.reference, row.paid_in_on.isoformat(), row.currency, counted, deposit_tag(row.state).word]


async def _promises(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    header = [
        _("Reference"), _("From"), _("Email"), _("Currency"), _("Amount"), _("How often"), _("Where it stands"),
        _("Expected"), _("Made (UTC)"),
    ]  # fmt: skip
    wanted = ListFile(name="promises", view={}, header=header, numbers={4})

    async def read(session: AsyncSession) -> Rows:
        return [_promise_cells(each) for each in await list_promises(session, limit=None)]

    return wanted, at_once(house_of(request), read)


def _promise_cells(row: Promise) -> list[str]:
    return [
        row.reference,
        row.name,
        row.email,
        row.currency,
        number(Money(row.amount_minor, row.currency)),
        frequency_words(row.frequency),
        promise_tag(row.state).word,
        row.expected_on.isoformat(),
        row.made_at.strftime("%Y-%m-%d %H:%M:%S"),
    ]


async def _months(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    today = local_date(house.clock.now(), house.settings.time_zone)
    asked = read_query(request.scope["query_string"], ("until",)).get("until", "")
    last = min(month_named(asked), today.replace(day=1)) if asked else today
    header = [
        _("Month"), _("Status"), _("Currency"), _("Given"), _("Paid out"), _("Payouts"), _("Not proved"), _("Bank lines"),
        _("Not matched"), _("Not in the books"), _("To explain"),
    ]  # fmt: skip
    wanted = ListFile(name="months", view={"until": asked}, header=header, numbers=range(3, 11))

    async def read(session: AsyncSession) -> Rows:
        board = await read_board(session, last=last, today=today, settings=house.settings)
        return [cells for each in board.months for cells in _month_cells(each, house.settings.currency)]

    return wanted, at_once(house, read)


def _month_cells(it: ShownMonth, currency: str) -> list[list[str]]:
    """One line for each currency; the counts are of the whole month and stand in its first line only."""
    given, paid_out = ({each.currency: each for each in side} for side in (it.given, it.paid_out))
    row = it.row
    counts = [len(row.payouts), row.unproved, row.bank_lines, row.open_lines, row.unposted, row.to_explain]
    lines: list[list[str]] = []
    for each in sorted({*given, *paid_out}) or [currency]:
        sums = [number(side.get(each, Money(0, each))) for side in (given, paid_out)]
        lines.append([it.name, it.tag.word, each, *sums, *(str(count) if not lines else "" for count in counts)])
    return lines


async def _accounts(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    header = [
        _("Account"), _("Name"), _("Counts as"), _("For"), _("Outside"), _("Name outside"), _("Tax code"), _("Tracking"),
    ]  # fmt: skip

    async def read(session: AsyncSession) -> Rows:
        rows, funds = await list_mapping(session), await fund_names(session)
        return [cells for account in Account for cells in _account_cells(account_view(account, rows, funds))]

    return ListFile(name="accounts", view={}, header=header), at_once(house_of(request), read)


def _account_cells(it: AccountView) -> list[list[str]]:
    """One line for each line of the mapping; an account that is called outside as it is here has one too."""
    ours = [it.account.value, it.name, it.kind]
    lines = [
        [*ours, each.money, each.row.outside_code, each.row.outside_name, each.row.tax_code, each.row.tracking]
        for each in it.lines
    ]
    return lines or [[*ours, "", it.account.value, it.name, "", ""]]


HANDLERS = [
    *list_files(ACCOUNTS, access=DOES_BOOKS, asked=_accounts),
    *list_files(DISPUTES, access=DOES_BOOKS, asked=_disputes),
    *list_files(OTHER + "/payments", access=DOES_BOOKS, asked=_payments),
    *list_files(OTHER + "/deposits", access=DOES_BOOKS, asked=_deposits),
    *list_files(OTHER + "/promises", access=DOES_BOOKS, asked=_promises),
    *list_files(MONTHS, access=DOES_BOOKS, asked=_months),
]
