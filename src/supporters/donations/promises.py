"""Promises to pay by bank: made on a public page or at the desk, each with a reference of its own. No money moves here."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import note_origin
from supporters.appeals.queries import GENERAL, published_appeal
from supporters.appeals.rules import Claim
from supporters.audit.record import record
from supporters.donations.models import Frequency
from supporters.donations.other_models import GivingAccount, OtherPayment, Promise, PromiseState
from supporters.donations.reference import make_reference
from supporters.kit.clock import local_date
from supporters.kit.db import insert_for
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.rules import echoable_name
from supporters.settings import Settings

LETTER = "promise"
MOST_PER_NETWORK, AN_HOUR = 20, timedelta(hours=1)
MOST_PER_MAILBOX, A_DAY = 4, timedelta(hours=24)
LAPSES_AFTER = timedelta(days=90)
TRIES = 5  # references are many and collisions rare


class PromiseForm(msgspec.Struct, frozen=True, kw_only=True):
    """A checked form: who promises what."""

    attempt_id: str
    amount: Money
    frequency: Frequency
    email: str
    name: str
    appeal_slug: str = GENERAL
    origin: Claim = Claim()


async def make_promise(
    session: AsyncSession,
    form: PromiseForm,
    *,
    actor_id: str | None = None,
    supporter_id: str | None = None,
    network_digest: str | None = None,
    domain: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> Promise:
    """The promise is on record under a reference that nobody else has, and a letter brings it to the giver's address.

    With `actor_id`, staff took it down for the giver, of whom they may know no address. *Idempotent by* the attempt id.
    *Raises* Conflict when readers cannot pay in that currency, or the appeal is gone.
    """
    known = await _known(session, form.attempt_id)
    if known:
        return known
    account = await account_of(session, form.amount.currency)
    if account is None:
        raise Conflict(_("Bank transfers in this currency are not taken at the moment. Nothing was promised."))
    appeal = await published_appeal(session, form.appeal_slug) or await published_appeal(session, GENERAL)
    if appeal is None:
        raise Conflict(_("This appeal is not here any more. Nothing was promised."))
    today = local_date(now, settings.time_zone)
    row: dict[str, object] = {
        "id": ids.ulid(),
        "attempt_id": form.attempt_id,
        "amount_minor": form.amount.minor,
        "currency": form.amount.currency,
        "frequency": form.frequency.value,
        "email": form.email,
        "name": form.name,
        "fund_id": appeal.fund_id,
        "appeal_id": appeal.id,
        "attribution_id": await note_origin(session, form.origin, ids=ids, now=now),
        "supporter_id": supporter_id,
        "locale": settings.locale,
        "livemode": not settings.is_test_mode,
        "state": PromiseState.OPEN.value,
        "turn": 1,
        "expected_on": today,
        "payer_hash": "",
        "network_digest": network_digest,
        "made_by": actor_id,
        "made_at": now,
    }
    promise = await add_promise(session, row, ids=ids)
    if actor_id:
        await _audit(session, promise, actor_id=actor_id, now=now)
    await _write(session, promise, account, domain=domain, ids=ids, now=now)
    return promise


async def account_of(session: AsyncSession, currency: str) -> GivingAccount | None:
    """The account that readers may pay into in this currency, if there is one and it is shown."""
    wanted = select(GivingAccount).where(GivingAccount.currency == currency, GivingAccount.is_shown)
    return await session.scalar(wanted.execution_options(populate_existing=True))


async def may_promise(session: AsyncSession, *, network_digest: str, email: str, now: datetime) -> bool:
    """Whether one more promise is taken from that network and for that mailbox: each of them gets a letter."""
    recent = select(func.count()).select_from(Promise).where(Promise.made_by.is_(None))
    of_network = recent.where(Promise.network_digest == network_digest, Promise.made_at >= now - AN_HOUR)
    of_mailbox = recent.where(func.lower(Promise.email) == email.lower(), Promise.made_at >= now - A_DAY)
    return (await session.scalar(of_network) or 0) < MOST_PER_NETWORK and (
        await session.scalar(of_mailbox) or 0
    ) < MOST_PER_MAILBOX


async def forget_networks(session: AsyncSession, *, before: datetime) -> None:
    """Promises older than that do not say any more from which network they came."""
    old = Promise.network_digest.is_not(None) & (Promise.made_at < before)
    forgotten = update(Promise).where(old).values(network_digest=None)
    await session.execute(forgotten, execution_options={"synchronize_session": False})


async def _known(session: AsyncSession, attempt_id: str) -> Promise | None:
    return await session.scalar(select(Promise).where(Promise.attempt_id == attempt_id))


async def add_promise(session: AsyncSession, row: dict[str, object], *, ids: Ids) -> Promise:
    """The promise is on record under a reference that nobody else has. *Idempotent by* its attempt id. *Raises* Conflict."""
    for _try in range(TRIES):
        values = row | {"reference": make_reference(ids.token().encode())}
        insert = insert_for(session, Promise).values(values).on_conflict_do_nothing().returning(Promise)
        made = await session.scalar(insert)
        if made:
            return made
        known = await _known(session, str(row["attempt_id"]))
        if known:
            return known
    raise Conflict(_("No reference could be made for this promise. Please send it again."))


async def _audit(session: AsyncSession, promise: Promise, *, actor_id: str, now: datetime) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="promise.make",
        record_kind="promise",
        record_id=promise.id,
        detail={
            "reference": promise.reference,
            "amount_minor": promise.amount_minor,
            "currency": promise.currency,
            "frequency": promise.frequency,
            "supporter_id": promise.supporter_id,
        },
        now=now,
    )


async def _write(
    session: AsyncSession, promise: Promise, account: GivingAccount, *, domain: str, ids: Ids, now: datetime
) -> None:
    if not promise.email:
        return
    context: dict[str, object] = {
        "reference": promise.reference,
        "amount_minor": promise.amount_minor,
        "currency": promise.currency,
        "frequency": promise.frequency,
        "name": echoable_name(promise.name),
        "holder": account.holder,
        "numbers": account.numbers,
        "by_staff": promise.made_by is not None,
    }
    await queue_letter(
        session,
        kind=LETTER,
        stream=Stream.SERVICE,
        recipient=promise.email,
        dedupe_key=promise.id,
        context=context,
        about=promise.id,
        ids=ids,
        now=now,
        domain=domain,
    )


async def lapse(session: AsyncSession, *, now: datetime) -> int:
    """Promises of which nothing came for ninety days are not expected any more; says how many."""
    old = (Promise.state == PromiseState.OPEN.value) & (Promise.made_at < now - LAPSES_AFTER)
    found = (await session.scalars(select(Promise).where(old).with_for_update())).all()
    for promise in found:
        promise.state, promise.closed_at = PromiseState.LAPSED.value, now
    await session.flush()
    return len(found)


async def forget_unkept(session: AsyncSession, *, before: datetime) -> None:
    """Promises that nobody kept, and that were over before then, are gone, name and address with them."""
    over = Promise.state.in_([PromiseState.LAPSED.value, PromiseState.ENDED.value])
    old = over & (Promise.closed_at < before) & Promise.plan_id.is_(None)
    paid = exists(select(OtherPayment.id).where(OtherPayment.promise_id == Promise.id))
    await session.execute(delete(Promise).where(old, ~paid), execution_options={"synchronize_session": False})
