"""Writing evidence: the one place where a consent is given or withdrawn. Rows are only ever added."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.newsletters.models import Consent, State, Subscription

ORDER_LOCK = 7_304  # advisory lock on PostgreSQL: evidence commits in the order of its ids, so that readers miss none


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How we know: what was asked when and with which words, and by which way it was confirmed or withdrawn."""

    method: str
    basis: str = "consent"
    asked_at: datetime | None = None
    wording_id: str | None = None
    wording_sha256: str | None = None
    form: str = ""
    path: str = ""
    batch_id: str | None = None
    detail: Mapping[str, object] = {}


async def write_evidence(
    session: AsyncSession,
    *,
    subscriber_id: str,
    newsletter_id: str,
    state: State,
    proof: Proof,
    ids: Ids,
    now: datetime,
) -> bool:
    """The subscription is in `state`, and the evidence says since when and how we know. False when it was so before.

    Who writes nothing for what is so already calls `keep_order` before it reads what is so.
    """
    await keep_order(session)
    before = await session.scalar(
        select(Subscription.state).where(
            Subscription.subscriber_id == subscriber_id, Subscription.newsletter_id == newsletter_id
        )
    )
    consent_id = ids.ulid()
    await session.execute(
        insert(Consent).values(
            id=consent_id,
            subscriber_id=subscriber_id,
            newsletter_id=newsletter_id,
            status=state,
            basis=proof.basis,
            method=proof.method,
            asked_at=proof.asked_at,
            at=now,
            wording_id=proof.wording_id,
            wording_sha256=proof.wording_sha256,
            form=proof.form,
            path=proof.path,
            batch_id=proof.batch_id,
            detail=dict(proof.detail),
        )
    )
    values = {"state": state, "consent_id": consent_id, "batch_id": proof.batch_id, "changed_at": now}
    row = insert_for(session, Subscription).values(
        id=ids.ulid(), subscriber_id=subscriber_id, newsletter_id=newsletter_id, **values
    )
    await session.execute(row.on_conflict_do_update(index_elements=["subscriber_id", "newsletter_id"], set_=values))
    return before != state


async def keep_order(session: AsyncSession) -> None:
    """Nobody else writes evidence until this transaction ends; SQLite lets one writer in at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(ORDER_LOCK)))
