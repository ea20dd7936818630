from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class WorkState(StrEnum):
    """Where a piece of waiting work stands."""

    READY = "ready"  # Waits for its time.
    RUNNING = "running"  # A worker holds it until its lease ends.
    DONE = "done"  # Its effects are stored.
    BURIED = "buried"  # Failed too often; a person must look.


class Claimable(Base):
    """Columns of work that a worker claims, holds for a while and finishes behind a fence."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), default=WorkState.READY)
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(Text)


class Job(Claimable):
    """One piece of work. Its payload holds ids only."""

    __tablename__ = "job"

    kind: Mapped[str] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    dedupe: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "ix_job_ready",
            "run_at",
            "id",
            postgresql_where=text("state = 'ready'"),
            sqlite_where=text("state = 'ready'"),
        ),
        Index(
            "ix_job_running",
            "lease_until",
            postgresql_where=text("state = 'running'"),
            sqlite_where=text("state = 'running'"),
        ),
        Index(
            "uq_job_dedupe",
            "kind",
            "dedupe",
            unique=True,
            postgresql_where=text("state = 'ready' AND dedupe IS NOT NULL"),
            sqlite_where=text("state = 'ready' AND dedupe IS NOT NULL"),
        ),
    )


class Schedule(Base):
    """When a timer is due next. Moved on by compare-and-swap, so that one process of many runs each slot."""

    __tablename__ = "schedule"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    next_at: Mapped[datetime]
