"""Only what Stripe signed for this endpoint in the last five minutes, in the shape of an event, comes in."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supporters.kit.clock import FixedClock
from supporters.payments.gateway import API_VERSION
from supporters.payments.verifier import LARGEST_BODY, BadEvent, BadSignature, Verifier

NEW, OLD, STRANGER = "whsec_new", "whsec_old", "whsec_stranger"


def sign(body: bytes, *, at: int, secret: str = NEW, scheme: str = "v1") -> str:
    """Stripe's header, made by hand so that it does not lean on what it tests."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},{scheme}={digest}"


def event(**changes: object) -> dict[str, object]:
    """An event as Stripe makes them."""
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": API_VERSION,
        "created": 1795340162,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "payment_intent.succeeded",
    } | changes


def body_of(**changes: object) -> bytes:
    return json.dumps(event(**changes), indent=2).encode()


GOOD = body_of()


@pytest.fixture
def verifier(clock: FixedClock) -> Verifier:
    return Verifier([NEW, OLD], clock=clock, account="acct_ours")


@pytest.fixture
def at(clock: FixedClock) -> int:
    return int(clock.now().timestamp())


@pytest.mark.parametrize("secret", [NEW, OLD])
@pytest.mark.parametrize("skew", [-300, -1, 0, 299])
def test_signed_event_within_five_minutes_is_believed(verifier: Verifier, at: int, secret: str, skew: int) -> None:
    found = verifier.verify(GOOD, sign(GOOD, at=at + skew, secret=secret))

    assert (found.id, found.type, found.object_id, found.body) == ("evt_1", "payment_intent.succeeded", "pi_1", GOOD)
    assert found.occurred_at.timestamp() == 1795340162


def test_one_fitting_signature_of_several_is_enough(verifier: Verifier, at: int) -> None:
    both = sign(GOOD, at=at, secret=STRANGER) + "," + sign(GOOD, at=at).partition(",")[2]

    assert verifier.verify(GOOD, both).id == "evt_1"


