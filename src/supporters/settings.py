"""Every environment variable of the product: typed, frozen, read once. Builds nothing.

Names are `SUPPORTERS_` plus the field's name in capitals. Secrets may also come from a file named by `<NAME>_FILE`.
All that is wrong or missing is reported at once, in words.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from re import fullmatch
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies

PREFIX = "SUPPORTERS_"
DEFAULT_COLOR = "#b3141e"  # as in site.css
SECRET_CHARS = 32
HERE = Path(".data")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TEST_KEYS = ("sk_test_", "rk_test_")
PAYMENT_METHODS = ("card", "bacs_debit", "sepa_debit")  # as Stripe calls them
LIVE_KEYS = ("sk_live_", "rk_live_")
LARGEST_FILE_MB = 50  # what a form may carry at all


class SettingsError(Exception):
    """Settings are wrong or missing; `message` names each of them."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _setting(default: Any, help_text: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"help": help_text, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What this installation is told from outside."""

    secret_key: str = _setting("", "At least 32 random characters; signs forms and links", secret=True)
    data_dir: Path = _setting(HERE, "Folder of the SQLite database, used when no database is named")
    database_url: str = _setting(
        "", "postgresql://… or sqlite:///…; default: a SQLite file in the data folder", secret=True
    )
    base_url: str = _setting("http://127.0.0.1:8000", "Public address of this service, https except on this machine")
    stripe_secret_key: str = _setting("", "Stripe's secret or restricted key, test mode only for now", secret=True)
    stripe_webhook_secrets: tuple[str, ...] = _setting(
        (), "Webhook signing secret; two, by comma, while rotating", secret=True
    )
    stripe_account: str = _setting("", "Account id (acct_…) that events must name, where they name one")
    stripe_api_base: str = _setting("https://api.stripe.com", "Address of Stripe's API; the sandbox in the demo")
    checkout_origin: str = _setting("https://checkout.stripe.com", "Origin of the hosted payment page")
    smtp_url: str = _setting(
        "smtp://127.0.0.1:25", "smtp://user:password@host:587?starttls=1 or smtps://…", secret=True
    )
    mail_from: str = _setting("receipts@localhost", "Address that letters come from")
    mail_reply_to: str = _setting("", "Address that answers go to; default: the contact's")
    bounce_address: str = _setting(
        "", "Envelope sender of letters, where bounces come back; default: where letters come from"
    )
    mail_hook_secret: str = _setting(
        "", "Secret of /hooks/mail, for the mail provider's reports; off when empty", secret=True
    )
    trusted_proxies: tuple[str, ...] = _setting((), "Addresses or networks of your own proxies, by comma")
    publisher_name: str = _setting("The Paper", "Name of the paper")
    legal_name: str = _setting("", "Legal name on receipts; default: the paper's name")
    postal_address: str = _setting("", "Postal address, one line")
    contact_name: str = _setting("the office", "Who answers readers")
    contact_email: str = _setting("help@localhost", "Where readers write to")
    site_url: str = _setting("http://127.0.0.1:8000", "Address of the paper's own site")
    other_sites: tuple[str, ...] = _setting(
        (), "Addresses of further sites of the paper that carry the snippet, by comma"
    )
    feed_urls: tuple[str, ...] = _setting(
        (), "RSS or Atom feeds of the paper's sites, where article titles and issue numbers are read, by comma"
    )
    brand_color: str = _setting(
        DEFAULT_COLOR, "The publisher's colour, for buttons and rules; must be readable on white"
    )
    publish_dir: str = _setting("", "Folder where published prompt files are written too, for a web server to serve")
    private_hosts: tuple[str, ...] = _setting(
        (), "Hosts on private networks that webhooks, connectors and checks may call, by comma"
    )
    about_url: str = _setting("", "Page that says who the publisher is")
    privacy_url: str = _setting("", "Privacy page")
    accounts_url: str = _setting("", "Page with the last accounts")
    currency: str = _setting("GBP", "Currency in which readers give")
    country: str = _setting("GB", "Country of the publisher")
    locale: str = _setting("en_GB", "Language and number format of pages")
    time_zone: str = _setting("Europe/London", "Time zone of the books and of dates")
    minimum_minor: int = _setting(200, "Smallest donation, in minor units (pence)")
    maximum_minor: int = _setting(1_000_000, "Largest donation, in minor units")
    recurring_enabled: bool = _setting(
        True, "Offer monthly and yearly too; the desk's switch can turn them off for a while"
    )
    offer_monthly: bool = _setting(
        True, "Offer monthly on the thank-you page of a one-off; Stripe keeps its card for a day at most"
    )
    payment_methods: tuple[str, ...] = _setting(
        ("card",),
        "Ways to pay named on the donation page, as your Stripe account offers them: card, bacs_debit, sepa_debit",
    )
    newsletter_name: str = _setting("our daily email", "Name of the newsletter on the form")
    newsletter_wording: str = _setting("", "Words beside the newsletter's box; default: made from its name")
    second_factor: str = _setting(
        "required", "Whether finance and admin must set up a second factor: required; optional only with the sandbox"
    )
    second_person_above_minor: int = _setting(
        100_000,
        "More than this, in minor units, takes two people: a discrepancy closed or opened again, money paid back, a bank line on "
        "an account; 0: never",
    )
    second_person_month_above_minor: int = _setting(
        0,
        "Closing a month with more income than this, in minor units, or opening it again, takes two people; 0: one is enough",
    )
    largest_statement_mb: int = _setting(20, "Largest file of a bank statement, in megabytes: 1 to 50")
    log_json: bool = _setting(False, "Log lines as JSON")

    @property
    def sites(self) -> tuple[str, ...]:
        """The addresses of the paper's own sites, the main one first."""
        return (self.site_url, *self.other_sites)

    @property
    def is_loopback(self) -> bool:
        """Whether the service is reached on this machine only, over plain http."""
        return urlsplit(self.base_url).hostname in LOOPBACK

    @property
    def is_https(self) -> bool:
        """Whether readers reach the service over https."""
        return self.base_url.startswith("https://")

    @property
    def is_test_mode(self) -> bool:
        """Whether no real money can move."""
        return self.stripe_secret_key.startswith(TEST_KEYS)


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises SettingsError that names everything wrong or missing at once."""
    env = os.environ if environ is None else environ
    wrong: list[str] = []
    values = {name: value for name, value in _read_fields(env, wrong) if value is not None}
    settings = _complete(Settings(**values))
    wrong += _unknown_names(env)
    wrong += [complaint for check in CHECKS if (complaint := check(settings))]
    if not wrong:
        return settings
    raise SettingsError("These settings need attention:\n" + "\n".join(f"  - {line}" for line in wrong))


def redacted(settings: Settings) -> dict[str, str]:
    """The effective settings as text, secrets hidden, for `supporters check`."""
    shown: dict[str, str] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        text = ", ".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
        shown[env_name(item.name)] = _hidden(text) if item.metadata["secret"] else text
    return shown


def env_name(field_name: str) -> str:
    """The environment variable of a setting; two that hold several values are named like one."""
    ones = {"stripe_webhook_secrets": "STRIPE_WEBHOOK_SECRET", "feed_urls": "FEED_URL"}
    return PREFIX + ones.get(field_name, field_name.upper())


def _hidden(text: str) -> str:
    if not text:
        return "(not set)"
    scheme, mark, rest = text.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if mark else f"(set, {len(text)} characters)"


def _read_fields(env: Mapping[str, str], wrong: list[str]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for item in fields(Settings):
        name = env_name(item.name)
        text = _text_of(env, name, wrong)
        if text is not None and text != "":
            found.append((item.name, _convert(item.default, name, text.strip(), wrong)))
    return found


def _text_of(env: Mapping[str, str], name: str, wrong: list[str]) -> str | None:
    path = env.get(f"{name}_FILE")
    if path is None:
        return env.get(name)
    if name in env:
        wrong.append(f"{name} and {name}_FILE are both set; keep one of them")
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        wrong.append(f"{name}_FILE names a file that can't be read: {path} ({error})")
        return None


def _convert(default: Any, name: str, text: str, wrong: list[str]) -> Any:
    if isinstance(default, bool):
        if text.lower() in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
            return text.lower() in {"1", "true", "yes", "on"}
        wrong.append(f"{name} must be yes or no, not {text!r}")
        return None
    if isinstance(default, int):
        if text.isascii() and text.isdigit():
            return int(text)
        wrong.append(f"{name} must be a whole number, not {text!r}")
        return None
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return Path(text) if isinstance(default, Path) else text


def _unknown_names(env: Mapping[str, str]) -> list[str]:
    known = {env_name(item.name) for item in fields(Settings)}
    known |= {f"{name}_FILE" for name in known}
    return [
        f"{name} is not a setting of Supporters; look for a typing error"
        for name in sorted(env)
        if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}TEST_")
    ]


def _complete(settings: Settings) -> Settings:
    """Defaults that depend on other settings are filled in."""
    return replace(
        settings,
        base_url=settings.base_url.rstrip("/"),
        currency=settings.currency.upper(),
        database_url=settings.database_url or f"sqlite:///{settings.data_dir.absolute()}/supporters.db",
        legal_name=settings.legal_name or settings.publisher_name,
        mail_reply_to=settings.mail_reply_to or settings.contact_email,
        bounce_address=settings.bounce_address or settings.mail_from,
        site_url=settings.site_url.rstrip("/"),
        other_sites=tuple(site.rstrip("/") for site in settings.other_sites),
        newsletter_wording=settings.newsletter_wording
        or f"Send me {settings.newsletter_name}. You can stop with one click.",
    )


def _check_largest_statement(settings: Settings) -> str | None:
    if 1 <= settings.largest_statement_mb <= LARGEST_FILE_MB:
        return None
    return f"SUPPORTERS_LARGEST_STATEMENT_MB must be from 1 to {LARGEST_FILE_MB}"


def _check_secret(settings: Settings) -> str | None:
    if len(settings.secret_key) >= SECRET_CHARS:
        return None
    return f"SUPPORTERS_SECRET_KEY is missing or short: give at least {SECRET_CHARS} random characters"


def _check_stripe_key(settings: Settings) -> str | None:
    key = settings.stripe_secret_key
    if key.startswith(LIVE_KEYS):
        return "SUPPORTERS_STRIPE_SECRET_KEY is a live key; this version works in Stripe's test mode only"
    if not key.startswith(TEST_KEYS):
        return "SUPPORTERS_STRIPE_SECRET_KEY is missing or no Stripe key: it begins with sk_test_ or rk_test_"
    return None


def _check_webhook_secret(settings: Settings) -> str | None:
    secrets = settings.stripe_webhook_secrets
    if 1 <= len(secrets) <= 2 and all(secret.startswith("whsec_") for secret in secrets):
        return None
    return "SUPPORTERS_STRIPE_WEBHOOK_SECRET must be one secret that begins with whsec_, or two by comma"


def _check_base_url(settings: Settings) -> str | None:
    parts = urlsplit(settings.base_url)
    plain = parts.scheme in {"http", "https"} and parts.hostname and not parts.path and not parts.query
    if not plain:
        return f"SUPPORTERS_BASE_URL must be an address like https://give.paper.example, not {settings.base_url!r}"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "SUPPORTERS_BASE_URL must be https: only on this machine itself may it be http"
    return None


def _check_addresses(settings: Settings) -> str | None:
    names = ("stripe_api_base", "checkout_origin", "site_url", "about_url", "privacy_url", "accounts_url")
    given: list[tuple[str, str]] = [(name, getattr(settings, name)) for name in names]
    lists = {"other_sites": settings.other_sites, "feed_urls": settings.feed_urls}
    given += [(name, value) for name, values in lists.items() for value in values]
    for name, value in given:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
            return f"{env_name(name)} must be an http address, not {value!r}"
    return None


def _check_color(settings: Settings) -> str | None:
    if fullmatch(r"#[0-9a-fA-F]{6}", settings.brand_color):
        return None
    return f"SUPPORTERS_BRAND_COLOR must be a colour like #b3141e, not {settings.brand_color!r}"


def _check_smtp(settings: Settings) -> str | None:
    parts = urlsplit(settings.smtp_url)
    if parts.scheme in {"smtp", "smtps"} and parts.hostname:
        return None
    return "SUPPORTERS_SMTP_URL must look like smtp://user:password@host:587?starttls=1"


def _check_database(settings: Settings) -> str | None:
    if settings.database_url.startswith(("sqlite:", "postgres://", "postgresql://", "postgresql+asyncpg://")):
        return None
    return "SUPPORTERS_DATABASE_URL must begin with postgresql:// or sqlite:///"


def _check_place(settings: Settings) -> str | None:
    if settings.currency not in list_currencies():
        return f"SUPPORTERS_CURRENCY must be a code like GBP, not {settings.currency!r}"
    if settings.time_zone not in _time_zones():
        return f"SUPPORTERS_TIME_ZONE must be a name like Europe/London, not {settings.time_zone!r}"
    try:
        Locale.parse(settings.locale)
    except (ValueError, UnknownLocaleError):
        return f"SUPPORTERS_LOCALE must be a name like en_GB, not {settings.locale!r}"
    return None


@cache
def _time_zones() -> set[str]:
    """Their names are the names of a thousand files, which nobody needs to walk through twice."""
    return available_timezones()


def _check_limits(settings: Settings) -> str | None:
    if 0 < settings.minimum_minor < settings.maximum_minor <= 99_999_999:
        return None
    return "SUPPORTERS_MINIMUM_MINOR must be above 0 and below SUPPORTERS_MAXIMUM_MINOR (at most 99999999)"


def _check_proxies(settings: Settings) -> str | None:
    for text in settings.trusted_proxies:
        try:
            ip_network(text, strict=False)
        except ValueError:
            return f"SUPPORTERS_TRUSTED_PROXIES: {text!r} is no address or network like 10.0.0.0/8"
    return None


def _check_methods(settings: Settings) -> str | None:
    if settings.payment_methods and set(settings.payment_methods) <= set(PAYMENT_METHODS):
        return None
    return f"SUPPORTERS_PAYMENT_METHODS must name one or more of {', '.join(PAYMENT_METHODS)}"


def _check_second_factor(settings: Settings) -> str | None:
    if settings.second_factor == "required":
        return None
    if settings.second_factor != "optional":
        return "SUPPORTERS_SECOND_FACTOR must be required or optional"
    if urlsplit(settings.stripe_api_base).hostname in LOOPBACK:
        return None
    return "SUPPORTERS_SECOND_FACTOR may be optional only with the sandbox, where no real person's data is at stake"


CHECKS: tuple[Callable[[Settings], str | None], ...] = (
    _check_largest_statement,
    _check_secret,
    _check_stripe_key,
    _check_webhook_secret,
    _check_base_url,
    _check_addresses,
    _check_color,
    _check_smtp,
    _check_database,
    _check_place,
    _check_limits,
    _check_proxies,
    _check_methods,
    _check_second_factor,
)
