"""The attempt: written before Stripe is called, told apart from a resend, carried on after a failure.

No function here talks to Stripe; `checkout` does, between two transactions made of these verbs.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import note_origin
from supporters.appeals.models import Attribution
from supporters.appeals.queries import GENERAL, AppealView, published_appeal
from supporters.donations.forms import GiveForm
from supporters.donations.gate import GIVEN, Gate, Terms, Visitor, read_terms
from supporters.donations.models import Checkout, Donation, DonationState, Frequency, Kind
from supporters.donations.timeline import note
from supporters.guard.limits import Limits
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _

PAGE_LIVES = timedelta(minutes=35)  # Stripe's shortest is 30; five more for the way there
PAGE_REUSED_UNTIL = timedelta(minutes=2)  # before its end: nobody types a card number in less
CALL_TAKES = timedelta(seconds=25)  # longest that one call can be under way: timeout, one retry, the way there
# Stripe takes an end at least 30 minutes away, so that a request with an older end can only be refused.
SAME_KEY_FOR = timedelta(minutes=4)
METHOD_KEPT_FOR = timedelta(hours=24)  # said on the page: a saved card is forgotten, unless its giver goes on monthly
CALLS_PER_KEY = 2  # a stored 500 is replayed for its key: after two failures the next try takes a new one


class Ticket(msgspec.Struct, frozen=True):
    """One payment page to be asked for: everything that the call needs, as the rows say it."""

    checkout_id: str
    donation_id: str
    attempt_id: str
    amount_minor: int
    currency: str
    email: str
    idempotency_key: str
    expires_at: datetime
    frequency: str = Frequency.ONCE
    terms: Terms = Terms()


class Reuse(msgspec.Struct, frozen=True):
    """The payment page is open already."""

    url: str


class AlreadyPaid(msgspec.Struct, frozen=True):
    """The attempt is paid or being paid."""

    donation_id: str


class Wait(msgspec.Struct, frozen=True):
    """Somebody else is asking Stripe for this very page."""

    ticket: Ticket


class Call(msgspec.Struct, frozen=True):
    """Stripe is to be asked for this page, by the caller."""

    ticket: Ticket


class Replace(msgspec.Struct, frozen=True):
    """The page of revision `revision` must be closed at Stripe before the attempt goes on with new content."""

    donation_id: str
    revision: int
    stripe_session_id: str


Attempt = Reuse | AlreadyPaid | Wait | Call | Replace


async def start_attempt(
    session: AsyncSession,
    form: GiveForm,
    *,
    attempt_id: str,
    visitor: Visitor,
    limits: Limits,
    locale: str,
    livemode: bool,
    offers_monthly: bool,
    ids: Ids,
    now: datetime,
) -> Attempt:
    """The attempt is on record, and the answer says what has to happen next.

    *Idempotent by* the attempt id: one donation, however often the form is sent. Raises Refused when giving is switched
    off or a limit is reached, Conflict when the appeal is gone or its frequency is switched off. *Writes* donation,
    checkout, attribution, timeline.
    """
    terms = await read_terms(session, form, offers_monthly=offers_monthly)
    gate = Gate(visitor, limits)
    found = await _find(session, attempt_id)
    if found is None:
        await gate.check(session, form, now=now)
        appeal = await _appeal_of(session, form)
        donation_id = ids.ulid()
        row = _new_donation(form, appeal, attempt_id=attempt_id, now=now) | {
            "id": donation_id,
            "reference": ids.reference("D"),
            "is_suspicious": visitor.is_suspicious,
            "network_digest": gate.network_digest,
            "locale": locale,
            "livemode": livemode,
        }
        if await _insert(session, row, form, ids=ids, now=now):
            call = await _open_page(session, donation_id, 1, form, terms, attempt_id=attempt_id, ids=ids, now=now)
            await note(session, donation_id, "started", cause="form", ids=ids, now=now, detail=_told(form))
            await gate.count(session, form, now=now)
            return call
        found = await _find(session, attempt_id)
    if found is None:
        raise Conflict(_("This form was sent twice at once. Please send it again; no money has been taken."))
    return await _continue(session, found, form, terms, gate=gate, ids=ids, now=now)


async def go_on(
    session: AsyncSession,
    donation_id: str,
    form: GiveForm,
    *,
    seen_revision: int,
    gate: Gate,
    offers_monthly: bool,
    ids: Ids,
    now: datetime,
) -> Call | None:
    """The attempt takes the form's content as its next revision, now that its old page is closed.

    None when somebody else has moved it on since `seen_revision`: start again. Raises Refused when a limit is reached,
    Conflict when its frequency is switched off.
    """
    terms = await read_terms(session, form, offers_monthly=offers_monthly)
    found = await _find_by_id(session, donation_id)
    if found is None or found.revision != seen_revision or found.state not in UNPAID:
        return None
    return await _revise(session, found, form, terms, gate=gate, ids=ids, now=now)


async def store_checkout(
    session: AsyncSession, checkout_id: str, *, stripe_session_id: str, url: str, expires_at: datetime
) -> bool:
    """The page that Stripe opened is on record. False when the attempt has gone on without it: nobody may be sent there.

    *Idempotent by* the checkout: a second answer to its key is the same page.
    """
    values = {"stripe_session_id": stripe_session_id, "url": url, "expires_at": expires_at, "failed_at": None}
    wanted = (Checkout.id == checkout_id) & Checkout.is_over.is_(False)
    return changed_rows(await session.execute(update(Checkout).where(wanted).values(**values))) == 1


async def current_page(session: AsyncSession, donation_id: str) -> Reuse | AlreadyPaid | None:
    """Where the attempt stands by now; None when its newest revision has no page to be sent to."""
    wanted = (
        select(Donation.state, Checkout.url, Checkout.is_over)
        .join(Checkout, (Checkout.donation_id == Donation.id) & (Checkout.revision == Donation.revision))
        .where(Donation.id == donation_id)
    )
    state, url, is_over = (await session.execute(wanted)).one()
    if state in GIVEN:
        return AlreadyPaid(donation_id)
    return Reuse(url) if url and not is_over else None


async def store_failure(session: AsyncSession, checkout_id: str, *, is_final: bool, now: datetime) -> None:
    """The call for the page failed; with `is_final`, the same key will not be sent again."""
    values = {"failed_at": now} | ({"calls": CALLS_PER_KEY} if is_final else {})
    open_ended = (Checkout.id == checkout_id) & Checkout.url.is_(None)
    await session.execute(update(Checkout).where(open_ended).values(**values))


UNPAID = (DonationState.STARTED, DonationState.EXPIRED)


async def _find(session: AsyncSession, attempt_id: str) -> Donation | None:
    return await session.scalar(select(Donation).where(Donation.attempt_id == attempt_id).with_for_update())


async def _find_by_id(session: AsyncSession, donation_id: str) -> Donation | None:
    return await session.scalar(select(Donation).where(Donation.id == donation_id).with_for_update())


async def _appeal_of(session: AsyncSession, form: GiveForm) -> AppealView:
    appeal = await published_appeal(session, form.appeal_slug) or await published_appeal(session, GENERAL)
    if appeal is None:
        raise Conflict(_("There is nothing to give to at the moment. No money has been taken."))
    return appeal


def _new_donation(form: GiveForm, appeal: AppealView, *, attempt_id: str, now: datetime) -> dict[str, object]:
    return {
        "attempt_id": attempt_id,
        "revision": 1,
        "kind": Kind.DONATION,
        "state": DonationState.STARTED,
        "refunded_minor": 0,
        "fund_id": appeal.fund_id,
        "appeal_id": appeal.id,
        "created_at": now,
        "updated_at": now,
    } | _content(form)


def _content(form: GiveForm) -> dict[str, object]:
    return {
        "content_digest": form.digest,
        "frequency": form.frequency,
        "amount_minor": form.amount.minor,
        "currency": form.amount.currency,
        "email": form.email,
        "name": form.name,
        "wants_newsletter": form.wants_newsletter,
    }


def _told(form: GiveForm) -> dict[str, object]:
    return {"amount_minor": form.amount.minor, "currency": form.amount.currency, "frequency": form.frequency}


async def _insert(session: AsyncSession, row: dict[str, object], form: GiveForm, *, ids: Ids, now: datetime) -> bool:
    """False when another request has written the same attempt meanwhile; nothing of this one stays."""
    origin_id = await note_origin(session, form.origin, ids=ids, now=now)
    statement = insert_for(session, Donation).values(**row, attribution_id=origin_id)
    added = await session.execute(statement.on_conflict_do_nothing(index_elements=["attempt_id"]))
    if changed_rows(added) == 1:
        return True
    await session.execute(delete(Attribution).where(Attribution.id == origin_id))
    return False


async def _open_page(
    session: AsyncSession,
    donation_id: str,
    revision: int,
    form: GiveForm,
    terms: Terms,
    *,
    attempt_id: str,
    ids: Ids,
    now: datetime,
) -> Call:
    row = {
        "id": ids.ulid(),
        "donation_id": donation_id,
        "revision": revision,
        "amount_minor": form.amount.minor,
        "currency": form.amount.currency,
        "idempotency_key": f"v1:checkout:{donation_id}:{revision}",
        "is_over": False,
        "expires_at": now + PAGE_LIVES,
        "created_at": now,
        "calls": 1,
        "called_at": now,
        "excluded_methods": ",".join(terms.excluded_methods),
        "saves_method": terms.saves_method,
        "forget_method_at": now + METHOD_KEPT_FOR if terms.saves_method else None,
    }
    await session.execute(insert(Checkout).values(**row))
    return Call(
        Ticket(
            checkout_id=str(row["id"]),
            donation_id=donation_id,
            attempt_id=attempt_id,
            amount_minor=form.amount.minor,
            currency=form.amount.currency,
            email=form.email,
            idempotency_key=str(row["idempotency_key"]),
            expires_at=now + PAGE_LIVES,
            frequency=form.frequency,
            terms=terms,
        )
    )


async def _continue(
    session: AsyncSession, donation: Donation, form: GiveForm, terms: Terms, *, gate: Gate, ids: Ids, now: datetime
) -> Attempt:
    if donation.state in GIVEN:
        return AlreadyPaid(donation.id)
    page = await _page_of(session, donation)
    is_same = donation.content_digest == form.digest
    if page.url is None:
        return await _carry_on(session, donation, page, form, terms, is_same=is_same, gate=gate, ids=ids, now=now)
    if is_same and not page.is_over and now < page.expires_at - PAGE_REUSED_UNTIL:
        return Reuse(page.url)
    if page.is_over or page.stripe_session_id is None:
        return await _revise(session, donation, form, terms, gate=gate, ids=ids, now=now)
    await gate.check(session, form, now=now)  # before the old page is closed: who is refused keeps it
    return Replace(donation.id, donation.revision, page.stripe_session_id)


async def _carry_on(
    session: AsyncSession,
    donation: Donation,
    page: Checkout,
    form: GiveForm,
    terms: Terms,
    *,
    is_same: bool,
    gate: Gate,
    ids: Ids,
    now: datetime,
) -> Attempt:
    """The page was asked for and its address never came. A page whose address nobody was given can't be paid."""
    is_under_way = page.called_at is not None and page.failed_at is None and now < page.called_at + CALL_TAKES
    if is_under_way:
        return Wait(_ticket(donation, page))
    if is_same and page.calls < CALLS_PER_KEY and now < page.created_at + SAME_KEY_FOR:
        page.calls, page.called_at, page.failed_at = page.calls + 1, now, None
        await session.flush()
        return Call(_ticket(donation, page))
    return await _revise(session, donation, form, terms, gate=gate, ids=ids, now=now)


