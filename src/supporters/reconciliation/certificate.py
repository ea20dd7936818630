"""A certificate: one proof as a file of its own, checked by anybody with nothing but the file. Pure.

The file is JSON of one shape: keys sorted, no spaces, UTF-8; `sha256` is taken over everything else in that shape. Each
holds the hash of the one made before it, so that none can be left out, slipped in or changed without the others showing it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

import msgspec

from supporters.kit.money import Money, plain_amount

FORMAT = "supporters-certificate/1"
FIRST = "0" * 64
HASH = "sha256"
KINDS = ("payout", "month")
LARGEST = 512 * 1024 * 1024  # bytes of a file; a payout of a million lines is less
Body = dict[str, Any]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, and whether it holds."""

    holds: bool
    sentence: str


class NoCertificate(Exception):
    """The file is no certificate; the words say why."""


def seal(body: Mapping[str, Any]) -> bytes:
    """The file of this certificate, with its hash."""
    return _plain({**body, HASH: digest(body)})


def digest(body: Mapping[str, Any]) -> str:
    """The hash of everything in it but the hash itself."""
    return hashlib.sha256(_plain({name: value for name, value in body.items() if name != HASH})).hexdigest()


def read(content: bytes) -> Body:
    """What the file says. Raises NoCertificate."""
    try:
        found: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoCertificate("this is no JSON") from None
    if not isinstance(found, dict) or cast("Body", found).get("format") != FORMAT:
        raise NoCertificate(f"this is no certificate: its format is not {FORMAT}")
    body = cast("Body", found)
    named = all(isinstance(body.get(name), str) for name in ("subject", "publisher", "previous_sha256"))
    if body.get("kind") not in KINDS or not named or not isinstance(body.get("number"), int):
        raise NoCertificate("this is a certificate that this program does not know")
    return body


def verify(body: Body) -> list[Finding]:
    """Everything that one certificate says, looked at again. Raises NoCertificate where something in it is missing."""
    is_whole = body.get(HASH) == digest(body)
    words = (
        "the file is as it was made" if is_whole else "THE FILE WAS CHANGED since it was made: its hash does not fit"
    )
    try:
        more = list(_payout(body) if body["kind"] == "payout" else _month(body))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise NoCertificate("something in it is missing or is not what it should be") from None
    return [Finding(is_whole, words), *more]


def verify_chain(bodies: Sequence[Body]) -> list[Finding]:
    """Whether each of several certificates follows the one before it. Numbers that are not here are said to be so."""
    ordered = sorted(bodies, key=lambda body: int(body["number"]))
    found: list[Finding] = []
    for before, after in pairwise(ordered):
        numbers = f"{before['number']} and {after['number']}"
        if after["number"] == before["number"] + 1:
            fits = after.get("previous_sha256") == before.get(HASH)
            found.append(Finding(fits, f"certificates {numbers} {'follow each other' if fits else 'DO NOT FIT'}"))
        elif after["number"] == before["number"]:
            fits = after.get(HASH) == before.get(HASH)
            same = "the same one twice" if fits else "TWO DIFFERENT ONES with one number"
            found.append(Finding(fits, f"certificates {numbers}: {same}"))
        else:
            found.append(Finding(True, f"between certificates {numbers} there are others that were not given"))
    return found


def _payout(body: Body) -> Iterator[Finding]:
    payout, lines = body["payout"], body["lines"]
    currency, amount = payout["currency"], int(payout["amount_minor"])
    wrong = [line["id"] for line in lines if line["net_minor"] != line["gross_minor"] - line["fee_minor"]]
    yield _none(wrong, f"each of its {len(lines)} lines is gross less fee")
    nets = sum(int(line["net_minor"]) for line in lines)
    if payout["is_itemised"]:
        yield _equal(f"its lines add up to {_money(amount, currency)}, what was paid out", nets, amount, currency)
        booked = sum(int(each["minor"]) for each in body["books"] if each["account"] == "1100")
        yield _equal("the books have them on the Stripe balance", booked, nets, currency)
    else:
        yield Finding(
            bool(payout["verified_at"]), "Stripe does not itemise it: its balance agreed after it was paid out"
        )
    yield from _balanced(body["books"], "the books' entries of its lines")
    banked = sum(int(each["minor"]) for each in body["bank"])
    yield _equal("the bank lines that show it come to the same", banked, amount, currency)
    if payout["status"] not in ("paid", "in_transit", "pending"):
        yield Finding(False, f"Stripe says that it is {payout['status']}")


