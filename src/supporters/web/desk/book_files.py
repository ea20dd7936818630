"""The lists of closing the books as files: accounts at banks and their files, rules, exports, checks, months, charts."""

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankFile
from supporters.bank.queries import list_bank_files
from supporters.exports.models import ExportBatch
from supporters.exports.queries import list_batches
from supporters.exports.targets import Mode, Target
from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.verdict import last_verdict
from supporters.reconciliation.ageing import ages, fee_rates
from supporters.reconciliation.books_links import list_links
from supporters.reconciliation.learning import Verdict, try_rule
from supporters.reconciliation.match_queries import list_rules
from supporters.reports.months import last_months
from supporters.staff.queries import staff_names
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.accountant import PATH as LINKS
from supporters.web.desk.bank import PATH as BANK
from supporters.web.desk.bank import found_account, read_accounts
from supporters.web.desk.bank_words import file_tag, format_words, show_line
from supporters.web.desk.books import PATH as BOOKS
from supporters.web.desk.books import check_lines
from supporters.web.desk.export_words import batch_tag, mode_words, target_words
from supporters.web.desk.exports import PATH as EXPORTS
from supporters.web.desk.list_file import ListFile, Rows, short_files
from supporters.web.desk.match_rules import RULES, find_known, shown_rule
from supporters.web.desk.money_charts import MONTHS, age_lines
from supporters.web.desk.month import MonthSheet, read_sheet
from supporters.web.desk.month_words import PATH as SHEETS
from supporters.web.desk.month_words import month_named
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import moment, number

MOST = 100_000  # of a list that people make by hand
CHARTS, SHEET = SHEETS + "/charts", SHEETS + "/{month:str}"


