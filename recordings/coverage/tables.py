"""What the auditor stores: its last runs, how the audio of answered calls stands by day and queue, what it found wrong,
and when each recording's content was last read. Instants are float seconds (`core/clock.py`), a day is the site's own.

Two constraints carry the rules: at most one run goes on, and a finding is known by kind and subject, so that seeing it
again is not a second one. Who listened to a recording is another table: `RecordingUse`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base
from recordings.tables import RECORDING_ID, Id


class AuditRun(Base):
    """One comparison. `is_running` is true or null, so that a second one at the same time has no place."""

    __tablename__ = "audit_runs"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    is_running: Mapped[bool | None] = mapped_column(Boolean, unique=True)
    outcome: Mapped[str | None] = mapped_column(String(10), doc="a word of `Outcome`; null while it runs")
    asked_by: Mapped[str] = mapped_column(Text, doc="a login, `night`, or `command line`")
    started_at: Mapped[float] = mapped_column(Double)
    beat_at: Mapped[float] = mapped_column(Double, doc="when it last said that it lives")
    ended_at: Mapped[float | None] = mapped_column(Double)
    since: Mapped[float] = mapped_column(Double, doc="calls and recordings from then on were compared")
    step: Mapped[str] = mapped_column(String(12), default="")
    progress: Mapped[float] = mapped_column(Double, default=0.0, doc="0 to 1")
    calls: Mapped[int] = mapped_column(default=0)
    recordings: Mapped[int] = mapped_column(default=0)
    objects: Mapped[int] = mapped_column(default=0, doc="in the store")
    bytes_read: Mapped[int] = mapped_column(BigInteger, default=0)
    found: Mapped[int] = mapped_column(default=0, doc="findings that were not open before")
    closed: Mapped[int] = mapped_column(default=0, doc="findings that were open and are not seen any more")
    mended: Mapped[int] = mapped_column(default=0, doc="what the auditor could set right itself")
    error: Mapped[str] = mapped_column(Text, default="", doc="for people")


class AuditDay(Base):
    """How many answered calls of a day and queue stand how, and why."""

    __tablename__ = "audit_days"

    day: Mapped[str] = mapped_column(String(10), primary_key=True, doc="as 2026-11-22")
    queue: Mapped[str] = mapped_column(Text, primary_key=True, doc="empty for calls of no queue")
    state: Mapped[str] = mapped_column(String(10), primary_key=True, doc="a word of `AudioState`")
    reason: Mapped[str] = mapped_column(String(20), primary_key=True, doc="empty without one")
    calls: Mapped[int] = mapped_column()


class AuditFinding(Base):
    """Something that is wrong, or was: a run that does not see it any more closes it."""

    __tablename__ = "audit_findings"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(12), doc="a word of `FindingKind`")
    subject: Mapped[str] = mapped_column(
        String(255), doc="a call, a recording, a key of the store, or a file"
    )
    reason: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text, default="", doc="figures, for people")
    call_id: Mapped[str | None] = mapped_column(CALL_ID, index=True)
    recording_id: Mapped[str | None] = mapped_column(RECORDING_ID)
    pbx: Mapped[str] = mapped_column(String(60), default="")
    queue: Mapped[str | None] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Double, doc="of the call, the recording or the file")
    found_at: Mapped[float] = mapped_column(Double)
    run_id: Mapped[int] = mapped_column(doc="the last one that saw it")
    closed_at: Mapped[float | None] = mapped_column(Double)
    closed_how: Mapped[str | None] = mapped_column(String(10), doc="a word of `Closed`")

    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_audit_findings_at_id", "at", "id"),
        Index("ix_audit_findings_closed_at", "closed_at"),
    )


class AudioCheck(Base):
    """When the content of a recording was last read and compared."""

    __tablename__ = "audio_checks"

    recording_id: Mapped[str] = mapped_column(
        RECORDING_ID, ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True
    )
    checked_at: Mapped[float] = mapped_column(Double)
