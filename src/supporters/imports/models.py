from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from supporters.kit.db import Base


class BatchState(StrEnum):
    """How far an imported list has come."""

    UPLOADED = "uploaded"  # The file is here; nobody has said what its columns mean.
    READY = "ready"  # Columns, list and basis are known; the preview waits for a person.
    RUNNING = "running"  # Rows are being taken, in portions.
    STOPPED = "stopped"  # Work on it ended for good before every row was looked at; what was taken stays.
    DONE = "done"  # Every row was looked at.
    UNDOING = "undoing"  # What the batch did is being taken back.
    UNDONE = "undone"  # What the batch did was taken back.
    ABANDONED = "abandoned"  # Left before it was started; nothing was taken.


class ImportBatch(Base):
    """One list of people, brought in as one file and undone as one."""

    __tablename__ = "import_batch"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), default=BatchState.UPLOADED)
    file_name: Mapped[str] = mapped_column(String(200), info={"personal": "may name a person"})
    file_kind: Mapped[str] = mapped_column(String(8))  # csv, xlsx
    file_size: Mapped[int] = mapped_column(Integer)  # bytes
    file_digest: Mapped[str] = mapped_column(String(64))
    # Null once the batch is finished, stopped, undone or abandoned.
    content: Mapped[bytes | None] = deferred(mapped_column(LargeBinary, info={"personal": "the list itself"}))
    row_count: Mapped[int] = mapped_column(Integer)
    has_header: Mapped[bool]
    columns: Mapped[dict[str, int]] = mapped_column(JSON)  # what is in which column, from 0
    layout_digest: Mapped[str] = mapped_column(String(64))  # of the column names: the same again is mapped the same
    date_order: Mapped[str] = mapped_column(String(3))  # ymd, dmy, mdy
    list_slug: Mapped[str | None] = mapped_column(String(60))
    basis: Mapped[str | None] = mapped_column(String(30))
    proof: Mapped[str | None] = mapped_column(Text)  # where the proof of consent lies, in words of the staff
    preview: Mapped[dict[str, int] | None] = mapped_column(JSON)  # counts only
    previewed_at: Mapped[datetime | None]
    done_rows: Mapped[int] = mapped_column(Integer, default=0)
    added: Mapped[int] = mapped_column(Integer, default=0)
    already: Mapped[int] = mapped_column(Integer, default=0)
    left_out: Mapped[int] = mapped_column(Integer, default=0)
    undone_count: Mapped[int] = mapped_column(Integer, default=0)
    created_by: Mapped[str] = mapped_column(String(26))
    created_at: Mapped[datetime]
    started_by: Mapped[str | None] = mapped_column(String(26))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(26))
    undone_at: Mapped[datetime | None]
    faults_erased_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_import_batch_state", "state", "created_at"),
        Index("ix_import_batch_layout_digest", "layout_digest"),
        Index("ix_import_batch_file_digest", "file_digest"),
    )


class ImportFault(Base):
    """One row that was not taken, with its cells as they came. Erased after 30 days."""

    __tablename__ = "import_fault"

    batch_id: Mapped[str] = mapped_column(ForeignKey("import_batch.id"), primary_key=True)
    row_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(String(20))
    cells: Mapped[list[str]] = mapped_column(JSON, info={"personal": "the row as it came"})
