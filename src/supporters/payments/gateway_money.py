"""What is asked of Stripe about its balance: the third of the gateway that the books are kept from. All of it only reads.

Source: docs.stripe.com/api/balance_transactions/list, docs.stripe.com/api/payouts/list, docs.stripe.com/payouts/reconciliation,
read 2026-11-23.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from supporters.payments import translate, wire
from supporters.payments.facts import BalanceLine, Page, PayoutSeen
from supporters.payments.gateway_plans import safe_id
from supporters.payments.translate_payouts import Payout, PayoutPage, fact_of_payout

PAGE_SIZE = 100
W = TypeVar("W")


class Asking(Protocol):
    """How Stripe is reached."""

    async def get(self, path: str, params: Mapping[str, Any], shape: type[W]) -> W: ...


class Held(msgspec.Struct, frozen=True):
    """What Stripe holds in one currency. *Money*: minor units."""

    available_minor: int
    pending_minor: int
    reserved_minor: int


class MoneyCalls:
    """Every call raises GatewayRefused or GatewayUnavailable."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def lines(
        self,
        *,
        created_gte: datetime | None = None,
        created_lt: datetime | None = None,
        payout_id: str | None = None,
        starting_after: str | None = None,
    ) -> Page[BalanceLine]:
        """Up to 100 lines of the balance, newest first, each with the charge or refund that made it.

        What is held in reserve is out of this balance by a line of it; the reserve's own side of that is left out.
        Source: docs.stripe.com/changelog/clover/2026-01-28/monitor-reserve-activity-on-balance-transactions, read 2026-11-23.
        """
        asked: dict[str, Any] = {"limit": PAGE_SIZE, "expand": ["data.source"]}
        asked |= created_within(created_gte, created_lt)
        asked |= {"payout": payout_id} if payout_id else {}
        asked |= {"starting_after": starting_after} if starting_after else {}
        page = await self._asking.get("/v1/balance_transactions", asked, wire.BalancePage)
        lines = [translate.line_of_entry(entry) for entry in page.data if entry.balance_type == wire.PAYMENTS]
        return Page(lines, page.data[-1].id if page.has_more and page.data else None)

    async def has_lines_before(self, at: datetime) -> bool:
        """Whether the balance has any line that is older."""
        asked = {"limit": 1} | created_within(None, at)
        return bool((await self._asking.get("/v1/balance_transactions", asked, wire.BalancePage)).data)

    async def payouts(
        self,
        *,
        created_gte: datetime | None = None,
        created_lt: datetime | None = None,
        starting_after: str | None = None,
    ) -> Page[PayoutSeen]:
        """Up to 100 payouts, newest first."""
        asked: dict[str, Any] = {"limit": PAGE_SIZE} | created_within(created_gte, created_lt)
        asked |= {"starting_after": starting_after} if starting_after else {}
        page = await self._asking.get("/v1/payouts", asked, PayoutPage)
        payouts = [fact_of_payout(payout) for payout in page.data]
        return Page(payouts, payouts[-1].payout_id if page.has_more and payouts else None)

    async def payout(self, payout_id: str) -> PayoutSeen:
        """One payout as it stands."""
        return fact_of_payout(await self._asking.get(f"/v1/payouts/{safe_id(payout_id)}", {}, Payout))

    async def holdings(self) -> dict[str, Held]:
        """What Stripe holds for us, by currency in capitals."""
        balance = await self._asking.get("/v1/balance", {}, wire.Balance)
        available, pending = _sums(balance.available), _sums(balance.pending)
        reserved = _sums(balance.connect_reserved or [])
        return {
            currency: Held(available.get(currency, 0), pending.get(currency, 0), reserved.get(currency, 0))
            for currency in sorted(available.keys() | pending.keys() | reserved.keys())
        }


def created_within(gte: datetime | None, lt: datetime | None) -> dict[str, Any]:
    """What Stripe is asked, for what was made in this time: from `gte` on, before `lt`."""
    created: dict[str, int] = {}
    if gte:
        created["gte"] = int(gte.timestamp())
    if lt:
        created["lt"] = int(lt.timestamp())
    return {"created": created} if created else {}


def _sums(parts: Iterable[wire.BalancePart]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part in parts:
        sums[part.currency.upper()] = sums.get(part.currency.upper(), 0) + part.amount
    return sums
