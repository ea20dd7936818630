"""The form of an attempt that was not paid, as it was sent, found by the signed link that only its sender holds."""

import msgspec

from supporters.appeals.queries import GENERAL, AppealView
from supporters.donations.forms import AttemptValues
from supporters.donations.queries import attempt_values
from supporters.kit.money import plain_amount
from supporters.web.common.giving import OTHER, Entry
from supporters.web.common.house import House


class Resumed(msgspec.Struct, frozen=True):
    """An attempt to go on with."""

    attempt_id: str
    entry: Entry


async def entry_of_attempt(house: House, signed: str) -> Resumed | None:
    """What was filled in on the attempt that `signed` names; None when it is paid, gone, or the link is not ours."""
    attempt_id = house.links.read_attempt(signed)
    if attempt_id is None:
        return None
    async with house.db.reading() as session:
        values = await attempt_values(session, attempt_id)
    if values is None:
        return None
    appeal = await house.appeals.get(values.appeal_slug)
    return Resumed(attempt_id, _entry(values, appeal))


def _entry(values: AttemptValues, appeal: AppealView | None) -> Entry:
    rungs = appeal.amounts.get(values.frequency, ()) if appeal else ()
    amount = plain_amount(values.amount)
    on_ladder = values.amount.minor in rungs
    return Entry(
        frequency=values.frequency,
        ladder=amount if on_ladder else OTHER,
        other="" if on_ladder else amount,
        email=values.email,
        name=values.name,
        newsletter=values.wants_newsletter,
        appeal="" if values.appeal_slug == GENERAL else values.appeal_slug,
    )
