"""What the desk says about appeals: labels, states, and the content of a version in words, to be compared. Pure."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_datetime

from supporters.appeals.advice import Advice, Level
from supporters.appeals.content import Content, Terms
from supporters.appeals.history import Version
from supporters.appeals.models import Appeal
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.web.desk.words import Tag


class Change(msgspec.Struct, frozen=True):
    """One thing that two versions say differently."""

    label: str
    before: str
    after: str


def labels() -> dict[str, str]:
    """What each part of an appeal is called, in the order of the page."""
    return {
        "name": _("Name"),
        "slug": _("Address"),
        "heading": _("Heading"),
        "ask": _("The why at the foot of an article"),
        "message": _("Message"),
        "thanks": _("Thank-you"),
        "signed_by": _("Signed by"),
        "once": _("One-off"),
        "monthly": _("Monthly"),
        "yearly": _("Yearly"),
        "goal": _("Goal"),
        "has_ticker": _("What has been raised is shown"),
        "if_more": _("If more or less comes in than the goal"),
        "starts": _("Begins"),
        "ends": _("Ends"),
        "fund": _("Fund"),
        "sources": _("Sources"),
        "letter_subject": _("Subject of the receipt’s letter"),
        "letter_signoff": _("Sign-off of the receipt’s letter"),
        "share_title": _("Title when shared"),
        "share_text": _("Words when shared"),
    }


def changes(before: Content, after: Content, terms: Terms, funds: Mapping[str, str]) -> list[Change]:
    """What the two say differently, part by part."""
    old, new = in_words(before, terms, funds), in_words(after, terms, funds)
    return [Change(label, old[key], new[key]) for key, label in labels().items() if old[key] != new[key]]


def in_words(content: Content, terms: Terms, funds: Mapping[str, str]) -> dict[str, str]:
    """Each part of the content as people read it; empty where there is nothing."""
    plain = {name: str(getattr(content, name)) for name in labels() if name in _PLAIN}
    ladders = {
        name: ", ".join(_money(minor, terms) for minor in content.amounts.get(name, ()))
        for name in ("once", "monthly", "yearly")
    }
    return {
        **plain,
        **ladders,
        "slug": f"/g/{content.slug}",
        "goal": _goal(content, terms),
        "has_ticker": _("yes") if content.has_ticker else _("no"),
        "starts": _moment(content.starts_at, terms),
        "ends": _moment(content.ends_at, terms),
        "fund": funds.get(content.fund_id, ""),
        "sources": "; ".join(f"{each.claim} – {each.source}" for each in content.sources),
    }


def state_tag(appeal: Appeal, newest: Version, *, now: datetime) -> Tag:
    """Whether readers see the appeal, and whether it says what was written last."""
    if not appeal.is_published:
        withdrawn = appeal.version > 0
        about = _("Readers no longer see it.") if withdrawn else _("No reader has seen it yet.")
        return Tag(_("Withdrawn") if withdrawn else _("Draft"), "dash" if withdrawn else "pencil", "", about)
    if appeal.ends_at is not None and appeal.ends_at <= now:
        return Tag(_("Ended"), "clock", "", _("Readers see that it has ended, and thanks."))
    if appeal.starts_at is not None and appeal.starts_at > now:
        return Tag(_("Not begun"), "clock", "info", _("Published; readers see it from its start."))
    if newest.number > appeal.version:
        return Tag(_("Live, newer draft"), "pencil", "info", _("Readers see an earlier version than the last saved."))
    return Tag(_("Live"), "check", "pos", _("Readers see what was saved last."))


def advice_tag(advice: Advice) -> Tag:
    """How much a check weighs."""
    return {
        Level.GOOD: Tag(_("Good"), "check", "pos", _("Nothing to do.")),
        Level.LOOK: Tag(_("Look"), "alert", "warn", _("Worth a look; it may be published as it is.")),
        Level.BAD: Tag(_("Put right"), "cross", "neg", _("It can’t be published until this is put right.")),
    }[advice.level]


def done_words(done: str) -> str | None:
    """What was just done, by the word that the address carries."""
    return {
        "created": _("The appeal is there as a draft. Publish it when it is ready."),
        "saved": _("Draft saved. Readers see it once you publish."),
        "published": _("Published. Readers see it within a minute or two."),
        "planned": _("Saved. It is published by itself at that time."),
        "called-off": _("Called off. Nothing is published by itself now."),
        "withdrawn": _("Withdrawn. Its address now leads to the general appeal, with a notice."),
        "back": _("Brought back as a new draft. Readers see it once you publish."),
        "sent": _("The letter is on its way to your own address."),
    }.get(done)


def _goal(content: Content, terms: Terms) -> str:
    if content.goal_people:
        return _("%(count)s people") % {"count": f"{content.goal_people:,}"}
    return _money(content.goal_minor, terms) if content.goal_minor else ""


def _money(minor: int, terms: Terms) -> str:
    return format_money(Money(minor, terms.currency), terms.locale, trim=True)


def _moment(moment: datetime | None, terms: Terms) -> str:
    if moment is None:
        return ""
    return format_datetime(moment.astimezone(ZoneInfo(terms.zone)), "d MMMM y, HH:mm", locale=terms.locale)


_PLAIN = frozenset(
    [
        *("name", "heading", "ask", "message", "thanks", "signed_by", "if_more"),
        *("letter_subject", "letter_signoff", "share_title", "share_text"),
    ]
)
