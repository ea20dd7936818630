"""What is asked of readers as files: appeals and their versions, places on the site, issues, articles, newsletters."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import articles_of_issue, latest_articles
from supporters.appeals.issues import find_issue, list_issues
from supporters.appeals.models import Article
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.newsletters.desk_queries import list_newsletters
from supporters.prompts.sightings import sites_seen
from supporters.prompts.vetoes import vetoes
from supporters.staff.queries import staff_names
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.appeal_form import standing_of
from supporters.web.desk.appeals import HERE as APPEALS
from supporters.web.desk.appeals import Listed, read_appeals
from supporters.web.desk.issues import PATH as ISSUES
from supporters.web.desk.list_file import ListFile, Rows, in_portions, list_files, short_files, sums_file
from supporters.web.desk.newsletters import PATH as NEWSLETTERS
from supporters.web.desk.prompt_list import read_places
from supporters.web.desk.roles import EDITS, RUNS_LISTS
from supporters.web.desk.sheet import moment, number

PROMPTS = "/desk/prompts"
MOST_ISSUES = 100_000


async def _appeals(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [
        _("Appeal"), _("Address"), _("Status"), _("Begins"), _("Ends"), _("Currency"), _("Raised so far"), _("Readers"),
    ]  # fmt: skip
    rows = await read_appeals(session, now=house_of(request).clock.now())
    return ListFile(name="appeals", view={}, header=header, numbers={6, 7}), [_appeal_cells(each) for each in rows]


def _appeal_cells(row: Listed) -> list[str]:
    it, raised = row.appeal, row.raised
    sums = [raised.currency, number(Money(raised.raised_minor, raised.currency)), str(raised.people)] if raised else []
    days = [moment(it.starts_at), moment(it.ends_at)]
    return [it.name or it.heading, f"/g/{it.slug}", row.tag.word, *days, *(sums or ["", "", ""])]


async def _versions(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    standing = await standing_of(session, house_of(request), request.path_params["appeal_id"])
    names = await staff_names(session, [each.saved_by for each in standing.versions])
    slug = standing.appeal.slug if standing.appeal else ""
    header = [_("Version"), _("Saved (UTC)"), _("By"), _("Planned (UTC)"), _("Published (UTC)"), _("Heading")]
    rows = [
        [
            str(each.number),
            moment(each.saved_at),
            names.get(each.saved_by, ""),
            moment(each.publish_at),
            moment(each.published_at),
            each.content.heading,
        ]
        for each in standing.versions
    ]
    return ListFile(name=f"appeal-{slug}-versions", view={"appeal": slug}, header=header, numbers={0}), rows


async def _places(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [
        _("Place"), _("Code"), _("State"), _("Appeal"), _("Asked for now"), _("Newsletter"), _("Version"), _("Published (UTC)"),
    ]  # fmt: skip
    rows = [
        [
            each.title,
            each.code,
            _("On") if each.is_on else _("Off"),
            each.appeal_slug,
            each.asked_slug or "",
            each.newsletter or "",
            str(each.version or ""),
            moment(each.published_at),
        ]
        for each in await read_places(session)
    ]
    return ListFile(name="places", view={}, header=header, numbers={6}), rows


async def _seen(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [_("Site"), _("Place"), _("Form"), _("Version"), _("First seen (UTC)"), _("Last seen (UTC)")]
    rows = [
        [row.site, row.placement, row.form, str(row.version), moment(row.first_at), moment(row.last_at)]
        for row in await sites_seen(session)
    ]
    return ListFile(name="sites", view={}, header=header, numbers={3}), rows


async def _vetoes(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    kept = await vetoes(session)
    names = await staff_names(session, [each for veto in kept for each in (veto.made_by, veto.lifted_by)])
    header = [
        _("Page"), _("Tag"), _("From"), _("Until"), _("Why"), _("Said by"), _("Said (UTC)"), _("Lifted by"), _("Lifted (UTC)"),
    ]  # fmt: skip
    rows = [
        [
            veto.path or "",
            veto.tag or "",
            *(day.isoformat() if day else "" for day in (veto.starts_on, veto.ends_on)),
            veto.reason,
            names.get(veto.made_by, ""),
            moment(veto.made_at),
            names.get(veto.lifted_by or "", ""),
            moment(veto.lifted_at),
        ]
        for veto in kept
    ]
    return ListFile(name="nothing-asked", view={}, header=header), rows


async def _issues(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [_("Issue"), _("Title"), _("Date"), _("PDF")]
    rows = [
        [it.number, it.title, it.published_on.isoformat() if it.published_on else "", it.pdf_url]
        for it in await list_issues(session, limit=MOST_ISSUES)
    ]
    return ListFile(name="issues", view={}, header=header), rows


async def _articles(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    async def read(session: AsyncSession, limit: int, offset: int) -> Rows:
        return [_article_cells(each) for each in await latest_articles(session, limit=limit, offset=offset)]

    return ListFile(name="articles", view={}, header=_article_header()), in_portions(house_of(request), read)


async def _issue_articles(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    issue = await find_issue(session, request.path_params["issue_id"])
    found = await articles_of_issue(session, issue.number, limit=MOST_ISSUES)
    wanted = ListFile(name="articles", view={"issue": issue.number}, header=_article_header())
    return wanted, [_article_cells(each) for each in found]


def _article_header() -> list[str]:
    return [_("Article"), _("Site"), _("Address"), _("Issue"), _("Tags"), _("Published (UTC)")]


def _article_cells(it: Article) -> list[str]:
    return [it.title, it.site, it.path, it.issue or "", ", ".join(it.tags), moment(it.published_at)]


async def _newsletters(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [
        _("List"), _("Short name"), _("Shown to readers"), _("How often"), _("On the list"), _("Waiting"), _("Stopped"),
        _("Suppressed"),
    ]  # fmt: skip
    rows = [
        [
            it.name,
            it.slug,
            _("Public") if it.is_public else _("Not public"),
            it.how_often,
            *map(str, (counts.confirmed, counts.waiting, counts.stopped, counts.suppressed)),
        ]
        for it, counts in await list_newsletters(session)
    ]
    return ListFile(name="newsletters", view={}, header=header, numbers=range(4, 8)), rows


HANDLERS = [
    *short_files(APPEALS, access=EDITS, read=_appeals, has_names=False),
    *short_files(APPEALS + "/{appeal_id:str}/history", access=EDITS, read=_versions),
    *short_files(PROMPTS + "/places", access=EDITS, read=_places, has_names=False),
    *short_files(PROMPTS + "/seen", access=EDITS, read=_seen, has_names=False),
    *short_files(PROMPTS + "/no-ask", access=EDITS, read=_vetoes),
    *short_files(ISSUES, access=EDITS, read=_issues, has_names=False),
    *short_files(ISSUES + "/{issue_id:str}/articles", access=EDITS, read=_issue_articles, has_names=False),
    *list_files(ISSUES + "/articles", access=EDITS, asked=_articles, give=sums_file),
    *short_files(NEWSLETTERS, access=RUNS_LISTS, read=_newsletters, has_names=False),
]
