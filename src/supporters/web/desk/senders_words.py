"""What the desk says about receivers and connections. Pure: records in, words out."""

from supporters.connectors.models import Connector, SenderKind, WhyPaused
from supporters.jobs.models import WorkState
from supporters.kit.strings import gettext as _
from supporters.outgoing.models import Kind, WebhookDelivery, WebhookEndpoint, WhyOff
from supporters.web.desk.words import Tag


def kind_word(kind: str) -> str:
    """What a receiver is told of."""
    return {
        Kind.DONATION_PAID: _("A donation was paid"),
        Kind.DONATION_REFUNDED: _("A donation was refunded"),
        Kind.REFUND_UNDONE: _("A refund did not happen after all"),
        Kind.NEWSLETTER_CONFIRMED: _("A reader confirmed a newsletter (holds the address)"),
        Kind.NEWSLETTER_STOPPED: _("A reader stopped a newsletter (holds the address)"),
        Kind.APPEAL_PUBLISHED: _("An appeal was published"),
        Kind.TEST: _("Test"),
    }[Kind(kind)]


def endpoint_tag(endpoint: WebhookEndpoint) -> Tag:
    """How a receiver stands."""
    if not endpoint.is_active:
        return {
            WhyOff.GONE: Tag(_("Off: gone"), "cross", "neg", _("It answered 410: it wants no more messages.")),
            WhyOff.FAILING: Tag(_("Off: failing"), "cross", "neg", _("Nothing arrived there for five days.")),
        }.get(WhyOff(endpoint.why_off or WhyOff.BY_HAND), Tag(_("Off"), "dash", "", _("Staff turned it off.")))
    if endpoint.failing_since:
        return Tag(_("Failing"), "alert", "warn", _("The last tries failed. After five days it is turned off."))
    return Tag(_("On"), "check", "pos", _("Messages are sent as things happen."))


def endpoint_advice(endpoint: WebhookEndpoint) -> str | None:
    """What to do about a receiver that is off or failing."""
    if endpoint.why_off == WhyOff.GONE:
        return _(
            "The receiver answered 410, which means that it wants nothing more. If that was a mistake, turn it on."
        )
    if endpoint.why_off == WhyOff.FAILING:
        return _("Nothing arrived for five days, so it was turned off. Mend the receiver, turn it on, then send again.")
    if endpoint.failing_since and endpoint.is_active:
        return _(
            "The last tries failed. Every message is tried ten times in about four days; nothing is lost meanwhile."
        )
    return None


def delivery_tag(row: WebhookDelivery) -> Tag:
    """How a message stands."""
    if row.state == WorkState.DONE:
        return Tag(_("Delivered"), "check", "pos", _("The receiver said that it has it."))
    if row.state == WorkState.BURIED:
        return Tag(_("Given up"), "cross", "neg", _("Tried ten times, or the receiver is gone."))
    if row.attempts:
        return Tag(_("Tried, waits"), "clock", "warn", _("It failed and is tried again by itself."))
    return Tag(_("Waits"), "clock", "info", _("It is sent within seconds, when the receiver is on."))


def sender_word(kind: str) -> str:
    """The interface of a sender."""
    return {SenderKind.LISTMONK: "listmonk", SenderKind.MAILCHIMP: "Mailchimp"}[SenderKind(kind)]


def connector_tag(connector: Connector, *, has_lists: bool) -> Tag:
    """How a connection stands."""
    if not connector.is_active:
        by_hand = connector.why_paused == WhyPaused.BY_HAND
        tone, icon = ("", "dash") if by_hand else ("neg", "cross")
        return Tag(_("Paused"), icon, tone, _("Nothing is exchanged until it goes on."))
    if connector.last_error:
        return Tag(_("Failing"), "alert", "warn", _("The last round failed and is tried again by itself."))
    if not has_lists:
        return Tag(_("No lists chosen"), "alert", "warn", _("Choose which of your lists is which of theirs."))
    if connector.synced_at is None:
        return Tag(_("Begins"), "clock", "info", _("The first round is made within a minute."))
    return Tag(_("On"), "check", "pos", _("The last round went well."))


def connector_advice(connector: Connector) -> str | None:
    """What to do about a connection that is paused or failing."""
    if connector.why_paused == WhyPaused.CREDENTIALS:
        return _(
            "The sender refused our name and key, so the connection is paused. Enter them again below, then go on."
        )
    if connector.why_paused == WhyPaused.LIST:
        return _("A list that was chosen is not there any more, so the connection is paused. Choose the lists again.")
    if connector.is_active and connector.last_error:
        return _("The last round failed. It is tried again by itself, at least every hour; nothing is lost meanwhile.")
    return None
