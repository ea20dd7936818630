"""The frame of every desk page: who is signed in, where they may go, what waits there."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.queries import count_open
from supporters.kit.strings import gettext as _
from supporters.ledger.verdict import last_verdict
from supporters.mail.desk_queries import StuckCounts, stuck_counts
from supporters.payments.desk_queries import count_events
from supporters.payments.models import InboxState
from supporters.reconciliation.match_queries import count_open_lines
from supporters.staff.letter_words import role_word
from supporters.staff.models import Role
from supporters.staff.sessions import Member, Stage
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.desk.masking import sees_people
from supporters.web.desk.roles import (
    BRINGS_LISTS,
    CONNECTS,
    DOES_BOOKS,
    EDITS,
    EVERYBODY,
    PLANS_SEE,
    READS_AUDIT,
    RUNS_LISTS,
    RUNS_STAFF,
    SEES_DONATIONS,
)
from supporters.web.desk.seal import seal_of
from supporters.web.desk.when import When


class Waiting(msgspec.Struct, frozen=True):
    """How much waits for a person; all zero for a role that cannot help it."""

    discrepancies: int = 0
    parked: int = 0
    stuck_letters: int = 0
    stuck_jobs: int = 0
    bank_lines: int = 0

    @property
    def events(self) -> int:
        """What waits on the page of events."""
        return self.parked + self.stuck_letters + self.stuck_jobs


class NavItem(msgspec.Struct, frozen=True):
    """One place to go to."""

    key: str
    label: str
    href: str
    count: int = 0


class NavGroup(msgspec.Struct, frozen=True):
    """Places under one heading."""

    label: str
    places: list[NavItem]


class Desk(msgspec.Struct, frozen=True):
    """What the frame's template needs."""

    member: Member
    role: str
    groups: list[NavGroup]
    here: str
    seal: str
    sees_people: bool
    sees_donations: bool
    does_books: bool
    back: str  # the address of this page, to come back to; empty where it was sent to
    is_broken: bool  # the last run of the books' checks found something, and this person can help it


async def desk_page(
    request: AnyRequest,
    session: AsyncSession,
    template: str,
    /,
    *,
    here: str,
    waiting: Waiting | None = None,
    problems: Sequence[tuple[str, str]] = (),
    **context: object,
) -> Response[bytes]:
    """The template inside the desk's frame; `here` is the key of the place in the navigation.

    With `problems`, pairs of a field's id and words, the status is 422.
    """
    house, member = house_of(request), member_of(request)
    settings = house.settings
    is_in = member.stage == Stage.FULL
    if waiting is None:
        waiting = await count_waiting(session, member.role) if is_in else Waiting()
    desk = Desk(
        member=member,
        role=role_word(member.role),
        groups=nav_groups(member.role, waiting) if is_in else [],
        here=here,
        seal=seal_of(settings, member),
        sees_people=sees_people(member.role),
        sees_donations=is_in and member.role in SEES_DONATIONS,
        does_books=member.role in DOES_BOOKS,
        back=_address_of(request) if request.method == "GET" else "",
        is_broken=is_in and member.role in DOES_BOOKS and await _is_broken(session),
    )
    when = When(zone=settings.time_zone, locale=settings.locale, now=house.clock.now())
    return page(
        request,
        template,
        status=422 if problems else 200,
        headers=None,
        desk=desk,
        when=when,
        problems=problems,
        problem=defaultdict(lambda: None, problems),
        **context,
    )


def _address_of(request: AnyRequest) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


async def _is_broken(session: AsyncSession) -> bool:
    verdict = await last_verdict(session)
    return bool(verdict and verdict.broken)


async def count_waiting(session: AsyncSession, role: Role) -> Waiting:
    """What waits for somebody of this role."""
    if role not in DOES_BOOKS:
        return Waiting()
    parked = await count_events(session, [InboxState.PARKED])
    stuck: StuckCounts = await stuck_counts(session)
    return Waiting(
        discrepancies=await count_open(session),
        parked=parked[InboxState.PARKED],
        stuck_letters=stuck.letters,
        stuck_jobs=stuck.jobs,
        bank_lines=await count_open_lines(session),
    )


def nav_groups(role: Role, waiting: Waiting) -> list[NavGroup]:
    """Where somebody of this role may go."""
    main = [NavItem("today", _("Today"), "/desk")]
    if role in SEES_DONATIONS:
        main.append(NavItem("donations", _("Donations"), "/desk/donations"))
    main.append(NavItem("sources", _("Where it comes from"), "/desk/sources"))
    main.append(NavItem("income", _("Income"), "/desk/income"))
    groups = [NavGroup("", main), NavGroup(_("Giving regularly"), _regular(role))]
    asking = _asking(role)
    if asking:
        groups.append(NavGroup(_("Asking"), asking))
    if role in DOES_BOOKS:
        groups.append(NavGroup(_("Money"), _money(waiting)))
    groups.append(NavGroup(_("House"), _house(role)))
    return groups


def _money(waiting: Waiting) -> list[NavItem]:
    """What proves the books, and what goes out of them."""
    return [
        NavItem("payouts", _("Payouts"), "/desk/payouts"),
        NavItem("bank", _("Bank"), "/desk/bank"),
        NavItem("match", _("Match"), "/desk/match", waiting.bank_lines),
        NavItem("discrepancies", _("Discrepancies"), "/desk/discrepancies", waiting.discrepancies),
        NavItem("disputes", _("Disputes"), "/desk/disputes"),
        NavItem("other_money", _("Other money"), "/desk/other-money"),
        NavItem("exports", _("Exports"), "/desk/exports"),
        NavItem("months", _("Months"), "/desk/months"),
        NavItem("accounts", _("Accounts"), "/desk/accounts"),
        NavItem("books", _("Do the books hold?"), "/desk/books"),
        NavItem("stripe", _("Stripe"), "/desk/stripe"),
        NavItem("events", _("Events"), "/desk/events", waiting.events),
    ]


def _regular(role: Role) -> list[NavItem]:
    """What is promised for every month or year, and how it goes."""
    base = NavItem("base", _("Monthly base"), "/desk/base")
    if role not in PLANS_SEE:
        return [base]
    return [
        NavItem("plans", _("Monthly and yearly"), "/desk/plans"),
        NavItem("failing", _("Failed payments"), "/desk/failed-payments"),
        base,
    ]


def _asking(role: Role) -> list[NavItem]:
    """What is asked of readers, where, and who gets which newsletter."""
    places = (
        (EDITS, "appeals", _("Appeals"), "/desk/appeals"),
        (EDITS, "prompts", _("On your site"), "/desk/prompts"),
        (EDITS, "issues", _("Issues and articles"), "/desk/issues"),
        (RUNS_LISTS, "newsletters", _("Newsletters"), "/desk/newsletters"),
        (BRINGS_LISTS, "imports", _("Imports"), "/desk/imports"),
        (CONNECTS, "senders", _("Connections"), "/desk/senders"),
    )
    return [NavItem(key, label, href) for roles, key, label, href in places if role in roles]


def _house(role: Role) -> list[NavItem]:
    """What keeps the house in order, and one's own sign-in."""
    places = (
        (DOES_BOOKS, "switches", _("Switches"), "/desk/switches"),
        (RUNS_STAFF, "staff", _("Staff"), "/desk/staff"),
        (READS_AUDIT, "audit", _("Audit log"), "/desk/audit"),
        (EVERYBODY, "you", _("Your sign-in"), "/desk/you"),
    )
    return [NavItem(key, label, href) for roles, key, label, href in places if role in roles]
