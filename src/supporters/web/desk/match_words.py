"""What the desk says about matching. Pure: records in, words out; and the list's address, read and written."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from urllib.parse import parse_qsl, urlencode

import msgspec

from supporters.donations.other_models import PromiseState
from supporters.kit.errors import MoneyError
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money, parse_amount
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.chart import Account, describe
from supporters.reconciliation.gifts import GIFT, Named
from supporters.reconciliation.lines import Line
from supporters.reconciliation.match_queries import LineFilter
from supporters.reconciliation.matching import Attribute, Expected, Outcome, Reason, describe_reason
from supporters.reconciliation.models import BankMatch, Confidence, MatchAction, MatchRule, MatchState, RuleKind, Side
from supporters.reconciliation.proposals import Proposal
from supporters.reconciliation.rhythm import read_rhythm
from supporters.reconciliation.settle import turn_of
from supporters.web.desk.bank_words import said_of
from supporters.web.desk.paging import page_number
from supporters.web.desk.words import Tag

PATH = "/desk/match"
FIELDS = ("account", "way", "min", "max", "from", "to", "q", "page")
LONGEST = 120
MOST_PAGES = 10_000
EARLIEST, LATEST = date(1970, 1, 2), date(9998, 12, 30)


class MatchView(msgspec.Struct, frozen=True):
    """A part of the open lines as its address asks for it: what was understood, what was typed, what can't be read."""

    wanted: LineFilter
    typed: dict[str, str]
    page: int
    problems: list[tuple[str, str]]

    @property
    def query(self) -> str:
        """This view as the query of an address; forms take it along, to come back to it."""
        return urlencode({**self.typed, **({"page": str(self.page)} if self.page > 1 else {})})

    def address(self, path: str = PATH, **more: str) -> str:
        """The address of this view with `more`; a page of its own only where `more` says so or names no page."""
        fields = {**self.typed, "page": str(self.page) if self.page > 1 else "", **more}
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"{path}?{query}" if query else path


class ShownReason(msgspec.Struct, frozen=True):
    """One thing that was compared: what came of it, what we expected, what the bank wrote."""

    words: str
    is_for: bool
    ours: str = ""
    theirs: str = ""
    our_day: date | None = None
    their_day: date | None = None
    our_amounts: Sequence[Money] = ()
    their_amounts: Sequence[Money] = ()


class ShownPart(msgspec.Struct, frozen=True):
    """One payment that a line is, or may be."""

    key: str
    title: str
    amount: Money
    day: date | None = None
    href: str = ""
    payer: str = ""


class ShownProposal(msgspec.Struct, frozen=True):
    """One way to explain a line."""

    key: str
    parts: Sequence[ShownPart]
    tag: Tag
    reasons: Sequence[ShownReason]
    together: str  # where the bank has booked one payment as several lines
    is_sure: bool  # may be accepted from the list


class ShownNamed(msgspec.Struct, frozen=True):
    """The promise that a line names though nothing more is expected of it."""

    reference: str
    payer: str
    words: str  # why nothing is
    tag: Tag


class ShownOpen(msgspec.Struct, frozen=True):
    """One open line in the list."""

    line: Line
    amount: Money
    said: str
    top: ShownProposal | None
    others: int
    named: ShownNamed | None = None


def read_match_view(query: Mapping[str, str], *, currency: str) -> MatchView:
    """Which lines the query asks for. What can't be read is left out and named."""
    typed = {name: clean_line(query[name], limit=LONGEST) for name in FIELDS if query.get(name)}
    problems: list[tuple[str, str]] = []
    page = page_number(typed.pop("page", ""), most=MOST_PAGES)
    account = typed.get("account", "")
    wanted = LineFilter(
        account_id=account if is_ulid(account) else "",
        way=typed.get("way", "") if typed.get("way") in {"in", "out"} else "",
        least_minor=read_amount(typed, "min", currency, problems),
        most_minor=read_amount(typed, "max", currency, problems),
        since=read_day(typed, "from", problems),
        until=read_day(typed, "to", problems),
        words=typed.get("q", ""),
    )
    return MatchView(wanted, typed, page, problems)


