"""Runs of reports: asked for, ready a moment later, and fetched as a file. A day's lines are there from the next noon.

Source: docs.stripe.com/reports/api and docs.stripe.com/api/reporting, read 23 November 2026.
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from supporters.sandbox.calls import Call, Operation, Raw, get, listing, post
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid, malformed, missing
from supporters.sandbox.lists import page, whole
from supporters.sandbox.params import Currency, Fields, ListOf, NotYet, Span, Text, Whole, part
from supporters.sandbox.reports import REPORTS, columns_of, write_report
from supporters.sandbox.store import Due
from supporters.sandbox.world import World

KIND = "reporting.report_run"
DAY = 86_400
NOON = 12 * 3600
OPENED = 1_500_000_000 - 1_500_000_000 % DAY
"""A midnight before anything was in the balance."""


def create_run(world: World, call: Call) -> Json:
    """POST /v1/reporting/report_runs."""
    kind: str = call.params["report_type"]
    params = part(call.params, "parameters")
    _check(world, kind, params)
    run: Json = {
        "id": world.new_id("frr"),
        "object": KIND,
        "created": world.now(),
        "error": None,
        "livemode": False,
        "parameters": params,
        "report_type": kind,
        "result": None,
        "status": "pending",
        "succeeded_at": None,
    }
    world.add(run)
    schedule(world, world.now() + world.config.settle_delay_seconds, "report", run["id"])
    return run


def _check(world: World, kind: str, params: Json) -> None:
    report = REPORTS.get(kind)
    if report is None:
        message = f"Unrecognized report type: {kind}. The sandbox makes: {', '.join(REPORTS)}."
        raise invalid(message, param="report_type")
    needed = ("interval_start", "interval_end") if report.has_start else ("interval_end",)
    for name in needed:
        if name not in params:
            path = f"parameters[{name}]"
            raise malformed(f"Missing required param: {path}.", code="parameter_missing", param=path)
    start, end = params.get("interval_start", OPENED), params["interval_end"]
    if not OPENED <= start < end <= available_end(world):
        message = (
            f"The interval must begin before it ends, and lie between {OPENED} and {available_end(world)}, which is "
            "what data are available for."
        )
        raise invalid(message, param="parameters[interval_end]" if end > available_end(world) else "parameters")
    columns_of(report, params.get("columns"))
    try:
        ZoneInfo(params.get("timezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise malformed("Invalid timezone.", param="parameters[timezone]") from error


def available_end(world: World) -> int:
    """The end of what reports can be about: the last midnight since which half a day has passed."""
    return (world.now() - NOON) // DAY * DAY


def finish(world: World, due: Due) -> None:
    """The report is written, and its file can be fetched."""
    run = world.get(KIND, due.id)
    body = write_report(world, REPORTS[run["report_type"]], run["parameters"])
    file_id = world.new_id("file")
    file: Json = {
        "id": file_id,
        "object": "file",
        "created": world.now(),
        "expires_at": world.now() + 365 * DAY,
        "filename": f"{run['id']}.csv",
        "links": whole([], f"/v1/file_links?file={file_id}"),
        "purpose": "finance_report_run",
        "size": len(body),
        "title": f"FinanceReportRun {run['id']}",
        "type": "csv",
        "url": f"{world.config.base_url}/v1/files/{file_id}/contents",
    }
    world.add(file)
    world.store.keep(file_id, body)
    changes: Json = {"status": "succeeded", "succeeded_at": world.now(), "result": file}
    world.change(run, changes, "reporting.report_run.succeeded")


def get_run(world: World, call: Call) -> Json:
    """GET /v1/reporting/report_runs/{id}."""
    return world.get(KIND, call.path["id"], param="report_run")


def list_runs(world: World, call: Call) -> Json:
    """GET /v1/reporting/report_runs."""
    return page(world, call, KIND, "/v1/reporting/report_runs")


def get_type(world: World, call: Call) -> Json:
    """GET /v1/reporting/report_types/{id}."""
    if call.path["id"] not in REPORTS:
        raise missing("reporting.report_type", call.path["id"], param="report_type")
    return _type(world, call.path["id"])


def list_types(world: World, _call: Call) -> Json:
    """GET /v1/reporting/report_types."""
    return whole([_type(world, kind) for kind in REPORTS], "/v1/reporting/report_types")


def _type(world: World, kind: str) -> Json:
    report = REPORTS[kind]
    return {
        "id": kind,
        "object": "reporting.report_type",
        "data_available_end": available_end(world),
        "data_available_start": OPENED,
        "default_columns": list(report.defaults),
        "livemode": False,
        "name": report.name,
        "updated": available_end(world) + NOON,
        "version": report.version,
    }


def get_file(world: World, call: Call) -> Json:
    """GET /v1/files/{id}."""
    return world.get("file", call.path["id"], param="file")


def get_contents(world: World, call: Call) -> Raw:
    """GET /v1/files/{id}/contents: the file itself; at Stripe it has a host of its own, files.stripe.com."""
    file = world.get("file", call.path["id"], param="file")
    return Raw(world.store.kept(file["id"]), "text/csv; charset=utf-8")


PARAMETERS = Fields(
    columns=ListOf(Text()),
    connected_account=NotYet(),
    currency=Currency(),
    interval_end=Whole(0),
    interval_start=Whole(0),
    payout=NotYet(),
    reporting_category=Text(),
    timezone=Text(),
)
OPERATIONS: tuple[Operation, ...] = (
    post(
        "/v1/reporting/report_runs",
        create_run,
        Fields(report_type=Text(), parameters=PARAMETERS, required=("report_type",)),
    ),
    listing("/v1/reporting/report_runs", list_runs, created=Span()),
    get("/v1/reporting/report_runs/{id}", get_run),
    get("/v1/reporting/report_types", list_types),
    get("/v1/reporting/report_types/{id}", get_type),
    get("/v1/files/{id}", get_file),
    get("/v1/files/{id}/contents", get_contents),
)
