"""What Stripe would do by itself, done by hand: a page, and the same as JSON. For the machine's own user only."""

from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import FromPath
from litestar.response import Redirect

from supporters.kit.strings import gettext as _
from supporters.sandbox import acts, bank_pages, payouts
from supporters.sandbox.clockwork import run_due
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.faults import Effect, FaultKind
from supporters.sandbox.pages import draw
from supporters.sandbox.reports import REPORTS, write_report
from supporters.sandbox.sandbox import Outcome, Sandbox
from supporters.sandbox.world import shown

SHOWN = 40
YEAR = 366 * 86_400
WAITING = ("json_extract(json, '$.pending_reason') = 'insufficient_funds'",)


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    """How far the clock moves."""

    seconds: int


class Release(msgspec.Struct, forbid_unknown_fields=True):
    """How held webhooks leave."""

    shuffle: bool = False
    seed: int | None = None


class Copies(msgspec.Struct, forbid_unknown_fields=True):
    """How many times each event is sent."""

    copies: int


class Drop(msgspec.Struct, forbid_unknown_fields=True):
    """Which deliveries never leave."""

    count: int = 1
    types: list[str] = []


class Resend(msgspec.Struct, forbid_unknown_fields=True):
    """Which event is sent again, how many times."""

    event: str
    copies: int = 1


class Fail(msgspec.Struct, forbid_unknown_fields=True):
    """How the next calls go wrong."""

    kind: FaultKind
    count: int = 1
    effect: Effect = "none"
    method: str | None = None
    path: str = "/v1/"
    seconds: float = 90.0
    should_retry: bool | None = None
    retry_after: int | None = None


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    """What ids are made from; nothing for chance."""

    seed: int | None = None


class Pay(msgspec.Struct, forbid_unknown_fields=True):
    """How a session ends."""

    session: str
    outcome: Outcome = "pay"


async def _advance(sandbox: Sandbox, told: Advance) -> None:
    if told.seconds < 0:
        raise invalid(_("The sandbox's clock only moves forward."), param="seconds")
    await sandbox.advance(timedelta(seconds=told.seconds))


async def _settle(sandbox: Sandbox, told: acts.Nothing) -> None:
    await sandbox.settle_now()


async def _deliver(sandbox: Sandbox, told: acts.Nothing) -> None:
    await sandbox.deliver_due()


async def _hold(sandbox: Sandbox, told: acts.Nothing) -> None:
    sandbox.hold()


async def _release(sandbox: Sandbox, told: Release) -> None:
    sandbox.release(shuffle=told.shuffle, seed=told.seed)


async def _shuffle(sandbox: Sandbox, told: Seed) -> None:
    sandbox.shuffle(told.seed)


async def _copies(sandbox: Sandbox, told: Copies) -> None:
    if not 1 <= told.copies <= 20:
        raise invalid(_("An event is sent between 1 and 20 times."), param="copies")
    sandbox.set_copies(told.copies)


async def _drop(sandbox: Sandbox, told: Drop) -> None:
    sandbox.drop_next(told.count, told.types)


async def _resend(sandbox: Sandbox, told: Resend) -> None:
    sandbox.resend(told.event, told.copies)


async def _fail(sandbox: Sandbox, told: Fail) -> None:
    sandbox.fail_next(
        told.kind,
        count=told.count,
        effect=told.effect,
        method=told.method or None,
        path=told.path,
        seconds=told.seconds,
        should_retry=told.should_retry,
        retry_after=told.retry_after,
    )


async def _clear(sandbox: Sandbox, told: acts.Nothing) -> None:
    sandbox.clear_faults()


async def _seed(sandbox: Sandbox, told: Seed) -> None:
    sandbox.world.reseed(told.seed)


async def _pay(sandbox: Sandbox, told: Pay) -> None:
    await sandbox.pay(told.session, told.outcome)


ACTIONS: dict[str, tuple[type[msgspec.Struct], acts.Action]] = {
    **acts.ACTIONS,
    "advance": (Advance, _advance),
    "settle": (acts.Nothing, _settle),
    "deliver": (acts.Nothing, _deliver),
    "hold": (acts.Nothing, _hold),
    "release": (Release, _release),
    "shuffle": (Seed, _shuffle),
    "copies": (Copies, _copies),
    "drop": (Drop, _drop),
    "resend": (Resend, _resend),
    "fail": (Fail, _fail),
    "clear-faults": (acts.Nothing, _clear),
    "seed": (Seed, _seed),
    "pay": (Pay, _pay),
}


