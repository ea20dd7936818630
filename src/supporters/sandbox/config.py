"""What a sandbox is told when it starts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from supporters.kit.clock import Clock, SystemClock

ACCOUNT_VERSION = "2026-08-26.dahlia"
ENDPOINT_VERSION = "2026-10-28.endive"

Deliver = Callable[[str, dict[str, str], bytes], Awaitable[int]]
"""Sends one webhook (address, headers, body) and gives the HTTP status of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Everything a sandbox is told. Seconds are of the sandbox's clock, except `webhook_timeout_seconds`.

    `debits_count_at_once` puts a bank debit into the balance when it is asked for, not when it has succeeded: Stripe
    does either, by account and scheme. `dispute_fee_returns` gives the fee of a dispute back when it is won.
    """

    database_path: Path | None = None
    base_url: str = "http://127.0.0.1:8001"
    api_key: str = "sk_test_sandbox"
    webhook_url: str | None = None
    webhook_secret: str = "whsec_sandbox"  # noqa: S105 - a stand-in's secret, known to all
    publisher: str = "The Weekly Lamp"
    account_id: str = "acct_1Sandbox0000000"
    country: str = "GB"
    currency: str = "gbp"
    account_version: str = ACCOUNT_VERSION
    endpoint_version: str = ENDPOINT_VERSION
    seed: int | None = None
    clock: Clock = SystemClock()
    settle_delay_seconds: int = 1
    available_after_days: int = 3
    debit_delay_seconds: int = 4 * 86_400
    debits_count_at_once: bool = False
    mandate_delay_seconds: int = 2 * 86_400
    dispute_fee_returns: bool = False
    payout_interval: Literal["daily", "manual"] = "manual"
    payout_days: int = 2
    reconcile_delay_seconds: int = 6 * 3600
    upcoming_days: int = 7
    retry_days: tuple[int, ...] = (3, 7, 10)
    webhook_backoff: tuple[int, ...] = (5, 30, 120, 600, 3600, 10800, 21600, 43200, 86400)
    webhook_timeout_seconds: float = 10.0
    webhook_concurrency: int = 4
    in_background: bool = True

    def __post_init__(self) -> None:
        if not self.api_key.startswith(("sk_test_", "rk_test_")):
            raise ValueError("the sandbox takes test keys only: a key that starts with sk_test_ or rk_test_")
        if self.base_url.endswith("/"):
            raise ValueError("base_url takes no slash at its end")


class SandboxClock:
    """The sandbox's own time: a base clock and an offset that can be moved forward."""

    def __init__(self, base: Clock, offset: timedelta) -> None:
        self._base = base
        self.offset = offset

    def now(self) -> datetime:
        """The present moment of the sandbox, aware, in UTC."""
        return self._base.now() + self.offset

    def advance(self, by: timedelta) -> None:
        """The sandbox stands `by` later than before."""
        if by < timedelta(0):
            raise ValueError("the sandbox's clock only moves forward")
        self.offset += by
