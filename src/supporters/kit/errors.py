"""Errors that a person can act on. Each says what happened and what to do next."""


class SupportersError(Exception):
    """Something that a person must be told, in words that are safe to show."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def in_short(error: Exception) -> str:
    """The error's kind and first line, to be stored: databases quote values in the lines after it."""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}"[:500]


class NotFound(SupportersError):
    """No such record, or not for this person to see."""


class DeadLink(NotFound):
    """A link that was sent to somebody opens nothing: it ran out, was used, or not all of it was copied.

    `way` leads on, as words and our own address; None where only another letter or person does.
    """

    def __init__(self, message: str, *, way: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.way = way


class Conflict(SupportersError):
    """The record has changed meanwhile, or the action is not possible in its state."""


class Refused(SupportersError):
    """Not allowed: a limit, a role, a switched-off part."""


class MoneyError(SupportersError):
    """An amount that can't be understood or is not allowed."""


class DatabaseBusy(SupportersError):
    """The database did not answer in time; nothing was stored, and trying again is safe."""
