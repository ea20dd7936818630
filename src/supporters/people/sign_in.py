"""Signing in by a letter: a link and a code of six digits, both good once, for a quarter of an hour, in one browser.

Asking does the same work for every address: whose it is, is looked up in the background, where link and code are made too.
The browser that asked holds a nonce; without it neither opens anything, so that who reads the letter elsewhere, staff
included, is not let in.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import enqueue
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer, token_hash
from supporters.kit.strings import gettext as _
from supporters.people import letters
from supporters.people.limits import DoorLimits
from supporters.people.matching import normalise_email
from supporters.people.models import EmailAddress, SignIn, Supporter
from supporters.people.sessions import open_session
from supporters.settings import Settings

SEND = "people.sign_in"
GOOD_FOR = timedelta(minutes=15)
KEEP = timedelta(days=1)
MOST_TRIES = 5
LONGEST_TOKEN = 100
CODE_DIGITS = 6
EXECUTION = {"synchronize_session": False}


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks to be let in: an address as `read_email` returns it, from which browser and network, to which page."""

    address: str
    nonce: str
    network: str
    target: str
    known: str | None = None  # what the browser keeps since somebody was let in with it


class LetIn(msgspec.Struct, frozen=True):
    """The token of a new session, the page to go on to, and what the browser keeps to be known again."""

    token: str
    target: str
    known: str


class Link(msgspec.Struct, frozen=True):
    """A mailed link that still opens: for which address, and whether in this browser."""

    address: str
    is_from_here: bool


async def request_sign_in(session: AsyncSession, ask: Ask, *, settings: Settings, ids: Ids, now: datetime) -> None:
    """If the address is known, a letter with link and code comes, within the limits. The work is the same if it is not.

    Raises Refused when the network has asked too often.
    """
    limits = DoorLimits(settings.secret_key)
    known = limits.recognise(ask.known, ask.address, now=now)
    counts = await limits.read(session, address=ask.address, network=ask.network, now=now, known=known)
    if counts.is_network_full:
        raise Refused(_("Too many people have asked to sign in from where you are. Please try again in an hour."))
    sign_in_id = ids.ulid()
    row = {
        "id": sign_in_id,
        "nonce_hash": token_hash(ask.nonce),
        "address": ask.address,
        "network_digest": limits.network_digest(ask.network),
        "was_known": known is not None,
        "target": ask.target,
        "address_id": None,
        "token_hash": None,
        "code_digest": None,
        "tries": 0,
        "created_at": now,
        "expires_at": now + GOOD_FOR,
        "used_at": None,
    }
    await session.execute(insert_for(session, SignIn).values(**row))
    if counts.has_letter:
        await enqueue(session, SEND, {"sign_in_id": sign_in_id}, ids=ids, now=now)
    has_letter = counts.has_letter
    await limits.count(session, address=ask.address, network=ask.network, has_letter=has_letter, now=now, known=known)


async def send_sign_in(session: AsyncSession, sign_in_id: str, *, settings: Settings, ids: Ids, now: datetime) -> bool:
    """Link and code exist and are on their way to the address, if it is known and nobody has used the request.

    *Idempotent by* the request: a second run leaves the first link and code as they are.
    """
    waiting = (SignIn.id == sign_in_id) & SignIn.token_hash.is_(None) & (SignIn.expires_at > now)
    request = await session.scalar(select(SignIn).where(waiting).with_for_update())
    if request is None:
        return False
    known = (EmailAddress.normalised == normalise_email(request.address)) & EmailAddress.retired_at.is_(None)
    found = await session.scalar(select(EmailAddress).where(known))
    if found is None:
        return False
    token = ids.token()
    code = code_of(token)
    request.address_id, request.token_hash = found.id, token_hash(token)
    request.code_digest = _code_digest(settings, sign_in_id, code)
    await session.flush()
    return await letters.queue_sign_in(
        session, sign_in_id, found.address, token=token, code=code, settings=settings, ids=ids, now=now
    )


async def look_at_link(session: AsyncSession, token: str, nonce: str | None, *, now: datetime) -> Link | None:
    """What a mailed link opens; None for one that was used, is too old, or is no link. Changes nothing."""
    if len(token) > LONGEST_TOKEN:
        return None
    wanted = select(EmailAddress.address, SignIn.nonce_hash).join(EmailAddress, EmailAddress.id == SignIn.address_id)
    open_now = (SignIn.token_hash == token_hash(token)) & SignIn.used_at.is_(None) & (SignIn.expires_at > now)
    open_now &= EmailAddress.retired_at.is_(None)
    found = (await session.execute(wanted.where(open_now, SignIn.tries < MOST_TRIES))).one_or_none()
    return Link(found[0], _is_same(nonce, found[1])) if found else None


async def use_link(
    session: AsyncSession,
    token: str,
    nonce: str | None,
    *,
    settings: Settings,
    ids: Ids,
    now: datetime,
    old_token: str | None = None,
    known: str | None = None,
) -> LetIn | None:
    """The supporter is signed in, and neither link nor code opens again. None when it opens nothing in this browser."""
    if len(token) > LONGEST_TOKEN or not nonce:
        return None
    mine = (SignIn.token_hash == token_hash(token)) & (SignIn.nonce_hash == token_hash(nonce))
    sign_in_id = await session.scalar(select(SignIn.id).where(mine, SignIn.tries < MOST_TRIES))
    return await _let_in(session, sign_in_id, settings=settings, ids=ids, now=now, old_token=old_token, known=known)


