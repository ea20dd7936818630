"""Log lines: ids and event names, never people. Only listed fields pass; the rest is dropped, and its name is kept."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    [
        "action", "attempts", "change_id", "code", "count", "donation_id", "dropped", "duration_ms", "error", "event",
        "event_id", "events", "exception", "handled", "job_id", "kind", "letter_id", "level", "limit", "lines",
        "logger", "method", "payment_intent_id", "pid", "plan_id", "port", "posted", "queue", "reason", "record_id",
        "reference", "refund_id", "request_id", "role", "route", "seconds", "state", "status", "timestamp",
        "type", "where", "worker",
    ]
)  # fmt: skip


def configure_logs(*, as_json: bool, level: int = logging.INFO) -> None:
    """Every log line of this process goes to stderr in one form, listed fields only."""
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _frames_only,
            keep_allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for noisy in ("httpx", "stripe", "alembic", "aiosqlite", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def keep_allowed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The line without fields that are not listed; `dropped` names those that were left out."""
    dropped = sorted(set(line) - ALLOWED)
    for field in dropped:
        del line[field]
    if dropped:
        line["dropped"] = ",".join(dropped)
    return line


def _frames_only(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception becomes its type and its frames; its message may hold what people typed."""
    if not line.pop("exc_info", None):
        return line
    kind, _error, trace = sys.exc_info()
    frames: list[str] = []
    while trace:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    line["exception"] = f"{kind.__name__ if kind else ''} at {' > '.join(frames[-12:])}"
    return line