def _month(body: Body) -> Iterator[Finding]:
    accounts = body["accounts"]
    if body["transactions"] and not accounts:
        yield Finding(
            False, f"NOT SO: it tells of {body['transactions']} transactions and of no account that they moved"
        )
    wrong = [
        each["account"]
        for each in accounts
        if each["opening_minor"] + each["debit_minor"] - each["credit_minor"] != each["closing_minor"]
    ]
    yield _none(wrong, f"each of {len(accounts)} accounts: opening, debits less credits, closing")
    for moment in ("opening", "closing"):
        sums = [{"currency": each["currency"], "minor": each[f"{moment}_minor"]} for each in accounts]
        yield from _balanced(sums, f"all accounts at the month's {moment}")
    for held in body["stripe_balance"]:
        currency, closing = held["currency"], int(held["closing_minor"])
        moved = sum(int(each["minor"]) for each in held["activity"])
        words = f"Stripe balance in {currency}: opening and activity are its closing, {_money(closing, currency)}"
        yield _equal(words, held["opening_minor"] + moved, closing, currency)
        yield _as_stripe_said(held)
    yield from _payouts_of_month(body)
    yield _looked_at(body)


def _as_stripe_said(held: Mapping[str, Any]) -> Finding:
    """The books' closing balance against Stripe's own answer; older certificates have none."""
    told, currency = held.get("stripe"), held["currency"]
    if told is None:
        return Finding(True, f"Stripe's own word on its balance in {currency} is not in it: NOT LOOKED AT")
    said = int(told["available_minor"]) + int(told["pending_minor"])
    asked = f"Stripe said at {told['asked_at']} that it held {_money(said, currency)}"
    words = f"{asked}: with what moved between, the books agree at the month's end"
    at_end = said + int(told["moved_to_the_end_minor"]) - int(told["booked_later_minor"])
    return _equal(words, at_end, int(held["closing_minor"]), currency)


def _looked_at(body: Body) -> Finding:
    """A month is closed only after its checklist was looked at; of an open one that may be missing, and is said."""
    checks, words = body["checks"], "nothing stood in the way of closing"
    if not checks:
        return Finding(body["state"] == "open", f"whether {words} was NOT LOOKED AT")
    left = [each["key"] for each in checks if each["state"] == "note"]
    more = f"; left to do, with a word why: {', '.join(map(str, left))}" if left else ""
    return _none([each["key"] for each in checks if each["state"] == "stop"], words + more)


def _payouts_of_month(body: Body) -> Iterator[Finding]:
    payouts, is_elsewhere = body["payouts"], body["bank_proof"] == "elsewhere"
    itemised = [each for each in payouts if each["is_itemised"]]
    off = [each["id"] for each in itemised if each["lines_minor"] != each["amount_minor"]]
    yield _none(off, f"the lines of each of {len(itemised)} itemised payouts add up to it")
    off = [each["id"] for each in itemised if each["books_minor"] != each["lines_minor"]]
    yield _none(off, "the books have the lines of each of them")
    if is_elsewhere:
        yield Finding(True, "the bank was proved in the accountant's own books: not looked at here")
        return
    counted = [each for each in payouts if each["status"] not in ("failed", "canceled")]
    off = [each["id"] for each in counted if each["bank_minor"] != each["amount_minor"]]
    yield _none(off, f"the bank shows each of {len(counted)} payouts that stand")


def _balanced(entries: Iterable[Mapping[str, Any]], what: str) -> Iterator[Finding]:
    sums: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry["currency"]] += int(entry["minor"])
    off = {currency: minor for currency, minor in sums.items() if minor}
    words = ", ".join(_money(minor, currency) for currency, minor in sorted(off.items()))
    yield Finding(not off, f"{what} sum to zero" if not off else f"{what} DO NOT SUM TO ZERO: {words}")


def _equal(words: str, one: int, other: int, currency: str) -> Finding:
    if one == other:
        return Finding(True, words)
    return Finding(False, f"NOT SO: {words}; the difference is {_money(one - other, currency)}")


def _none(wrong: Sequence[object], words: str) -> Finding:
    if not wrong:
        return Finding(True, words)
    named = ", ".join(str(each) for each in wrong[:5])
    return Finding(False, f"NOT SO: {words}; look at {named}{' and others' if len(wrong) > 5 else ''}")


def _money(minor: int, currency: str) -> str:
    return f"{currency} {plain_amount(Money(minor, currency))}"


def _plain(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(dict(body), order="sorted")
