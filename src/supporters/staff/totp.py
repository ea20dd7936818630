"""Codes that change every thirty seconds, as authenticator apps make them. Pure.

Source: RFC 6238 §4 (time steps), §5.2 (one step of delay either way, a code once only) and RFC 4226 §5.3 (truncation),
read 2026-11-22. SHA-1, six digits and thirty seconds are what every app understands.
"""

import base64
import hmac
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
DRIFT_STEPS = 1


def step_of(at: datetime) -> int:
    """The number of the half-minute that `at` falls into."""
    return int(at.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int, *, digits: int = DIGITS) -> str:
    """The code of that step; `secret` is in base 32."""
    proof = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    start = proof[-1] & 0x0F
    number = int.from_bytes(proof[start : start + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: str, code: str, *, now: datetime, last_step: int | None) -> int | None:
    """The step whose code this is, one before or after now at most and later than `last_step`; or None."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    today = step_of(now)
    fits = [
        step
        for step in range(today - DRIFT_STEPS, today + DRIFT_STEPS + 1)
        if hmac.compare_digest(code_at(secret, step), typed)
    ]
    return next((step for step in fits if last_step is None or step > last_step), None)


def secret_from(random_token: str) -> str:
    """A secret in base 32, made from a token of `kit.ids`."""
    raw = base64.urlsafe_b64decode(random_token + "=" * (-len(random_token) % 4))
    return base64.b32encode(raw[:SECRET_BYTES]).decode()


def setup_url(secret: str, *, account: str, issuer: str) -> str:
    """What the picture for the app says. Source: the key URI format that authenticator apps share."""
    label = quote(f"{issuer}:{account}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer}, quote_via=quote)}"


def in_groups(secret: str) -> str:
    """The secret in groups of four, to be typed by hand."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
