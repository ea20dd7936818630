"""Errors with a status and with words that may be shown."""

from litestar.exceptions import HTTPException


class PageError(HTTPException):
    """Ends the request with `status` and a page that says `words`, and nothing else."""

    def __init__(self, status: int, words: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail=words, status_code=status, headers=headers)
        self.words = words


class SignInNeeded(HTTPException):
    """The desk wants to know who is asking."""

    def __init__(self) -> None:
        super().__init__(status_code=401)