async def use_code(
    session: AsyncSession,
    code: str,
    nonce: str | None,
    *,
    settings: Settings,
    ids: Ids,
    now: datetime,
    old_token: str | None = None,
    known: str | None = None,
) -> LetIn | None:
    """The supporter is signed in by the code of one of this browser's requests. None when none fits; that counts as a try.

    After five wrong codes a request opens nothing any more, not even by its link.
    """
    if not nonce:
        return None
    asked = (SignIn.nonce_hash == token_hash(nonce)) & SignIn.used_at.is_(None) & (SignIn.expires_at > now)
    asked &= SignIn.tries < MOST_TRIES
    found = await session.execute(select(SignIn.id, SignIn.code_digest).where(asked).with_for_update())
    fitting = [sign_in_id for sign_in_id, digest in found if _is_fitting(settings, sign_in_id, code, digest)]
    if fitting:
        return await _let_in(session, fitting[0], settings=settings, ids=ids, now=now, old_token=old_token, known=known)
    await session.execute(update(SignIn).where(asked).values(tries=SignIn.tries + 1), execution_options=EXECUTION)
    return None


async def has_asked(session: AsyncSession, nonce: str | None, *, now: datetime) -> bool:
    """Whether this browser has a request that may still be answered, known address or not."""
    if not nonce:
        return False
    asked = (SignIn.nonce_hash == token_hash(nonce)) & SignIn.used_at.is_(None) & (SignIn.expires_at > now)
    return await session.scalar(select(SignIn.id).where(asked, SignIn.tries < MOST_TRIES).limit(1)) is not None


async def close_sign_ins(session: AsyncSession, supporter_id: str, *, now: datetime) -> int:
    """No letter that was sent to any address of the supporter opens a door any more; returns how many did."""
    theirs = select(EmailAddress.id).where(EmailAddress.supporter_id == supporter_id)
    open_now = SignIn.address_id.in_(theirs) & SignIn.used_at.is_(None) & (SignIn.expires_at > now)
    closed = await session.execute(update(SignIn).where(open_now).values(used_at=now), execution_options=EXECUTION)
    return changed_rows(closed)


async def purge_sign_ins(session: AsyncSession, *, now: datetime) -> int:
    """Requests that ran out a day ago are gone, with the addresses typed and the letters; returns how many."""
    old = list(await session.scalars(select(SignIn.id).where(SignIn.expires_at < now - KEEP).limit(500)))
    await letters.forget(session, old)
    await session.execute(delete(SignIn).where(SignIn.id.in_(old)), execution_options=EXECUTION)
    return len(old)


def code_of(token: str) -> str:
    """Six digits, as random as the token that they are made of."""
    number = int.from_bytes(sha256(b"code:" + token.encode()).digest(), "big") % 10**CODE_DIGITS
    return f"{number:0{CODE_DIGITS}d}"


async def _let_in(
    session: AsyncSession,
    sign_in_id: str | None,
    *,
    settings: Settings,
    ids: Ids,
    now: datetime,
    old_token: str | None,
    known: str | None,
) -> LetIn | None:
    once = (SignIn.id == sign_in_id) & SignIn.used_at.is_(None) & (SignIn.expires_at > now)
    used = await session.execute(update(SignIn).where(once).values(used_at=now), execution_options=EXECUTION)
    if sign_in_id is None or changed_rows(used) != 1:
        return None
    request = (
        await session.scalars(select(SignIn).where(SignIn.id == sign_in_id).execution_options(populate_existing=True))
    ).one()
    owner = select(EmailAddress, Supporter.merged_into_id).join(Supporter, Supporter.id == EmailAddress.supporter_id)
    active = (EmailAddress.id == request.address_id) & EmailAddress.retired_at.is_(None)
    found = (await session.execute(owner.where(active))).one_or_none()
    if found is None:
        return None
    address, merged_into_id = found
    if address.normalised != normalise_email(request.address):  # mailed to the address that was this one's before
        return None
    address.verified_at = address.verified_at or now
    limits = DoorLimits(settings.secret_key)
    await limits.give_back(
        session,
        address=request.address,
        network_digest=request.network_digest,
        asked_at=request.created_at,
        was_known=request.was_known,
        known=limits.recognise(known, request.address, now=now),
    )
    token = await open_session(
        session,
        supporter_id=merged_into_id or address.supporter_id,
        address_id=address.id,
        ids=ids,
        now=now,
        old_token=old_token,
    )
    return LetIn(token, request.target, limits.remember(request.address, ids=ids, now=now))


def _code_digest(settings: Settings, sign_in_id: str, code: str) -> str:
    return Signer(settings.secret_key, "sign-in-code").digest(f"{sign_in_id}:{code}")


def _is_fitting(settings: Settings, sign_in_id: str, code: str, digest: str | None) -> bool:
    return digest is not None and hmac.compare_digest(_code_digest(settings, sign_in_id, code), digest)


def _is_same(nonce: str | None, nonce_hash: str) -> bool:
    return nonce is not None and hmac.compare_digest(token_hash(nonce), nonce_hash)