async def _accounts(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [
        _("Account"), _("Ending"), _("State"), _("Known until"), _("Currency"), _("Balance then"), _("Lines"), _("Open lines"),
    ]  # fmt: skip
    rows = [
        [
            it.name,
            it.last4 or "",
            _("Closed") if it.closed_at else _("Open"),
            standing.ends_on.isoformat() if standing.ends_on else "",
            it.currency,
            number(balance),
            str(standing.lines),
            str(standing.open_lines),
        ]
        for it, standing, balance in await read_accounts(session)
    ]
    return ListFile(name="bank-accounts", view={}, header=header, numbers={5, 6, 7}), rows


async def _bank_files(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    account = await found_account(session, request.path_params["account_id"])
    files = await list_bank_files(session, account.id, limit=MOST)
    names = await staff_names(session, [each.taken_by for each in files])
    header = [_("When (UTC)"), _("File"), _("Format"), _("State"), _("New lines"), _("By"), _("SHA-256")]
    wanted = ListFile(name="bank-files", view={"account": account.id}, header=header, numbers={4})
    return wanted, [_bank_file_cells(each, names) for each in files]


def _bank_file_cells(it: BankFile, names: dict[str, str]) -> list[str]:
    new = str(it.counts.get("new", "")) if it.imported_at else ""
    said = [it.name, format_words(it.format), file_tag(it).word]
    return [moment(it.taken_at), *said, new, names.get(it.taken_by, ""), it.sha256]


async def _rules(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    rules = [shown_rule(each) for each in await list_rules(session)]
    names = await staff_names(session, [each.record.switched_by for each in rules if each.record.switched_by])
    header = [
        _("Words on the line, or payer"), _("What it says"), _("What it does"), _("Currency"), _("Amount"), _("State"),
        _("Learned from"), _("Switched by"), _("Switched (UTC)"),
    ]  # fmt: skip
    rows = [
        [
            it.record.words,
            it.says,
            it.does,
            it.amount.currency if it.amount else "",
            number(it.amount),
            it.tag.word,
            str(it.record.learnt_from),
            names.get(it.record.switched_by or "", ""),
            moment(it.record.switched_at),
        ]
        for it in rules
    ]
    return ListFile(name="rules", view={}, header=header, numbers={4, 6}), rows


async def _tried(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    rule = await find_known(session, request.path_params["rule_id"])
    words = {
        Verdict.RIGHT: _("It would have been right"),
        Verdict.WRONG: _("It would have been wrong"),
        Verdict.UNSAID: _("Nobody has said anything yet"),
    }
    header = [
        _("Day"),
        _("Bank line"),
        _("Its id"),
        _("State"),
        _("Currency"),
        _("Amount"),
        _("What the rule would do"),
    ]
    rows = [
        [line.booked_on.isoformat(), it.said, line.id, it.tag.word, line.currency, number(it.amount), words[verdict]]
        for line, verdict in (await try_rule(session, rule) if rule.tested else [])
        for it in [show_line(line)]
    ]
    return ListFile(name="rule-lines", view={"rule": rule.id}, header=header, numbers={5}), rows


async def _exports(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    batches = await list_batches(session, limit=MOST)
    names = await staff_names(session, [batch.made_by for batch in batches])
    header = [
        _("Made (UTC)"), _("From"), _("Until"), _("For"), _("How much goes into one journal"), _("Status"), _("Transactions"),
        _("Journals"), _("File"), _("SHA-256"), _("By"),
    ]  # fmt: skip
    rows = [_export_cells(batch, names) for batch in batches]
    return ListFile(name="exports", view={}, header=header, numbers={6, 7}), rows


def _export_cells(it: ExportBatch, names: dict[str, str]) -> list[str]:
    days = [it.starts_on.isoformat(), it.ends_on.isoformat()]
    words = [target_words(Target(it.target)).name, mode_words(Mode(it.mode))[0], batch_tag(it).word]
    counts = [str(it.transactions), str(it.journal_count)]
    return [moment(it.made_at), *days, *words, *counts, it.file_name, it.sha256, names.get(it.made_by, "")]


async def _checks(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    verdict = await last_verdict(session)
    header = [_("What must hold"), _("Name"), _("State"), _("What shows that it does not"), _("Checked (UTC)")]
    at = moment(verdict.taken_at) if verdict else ""
    rows = [
        [line.sentence, line.name, _("Does not hold") if shows else _("Holds"), shows, at]
        for line in check_lines(verdict)
        for shows in line.rows or [""]
    ]
    return ListFile(name="checks", view={}, header=header), rows


async def _links(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    links = await list_links(session, limit=MOST)
    names = await staff_names(session, [each.made_by for each in links])
    header = [
        _("For"), _("From month"), _("Made by"), _("Made (UTC)"), _("Last opened (UTC)"), _("Works until (UTC)"),
        _("Ended (UTC)"),
    ]  # fmt: skip
    rows = [
        [
            it.name,
            it.starts_on.isoformat()[:7],
            names.get(it.made_by, ""),
            *map(moment, (it.made_at, it.opened_at, it.expires_at, it.ended_at)),
        ]
        for it in links
    ]
    return ListFile(name="accountant-links", view={}, header=header), rows


async def _fees(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    house = house_of(request)
    zone = house.settings.time_zone
    months = last_months(local_date(house.clock.now(), zone), MONTHS)
    header = [_("Month"), _("Currency"), _("Payments"), _("Fees"), _("Part in per cent")]
    rows = [
        [
            it.month.isoformat()[:7],
            it.currency,
            *(number(Money(minor, it.currency)) for minor in (it.gross_minor, it.fee_minor)),
            f"{it.basis_points // 100}.{it.basis_points % 100:02d}",
        ]
        for it in await fee_rates(session, months, zone=zone)
    ]
    return ListFile(name="fees", view={}, header=header, numbers={2, 3, 4}), rows


async def _ages(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    house = house_of(request)
    zone = house.settings.time_zone
    found = age_lines(await ages(session, today=local_date(house.clock.now(), zone), zone=zone))
    header = [_("Waiting for"), _("Discrepancies"), _("Bank lines")]
    rows = [[it.words, str(it.aged.discrepancies), str(it.aged.bank_lines)] for it in found]
    return ListFile(name="ageing", view={}, header=header, numbers={1, 2}), rows


async def _sheet_of(request: AnyRequest, session: AsyncSession) -> MonthSheet:
    house = house_of(request)
    first, zone = month_named(request.path_params["month"]), house.settings.time_zone
    return await read_sheet(session, first, zone=zone, today=local_date(house.clock.now(), zone))


async def _balances(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    sheet = await _sheet_of(request, session)
    header = [
        _("Outside"), _("Name outside"), _("Account"), _("Currency"), _("Before"), _("Debit"), _("Credit"), _("Afterwards"),
    ]  # fmt: skip
    rows = [
        [it.code, it.name, it.ours, it.closing.currency, *map(number, (it.opening, it.debit, it.credit, it.closing))]
        for it in sheet.accounts
    ]
    name = f"accounts-{sheet.name}"
    return ListFile(name=name, view={"month": sheet.name}, header=header, numbers=range(4, 8)), rows


async def _month_payouts(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    sheet = await _sheet_of(request, session)
    header = [_("Arrives"), _("Payout"), _("Proof"), _("Currency"), _("Amount")]
    rows = [
        [it.arrival_on.isoformat(), it.id, tag.word, amount.currency, number(amount)]
        for it, amount, tag in sheet.payouts
    ]
    name = f"payouts-{sheet.name}"
    return ListFile(name=name, view={"month": sheet.name}, header=header, numbers={4}), rows


async def _explained(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    sheet = await _sheet_of(request, session)
    header = [_("What"), _("Came up"), _("Open"), _("Open from earlier months")]
    rows = [[words, *map(str, counts)] for words, *counts in sheet.explained]
    name = f"discrepancies-{sheet.name}"
    return ListFile(name=name, view={"month": sheet.name}, header=header, numbers={1, 2, 3}), rows


HANDLERS = [
    *short_files(BANK, access=DOES_BOOKS, read=_accounts),
    *short_files(BANK + "/{account_id:str}/files", access=DOES_BOOKS, read=_bank_files),
    *short_files(RULES, access=DOES_BOOKS, read=_rules),
    *short_files(RULES + "/{rule_id:str}/lines", access=DOES_BOOKS, read=_tried),
    *short_files(EXPORTS, access=DOES_BOOKS, read=_exports),
    *short_files(BOOKS, access=DOES_BOOKS, read=_checks),
    *short_files(LINKS, access=DOES_BOOKS, read=_links),
    *short_files(CHARTS + "/fees", access=DOES_BOOKS, read=_fees),
    *short_files(CHARTS + "/ageing", access=DOES_BOOKS, read=_ages),
    *short_files(SHEET + "/accounts", access=DOES_BOOKS, read=_balances),
    *short_files(SHEET + "/payouts", access=DOES_BOOKS, read=_month_payouts),
    *short_files(SHEET + "/discrepancies", access=DOES_BOOKS, read=_explained),
]