Header = Callable[[int], str | None]
BAD_HEADERS: dict[str, Header] = {
    "missing": lambda _at: None,
    "empty": lambda _at: "",
    "stranger's secret": lambda at: sign(GOOD, at=at, secret=STRANGER),
    "signature of another body": lambda at: sign(GOOD + b" ", at=at),
    "old": lambda at: sign(GOOD, at=at - 301),
    "of the future": lambda at: sign(GOOD, at=at + 301),
    "a year ahead": lambda at: sign(GOOD, at=at + 31_536_000),
    "scheme v0 only": lambda at: sign(GOOD, at=at, scheme="v0"),
    "no time": lambda at: sign(GOOD, at=at).partition(",")[2],
    "time not a number": lambda at: sign(GOOD, at=at).replace("t=", "t=x"),
    "time with a sign": lambda at: sign(GOOD, at=at).replace("t=", "t=-"),
    "time with an underscore": lambda at: sign(GOOD, at=at).replace("t=1", "t=1_"),
    "time with a space": lambda at: sign(GOOD, at=at).replace("t=", "t= "),
    "two times": lambda at: f"t={at - 4000}," + sign(GOOD, at=at),
    "time too long": lambda at: sign(GOOD, at=at).replace("t=", "t=000000000"),
    "time changed": lambda at: sign(GOOD, at=at).replace(f"t={at}", f"t={at - 1}"),
    "arabic digits": lambda at: sign(GOOD, at=at).replace("t=1", "t=١"),
    "not ASCII": lambda at: sign(GOOD, at=at) + ",v1=é",
    "too long": lambda at: sign(GOOD, at=at) + ",v1=" + "0" * 1024,
    "signature cut short": lambda at: sign(GOOD, at=at)[:-1],
    "signature in capitals": lambda at: sign(GOOD, at=at).upper().replace("T=", "t=").replace("V1=", "v1="),
    "empty signature": lambda at: f"t={at},v1=",
    "no value": lambda at: f"t={at},v1",
    "only commas": lambda _at: ",,,,",
    "a control character": lambda at: sign(GOOD, at=at) + "\x00",
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_header_that_does_not_fit_is_refused(verifier: Verifier, at: int, name: str) -> None:
    with pytest.raises(BadSignature):
        verifier.verify(GOOD, BAD_HEADERS[name](at))


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"event"',
    "number": b"1",
    "cut off": GOOD[:-2],
    "two objects": GOOD + GOOD,
    "NaN": GOOD.replace(b"1795340162", b"NaN"),
    "Infinity": GOOD.replace(b"1795340162", b"Infinity"),
    "number too large": GOOD.replace(b"1795340162", b"1e999"),
    "NaN deep inside": GOOD.replace(b'"pi_1"', b'"pi_1", "amount": NaN'),
    "key twice": GOOD.replace(b'"livemode": false', b'"livemode": true, "livemode": false'),
    "key twice deep inside": GOOD.replace(b'"id": "pi_1"', b'"id": "pi_2", "id": "pi_1"'),
    "key twice, once escaped": GOOD.replace(b'"id": "pi_1"', b'"\\u0069d": "pi_2", "id": "pi_1"'),
    "too deep": GOOD.replace(b'"pi_1"', b'"pi_1", "deep": ' + b"[" * 200 + b"]" * 200),
    "much too deep": b"[" * 100_000,
    "too deep in objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "thin event": body_of(object="v2.core.event"),
    "no object": json.dumps({key: value for key, value in event().items() if key != "object"}).encode(),
    "no id": body_of(id=None),
    "id too long": body_of(id="evt_" + "1" * 120),
    "id with a NUL": body_of(id="evt_\x00"),
    "id with a space": body_of(id="evt 1"),
    "id a number": body_of(id=1),
    "type missing": body_of(type=None),
    "type with a line break": body_of(type="a\nb"),
    "time negative": body_of(created=-1),
    "time of year 99999": body_of(created=10**13),
    "time a fraction": body_of(created=1.5),
    "time true": body_of(created=True),
    "livemode a text": body_of(livemode="false"),
    "data missing": body_of(data=None),
    "data a list": body_of(data=[]),
    "object id with a NUL": body_of(data={"object": {"id": "pi_\x00"}}),
    "account a list": body_of(account=["acct_ours"]),
    "version too long": body_of(api_version="2" * 41),
    "lone surrogate": GOOD.replace(b'"pi_1"', b'"\\ud800"'),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_signed_body_that_is_no_event_is_refused(verifier: Verifier, at: int, name: str) -> None:
    body = BAD_BODIES[name]

    with pytest.raises(BadEvent):
        verifier.verify(body, sign(body, at=at))


@pytest.mark.parametrize("body", [b"\xff\xfe", GOOD.replace(b"evt_1", b"evt_\xff"), b"\xed\xa0\x80"])
def test_signed_body_that_is_not_utf8_is_refused(verifier: Verifier, at: int, body: bytes) -> None:
    with pytest.raises(BadEvent):
        verifier.verify(body, sign(body, at=at))


def test_body_over_the_limit_is_refused_and_one_at_the_limit_is_not(verifier: Verifier, at: int) -> None:
    largest = GOOD + b" " * (LARGEST_BODY - len(GOOD))
    larger = largest + b" "

    assert verifier.verify(largest, sign(largest, at=at)).id == "evt_1"
    with pytest.raises(BadEvent):
        verifier.verify(larger, sign(larger, at=at))


def test_escapes_and_unusual_numbers_are_no_repeated_keys(verifier: Verifier, at: int) -> None:
    body = GOOD.replace(b'"pi_1"', b'"pi_1", "name": "Ren\\u00e9e \\/ \\"Ada\\"", "rate": 1.10, "big": 1E5')

    assert verifier.verify(body, sign(body, at=at)).object_id == "pi_1"


@pytest.mark.parametrize("secrets", [(), ("",), (" ", "\n")])
def test_without_a_secret_nothing_is_believed(clock: FixedClock, at: int, secrets: tuple[str, ...]) -> None:
    verifier = Verifier(secrets, clock=clock)

    assert verifier.is_off
    with pytest.raises(BadSignature):
        verifier.verify(GOOD, sign(GOOD, at=at, secret=""))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"livemode": True}, "is of the live mode"),
        ({"account": "acct_theirs"}, "is of another account: acct_theirs"),
        ({"api_version": "2020-08-27"}, f"has API version 2020-08-27, the house reads {API_VERSION}"),
        ({"api_version": None}, f"has API version None, the house reads {API_VERSION}"),
        ({"account": "acct_ours"}, None),
        ({}, None),
    ],
)
def test_authentic_event_of_another_mode_account_or_version_is_foreign(
    verifier: Verifier, at: int, changes: dict[str, object], why: str | None
) -> None:
    body = body_of(**changes)

    assert verifier.why_foreign(verifier.verify(body, sign(body, at=at))) == why


def test_clock_is_the_houses_own(clock: FixedClock, verifier: Verifier, at: int) -> None:
    header = sign(GOOD, at=at)
    clock.advance(timedelta(seconds=301))

    with pytest.raises(BadSignature):
        verifier.verify(GOOD, header)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=600), header=st.one_of(st.none(), st.text(max_size=200)))
def test_nothing_unsigned_is_believed_and_nothing_breaks(verifier: Verifier, body: bytes, header: str | None) -> None:
    with pytest.raises(BadEvent):
        verifier.verify(body, header)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_signed_rubbish_is_refused_in_words(verifier: Verifier, at: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    body = GOOD[:start] + data.draw(st.binary(max_size=12)) + GOOD[end:]

    try:
        found = verifier.verify(body, sign(body, at=at))
    except BadEvent:
        return
    assert found.id.isascii()
    assert json.loads(body)["id"] == found.id