def view_of(sent: str, *, currency: str) -> MatchView:
    """The view that a form took along."""
    return read_match_view(
        dict(parse_qsl(sent[:2000], max_num_fields=20)) if _is_query(sent) else {}, currency=currency
    )


def _is_query(sent: str) -> bool:
    return sent.isascii() and sent.count("&") < len(FIELDS)


def read_day(typed: Mapping[str, str], name: str, problems: list[tuple[str, str]]) -> date | None:
    """The day that was typed, or none; what can't be read is named."""
    if not typed.get(name):
        return None
    try:
        day = date.fromisoformat(typed[name])
    except ValueError:
        problems.append((f"f-{name}", _("Write the day as year, month and day: 2026-11-22.")))
        return None
    if EARLIEST <= day <= LATEST:
        return day
    problems.append((f"f-{name}", _("That day is too far away.")))
    return None


def read_amount(typed: Mapping[str, str], name: str, currency: str, problems: list[tuple[str, str]]) -> int | None:
    """The amount that was typed, in minor units, or none; what can't be read is named."""
    if not typed.get(name):
        return None
    try:
        return parse_amount(typed[name], currency).minor
    except MoneyError:
        problems.append((f"f-{name}", _("Write an amount in figures: 25 or 12.50.")))
        return None


def show_named(named: Named | None) -> ShownNamed | None:
    """The promise in words, and what has come of it."""
    if named is None:
        return None
    words = {
        PromiseState.LAPSED.value: _("Nothing came for a long time, so it is not waited for any more."),
        PromiseState.KEPT.value: _("It was kept already: this came on top."),
        PromiseState.ENDED.value: _("It is over, so it is not waited for any more."),
    }
    return ShownNamed(
        named.reference, named.name or named.reference, words[named.state], confidence_tag(Confidence.POSSIBLE)
    )


def show_open(
    line: Line, proposals: Sequence[Proposal], *, places: Collection[str], named: Named | None = None
) -> ShownOpen:
    """The line as the list shows it, with its first proposal, or the promise that it names where that is more than one."""
    top = show_proposal(proposals[0], places=places) if proposals else None
    return ShownOpen(
        line=line,
        amount=Money(line.amount_minor, line.currency),
        said=said_of(line.counterparty, line.text) or line.bank_reference or line.end_to_end,
        top=top,
        others=max(len(proposals) - 1, 0),
        named=None if top and top.is_sure else show_named(named),
    )


def show_proposal(proposal: Proposal, *, places: Collection[str]) -> ShownProposal:
    """The proposal in words."""
    together = _("together with %(count)s more lines") % {"count": len(proposal.line_ids) - 1}
    if len(proposal.line_ids) == 2:
        together = _("together with one more line")
    currency = proposal.parts[0].currency
    return ShownProposal(
        key=proposal.key,
        parts=[show_expected(each, places=places) for each in proposal.parts],
        tag=confidence_tag(proposal.confidence),
        reasons=[show_reason(each, currency) for each in proposal.reasons],
        together=together if proposal.is_split else "",
        is_sure=proposal.confidence in (Confidence.CERTAIN, Confidence.LIKELY),
    )


def show_expected(
    expected: Expected, *, places: Collection[str], references: Mapping[str, str] | None = None
) -> ShownPart:
    """The payment with its name, `references` as `references_of` gives them, and where it can be looked at."""
    reference = expected.reference or (references or {}).get(expected.ref_id, "")
    return ShownPart(
        key=f"{expected.side}:{expected.ref_id}",
        title=side_words(expected.side, expected.ref_id, reference),
        payer=expected.payer_name,
        amount=Money(expected.amount_minor, expected.currency),
        day=None if expected.side == Side.ACCOUNT else expected.expected_on,
        href=side_href(expected.side, expected.ref_id, places),
    )


