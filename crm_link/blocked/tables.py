"""What is stored of blocked callers: the list itself, of which nothing is thrown away, and which calls were marked by
it. All instants are float seconds (`core/clock.py`)."""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base
from crm_link.tables import Id

LONGEST_REASON = 200

_STANDS = text("ended_at IS NULL")


class BlockedCaller(Base):
    """One entry of the block list; it stands while `ended_at` is null and `until` is not over. `value` is the number's
    key, the prefix, or empty for withheld numbers."""

    __tablename__ = "blocked_callers"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(10))
    value: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    until: Mapped[float | None] = mapped_column(Double, doc="null: for good")
    added_at: Mapped[float] = mapped_column(Double)
    added_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    ended_at: Mapped[float | None] = mapped_column(Double)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (
        Index(
            "uq_blocked_callers_kind_value",
            "kind",
            "value",
            unique=True,
            sqlite_where=_STANDS,
            postgresql_where=_STANDS,
        ),
        Index("ix_blocked_callers_added_at", "added_at"),
    )


class BlockedCall(Base):
    """A call whose caller was on the list. The reason is kept as it was then. `call_id` names a row of `calls`, without
    a foreign key: the mark is there while the phone rings, the row when the call is over."""

    __tablename__ = "blocked_calls"

    call_id: Mapped[str] = mapped_column(CALL_ID, primary_key=True)
    blocked_id: Mapped[int] = mapped_column(ForeignKey("blocked_callers.id"), index=True)
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    at: Mapped[float] = mapped_column(Double)
