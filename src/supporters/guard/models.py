from datetime import datetime

from sqlalchemy import Boolean, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class GuardCount(Base):
    """How often something happened in one window; `key` is a keyed digest, never an address."""

    __tablename__ = "guard_count"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(Integer)


class Switch(Base):
    """A part of the product that staff can turn off, with the words that readers then see."""

    __tablename__ = "switch"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    is_off: Mapped[bool] = mapped_column(Boolean)
    words: Mapped[str | None] = mapped_column(String(400))
    changed_by: Mapped[str | None] = mapped_column(String(26))
    changed_at: Mapped[datetime]