def show_match(match: BankMatch, references: Mapping[str, str], *, places: Collection[str]) -> ShownPart:
    """What the line was found to be; `references` as `references_of` gives them."""
    return ShownPart(
        key=f"{match.side}:{match.ref_id}",
        title=side_words(match.side, match.ref_id, references.get(match.ref_id, "")),
        amount=Money(match.amount_minor, match.currency),
        href=side_href(match.side, match.ref_id, places),
    )


def side_words(side: str, ref_id: str, reference: str = "") -> str:
    """What a line was matched with, by the name that people know it by."""
    if side == Side.ACCOUNT:
        return account_words(ref_id)
    if side == Side.PROMISE:
        promise_id, turn = turn_of(ref_id)
        if turn > 1:
            said = {"name": reference or promise_id, "number": turn}
            return _("Promise %(name)s, payment %(number)s") % said
        ref_id = promise_id
    if side == Side.OTHER_PAYMENT and not reference:
        return _("Gift written down here")  # an id of ours says nothing to anybody
    if side == Side.OTHER_REFUND and not reference:
        return _("Money paid back")
    words = {
        Side.PAYOUT: _("Payout %(name)s"),
        Side.PAYOUT_RETURN: _("Returned payout %(name)s"),
        Side.TOP_UP: _("Top-up of Stripe's balance %(name)s"),
        Side.DEPOSIT: _("Deposit %(name)s"),
        Side.OTHER_PAYMENT: _("Payment %(name)s"),
        Side.OTHER_REFUND: _("Money paid back %(name)s"),
        Side.PROMISE: _("Promise %(name)s"),
    }
    return words[Side(side)] % {"name": reference or ref_id}


def kind_words(side: str) -> str:
    """What kind of thing lines were matched with."""
    return {
        Side.PAYOUT: _("Payouts"),
        Side.PAYOUT_RETURN: _("Returned payouts"),
        Side.TOP_UP: _("Top-ups of Stripe's balance"),
        Side.DEPOSIT: _("Deposits"),
        Side.OTHER_PAYMENT: _("Other payments"),
        Side.OTHER_REFUND: _("Money paid back"),
        Side.PROMISE: _("Promised payments"),
        Side.ACCOUNT: _("Accounts"),
    }[Side(side)]


def side_href(side: str, ref_id: str, places: Collection[str]) -> str:
    """Where it can be looked at; empty where the desk has no page for it."""
    if side in (Side.PAYOUT, Side.PAYOUT_RETURN):
        return f"/desk/payouts/{ref_id}" if "payouts" in places else ""
    if side == Side.OTHER_PAYMENT:
        return f"/desk/other-money/{ref_id}" if "other-money" in places else ""
    if side in (Side.DEPOSIT, Side.PROMISE, Side.OTHER_REFUND):
        return "/desk/other-money" if "other-money" in places else ""
    return ""


def account_words(code: str) -> str:
    """The account's name with its code."""
    if code not in set(Account):
        return code
    return f"{describe(Account(code)).name} ({code})"


def confidence_tag(confidence: str) -> Tag:
    """How sure it is, in one word."""
    return {
        Confidence.CERTAIN: Tag(
            _("Certain"), "check", "pos", _("A reference that only one payment has, and the amount.")
        ),
        Confidence.LIKELY: Tag(_("Likely"), "dot", "info", _("The amount fits, and the payer or a rule; look at it.")),
        Confidence.POSSIBLE: Tag(_("Possible"), "dash", "", _("Some of it agrees; look before you match.")),
        Confidence.CHOSEN: Tag(_("Chosen by hand"), "pencil", "", _("A person said so.")),
    }[Confidence(confidence)]


def show_reason(reason: Reason, currency: str) -> ShownReason:
    """The comparison in words, its amounts as money."""
    is_for = reason.outcome in (Outcome.SAME, Outcome.NEAR)
    if reason.attribute is Attribute.AMOUNT:
        ours, theirs = _amounts(reason.ours, currency), _amounts(reason.theirs, currency)
        return ShownReason(describe_reason(reason), is_for, our_amounts=ours, their_amounts=theirs)
    if reason.attribute is Attribute.DAY:
        days = date.fromisoformat(reason.ours[:10]), date.fromisoformat(reason.theirs[:10])
        return ShownReason(describe_reason(reason), is_for, our_day=days[0], their_day=days[1])
    return ShownReason(describe_reason(reason), is_for, reason.ours, reason.theirs)


