"""What readers see of a letter, and that nobody can write its headers."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtplib.email import flatten_message
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from supporters.kit.clock import FixedClock
from supporters.kit.templates import Templates
from supporters.mail.models import Letter, Stream
from supporters.mail.render import HTML_BYTES, LetterTooLong, compose, render_letter
from supporters.settings import Settings, read_settings

NOW = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)
RECEIPT: dict[str, Any] = {
    "amount_minor": 2500,
    "currency": "GBP",
    "number": "R-2026-0918",
    "reference": "D-7K3F9QXZ",
    "frequency": "once",
    "name": "Ben",
    "card_last4": "4242",
    "appeal_slug": "winter",
    "appeal_heading": "The Winter appeal",
    "appeal_thanks": "It goes into the next issue.",
    "appeal_signed_by": "Nora Hale, editor",
    "paid_on": "20 November 2026, 09:37",
}
REFUND: dict[str, Any] = {
    "amount_minor": 1000,
    "donation_minor": 2500,
    "currency": "GBP",
    "reference": "D-7K3F9QXZ",
    "name": "Ben",
    "card_last4": None,
    "paid_at": "2026-11-20T09:37:00+00:00",
}


@pytest.fixture
def templates(settings: Settings, clock: FixedClock) -> Templates:
    return Templates(settings, clock=clock)


def letter(kind: str = "receipt", stream: Stream = Stream.SERVICE, **changes: object) -> Letter:
    context = (RECEIPT if kind == "receipt" else REFUND) | changes
    return Letter(
        id="01LETTER", kind=kind, stream=stream, recipient="ben@example.org", message_id="<01letter@give.example>",
        context=context, dedupe_key="x",
    )  # fmt: skip


def test_receipt_says_amount_number_date_card_and_who_helps(templates: Templates) -> None:
    rendered = render_letter(templates, letter())

    assert rendered.subject == "Thank you – your £25 to The Weekly Lamp"
    for part in (rendered.text, rendered.html):
        for said in (
            "Thank you, Ben.", "Your £25 arrived.", "R-2026-0918", "20 November 2026, 09:37", "Card ending 4242",
            "D-7K3F9QXZ", "£25.00", "The Weekly Lamp Ltd", "help@weeklylamp.example", "The Winter appeal",
            "nothing more will be taken", "Nora Hale, editor", "Test – no real money moves.",
        ):  # fmt: skip
            assert said in part


def test_receipt_without_card_or_name_says_neither(templates: Templates) -> None:
    rendered = render_letter(templates, letter(card_last4=None, name=None))

    assert "Thank you." in rendered.text
    assert "None" not in rendered.text + rendered.html
    assert "Card ending" not in rendered.text + rendered.html


@pytest.mark.parametrize(("frequency", "how"), [("monthly", "each month"), ("yearly", "each year")])
def test_receipt_of_a_plan_says_that_it_goes_on_and_where_it_is_stopped(
    templates: Templates, settings: Settings, frequency: str, how: str
) -> None:
    rendered = render_letter(templates, letter(frequency=frequency))

    for part in (rendered.text, rendered.html):
        assert f"£25 is taken {how} until you stop" in part
        assert f"{settings.base_url}/sign-in" in part
        assert f"{frequency.title()}, to " in part
        assert "nothing more will be taken" not in part


def test_refund_says_sum_and_when(templates: Templates) -> None:
    rendered = render_letter(templates, letter("refund"))

    assert rendered.subject == "£10 is on its way back"
    for part in (rendered.text, rendered.html):
        for said in ("£10.00", "£25.00", "5 to 10 days", "D-7K3F9QXZ", "20 November"):
            assert said in part


@pytest.mark.parametrize("kind", ["receipt", "refund"])
def test_html_is_small_inline_and_loads_nothing(templates: Templates, kind: str) -> None:
    html = render_letter(templates, letter(kind)).html

    assert len(html.encode()) < HTML_BYTES / 4
    assert not re.search(r"<img|<link|<script|url\(|src=|@import", html)
    assert html.count("style=") > 20
    assert "prefers-color-scheme: dark" in html
    assert "l-lead {" not in html


def test_value_that_is_missing_is_an_error_not_a_hole(templates: Templates) -> None:
    broken = letter()
    del broken.context["number"]

    with pytest.raises(UndefinedError):
        render_letter(templates, broken)


def test_letter_of_more_than_sixty_kilobytes_is_an_error(templates: Templates) -> None:
    with pytest.raises(LetterTooLong):
        render_letter(templates, letter(appeal_thanks="x" * HTML_BYTES))


def test_values_are_escaped_in_html(templates: Templates) -> None:
    html = render_letter(templates, letter(appeal_thanks="<script>alert(1)</script>")).html

    assert "<script>" not in html


def test_headers_are_those_of_a_service_letter(templates: Templates, settings: Settings) -> None:
    sent = letter()
    message = compose(sent, render_letter(templates, sent), settings, now=NOW)

    read = message_from_bytes(message.as_bytes(), policy=default)
    assert read["From"] == "The Weekly Lamp <receipts@give.weeklylamp.example>"
    assert read["To"] == "ben@example.org"
    assert read["Reply-To"] == '"Nora Hale, editor" <help@weeklylamp.example>'
    assert read["Message-ID"] == "<01letter@give.example>"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Date"].datetime == NOW
    assert "List-Unsubscribe" not in read
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]


def test_marketing_letter_carries_one_click_unsubscribe_or_is_not_made(
    templates: Templates, settings: Settings
) -> None:
    sent = letter(stream=Stream.MARKETING)
    rendered = render_letter(templates, sent)

    with pytest.raises(ValueError, match="unsubscribe"):
        compose(sent, rendered, settings, now=NOW)
    message = compose(sent, rendered, settings, now=NOW, unsubscribe_url="https://give.example/u/1")
    assert message["List-Unsubscribe"] == "<https://give.example/u/1>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "List-Id" not in message


@pytest.mark.parametrize(
    "name", ["Morning Light", "Tägliche Neuigkeiten aus dem Umland für alle, die früh aufstehen", "報" * 60]
)
def test_addresses_in_headers_go_out_as_they_are_however_long(
    templates: Templates, settings: Settings, name: str
) -> None:
    sent = letter(stream=Stream.MARKETING)
    stop = f"https://give.example/news/stop/{'x' * 200}"
    list_id = f"<{'weekend-' * 12}x.news.give.example>"

    message = compose(
        sent, render_letter(templates, sent), settings, now=NOW, unsubscribe_url=stop, list_id=f"{name} {list_id}"
    )

    head = flatten_message(message).partition(b"\r\n\r\n")[0].decode("ascii")
    unfolded = head.replace("\r\n ", " ").split("\r\n")
    assert f"List-Unsubscribe: <{stop}>" in unfolded
    (told,) = [line for line in unfolded if line.startswith("List-Id: ")]
    assert told.endswith(f" {list_id}")
    assert message_from_bytes(message.as_bytes(), policy=default)["List-Id"] == f"{name} {list_id}"


FIXED = read_settings(
    {
        "SUPPORTERS_SECRET_KEY": "test-secret-key-of-more-than-32-characters",
        "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_sandbox",
        "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_test_secret",
    }
)
FIXED_TEMPLATES = Templates(FIXED)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_no_value_can_add_a_header_or_break_the_subject(text: str) -> None:
    evil = f"{text}\r\nBcc: mallory@example.org\r\n\r\n{text}"
    sent = letter(name=evil, appeal_heading=evil, appeal_signed_by=evil, number=evil)
    message = compose(sent, render_letter(FIXED_TEMPLATES, sent), FIXED, now=NOW)

    read = message_from_bytes(message.as_bytes(), policy=default)
    assert read["Bcc"] is None
    assert len(read.keys()) == 9
