"""Pages and letters from Jinja templates: one environment, strict about missing values, with the house's filters.

The folder of a template is its door: site, desk, mail, embed, sandbox, demo; shared macros are in parts.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_datetime
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.bccache import Bucket

from supporters.kit.clock import Clock, SystemClock
from supporters.kit.money import Money, exponent, format_money, plain_amount, to_decimal
from supporters.kit.strings import gettext, ngettext
from supporters.paths import data_dir

MoneyLike = Money | tuple[int, str] | list[int | str]


class PublisherFacts(Protocol):
    """What templates need of the settings."""

    @property
    def publisher_name(self) -> str: ...
    @property
    def legal_name(self) -> str: ...
    @property
    def postal_address(self) -> str: ...
    @property
    def contact_name(self) -> str: ...
    @property
    def contact_email(self) -> str: ...
    @property
    def site_url(self) -> str: ...
    @property
    def about_url(self) -> str: ...
    @property
    def privacy_url(self) -> str: ...
    @property
    def accounts_url(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def is_test_mode(self) -> bool: ...


class Publisher(msgspec.Struct, frozen=True):
    """Who publishes, as every template may say it."""

    name: str
    legal_name: str
    postal_address: str
    contact_name: str
    contact_email: str
    site_url: str
    about_url: str
    privacy_url: str
    accounts_url: str


class _Compiled(BytecodeCache):
    """What templates were compiled to, kept in this process: whoever opens a second environment compiles nothing twice."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class Templates:
    """Renders templates by name."""

    def __init__(
        self,
        settings: PublisherFacts,
        *,
        asset: Callable[[str], str] | None = None,
        picture: Callable[[str], str | None] | None = None,
        brand_sheet: str | None = None,
        clock: Clock | None = None,
        folder: Path | None = None,
    ) -> None:
        self._words = _Words(settings.locale, settings.time_zone, clock or SystemClock())
        self._environment = Environment(
            loader=FileSystemLoader(folder or data_dir("templates")),
            autoescape=select_autoescape(["html", "svg", "xml"]),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_COMPILED,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        _install_strings(self._environment)
        self._environment.filters.update(self._words.filters())
        given: dict[str, Any] = {
            "publisher": publisher_of(settings),
            "test_mode": settings.is_test_mode,
            "base_url": settings.base_url,
            "language": settings.locale.replace("_", "-"),
            "asset": asset or _no_asset,
            "own_picture": picture or _no_picture,
            "brand_sheet": brand_sheet,
        }
        self._environment.globals.update(given)

    def render(self, template: str, /, **context: object) -> str:
        """The template with `context` filled in. Raises UndefinedError when the template needs what is not given."""
        return self._environment.get_template(template).render(context)

    @property
    def environment(self) -> Environment:
        """The environment itself, for tests and for extracting strings."""
        return self._environment


def publisher_of(settings: PublisherFacts) -> Publisher:
    """The publisher's own facts out of the settings."""
    return Publisher(
        name=settings.publisher_name,
        legal_name=settings.legal_name,
        postal_address=settings.postal_address,
        contact_name=settings.contact_name,
        contact_email=settings.contact_email,
        site_url=settings.site_url,
        about_url=settings.about_url,
        privacy_url=settings.privacy_url,
        accounts_url=settings.accounts_url,
    )


class _Words:
    """The filters: money and time as this publisher's readers write them."""

    def __init__(self, locale: str, zone: str, clock: Clock) -> None:
        self._locale = locale
        self._zone = ZoneInfo(zone)
        self._clock = clock

    def filters(self) -> Mapping[str, Callable[..., str]]:
        return {
            "money": self._money,
            "money_short": self._money_short,
            "plain_amount": _plain_amount,
            "decimal_amount": _decimal_amount,
            "date": self._date,
            "date_full": self._date_full,
            "day_said": self._day_said,
            "datetime": self._datetime,
            "month": self._month,
        }

    def _money(self, value: MoneyLike) -> str:
        return format_money(_as_money(value), self._locale)

    def _money_short(self, value: MoneyLike) -> str:
        return format_money(_as_money(value), self._locale, trim=True)

    def _date(self, value: date | datetime | str) -> str:
        day = self._local(value)
        pattern = "d MMMM" if day.year == self._today().year else "d MMMM y"
        return format_date(day, pattern, locale=self._locale)

    def _date_full(self, value: date | datetime | str) -> str:
        return format_date(self._local(value), "d MMMM y", locale=self._locale)

    def _day_said(self, typed: str) -> str:
        """A day that somebody may have typed, in words; nothing where it can't be read."""
        try:
            return self._date_full(date.fromisoformat(typed))
        except ValueError:
            return ""

    def _month(self, value: date | datetime | str) -> str:
        return format_date(self._local(value), "LLLL y", locale=self._locale)

    def _datetime(self, value: datetime | str) -> str:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is None:
            raise ValueError("a shown time must be aware")
        local = moment.astimezone(self._zone)
        pattern = "d MMMM, HH:mm" if local.year == self._today().year else "d MMMM y, HH:mm"
        return format_datetime(local, pattern, locale=self._locale)

    def _today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    def _local(self, value: date | datetime | str) -> date:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
        if isinstance(value, datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return aware.astimezone(self._zone).date()
        return value


def _plain_amount(value: MoneyLike) -> str:
    return plain_amount(_as_money(value))


def _decimal_amount(value: MoneyLike) -> str:
    money = _as_money(value)
    return f"{to_decimal(money):.{exponent(money.currency)}f}"


def _as_money(value: MoneyLike) -> Money:
    if isinstance(value, Money):
        return value
    minor, currency = value
    return Money(int(minor), str(currency))


def _install_strings(environment: Environment) -> None:
    install: Callable[..., None] = vars(environment)["install_gettext_callables"]
    install(gettext, ngettext, newstyle=True)


def _no_picture(_name: str) -> None:
    return None


def _no_asset(name: str) -> str:
    raise LookupError(f"no assets were given to these templates, so {name!r} has no address")
