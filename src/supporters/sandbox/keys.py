"""Who may ask what, and how often: restricted keys, and as many requests a second as an account has.

Source: docs.stripe.com/keys/restricted-api-keys and docs.stripe.com/rate-limits, read 23 November 2026.
"""

from collections import deque

from supporters.sandbox.errors import ApiError
from supporters.sandbox.world import World


def restrict_key(world: World, key: str, read: list[str]) -> None:
    """`key` may read what lies under those paths, and nothing else; without any, the key is unknown again."""
    known: dict[str, list[str]] = world.store.setting("restricted_keys", {})
    known.pop(key, None)
    world.store.set("restricted_keys", {**known, **({key: read} if read else {})})


def check_restricted(world: World, key: str, method: str, path: str) -> bool:
    """Whether `key` is a restricted one. Raises: ApiError (403) when it may not do this."""
    known: dict[str, list[str]] = world.store.setting("restricted_keys", {})
    if key not in known:
        return False
    if method != "GET" or not any(path == prefix or path.startswith(f"{prefix}/") for prefix in known[key]):
        need = f"rak_{path.removeprefix('/v1/').partition('/')[0].rstrip('s')}_{'read' if method == 'GET' else 'write'}"
        message = (
            f"The provided key '{key[:8]}{'*' * 8}{key[-4:]}' does not have the required permissions for this endpoint "
            f"on account '{world.config.account_id}'. Having the '{need}' permission would allow this request to "
            "continue."
        )
        raise ApiError(403, message, code="more_permissions_required", is_final=False)
    return True


class RateLimit:
    """How many requests of the last second there were, by real time: a limit is about load, not about the story."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: deque[float] = deque()

    def refuses(self, moment: float) -> bool:
        """Whether a request at that moment is one too many; it is not counted then."""
        most: int = self._world.store.setting("requests_a_second", 0)
        if not most:
            return False
        while self._seen and self._seen[0] <= moment - 1:
            self._seen.popleft()
        if len(self._seen) >= most:
            return True
        self._seen.append(moment)
        return False
