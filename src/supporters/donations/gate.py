"""May one more payment page be opened? Asked before each, whichever way an attempt came to need it."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.forms import GiveForm
from supporters.donations.models import Checkout, Donation, DonationState, Frequency
from supporters.guard.limits import Limits
from supporters.guard.switches import GIVING, METHODS, RECURRING, SwitchView, read_switches
from supporters.kit.errors import Conflict, Refused
from supporters.kit.strings import gettext as _

GIVEN = (DonationState.PROCESSING, DonationState.PAID)


class Visitor(msgspec.Struct, frozen=True):
    """What the door knows of the sender: the address it came from, and whether the form came back too fast."""

    network: str
    is_suspicious: bool = False


class Terms(msgspec.Struct, frozen=True):
    """What staff and settings say about a payment page at the moment that it is opened."""

    excluded_methods: tuple[str, ...] = ()
    saves_method: bool = False  # for a day, so that a one-off can become monthly


async def read_terms(session: AsyncSession, form: GiveForm, *, offers_monthly: bool) -> Terms:
    """The terms for one more page. Raises Refused while giving is off, Conflict while giving again and again is."""
    switches = await read_switches(session)
    if switches[GIVING].is_off:
        raise Refused(switches[GIVING].words or giving_is_off())
    is_once = form.frequency is Frequency.ONCE
    if switches[RECURRING].is_off and not is_once:
        raise Conflict(recurring_is_off(switches[RECURRING]))
    excluded = tuple(name for name in METHODS if switches[name].is_off)
    return Terms(excluded, saves_method=offers_monthly and is_once and not switches[RECURRING].is_off)


def giving_is_off() -> str:
    """What is said while giving is off and staff wrote nothing."""
    return _("Giving is switched off at the moment. No money has been taken.")


def recurring_is_off(switch: SwitchView) -> str:
    """What is said while monthly and yearly are off, and that nothing was taken."""
    words = switch.words or _("Monthly and yearly donations are switched off at the moment.")
    return words + " " + _("You can give once. No money has been taken.")


class Gate(msgspec.Struct, frozen=True):
    """Who asks for one more payment page, and the limits that are kept."""

    visitor: Visitor
    limits: Limits

    async def check(self, session: AsyncSession, form: GiveForm, *, now: datetime) -> None:
        """One more page may be opened. Raises Refused."""
        network = self.visitor.network
        await self.limits.check_giving(session, network=network, email=form.email, now=now, paid=PaidOf(session))

    async def count(self, session: AsyncSession, form: GiveForm, *, now: datetime) -> None:
        """One more page was opened."""
        await self.limits.count_start(session, network=self.visitor.network, email=form.email, now=now)

    @property
    def network_digest(self) -> str:
        """What stands for the sender's network in the database."""
        return self.limits.network_digest(self.visitor.network)


class PaidOf:
    """Counts the pages opened since a moment that were paid, for the limits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_network(self, network_digest: str, since: datetime) -> int:
        """Of one network."""
        return await self._count(Donation.network_digest == network_digest, since)

    async def of_email(self, email: str, since: datetime) -> int:
        """Of one address, however it is written."""
        return await self._count(func.lower(Donation.email) == email.strip().lower(), since)

    async def _count(self, mine: ColumnElement[bool], since: datetime) -> int:
        recent = (Checkout.created_at > since) & (Checkout.expires_at > since)  # the second has the index
        paid = (
            select(func.count())
            .select_from(Donation)
            .join(Checkout, (Checkout.donation_id == Donation.id) & (Checkout.revision == Donation.revision))
            .where(mine, recent, Donation.state.in_(GIVEN))
        )
        return await self._session.scalar(paid) or 0
