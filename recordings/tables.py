"""What the recordings room stores: how each answered call's audio stands, the recordings themselves (the audio lies in
a store, see `store.py`), the files they came from, the work to be done on them, transcripts, comments, and every use.
All instants are float seconds (`core/clock.py`); moments within a recording are seconds from its beginning.

Two constraints carry the rules: one row of `call_audio` per answered call (P20), and a file's name is a key, so that
nothing is stored twice."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only auto-numbers a column declared exactly INTEGER."""

RECORDING_ID = String(32)


class CallAudio(Base):
    """How the audio of one answered call stands. Written when the call ends; changed as files come."""

    __tablename__ = "call_audio"

    call_id: Mapped[str] = mapped_column(CALL_ID, primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(20), doc="a word of `NoAudio`")
    ended_at: Mapped[float] = mapped_column(Double, doc="of the call: how long to wait for its files")
    talk_s: Mapped[float] = mapped_column(Double)

    __table_args__ = (Index("ix_call_audio_state_ended_at", "state", "ended_at"),)


class Recording(Base):
    """One stretch of audio. `id` is opaque: it stands in addresses, and tells nothing. The audio is under
    `<id>/original.flac` or `.wav` and so on in the store; a null key means that there is no such copy (yet)."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(RECORDING_ID, primary_key=True)
    call_id: Mapped[str | None] = mapped_column(
        CALL_ID, index=True, doc="null: no call is known for it (yet)"
    )
    pbx: Mapped[str] = mapped_column(String(60))
    linkedid: Mapped[str] = mapped_column(Text, index=True, doc="by which its call is found")
    uniqueid: Mapped[str] = mapped_column(Text, default="", doc="the recorded channel")
    source: Mapped[str] = mapped_column(String(10))
    channels: Mapped[int] = mapped_column(doc="2: customer left, our side right; 1: mixed")
    started_at: Mapped[float] = mapped_column(Double)
    duration_s: Mapped[float] = mapped_column(Double)
    stored_at: Mapped[float] = mapped_column(Double)
    original_key: Mapped[str | None] = mapped_column(String(120))
    original_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    original_sha256: Mapped[str] = mapped_column(String(64), default="")
    opus_key: Mapped[str | None] = mapped_column(String(120))
    mp3_key: Mapped[str | None] = mapped_column(String(120))
    peaks_key: Mapped[str | None] = mapped_column(String(120))
    levels: Mapped[str | None] = mapped_column(Text, doc="JSON: per channel mean and peak, dBFS")
    note: Mapped[str] = mapped_column(Text, default="", doc="what was repaired or is doubtful, for people")
    queue: Mapped[str | None] = mapped_column(Text, doc="of its call: retention and language go by it")
    verdict: Mapped[str | None] = mapped_column(String(10))
    held_by: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), doc="legal hold: not erased, not swept"
    )
    held_at: Mapped[float | None] = mapped_column(Double)
    held_why: Mapped[str] = mapped_column(Text, default="")
    removed_at: Mapped[float | None] = mapped_column(Double, doc="the row stays, the audio is gone")
    removed_why: Mapped[str | None] = mapped_column(String(20), doc="a word of `NoAudio`")

    __table_args__ = (Index("ix_recordings_started_at_id", "started_at", "id"),)


class RecordingFile(Base):
    """A file that lay in a PBX's recordings folder or was uploaded."""

    __tablename__ = "recording_files"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    pbx: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    recording_id: Mapped[str | None] = mapped_column(
        RECORDING_ID, ForeignKey("recordings.id", ondelete="SET NULL")
    )
    seen_at: Mapped[float] = mapped_column(Double)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    why: Mapped[str] = mapped_column(Text, default="", doc="why it was refused, for people")

    __table_args__ = (UniqueConstraint("pbx", "name"), Index("ix_recording_files_state", "state"))


class RecordingPause(Base):
    """A stretch that was not recorded on purpose; `until` is null while it lasts."""

    __tablename__ = "recording_pauses"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    call_id: Mapped[str] = mapped_column(CALL_ID, index=True)
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)
    paused_by: Mapped[str] = mapped_column(Text, doc="a login, `api:<key prefix>`, or `dialplan`")
    resumed_by: Mapped[str | None] = mapped_column(Text, doc="as above, or `timer`, or `end`")


