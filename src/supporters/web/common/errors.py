"""Errors with a status and with words that may be shown."""

from litestar.exceptions import HTTPException

SIGN_IN = "/desk/sign-in"


class PageError(HTTPException):
    """Ends the request with `status` and a page that says `words`, and nothing else."""

    def __init__(self, status: int, words: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail=words, status_code=status, headers=headers)
        self.words = words


class SignInNeeded(HTTPException):
    """The desk wants to know who is asking, or one step more of a sign-in that has begun: `where` is the page for it."""

    def __init__(self, where: str = SIGN_IN) -> None:
        super().__init__(status_code=401)
        self.where = where
