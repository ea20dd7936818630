"""The editor of an appeal: what is known before it is drawn, the form read, and two editors' words put together."""

from collections.abc import Mapping, Sequence

import msgspec
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.advice import Advice, advise
from supporters.appeals.content import FIELDS, RUNGS, SOURCES, Content, Terms, form_of, read_content
from supporters.appeals.history import Version, is_address_fixed, versions_of
from supporters.appeals.models import Appeal
from supporters.appeals.queries import GENERAL, fund_names
from supporters.appeals.rules import LADDERS, default_amounts
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.reports.tickers import median_gifts
from supporters.staff.queries import staff_names
from supporters.web.common.giving import currency_words
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest, content_policy
from supporters.web.desk.appeal_words import Change, advice_tag, changes, done_words, labels, state_tag
from supporters.web.desk.frame import desk_page

LARGEST = 131_072  # an appeal in a script of three bytes a letter, each written as %XX
SENT = frozenset([*FIELDS, "base", "do", "publish_at"])
RUNGS_SHOWN = 4
EDITOR_POLICY = content_policy(scripts="'self'", forms="'self'") + "; connect-src 'self'; frame-src 'self'"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """All that the editor of one appeal needs to know; no appeal for a new one. Versions are newest first."""

    appeal: Appeal | None
    versions: Sequence[Version]
    terms: Terms
    funds: dict[str, str]
    medians: dict[str, int]

    @property
    def newest(self) -> Version | None:
        """The version saved last."""
        return self.versions[0] if self.versions else None

    @property
    def is_fixed(self) -> bool:
        """Whether the address can't change any more."""
        return self.appeal is not None and is_address_fixed(self.appeal)

    def version(self, number: int) -> Version | None:
        """The version of that number, if there is one."""
        return next((each for each in self.versions if each.number == number), None)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What the form shows: the fields as typed, what is wrong, and what a colleague saved meanwhile."""

    typed: dict[str, str]
    base: int
    problems: list[tuple[str, str]] = []
    theirs: Version | None = None
    clashes: list[Change] = []


async def standing_of(session: AsyncSession, house: House, appeal_id: str | None) -> Standing:
    """What is known of the appeal. Raises NotFound."""
    appeal = await _appeal(session, appeal_id) if appeal_id is not None else None
    settings, funds = house.settings, await fund_names(session)
    currency = appeal.currency if appeal else settings.currency
    terms = Terms(
        currency=currency,
        locale=settings.locale,
        zone=settings.time_zone,
        minimum_minor=settings.minimum_minor,
        maximum_minor=settings.maximum_minor,
        funds=frozenset(funds),
        is_general=appeal is not None and appeal.slug == GENERAL,
    )
    return Standing(
        appeal=appeal,
        versions=await versions_of(session, appeal) if appeal else (),
        terms=terms,
        funds=funds,
        medians=await median_gifts(session, currency=currency),
    )


def draft_of(standing: Standing) -> Draft:
    """The form as it opens: the words saved last, or for a new appeal the usual amounts and nothing else."""
    if standing.newest is not None:
        return Draft(typed=form_of(standing.newest.content, standing.terms), base=standing.newest.number)
    usual = {name: tuple(rungs) for name, rungs in default_amounts(standing.terms.currency).items()}
    fund = next(iter(standing.funds), "") if len(standing.funds) == 1 else ""
    empty = Content(name="", slug="", fund_id=fund, heading="", message="", thanks="", amounts=usual)
    return Draft(typed=form_of(empty, standing.terms), base=0)


def put_together(mine: Mapping[str, str], base: int, standing: Standing) -> Draft:
    """Both editors' words: mine where I changed a field, theirs elsewhere; with what they changed since `base`."""
    newest, seen = standing.newest, standing.version(base)
    assert newest is not None
    theirs = form_of(newest.content, standing.terms)
    before = form_of(seen.content, standing.terms) if seen else {}
    typed = {
        name: mine.get(name, "") if mine.get(name, "") != before.get(name, "") else theirs.get(name, "")
        for name in {*theirs, *mine, *before}
    }
    clashes = changes(seen.content, newest.content, standing.terms, standing.funds) if seen else []
    return Draft(typed=typed, base=newest.number, theirs=newest, clashes=clashes)


def advice_on(house: House, standing: Standing, content: Content) -> list[Advice]:
    """What an editor is told about this content."""
    return advise(content, standing.terms, color=house.settings.brand_color, medians=standing.medians)


async def editor(
    request: AnyRequest, session: AsyncSession, standing: Standing, draft: Draft, *, status: int = 200
) -> Response[bytes]:
    """The page on which an appeal is written, checked and looked at. With problems, the status is 422."""
    house, newest = house_of(request), standing.newest
    shown = read_content(draft.typed, standing.terms).content or (newest.content if newest else None)
    advice = advice_on(house, standing, shown) if shown else []
    people = [each.saved_by for each in standing.versions[:1]] + [draft.theirs.saved_by if draft.theirs else None]
    response = await desk_page(
        request,
        session,
        "desk/appeal.html",
        here="appeals",
        problems=draft.problems,
        standing=standing,
        appeal=standing.appeal,
        newest=newest,
        planned=next((each for each in standing.versions if each.is_planned), None),
        draft=draft,
        typed=draft.typed,
        tag=state_tag(standing.appeal, newest, now=house.clock.now()) if standing.appeal and newest else None,
        names=await staff_names(session, people),
        labels=labels(),
        ladders=[(name, _places(draft.typed, name)) for name in ("monthly", "yearly", "once") if name in LADDERS],
        sources=range(1, _sources_shown(draft.typed) + 1),
        advice=[(advice_tag(each), each) for each in advice],
        amounts_in=currency_words(standing.terms.currency),
        done=done_words(request.query_params.get("done", "")),
    )
    response.headers["content-security-policy"] = EDITOR_POLICY
    response.status_code = status if status != 200 else response.status_code
    return response


def _places(typed: Mapping[str, str], name: str) -> range:
    """The places of a ladder that the form shows: four, or as many as are filled in."""
    filled = [place for place in range(1, RUNGS + 1) if typed.get(f"{name}-{place}")]
    return range(1, max([RUNGS_SHOWN, *filled]) + 1)


def _sources_shown(typed: Mapping[str, str]) -> int:
    """As many as are filled in and one more."""
    filled = [
        number for number in range(1, SOURCES + 1) if typed.get(f"claim-{number}") or typed.get(f"source-{number}")
    ]
    return min(SOURCES, max([0, *filled]) + 1)


async def _appeal(session: AsyncSession, appeal_id: str) -> Appeal:
    found = await session.scalar(select(Appeal).where(Appeal.id == appeal_id)) if is_ulid(appeal_id) else None
    if found is None:
        raise NotFound(_("There is no such appeal."))
    return found
