"""What an editor is told before publishing: what is good, what to look at, and what must be put right first. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from supporters.appeals.content import Content, Terms
from supporters.appeals.contrast import fault_of, judge
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _

LONGEST_MESSAGE_WORDS = 120
WORDED = (
    "heading",
    "ask",
    "message",
    "thanks",
    "if_more",
    "letter_subject",
    "letter_signoff",
    "share_title",
    "share_text",
)

_MONTHS = r"January|February|March|April|May|June|July|August|September|October|November|December"
_MONEY = (
    r"(?:pounds?|pence|penny|pennies|quid|euros?|dollars?|cents?|francs?|kron(?:a|e|er|or)|zloty|yen|rupees?|percent|per\scent"
    r"|AUD|CAD|CHF|CZK|DKK|EUR|GBP|INR|JPY|NOK|NZD|PLN|SEK|USD)\b"
)
_GIVERS = (
    r"(?:(?:more|new|other|loyal|regular|monthly|yearly|paying)\s+)?"
    r"(?:readers|people|supporters|subscribers|subscriptions|members|donors|givers|donations|gifts|households|copies)\b"
)
_OTHERS = (
    r"(?:issues|editions|pages|articles|stories|reports|investigations|reporters|journalists|editors|writers|families"
    r"|children|men|women|schools|shops|jobs|sheets|tonnes|visits|visitors|miles|hours|days|weeks|months|years)\b"
)
_SMALL = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
)
_LARGE = r"(?:hundred|thousand|million|billion|dozen)s?"
_MORE = rf"(?:(?:\s+and)?[\s-]+(?:{_SMALL}|{_LARGE})){{0,9}}"
_YEAR = r"(?<![£$€¥\d.,])(?<![£$€¥]\s)\b(?:18|19|20)\d\d\b(?![.,]\d)"
_OF_MONEY = rf"\s?%|[\s-]*(?:{_MONEY}|{_LARGE}\b)"
_IN = r"\b(?:in|since|until|till|during|early|late|spring|summer|autumn|winter)\s+"
# Dates, years, times and the numbers of issues are no claims. "1999 readers" are no year, unless it is "in 1999".
_NO_CLAIM = re.compile(
    rf"%\((?:amount|paper)\)s|\b\d{{1,2}}(?:st|nd|rd|th)? (?:{_MONTHS})\b|\b(?:{_MONTHS}) \d{{1,2}}\b"
    rf"|(?i:{_IN}{_YEAR}(?!{_OF_MONEY})|{_YEAR}(?!{_OF_MONEY}|\s+(?:{_GIVERS}|{_OTHERS})))"
    r"|\b[Ii]ssue (?:no\. )?\d+\b|\b\d{1,2}:\d\d\b"
    r"|(?i:\bhalf\s+(?:past|an\s+hour)\b|\b(?:first|second|other)\s+half\b|\bquarter\s+of\s+an\s+hour\b)"
)
_FIGURE = re.compile(
    rf"[£$€¥]\s?\d[\d.,]*(?:\s?(?:{_LARGE}|k|m|bn)\b)?|\d[\d.,]*\s?(?:%|per ?cent)|\d[\d.,]*(?:\s?{_LARGE}\b)?|%"
    rf"|\b(?:{_SMALL}[\s-]+){{0,3}}{_LARGE}\b{_MORE}|\b{_SMALL}{_MORE}(?=[\s-]+(?:{_MONEY}|{_GIVERS}))"
    r"|\b(?:half|halves)\b(?!-)|\b(?:thirds|quarters|fifths|tenths)\b|\b(?:a|one|another)[\s-]quarter\b"
    # a third of it, but not "a third time"
    r"|\b(?:a|one|another)[\s-](?:third|fifth|tenth)(?=\s+(?:of|more|less|comes|goes|is)\b|\s*[^\w\s]|\s*$)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?…]+(?:[.!?](?=\S)[^.!?…]*)*[.!?…]*")


class Level(StrEnum):
    """How much a check weighs."""

    GOOD = "good"  # Nothing to do.
    LOOK = "look"  # Worth a look; it may be published as it is.
    BAD = "bad"  # It can't be published until this is put right.


class Advice(msgspec.Struct, frozen=True):
    """One check: its weight, its words, and the id of the field that it is about."""

    level: Level
    words: str
    field: str | None = None


def advise(content: Content, terms: Terms, *, color: str, medians: Mapping[str, int]) -> list[Advice]:
    """Every check of an appeal, what must be put right first. `medians`: what readers usually give, in minor units."""
    found = [_color(color), *_claims(content), _ladders(content, terms, medians), *_goal(content), _length(content)]
    found += [] if terms.is_general else [_end(content)]
    order = list(Level)[::-1]
    return sorted(found, key=lambda each: order.index(each.level))


def may_publish(advice: list[Advice]) -> bool:
    """Whether nothing stands in the way."""
    return all(each.level is not Level.BAD for each in advice)


def claims_without_source(content: Content) -> list[tuple[str, str]]:
    """Each sentence that makes a claim about money or numbers and has no source, with the field it stands in."""
    sourced = {figure for each in content.sources if each.source for figure in figures_of(each.claim)}
    found: dict[str, str] = {}
    for field in WORDED:
        for sentence in _sentences(getattr(content, field)):
            if not sourced.issuperset(figures_of(sentence)):
                found.setdefault(sentence, field)
    return [(field, sentence) for sentence, field in found.items()]


def figures_of(text: str) -> list[str]:
    """The figures of a text that are claims: amounts, shares and counts, not dates, years or numbers of issues."""
    return [_squeezed(found).rstrip(".,") for found in _FIGURE.findall(_NO_CLAIM.sub(" ", text))]


def _sentences(text: str) -> list[str]:
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text).lower().replace("percent", "%")


def _color(color: str) -> Advice:
    fault = fault_of(color)
    if fault:
        return Advice(Level.BAD, fault)
    verdict = judge(color)
    words = _("Colour %(white)s to 1 on paper, %(dark)s in the dark as %(shade)s, words on it %(text)s")
    figures = {
        "white": f"{verdict.on_white:.1f}",
        "dark": f"{verdict.on_dark:.1f}",
        "shade": verdict.dark,
        "text": f"{verdict.on_brand_ratio:.1f}",
    }
    return Advice(Level.GOOD, words % figures)


def _claims(content: Content) -> list[Advice]:
    missing = claims_without_source(content)
    if missing:
        words = _("Add a source for “%(claim)s”")
        return [Advice(Level.BAD, words % {"claim": sentence}, field) for field, sentence in missing]
    return [Advice(Level.GOOD, _("Every claim about money or numbers has its source"))]


def _ladders(content: Content, terms: Terms, medians: Mapping[str, int]) -> Advice:
    for name, median in medians.items():
        rungs = content.amounts.get(name, ())
        if rungs and rungs[0] > median:
            usual = format_money(Money(median, terms.currency), terms.locale, trim=True)
            words = _("Every amount is above what half of your readers give: %(amount)s or less")
            return Advice(Level.LOOK, words % {"amount": usual}, f"{name}-1")
    return Advice(Level.GOOD, _("Amounts go from small to large, and none is chosen for the reader"))


def _goal(content: Content) -> list[Advice]:
    has_goal = bool(content.goal_minor or content.goal_people)
    if has_goal and not content.if_more:
        words = _("Readers are not told what happens if more or less comes in than the goal")
        return [Advice(Level.LOOK, words, "if_more")]
    if content.has_ticker and not has_goal:
        return [Advice(Level.LOOK, _("The figure is shown without a goal, so there is no bar"), "goal")]
    return [Advice(Level.GOOD, _("Readers are told what happens to what is over"))] if has_goal else []


def _length(content: Content) -> Advice:
    words = len(content.message.split())
    if words > LONGEST_MESSAGE_WORDS:
        said = _("The message has %(count)s words. Readers give up after about %(most)s")
        return Advice(Level.LOOK, said % {"count": words, "most": LONGEST_MESSAGE_WORDS}, "message")
    return Advice(Level.GOOD, _("The message has %(count)s words") % {"count": words})


def _end(content: Content) -> Advice:
    if content.ends_at is None:
        return Advice(Level.LOOK, _("Readers are not told when the appeal ends"), "ends")
    return Advice(Level.GOOD, _("Readers are told when the appeal ends"))
