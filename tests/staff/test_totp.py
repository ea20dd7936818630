"""Codes of the second factor, as everybody's apps make them."""

from datetime import UTC, datetime, timedelta

import pytest

from supporters.staff.totp import code_at, in_groups, matching_step, secret_from, setup_url, step_of

# RFC 6238, appendix B: the secret "12345678901234567890", SHA-1, eight digits.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOW = datetime(2026, 11, 22, 9, 36, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    step = step_of(datetime.fromtimestamp(seconds, tz=UTC))

    assert code_at(SECRET, step, digits=8) == code
    assert code_at(SECRET, step) == code[-6:]


@pytest.mark.parametrize(("late", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_wrong_and_no_more(late: int, is_taken: bool) -> None:
    code = code_at(SECRET, step_of(NOW) + late)

    assert (matching_step(SECRET, code, now=NOW, last_step=None) is not None) is is_taken


def test_a_step_that_was_used_is_refused_and_so_are_those_before_it() -> None:
    last = step_of(NOW)

    assert matching_step(SECRET, code_at(SECRET, last), now=NOW, last_step=last) is None
    assert matching_step(SECRET, code_at(SECRET, last - 1), now=NOW, last_step=last) is None
    assert matching_step(SECRET, code_at(SECRET, last + 1), now=NOW, last_step=last) == last + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "\u202e123456", "9" * 5000])
def test_what_is_no_code_is_no_code(typed: str) -> None:
    assert matching_step(SECRET, typed, now=NOW, last_step=None) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    code = code_at(SECRET, step_of(NOW))

    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", now=NOW + timedelta(seconds=5), last_step=None)


def test_the_app_is_told_whose_secret_it_is() -> None:
    url = setup_url(SECRET, account="dana@weeklylamp.example", issuer="The Weekly Lamp")

    assert url == (
        f"otpauth://totp/The%20Weekly%20Lamp%3Adana%40weeklylamp.example?secret={SECRET}&issuer=The%20Weekly%20Lamp"
    )
    assert in_groups(SECRET).replace(" ", "") == SECRET


def test_a_secret_has_a_hundred_and_sixty_bits() -> None:
    assert len(secret_from("A" * 43)) == 32
