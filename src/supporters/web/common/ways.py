"""The ways to give that are open at this moment: what the settings offer, less what staff have switched off."""

from collections.abc import Mapping

import msgspec

from supporters.donations.checkout import offers_monthly
from supporters.guard.switches import RECURRING, SwitchView
from supporters.kit.errors import DatabaseBusy
from supporters.kit.strings import gettext as _
from supporters.settings import Settings
from supporters.web.common.house import House
from supporters.web.common.transfers import takes_transfers

ONLY_IN = {"bacs_debit": "GBP", "sepa_debit": "EUR"}


class Ways(msgspec.Struct, frozen=True):
    """What the donation page offers. The words are the staff's, about what is switched off.

    `offers_recurring` is what the installation offers, whatever is switched off; `is_recurring` what is left of it.
    """

    is_recurring: bool
    methods: str  # in words, for a sentence: "card or Direct Debit"
    keeps_card: bool
    offers_recurring: bool = True
    recurring_words: str = ""
    method_words: tuple[str, ...] = ()
    takes_transfers: bool = False  # there is an account that readers may pay into


async def ways_of(house: House) -> Ways:
    """The ways to give, a few seconds old. While the database is too busy to say, nothing counts as switched off."""
    try:
        switches = {name: await house.switches.get(name) for name in (RECURRING, *house.settings.payment_methods)}
    except DatabaseBusy:
        switches = {}
    found = find_ways(house.settings, switches)
    return msgspec.structs.replace(found, takes_transfers=True) if await takes_transfers(house) else found


def find_ways(settings: Settings, switches: Mapping[str, SwitchView]) -> Ways:
    """What is left of what the settings offer; a switch that is not named is on."""
    off = {name: switch for name, switch in switches.items() if switch.is_off}
    named = [name for name in settings.payment_methods if ONLY_IN.get(name, settings.currency) == settings.currency]
    is_recurring = settings.recurring_enabled and RECURRING not in off
    recurring = off.get(RECURRING)
    return Ways(
        is_recurring=is_recurring,
        methods=_or([method_name(name) for name in named if name not in off]),
        keeps_card=is_recurring and offers_monthly(settings),
        offers_recurring=settings.recurring_enabled,
        recurring_words=(recurring.words or "") if recurring and settings.recurring_enabled else "",
        method_words=tuple(words for name in named if name in off and (words := off[name].words)),
    )


def method_name(name: str) -> str:
    """A way to pay within a sentence."""
    return {
        "card": _("card"),
        "bacs_debit": _("Direct Debit"),
        "sepa_debit": _("SEPA direct debit"),
    }[name]


def _or(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return _("%(some)s or %(last)s") % {"some": ", ".join(words[:-1]), "last": words[-1]}
