"""What the PBX room stores: calls as the log keeps them, the moments of each call, blind windows, alarms, and the
journal that rebuilds open calls after a crash. All instants are float seconds (`core/clock.py`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only auto-numbers a column declared exactly INTEGER."""


NOT_TAKEN = text("direction = 'inbound' AND result IN ('missed', 'abandoned', 'voicemail')")
"""Calls from outside that nobody took. A condition of queries in these very words, that they find its index."""


class Call(Base):
    """One conversation. While it goes on `ended_at` and `result` are null; afterwards the row never changes again
    but for relabelling its customer (which lives in the customers' room)."""

    __tablename__ = "calls"

    id: Mapped[str] = mapped_column(CALL_ID, primary_key=True)
    pbx: Mapped[str] = mapped_column(String(60))
    direction: Mapped[str] = mapped_column(String(10))
    # Whatever a caller or a dialplan invents must fit: PostgreSQL refuses a longer text than declared.
    caller: Mapped[str | None] = mapped_column(Text)
    caller_name: Mapped[str | None] = mapped_column(Text)
    callee: Mapped[str | None] = mapped_column(Text)
    customer_number: Mapped[str | None] = mapped_column(String(20))
    queue: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(String(10))
    started_at: Mapped[float] = mapped_column(Double)
    answered_at: Mapped[float | None] = mapped_column(Double)
    ended_at: Mapped[float | None] = mapped_column(Double)
    wait_s: Mapped[float | None] = mapped_column(Double)
    talk_s: Mapped[float | None] = mapped_column(Double)
    ended_by: Mapped[str | None] = mapped_column(String(10))
    why: Mapped[str | None] = mapped_column(Text)
    linkedids: Mapped[str] = mapped_column(Text, default="", doc="space-separated, first one first")

    __table_args__ = (
        Index("ix_calls_started_at_id", "started_at", "id"),
        Index("ix_calls_customer_number_started_at", "customer_number", "started_at"),
        Index(
            "ix_calls_not_taken",
            "started_at",
            "customer_number",
            sqlite_where=NOT_TAKEN,
            postgresql_where=NOT_TAKEN,
        ),
    )


class CallPerson(Base):
    """Our people on a call: whose phone rang, who talked; `position` keeps the order."""

    __tablename__ = "call_people"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(6), primary_key=True, doc="rang or talked")
    position: Mapped[int] = mapped_column(primary_key=True)
    extension: Mapped[str] = mapped_column(Text, index=True)


class CallTransfer(Base):
    __tablename__ = "call_transfers"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    from_extension: Mapped[str] = mapped_column(Text)
    to: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Double)


class CallMoment(Base):
    """The call's story for people: one row per fact, in order."""

    __tablename__ = "call_moments"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    at: Mapped[float] = mapped_column(Double)
    kind: Mapped[str] = mapped_column(String(20))
    extension: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)


class CallWrapUp(Base):
    """What an agent says of a call afterwards (or during it): one per call and agent."""

    __tablename__ = "call_wrap_ups"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    disposition: Mapped[str | None] = mapped_column(String(60))
    note: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[float] = mapped_column(Double)
    saved_at: Mapped[float | None] = mapped_column(Double)


class BlindWindow(Base):
    """A time in which we could not see the PBX. `until` is null while it lasts."""

    __tablename__ = "blind_windows"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    pbx: Mapped[str] = mapped_column(String(60))
    since: Mapped[float] = mapped_column(Double, index=True)
    until: Mapped[float | None] = mapped_column(Double)
    reason: Mapped[str] = mapped_column(Text)
    calls_kept: Mapped[int] = mapped_column(default=0)
    calls_ended_unseen: Mapped[int] = mapped_column(default=0)
    calls_found: Mapped[int] = mapped_column(default=0)


class CallJournal(Base):
    """The PBX's own messages about calls still open, in order. After a crash they are applied again to an empty
    CallBook, which is then exactly where it was; rows of ended calls are deleted with the call's last fact."""

    __tablename__ = "call_journal"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    pbx: Mapped[str] = mapped_column(String(60), index=True)
    at: Mapped[float] = mapped_column(Double)
    call_id: Mapped[str | None] = mapped_column(CALL_ID, index=True)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class PbxHeartbeat(Base):
    """Per PBX: who reads it (a lease: one process per PBX) and when we last saw it, which dates a blind window
    that began with our own death."""

    __tablename__ = "pbx_heartbeats"

    pbx: Mapped[str] = mapped_column(String(60), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(120))
    leased_until: Mapped[float] = mapped_column(Double, default=0.0)
    step: Mapped[int] = mapped_column(BigInteger, default=0, doc="the owner's last write: none is done twice")
    seen_at: Mapped[float | None] = mapped_column(Double)
    started_at: Mapped[float | None] = mapped_column(Double, doc="the PBX's own start, from CoreStatus")