async def _revise(
    session: AsyncSession, donation: Donation, form: GiveForm, terms: Terms, *, gate: Gate, ids: Ids, now: datetime
) -> Call:
    """A page like any other to the limits: it is checked, counted, and its refusals weigh on who asked for it."""
    await gate.check(session, form, now=now)
    appeal = await _appeal_of(session, form)
    revision = donation.revision + 1
    await session.execute(update(Checkout).where(Checkout.donation_id == donation.id).values(is_over=True))
    changed = _content(form) | {
        "revision": revision,
        "state": DonationState.STARTED,
        "fund_id": appeal.fund_id,
        "appeal_id": appeal.id,
        "is_suspicious": donation.is_suspicious or gate.visitor.is_suspicious,
        "network_digest": gate.network_digest,
        "updated_at": now,
    }
    await session.execute(update(Donation).where(Donation.id == donation.id).values(**changed))
    await note(session, donation.id, "revised", cause=f"revision:{revision}", ids=ids, now=now, detail=_told(form))
    attempt_id = donation.attempt_id
    call = await _open_page(session, donation.id, revision, form, terms, attempt_id=attempt_id, ids=ids, now=now)
    await gate.count(session, form, now=now)
    return call


async def _page_of(session: AsyncSession, donation: Donation) -> Checkout:
    page = (Checkout.donation_id == donation.id) & (Checkout.revision == donation.revision)
    return (await session.scalars(select(Checkout).where(page))).one()


def _ticket(donation: Donation, page: Checkout) -> Ticket:
    return Ticket(
        checkout_id=page.id,
        donation_id=donation.id,
        attempt_id=donation.attempt_id,
        amount_minor=page.amount_minor,
        currency=page.currency,
        email=donation.email,
        idempotency_key=page.idempotency_key,
        expires_at=page.expires_at,
        frequency=donation.frequency,
        terms=Terms(tuple(filter(None, page.excluded_methods.split(","))), saves_method=page.saves_method),
    )
