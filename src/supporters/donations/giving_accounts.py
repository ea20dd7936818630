"""The bank account that readers are asked to pay into."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.donations.other_models import GivingAccount
from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

HOLDER_CHARS, LINE_CHARS, MOST_LINES = 120, 80, 5


async def set_giving_account(
    session: AsyncSession, *, currency: str, holder: str, numbers: str, is_shown: bool, actor_id: str, now: datetime
) -> None:
    """Readers see these details for this currency, or none. *Raises* Refused where something is missing. *Writes* audit."""
    name = clean_line(holder, limit=HOLDER_CHARS)
    lines = [clean_line(line, limit=LINE_CHARS) for line in numbers.splitlines()[: MOST_LINES + 1]]
    kept = [line for line in lines if line]
    if not name or not kept:
        raise Refused(_("Readers need the account's holder and its numbers. Nothing was changed."))
    if len(kept) > MOST_LINES:
        raise Refused(_("Five lines of numbers are enough. Nothing was changed."))
    known = await session.get(GivingAccount, currency, with_for_update=True)
    before = {"holder": known.holder, "numbers": known.numbers, "is_shown": known.is_shown} if known else {}
    row = known or GivingAccount(currency=currency)
    row.holder, row.numbers, row.is_shown = name, "\n".join(kept), is_shown
    row.changed_by, row.changed_at = actor_id, now
    session.add(row)
    await session.flush()
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="giving_account.set",
        record_kind="giving_account",
        record_id=currency,
        detail={"before": before, "after": {"holder": name, "numbers": row.numbers, "is_shown": is_shown}},
        now=now,
    )
