"""Settings: everything wrong is said at once, in words; secrets are not shown."""

from pathlib import Path

import pytest

from paper import SETTINGS_ENV
from supporters.settings import SettingsError, read_settings, redacted


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings(
            {
                "SUPPORTERS_SECRET_KEY": "short",
                "SUPPORTERS_STRIPE_SECRET_KEY": "sk_live_1",
                "SUPPORTERS_BASE_URL": "http://give.paper.example",
                "SUPPORTERS_SMTP_URL": "mail.example",
                "SUPPORTERS_MINIMUM_MINOR": "two",
                "SUPPORTERS_RECURRING_ENABLED": "maybe",
                "SUPPORTERS_TIME_ZONE": "Mars/North",
                "SUPPORTERS_CURENCY": "GBP",
            }
        )

    said = str(raised.value)
    for word in (
        "SECRET_KEY is missing or short", "live key", "STRIPE_WEBHOOK_SECRET", "must be https", "SMTP_URL",
        "MINIMUM_MINOR must be a whole number", "RECURRING_ENABLED must be yes or no", "SUPPORTERS_CURENCY is not a setting",
        "TIME_ZONE",
    ):  # fmt: skip
        assert word in said, said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUPPORTERS_STRIPE_SECRET_KEY", "rk_live_x"),
        ("SUPPORTERS_STRIPE_SECRET_KEY", "pk_test_x"),
        ("SUPPORTERS_STRIPE_WEBHOOK_SECRET", "whsec_a,whsec_b,whsec_c"),
        ("SUPPORTERS_BASE_URL", "https://give.paper.example/path"),
        ("SUPPORTERS_BASE_URL", "give.paper.example"),
        ("SUPPORTERS_CURRENCY", "POUND"),
        ("SUPPORTERS_LOCALE", "klingon"),
        ("SUPPORTERS_DATABASE_URL", "mysql://x"),
        ("SUPPORTERS_MAXIMUM_MINOR", "100"),
        ("SUPPORTERS_TRUSTED_PROXIES", "not-an-address"),
        ("SUPPORTERS_PAYMENT_METHODS", "card,cheque"),
        ("SUPPORTERS_PAYMENT_METHODS", ","),
        ("SUPPORTERS_SITE_URL", "ftp://x"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**SETTINGS_ENV, name: value})


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    environ = {**SETTINGS_ENV, "SUPPORTERS_SECRET_KEY_FILE": str(tmp_path / "key")}
    del environ["SUPPORTERS_SECRET_KEY"]

    assert read_settings(environ).secret_key == "k" * 40


def test_a_file_that_is_missing_and_a_name_that_is_set_twice_are_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        read_settings({"SUPPORTERS_SECRET_KEY_FILE": str(tmp_path / "none")})
    with pytest.raises(SettingsError, match="both set"):
        read_settings({**SETTINGS_ENV, "SUPPORTERS_SECRET_KEY_FILE": str(tmp_path / "none")})


def test_two_webhook_secrets_are_taken_while_rotating() -> None:
    settings = read_settings({**SETTINGS_ENV, "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_a, whsec_b"})

    assert settings.stripe_webhook_secrets == ("whsec_a", "whsec_b")


def test_no_secret_is_shown() -> None:
    secret = {
        "SUPPORTERS_SECRET_KEY": "canary-secret-key-of-32-characters-x",
        "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_canary",
        "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_canary",
        "SUPPORTERS_SMTP_URL": "smtp://user:canary@mail.example:587",
        "SUPPORTERS_DATABASE_URL": "postgresql://user:canary@db.example/x",
    }

    shown = redacted(read_settings({**SETTINGS_ENV, **secret}))

    assert "canary" not in " ".join(shown.values())
    assert shown["SUPPORTERS_DATABASE_URL"] == "postgresql://db.example/x"
    assert shown["SUPPORTERS_PUBLISHER_NAME"] == "The Weekly Lamp"


def test_defaults_follow_from_what_is_given() -> None:
    settings = read_settings(
        {**SETTINGS_ENV, "SUPPORTERS_LEGAL_NAME": "", "SUPPORTERS_BASE_URL": "http://127.0.0.1:9000/"}
    )

    assert settings.legal_name == "The Weekly Lamp"
    assert settings.base_url == "http://127.0.0.1:9000"
    assert settings.database_url.endswith("/.data/supporters.db")
    assert settings.is_test_mode
