"""Every route of the desk, and how it knows who is signed in."""

import msgspec
from litestar.handlers import HTTPRouteHandler

from supporters.settings import Settings
from supporters.staff.models import Role
from supporters.web.common.access import PUBLIC, roles_of
from supporters.web.common.house import MemberResolver
from supporters.web.desk import (
    accountant,
    accounts,
    appeals,
    asking_files,
    audit,
    bank,
    bank_account,
    bank_import,
    bank_lines,
    base,
    book_files,
    books,
    density,
    deposits,
    discrepancies,
    discrepancy,
    discrepancy_evidence,
    discrepancy_reopen,
    disputes,
    donation,
    donations,
    events,
    exports,
    house_files,
    imports,
    income,
    issues,
    letters,
    match,
    match_except,
    match_files,
    match_gift,
    match_history,
    match_line,
    match_rules,
    match_standing,
    match_together,
    money_charts,
    money_files,
    money_waits,
    month,
    months,
    newsletters,
    other_back,
    other_money,
    other_new,
    other_promise,
    payout,
    payout_files,
    payouts,
    plan,
    plan_change,
    plan_files,
    plans,
    plans_failing,
    prompts,
    receipt,
    refund,
    report_files,
    senders,
    sessions,
    sign_in,
    sources,
    staff,
    staff_join,
    staff_member,
    staff_new_password,
    staff_second_factor,
    step_up,
    stripe,
    switches,
    today,
)
from supporters.web.desk.cookies import cookie_name, member_of_cookie

HANDLERS: list[HTTPRouteHandler] = [
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *donations.HANDLERS,
    *donation.HANDLERS,
    *refund.HANDLERS,
    *report_files.HANDLERS,
    *receipt.HANDLERS,
    *plans.HANDLERS,
    *plan.HANDLERS,
    *plan_change.HANDLERS,
    *plan_files.HANDLERS,
    *plans_failing.HANDLERS,
    *income.HANDLERS,
    *base.HANDLERS,
    *discrepancies.HANDLERS,
    *discrepancy.HANDLERS,
    *discrepancy_evidence.HANDLERS,
    *discrepancy_reopen.HANDLERS,
    *disputes.HANDLERS,
    *exports.HANDLERS,
    *accounts.HANDLERS,
    *books.HANDLERS,
    *payouts.HANDLERS,
    *payout.HANDLERS,
    *payout_files.HANDLERS,
    *months.HANDLERS,
    *money_charts.HANDLERS,
    *money_waits.HANDLERS,
    *money_files.HANDLERS,
    *month.HANDLERS,
    *accountant.HANDLERS,
    *bank.HANDLERS,
    *bank_account.HANDLERS,
    *bank_import.HANDLERS,
    *bank_lines.HANDLERS,
    *deposits.HANDLERS,
    *other_money.HANDLERS,
    *other_new.HANDLERS,
    *other_back.HANDLERS,
    *other_promise.HANDLERS,
    *match.HANDLERS,
    *match_except.HANDLERS,
    *match_files.HANDLERS,
    *match_line.HANDLERS,
    *match_gift.HANDLERS,
    *match_together.HANDLERS,
    *match_history.HANDLERS,
    *match_rules.HANDLERS,
    *match_standing.HANDLERS,
    *stripe.HANDLERS,
    *events.HANDLERS,
    *switches.HANDLERS,
    *letters.HANDLERS,
    *appeals.HANDLERS,
    *prompts.HANDLERS,
    *issues.HANDLERS,
    *sources.HANDLERS,
    *newsletters.HANDLERS,
    *senders.HANDLERS,
    *imports.HANDLERS,
    *staff.HANDLERS,
    *staff_member.HANDLERS,
    *staff_join.HANDLERS,
    *staff_new_password.HANDLERS,
    *sessions.HANDLERS,
    *density.HANDLERS,
    *staff_second_factor.HANDLERS,
    *step_up.HANDLERS,
    *audit.HANDLERS,
    *asking_files.HANDLERS,
    *house_files.HANDLERS,
    *book_files.HANDLERS,
]

# What an accountant's link opens: nobody signs in there.
FOR_LINKS: list[HTTPRouteHandler] = [*accountant.FOR_LINKS]


class RouteRule(msgspec.Struct, frozen=True):
    """Who may use one route; `roles` is None where anyone may."""

    path: str
    method: str
    roles: frozenset[Role] | None


def route_rules() -> list[RouteRule]:
    """Every (route, method) of the desk with its roles, for the matrix that tests hold."""
    return [
        RouteRule(path, str(method), None if handler.opt["access"] == PUBLIC else roles_of(handler.opt["access"]))
        for handler in HANDLERS
        for path in sorted(handler.paths)
        for method in sorted(handler.http_methods)
        if method != "OPTIONS"
    ]


def member_finder(settings: Settings) -> MemberResolver:
    """How the house learns who is signed in. Raises PageError 403 at an address where nobody may sign in."""
    cookie_name(settings)
    return member_of_cookie
