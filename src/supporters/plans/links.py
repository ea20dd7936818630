"""The signed link in a plan's letters: it opens just that plan, without sign-in, for 180 days."""

from datetime import UTC, date, datetime, timedelta

from supporters.kit.ids import is_ulid
from supporters.kit.signing import Signer

OPENS_FOR = timedelta(days=180)
_FIRST_DAY = date(2020, 1, 1)  # days are counted from here, to keep links short


class PlanLinks:
    """Makes and reads them. Looking changes nothing, as mail scanners open links too: what changes a plan is a form."""

    def __init__(self, secret_key: str, base_url: str) -> None:
        self._signer = Signer(secret_key, "plan")
        self._base_url = base_url

    def plan_url(self, plan_id: str, *, now: datetime) -> str:
        """Where the plan is seen and changed."""
        return f"{self._base_url}/giving/{self.token(plan_id, now=now)}"

    def token(self, plan_id: str, *, now: datetime) -> str:
        """What opens the plan until 180 days from now."""
        return self._signer.sign(f"{plan_id}-{_day(now + OPENS_FOR)}")

    def read_plan(self, token: str, *, now: datetime) -> str | None:
        """The id of the plan that the token opens; None for one that is not ours or has run out."""
        plan_id, _dash, last_day = (self._signer.unsign(token) or "").partition("-")
        if not is_ulid(plan_id) or not last_day.isdigit():
            return None
        return plan_id if _day(now) <= int(last_day) else None


def _day(moment: datetime) -> int:
    return (moment.astimezone(UTC).date() - _FIRST_DAY).days
