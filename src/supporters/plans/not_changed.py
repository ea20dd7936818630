"""What is said about a change that could not be made; a letter says it where its page cannot have."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.rules import echoable_name
from supporters.newsletters.letters import domain_of
from supporters.plans.cards import ANOTHER, LEFT
from supporters.plans.letter_words import facts_of
from supporters.plans.letters import CHANGED, address_of
from supporters.plans.links import PlanLinks
from supporters.plans.models import Actor, ChangeKind, Plan, PlanChange
from supporters.plans.orders import BEING_TAKEN, BROKEN, NOT_PUT_BACK
from supporters.plans.possible import STOPPING
from supporters.plans.turns import GAVE_WAY
from supporters.plans.words import Style, Words, again_url, name_of, reason_words
from supporters.settings import Settings

NOT_IN_TIME = "not_in_time"
UNCLEAR = frozenset({BROKEN, NOT_PUT_BACK})  # a person looks into it
PAGE_HAS_SAID = timedelta(minutes=1)


async def tell_not_changed(
    session: AsyncSession, plan: Plan, change: PlanChange, *, ids: Ids, now: datetime, settings: Settings
) -> bool:
    """Whoever asked hears that nothing was changed, if they are not at its page any more. False when they heard there.

    What gave way to a stop is not spoken of: the letter about the stop says all.
    *Idempotent by* the change.
    """
    is_said = change.failure == GAVE_WAY or now - change.created_at < PAGE_HAS_SAID
    if change.actor != Actor.SUPPORTER or is_said:
        return False
    email, name = await address_of(session, plan.supporter_id)
    words = _words(plan, change, Style(settings, now), settings=settings, now=now)
    return await queue_letter(
        session,
        kind=CHANGED,
        stream=Stream.SERVICE,
        recipient=email,
        dedupe_key=change.id,
        context=words.context() | {"name": echoable_name(name), "reference": plan.reference},
        about=plan.id,
        ids=ids,
        now=now,
        domain=domain_of(settings),
    )


def _words(plan: Plan, change: PlanChange, style: Style, *, settings: Settings, now: datetime) -> Words:
    is_over = plan.stopped_at is not None
    if is_over:
        then, button, url = _("To give again, start a new one."), _("Start again"), again_url(plan, settings)
    else:
        then = (
            _("There is nothing to do.")
            if change.failure == ANOTHER or change.failure in UNCLEAR
            else _("All else is as it was. You can try again.")
        )
        button = _("Look at it or change it")
        url = PlanLinks(settings.secret_key, settings.base_url).plan_url(plan.id, now=now)
    name = name_of(plan)
    subject, head = _("Not changed: your {name}"), _("Your {name} was not changed.")
    if change.failure in UNCLEAR:
        subject, head = _("Being looked into: your {name}"), _("Your {name} may not have been changed.")
    elif change.kind == ChangeKind.TRY_NOW:
        subject, head = _("Not paid: your {name}"), _("Your payment was not taken.")
    return Words(
        subject=subject.format(name=name),
        head=head.format(name=name),
        lead=failure_words(change),
        rows=[(_("Donation"), style.of(plan))] if is_over else facts_of(plan, style),
        then=then,
        button=button,
        url=url,
    )


def failure_words(change: PlanChange) -> str:
    """Why the change was not made, in plain words; whether money moved belongs to it."""
    if change.failure == NOT_IN_TIME:
        return _("The service that takes our payments could not be reached for a day, so nothing was changed.")
    if change.failure == ANOTHER:
        return _("You gave another card or account after this one; that one counts.")
    if change.failure == LEFT:
        return _("Stripe's page was left before a card or account was given, so nothing was changed.")
    if change.failure == "stopped":
        return _("This donation has stopped meanwhile, so nothing was changed and nothing was taken.")
    if change.failure == GAVE_WAY:
        return _("This donation was stopped before that was done, so nothing was changed and nothing was taken.")
    if change.failure == BROKEN:
        return _(
            "Something went wrong on our side, so this may or may not have been done. We have been told, and look into it."
        )
    if change.failure == NOT_PUT_BACK:
        return _(
            "The payment was being taken already when this was done, and we could not put everything back as it was. "
            "We have been told, and look into it."
        )
    if change.kind in STOPPING:
        return _(
            "The service that takes our payments did not accept it, so this donation goes on for now. We have been told, "
            "and stop it for you."
        )
    if change.failure == BEING_TAKEN:
        return _("The payment was being taken already when this was to be done, so nothing was changed.")
    if change.kind == ChangeKind.TRY_NOW:
        return _("No money was taken. {reason}").format(reason=reason_words(change.failure))
    return _("The service that takes our payments did not accept it. Nothing was changed, and nothing was taken.")
