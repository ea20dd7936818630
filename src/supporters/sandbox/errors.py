"""Stripe's error envelope."""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """An answer other than 200, in Stripe's words.

    `keeps_effects` marks errors after which what happened stays (a declined card leaves a failed charge);
    `is_final` marks answers that an idempotency key replays.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keeps_effects: bool = False,
        is_final: bool = True,
        extra: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.keeps_effects = keeps_effects
        self.is_final = is_final
        self.extra = extra or {}

    def body(self, log_url: str) -> Json:
        """The error as Stripe writes it."""
        error: Json = {"type": self.kind, "message": self.message, "request_log_url": log_url, **self.extra}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": error}


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    """A request that cannot be carried out as it stands."""
    return ApiError(400, message, code=code, param=param)


def malformed(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    """A request refused before anything began, so that its idempotency key stays unused."""
    return ApiError(400, message, code=code, param=param, is_final=False)


def not_done(what: str, *, param: str | None = None) -> ApiError:
    """Something that Stripe can do and this sandbox cannot yet."""
    message = f"The sandbox does not do {what} yet. Stripe would accept this request."
    return ApiError(400, message, code="sandbox_unsupported", param=param, is_final=False)


def missing(kind: str, object_id: str, *, param: str = "id") -> ApiError:
    """An id that names nothing."""
    name = {"checkout.session": "checkout.session", "balance_transaction": "balance transaction"}.get(kind, kind)
    message = f"No such {name}: '{object_id}'"
    return ApiError(404, message, code="resource_missing", param=param)
