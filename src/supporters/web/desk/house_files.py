"""What keeps the house in order as files: staff, events, what gave up, imports, senders and what was sent to them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors.queries import all_connectors, counts_of, find_connector, lists_of, titles_of
from supporters.imports.models import ImportBatch
from supporters.imports.queries import list_batches, list_choices
from supporters.kit.strings import gettext as _
from supporters.mail.desk_queries import StuckLine, stuck_jobs, stuck_letters
from supporters.outgoing.models import WebhookDelivery
from supporters.outgoing.queries import all_endpoints, deliveries_of, find_endpoint
from supporters.payments.desk_queries import EventLine, list_events
from supporters.payments.models import InboxState
from supporters.staff.invitations import open_invitations
from supporters.staff.letter_words import role_word
from supporters.staff.models import Role
from supporters.staff.queries import all_staff, staff_names
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.import_columns import PATH as IMPORTS
from supporters.web.desk.import_words import batch_tag
from supporters.web.desk.list_file import PORTION, ListFile, Rows, in_portions, list_files, short_files
from supporters.web.desk.roles import BRINGS_LISTS, CONNECTS, DOES_BOOKS, RUNS_STAFF
from supporters.web.desk.senders_connections import ONE as CONNECTION
from supporters.web.desk.senders_connections import list_row
from supporters.web.desk.senders_webhooks import ONE as WEBHOOK
from supporters.web.desk.senders_words import connector_tag, delivery_tag, endpoint_tag, kind_word, sender_word
from supporters.web.desk.sheet import moment
from supporters.web.desk.staff import PATH as STAFF
from supporters.web.desk.staff_words import staff_tag
from supporters.web.desk.words import inbox_tag, letter_word

EVENTS, SENDERS = "/desk/events", "/desk/senders"
MOST = 100_000  # of a list that people make by hand, or of what gave up


async def _staff(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [_("Name"), _("Email"), _("Role"), _("State"), _("Second factor"), _("Last sign-in (UTC)")]
    rows = [
        [
            it.name,
            it.email,
            role_word(Role(it.role)),
            staff_tag(it).word,
            _("Yes") if it.totp_sealed else "",
            moment(it.last_sign_in_at),
        ]
        for it in await all_staff(session)
    ]
    return ListFile(name="staff", view={}, header=header), rows


async def _invited(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [_("Name"), _("Email"), _("Role"), _("Invited (UTC)"), _("Link works until (UTC)")]
    rows = [
        [it.name, it.email, role_word(Role(it.role)), moment(it.created_at), moment(it.expires_at)]
        for it in await open_invitations(session)
    ]
    return ListFile(name="invited", view={}, header=header), rows


def _events(
    name: str, state: InboxState | None
) -> Callable[[AnyRequest], Awaitable[tuple[ListFile, AsyncIterator[Rows]]]]:
    async def asked(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
        header = [
            _("Received (UTC)"), _("Event"), _("At Stripe"), _("About"), _("How"), _("State"), _("Tries"), _("Happened (UTC)"),
            _("Last trouble"),
        ]  # fmt: skip

        async def read(session: AsyncSession, limit: int, offset: int) -> Rows:
            return [_event_cells(each) for each in await list_events(session, state, limit=limit, offset=offset)]

        return ListFile(name=name, view={}, header=header, numbers={6}), in_portions(house_of(request), read)

    return asked


def _event_cells(it: EventLine) -> list[str]:
    how = _("fetched") if it.via == "catchup" else _("sent by Stripe")
    about = it.waiting_for or it.object_id or ""
    happened = moment(it.occurred_at)
    state = inbox_tag(it.state).word
    return [moment(it.received_at), it.type, it.id, about, how, state, str(it.attempts), happened, it.last_error or ""]


async def _letters(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    found = await stuck_letters(session, limit=MOST)
    return _stuck("letters-not-sent", [(each, letter_word(each.kind)) for each in found])


async def _jobs(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    return _stuck("jobs", [(each, each.kind) for each in await stuck_jobs(session, limit=MOST)])


def _stuck(name: str, found: Sequence[tuple[StuckLine, str]]) -> tuple[ListFile, Rows]:
    header = [_("Since (UTC)"), _("What"), _("Its id"), _("Tries"), _("Last trouble")]
    rows = [[moment(it.since), word, it.id, str(it.attempts), it.last_error or ""] for it, word in found]
    return ListFile(name=name, view={}, header=header, numbers={3}), rows


async def _imports(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [
        _("When (UTC)"), _("File"), _("Newsletter"), _("State"), _("Rows"), _("Added"), _("Left out"), _("By"),
    ]  # fmt: skip
    batches = await list_batches(session, limit=MOST)
    names = await staff_names(session, [batch.created_by for batch in batches])
    lists = dict(await list_choices(session))
    rows = [_import_cells(batch, lists, names) for batch in batches]
    return ListFile(name="imports", view={}, header=header, numbers={4, 5, 6}), rows


def _import_cells(batch: ImportBatch, lists: dict[str, str], names: dict[str, str]) -> list[str]:
    counts = [str(batch.added), str(batch.left_out)] if batch.started_at else ["", ""]
    about = [lists.get(batch.list_slug or "", ""), batch_tag(batch.state).word, str(batch.row_count)]
    return [moment(batch.created_at), batch.file_name, *about, *counts, names.get(batch.created_by, "")]


async def _connections(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [
        _("Name"), _("Sender"), _("State"), _("Sent"), _("Heard"), _("Refused"), _("Last round (UTC)"), _("Last trouble"),
    ]  # fmt: skip
    rows = [
        [
            it.label,
            sender_word(it.kind),
            connector_tag(it, has_lists=bool(await lists_of(session, it.id))).word,
            *map(str, (it.sent_count, it.heard_count, it.refused_count)),
            moment(it.synced_at),
            it.last_error or "",
        ]
        for it in await all_connectors(session)
    ]
    return ListFile(name="senders", view={}, header=header, numbers={3, 4, 5}), rows


async def _lists(request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    it = await find_connector(session, request.path_params["connector_id"])
    counts = await counts_of(session, it.id)
    header = [_("Your list"), _("Theirs"), _("On the list"), _("Stopped")]
    titles = sorted((await titles_of(session, it.id)).items())
    rows = [[*map(str, list_row(slug, theirs, counts))] for slug, theirs in titles]
    return ListFile(name="sender-lists", view={"sender": it.id}, header=header, numbers={2, 3}), rows


async def _webhooks(_request: AnyRequest, session: AsyncSession) -> tuple[ListFile, Rows]:
    header = [_("Receiver"), _("Address"), _("State"), _("Delivered"), _("Waiting"), _("Given up")]
    rows = [
        [it.description, it.url, endpoint_tag(it).word, *map(str, (all_.delivered, all_.waiting, all_.given_up))]
        for it, all_ in await all_endpoints(session)
    ]
    return ListFile(name="webhooks", view={}, header=header, numbers={3, 4, 5}), rows


async def _log(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    async with house.db.reading() as session:
        it = await find_endpoint(session, request.path_params["endpoint_id"])
    header = [
        _("When (UTC)"), _("Message"), _("Its id"), _("State"), _("Last answer"), _("Milliseconds"), _("Tries"),
        _("Last trouble"),
    ]  # fmt: skip
    wanted = ListFile(name="webhook-messages", view={"receiver": it.id}, header=header, numbers={4, 5, 6})
    return wanted, _messages(house, it.id)


async def _messages(house: House, endpoint_id: str) -> AsyncIterator[Rows]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    before: str | None = None
    async with house.db.reading() as session:
        while found := await deliveries_of(session, endpoint_id, before=before, limit=PORTION):
            yield [_message_cells(row) for row in found]
            before = found[-1].id


def _message_cells(row: WebhookDelivery) -> list[str]:
    counts = ["" if each is None else str(each) for each in (row.last_status, row.last_duration_ms, row.attempts)]
    about = [kind_word(row.kind), row.webhook_id, delivery_tag(row).word]
    return [moment(row.created_at), *about, *counts, row.last_error or ""]


HANDLERS = [
    *short_files(STAFF, access=RUNS_STAFF, read=_staff),
    *short_files(STAFF + "/invitations", access=RUNS_STAFF, read=_invited),
    *list_files(EVENTS, access=DOES_BOOKS, asked=_events("events", None)),
    *list_files(EVENTS + "/parked", access=DOES_BOOKS, asked=_events("events-parked", InboxState.PARKED)),
    *list_files(EVENTS + "/waiting", access=DOES_BOOKS, asked=_events("events-waiting", InboxState.WAITING)),
    *short_files(EVENTS + "/letters", access=DOES_BOOKS, read=_letters),
    *short_files(EVENTS + "/jobs", access=DOES_BOOKS, read=_jobs),
    *short_files(IMPORTS, access=BRINGS_LISTS, read=_imports),
    *short_files(SENDERS + "/connections", access=CONNECTS, read=_connections),
    *short_files(SENDERS + "/webhooks", access=CONNECTS, read=_webhooks),
    *short_files(CONNECTION + "/lists", access=CONNECTS, read=_lists),
    *list_files(WEBHOOK + "/messages", access=CONNECTS, asked=_log),
]