def kept_reasons(match: BankMatch) -> list[ShownReason]:
    """The reasons that are kept with a match."""
    return [show_reason(msgspec.convert(each, Reason), match.currency) for each in match.reasons]


def _amounts(minor: str, currency: str) -> list[Money]:
    """The amounts of a reason: one, or several that were added up."""
    return [Money(int(each), currency) for each in minor.split(" + ")]


def undo_words(matches: Sequence[BankMatch], *, kind: str) -> str:
    """What undoing matches of this kind of action does, as its button says it; empty where there is nothing to undo."""
    if not matches:
        return ""
    if kind == GIFT:
        return _("Take the gift back (the line is open again; its donation and receipt do not count any more)")
    sides = {Side(match.side) for match in matches}
    if sides == {Side.ACCOUNT}:
        return _("Take it out of the books again (adds the opposite entries)")
    if sides <= {Side.PAYOUT, Side.PAYOUT_RETURN, Side.ACCOUNT}:
        return _("Unlink from the bank line (keeps the payout)")
    if sides <= {Side.TOP_UP, Side.ACCOUNT}:
        return _("Unlink from the bank line (keeps the top-up)")
    if Side.PROMISE in sides:
        return _("Unlink from the bank line (the promise is open again, and its donation is taken out of the books)")
    return _("Unlink from the bank line (keeps the payment)")


def match_state_tag(match: BankMatch) -> Tag:
    """Whether a match still stands."""
    if match.state == MatchState.UNDONE:
        return Tag(_("Undone"), "undo", "", _("Taken back, with the opposite entries in the books."))
    return confidence_tag(match.confidence)


def action_words(action: MatchAction) -> str:
    """What a line of the history was."""
    if action.kind == "automatic":
        return _("Matched by the house: certain")
    if action.kind == GIFT:
        return _("Written down as a gift")
    return _("Accepted everything certain") if action.kind == "many" else _("Matched by hand")


def rule_words(rule: MatchRule) -> str:
    """What a rule says."""
    if rule.kind == RuleKind.STANDING_ORDER:
        return {
            "monthly": _("The same amount every month from this payer is a standing order"),
            "quarterly": _("The same amount every quarter from this payer is a standing order"),
            "yearly": _("The same amount every year from this payer is a standing order"),
        }[read_rhythm(rule.target).frequency]
    return {
        RuleKind.ALIAS: _("Lines with these words come from Stripe"),
        RuleKind.ACCOUNT: _("Lines with these words belong on %(account)s") % {"account": account_words(rule.target)},
        RuleKind.IGNORE: _("Lines with these words are none of our business"),
    }[RuleKind(rule.kind)]


def rule_effect(rule: MatchRule) -> str:
    """What happens while the rule is on."""
    if rule.kind == RuleKind.STANDING_ORDER and not read_rhythm(rule.target).payer:
        return _("The bank names no account, only a name: each line is proposed as likely until a person says so.")
    return {
        RuleKind.ALIAS: _("The house matches such a line with the only payout of its amount and days."),
        RuleKind.ACCOUNT: _("The account is proposed as likely. Nothing is booked until a person says so."),
        RuleKind.IGNORE: _("Such lines are set aside as they come in, and say that this rule did it."),
        RuleKind.STANDING_ORDER: _(
            "Each line of this account and amount that comes when it is expected becomes a donation of the plan by itself."
        ),
    }[RuleKind(rule.kind)]


def rule_tag(rule: MatchRule) -> Tag:
    """Whether a rule is used."""
    return {
        "proposed": Tag(_("Proposed"), "clock", "warn", _("Nobody has switched it on or off yet.")),
        "on": Tag(_("On"), "check", "pos", _("A person has switched it on.")),
        "off": Tag(_("Off"), "dash", "", _("A person does not want it.")),
    }[rule.state]
