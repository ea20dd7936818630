"""Pure rules of staff accounts: what a password must be, how long a session lasts.

Source: OWASP, "Authentication Cheat Sheet" and "Session Management Cheat Sheet", read 2026-11-22: length over composition,
no truncation, an idle and an absolute limit.
"""

from datetime import datetime, timedelta

from supporters.kit.strings import gettext as _

PASSWORD_SHORTEST = 12
PASSWORD_LONGEST = 200
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
GUESSES = 10
GUESS_WINDOW = timedelta(minutes=5)
GUESSES_A_DAY = 40  # of codes: three of a million are right at any moment
DAY = timedelta(days=1)
PROOF_LASTS = timedelta(minutes=10)
INVITED_FOR = timedelta(days=7)
LINK_LASTS = timedelta(days=1)  # to set a new password
ERASED_HOST = "erased.invalid"  # RFC 2606: no such host will ever be


def password_problem(password: str, *, email: str) -> str | None:
    """What is wrong with a new password, in words, or None."""
    if len(password) < PASSWORD_SHORTEST:
        return _("A password needs at least %(count)s characters.") % {"count": PASSWORD_SHORTEST}
    if len(password) > PASSWORD_LONGEST:
        return _("A password has at most %(count)s characters.") % {"count": PASSWORD_LONGEST}
    if len(set(password)) < 4:
        return _("That password repeats too few characters. Three or four words in a row make a good one.")
    if password.casefold() == email.casefold():
        return _("The password must not be the email address.")
    return None


def erased_address(staff_id: str) -> str:
    """What stands in place of the address of somebody who was erased. Nobody can write to it."""
    return f"{staff_id.lower()}@{ERASED_HOST}"


def is_erased(email: str) -> bool:
    """Whether the address stands in place of one that was erased."""
    return email.endswith(f"@{ERASED_HOST}")


def is_live(*, last_seen_at: datetime, expires_at: datetime, now: datetime) -> bool:
    """Whether a session still counts: not past its end, and used within the idle time."""
    return now < expires_at and now - last_seen_at < IDLE


def needs_touch(last_seen_at: datetime, *, now: datetime) -> bool:
    """Whether `last_seen_at` is old enough to be worth a write."""
    return now - last_seen_at >= TOUCH_EVERY


def is_proved(proved_at: datetime, *, now: datetime) -> bool:
    """Whether password, and code where there is one, were given lately enough for what can't be undone."""
    return now - proved_at < PROOF_LASTS


def window_start(now: datetime, *, window: timedelta = GUESS_WINDOW) -> datetime:
    """The beginning of the window in which guesses are counted together."""
    seconds = int(window.total_seconds())
    return now - timedelta(seconds=int(now.timestamp()) % seconds, microseconds=now.microsecond)