@post("/_control/{action:str}", status_code=200)
async def act(
    action: FromPath[str], request: Request[Any, Any, Any], sandbox: NamedDependency[Sandbox]
) -> Response[bytes] | Redirect:
    """The action is done; a form comes back to the page, JSON gets the state in return."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise ApiError(403, _("The controls take no requests from other sites."))
    if action not in ACTIONS:
        raise ApiError(404, _("There is no such control."), param="action")
    shape, do = ACTIONS[action]
    body = await request.body()
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    try:
        told = msgspec.convert(_form(body) if is_form else _json(body), shape, strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(str(error)) from error
    await do(sandbox, told)
    return Redirect("/_control", status_code=303) if is_form else _as_json(state_of(sandbox))


def _form(body: bytes) -> dict[str, str]:
    return {name: value for name, value in parse_qsl(body.decode()) if value}


def _json(body: bytes) -> object:
    return cast("object", msgspec.json.decode(body)) if body else {}


def _as_json(document: Json) -> Response[bytes]:
    return Response(msgspec.json.encode(document), media_type=MediaType.JSON)


@get("/_control/state")
async def show_state(sandbox: NamedDependency[Sandbox]) -> Response[bytes]:
    """What the page shows, as JSON."""
    return _as_json(state_of(sandbox))


@get("/_control")
async def show_controls(sandbox: NamedDependency[Sandbox]) -> Response[str]:
    """The controls as a page."""
    return draw("control.html", publisher=sandbox.config.publisher, **state_of(sandbox))


@get("/_control/reports/{kind:str}")
async def download_report(kind: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[bytes]:
    """A report as Stripe's dashboard offers it for download: over all that there is, payouts on their way too."""
    if kind not in REPORTS:
        raise ApiError(404, _("There is no such report."), param="report_type")
    run_due(sandbox.world)
    span: Json = {"interval_start": 0, "interval_end": sandbox.world.now() + YEAR}
    names = {"columns": [*REPORTS[kind].columns]}
    body = write_report(sandbox.world, REPORTS[kind], {**span, **names})
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


def state_of(sandbox: Sandbox) -> Json:
    """The clock, the latest sessions and events with what became of their deliveries, and what is set to go wrong."""
    store = sandbox.world.store
    events = store.select("event", (), (), newest=True, limit=SHOWN)
    for event in events:
        event["deliveries"] = [delivery._asdict() for delivery in store.deliveries("event = ?", (event["id"],))]
    waiting = store.db.execute("select state, count(*) from delivery group by state").fetchall()
    return {
        "now": sandbox.world.now(),
        "seed": sandbox.world.seed,
        "is_held": bool(store.setting("hold", default=False)),
        "copies": store.setting("copies", 1),
        "drops": store.setting("drops", []),
        "mutes": store.setting("mutes", []),
        "delays": store.setting("delays", []),
        "declines": store.setting("declines", []),
        "reports": {kind: report.name for kind, report in REPORTS.items()},
        "payout_interval": payouts.interval_of(sandbox.world),
        "charges": _latest(sandbox, "charge"),
        "disputes": _latest(sandbox, "dispute"),
        "payouts": _latest(sandbox, "payout"),
        "topups": _latest(sandbox, "topup"),
        "waiting_refunds": [shown(one) for one in store.select("refund", WAITING, (), newest=True, limit=SHOWN)],
        "rates": store.setting("rates", {}),
        "faults": [msgspec.to_builtins(fault) for fault in sandbox.api.faults],
        "deliveries": dict(waiting),
        "sessions": _latest(sandbox, "checkout.session"),
        "events": events,
        **bank_pages.bank_state(sandbox.world),
    }


def _latest(sandbox: Sandbox, kind: str) -> list[Json]:
    return [shown(one) for one in sandbox.world.store.select(kind, (), (), newest=True, limit=SHOWN)]


HANDLERS = [act, show_state, show_controls, download_report, *bank_pages.HANDLERS]