class RecordingJob(Base):
    """Work on one recording: a row, a lease, a retry ladder. `done` stays for the record."""

    __tablename__ = "recording_jobs"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    recording_id: Mapped[str] = mapped_column(
        RECORDING_ID, ForeignKey("recordings.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(12))
    engine: Mapped[str | None] = mapped_column(String(40), doc="null: the one of the settings")
    state: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[float] = mapped_column(Double)
    leased_until: Mapped[float | None] = mapped_column(Double)
    tries: Mapped[int] = mapped_column(default=0)
    progress: Mapped[float] = mapped_column(Double, default=0.0, doc="0 to 1")
    error: Mapped[str] = mapped_column(Text, default="", doc="of the last try, for people")
    made_at: Mapped[float] = mapped_column(Double)
    ended_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (Index("ix_recording_jobs_state_due_at", "state", "due_at"),)


class StoreLeftover(Base):
    """Audio in the store that no row points to (any more): to be removed from there at `due_at`. Written before a new
    copy is put there, and in the transaction that lets go of an old one, so that a crash leaves nothing behind."""

    __tablename__ = "store_leftovers"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    due_at: Mapped[float] = mapped_column(Double, index=True)
    is_going: Mapped[bool] = mapped_column(Boolean, default=False, doc="being removed: too late to claim it")


class Transcript(Base):
    """One engine's version of what was said; the newest `is_current`, older ones are kept for comparison. `words` is
    JSON: `[{"w", "start", "end", "conf", "channel", "redacted"?}]`, already redacted; no unredacted text is stored."""

    __tablename__ = "transcripts"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    recording_id: Mapped[str] = mapped_column(RECORDING_ID, ForeignKey("recordings.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column()
    is_current: Mapped[bool] = mapped_column(Boolean, default=True)
    engine: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str] = mapped_column(String(10))
    made_at: Mapped[float] = mapped_column(Double)
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    redactions: Mapped[str] = mapped_column(
        Text, default="[]", doc='JSON: [{"start", "end", "channel", "why"}]'
    )

    __table_args__ = (UniqueConstraint("recording_id", "version"),)


class RecordingComment(Base):
    """Something to be said about a moment, for coaching."""

    __tablename__ = "recording_comments"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    recording_id: Mapped[str] = mapped_column(
        RECORDING_ID, ForeignKey("recordings.id", ondelete="CASCADE"), index=True
    )
    at_s: Mapped[float] = mapped_column(Double)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    made_at: Mapped[float] = mapped_column(Double)
    text: Mapped[str] = mapped_column(Text)


class RecordingUse(Base):
    """Somebody listened, downloaded, exported, paused …; shown on the call (P22). Outlives the audio."""

    __tablename__ = "recording_uses"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    call_id: Mapped[str | None] = mapped_column(CALL_ID, index=True)
    recording_id: Mapped[str | None] = mapped_column(RECORDING_ID, index=True)
    at: Mapped[float] = mapped_column(Double)
    who: Mapped[str] = mapped_column(Text, doc="a login, `api:<key prefix>`, or `crm:<connector>`")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    what: Mapped[str] = mapped_column(String(20), doc="a word of `Use`")
    detail: Mapped[str] = mapped_column(Text, default="")


class Prompt(Base):
    """A sound of the site's own for one purpose; both files lie in the store. The rows that were there before are
    gone: what people hear now is what counts."""

    __tablename__ = "prompts"

    name: Mapped[str] = mapped_column(String(100), primary_key=True, doc="see `prompts/names.py`")
    file_name: Mapped[str] = mapped_column(Text, doc="as it was uploaded, for people only")
    original_key: Mapped[str] = mapped_column(String(120))
    original_bytes: Mapped[int] = mapped_column(BigInteger)
    sound_key: Mapped[str] = mapped_column(String(120), doc="what telephones play")
    sound_sha256: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float] = mapped_column(Double)
    level_dbfs: Mapped[float] = mapped_column(Double)
    uploaded_at: Mapped[float] = mapped_column(Double)
    uploaded_by: Mapped[str] = mapped_column(Text, doc="a login, or `api:<key prefix>`")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class PromptOnPbx(Base):
    """A prompt's file that we put into a PBX's folder, or that the PBX's script says it has fetched. What is in the
    folder and has no row here was put there by a person, and is left alone."""

    __tablename__ = "prompts_on_pbx"

    pbx: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    since: Mapped[float] = mapped_column(Double)
    seen_at: Mapped[float] = mapped_column(Double, doc="when it was last found there")
