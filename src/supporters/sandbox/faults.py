"""What goes wrong on purpose with the next calls."""

from dataclasses import dataclass
from typing import Literal

from supporters.sandbox.errors import ApiError

FaultKind = Literal["429", "lock_timeout", "500", "timeout", "reply_lost"]
Effect = Literal["none", "done"]


@dataclass
class Fault:
    """The next `count` calls under `path` go wrong.

    `effect` says whether the call does its work all the same. `seconds` is how long a `timeout` hangs, in real time;
    `retry_after` is how many seconds the answer asks to wait.
    """

    kind: FaultKind
    count: int = 1
    effect: Effect = "none"
    method: str | None = None
    path: str = "/v1/"
    seconds: float = 90.0
    should_retry: bool | None = None
    retry_after: int | None = None

    def meets(self, method: str, path: str) -> bool:
        """Whether this call is one of those."""
        return self.count > 0 and path.startswith(self.path) and self.method in (None, method)


class ReplyLost(Exception):
    """The connection ends before the whole answer was sent."""


def error_of(fault: Fault) -> ApiError:
    """The answer of a call that goes wrong."""
    if fault.kind == "429":
        message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
        return ApiError(429, message, code="rate_limit", is_final=False)
    if fault.kind == "lock_timeout":
        message = "This object cannot be accessed right now because another API request is currently accessing it."
        return ApiError(429, message, code="lock_timeout", is_final=False)
    message = "An unknown error occurred while processing your request."
    return ApiError(500, message, kind="api_error", keeps_effects=fault.effect == "done")
