"""What the callback room stores: promises, the requests they come from, attempts to keep them, numbers never to dial,
and the counters of the guard. All instants are float seconds (`core/clock.py`).

Three constraints carry the rules: one open callback per number and department (P12), one attempt at a time per
callback, and the attempt's id, which is the PBX's channel id, is a key (P13)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only auto-numbers a column declared exactly INTEGER."""

_OPEN = text("closed_at IS NULL")
_UNENDED = text("ended_at IS NULL")
_RUNNING = text("ended_at IS NULL AND callback_id IS NOT NULL")


class Callback(Base):
    """A promise to call one number for one department; open while `closed_at` is null."""

    __tablename__ = "callbacks"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(20), doc="E.164")
    department: Mapped[str] = mapped_column(String(60), doc="its name in the settings")
    state: Mapped[str] = mapped_column(String(10))
    proven: Mapped[bool] = mapped_column(default=False, doc="a call from this number was seen")
    created_at: Mapped[float] = mapped_column(Double)
    arrived_at: Mapped[float] = mapped_column(
        Double, doc="the customer's first turn to us: the place in the order"
    )
    promised_from: Mapped[float | None] = mapped_column(
        Double, doc="a slot's beginning; null: as soon as possible"
    )
    promised_until: Mapped[float | None] = mapped_column(Double, doc="after this the promise is not on time")
    due_at: Mapped[float] = mapped_column(Double, doc="no attempt before")
    expires_at: Mapped[float] = mapped_column(Double)
    postponed_until: Mapped[float | None] = mapped_column(
        Double, doc="somebody of ours says: not before; only they, or the visitor who moves it, know better"
    )
    rung: Mapped[int] = mapped_column(default=0, doc="attempts that dialled the customer in vain")
    offers: Mapped[int] = mapped_column(default=0, doc="attempts that only an agent did not take (P17)")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    place: Mapped[int | None] = mapped_column(
        doc="left the queue by key at this place, from 1: held until the customer is dialled"
    )
    why_not: Mapped[str | None] = mapped_column(String(20), doc="why it was not dialled when last looked at")
    why_not_at: Mapped[float | None] = mapped_column(Double)
    reasons: Mapped[str] = mapped_column(
        Text, default="", doc="codes of the guard, why it is held; space-separated"
    )
    rank: Mapped[int] = mapped_column(default=0, doc="of the held ones, the highest deserve a look first")
    first_attempt_at: Mapped[float | None] = mapped_column(Double)
    closed_at: Mapped[float | None] = mapped_column(Double)
    outcome: Mapped[str | None] = mapped_column(String(20))
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    closed_call_id: Mapped[str | None] = mapped_column(CALL_ID)

    __table_args__ = (
        CheckConstraint("number LIKE '+%'", name="number_is_e164"),
        Index(
            "uq_callbacks_open_number_department",
            "number",
            "department",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_callbacks_state_due_at", "state", "due_at"),
        Index("ix_callbacks_created_at", "created_at"),
        Index("ix_callbacks_closed_at", "closed_at"),
        Index("ix_callbacks_number_closed_at", "number", "closed_at"),
    )


class Submission(Base):
    """One request by one person. A visitor's link belongs to it, and shows and withdraws nothing else."""

    __tablename__ = "submissions"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(String(10))
    at: Mapped[float] = mapped_column(Double)
    site: Mapped[str | None] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    wished_at: Mapped[float | None] = mapped_column(
        Double, doc="a slot's beginning; null: as soon as possible"
    )
    page_url: Mapped[str | None] = mapped_column(Text)
    referrer: Mapped[str | None] = mapped_column(Text)
    utm: Mapped[str] = mapped_column(Text, default="{}", doc="JSON object of the page's utm_* tags")
    language: Mapped[str | None] = mapped_column(String(10))
    consent: Mapped[str | None] = mapped_column(Text, doc="the sentence the visitor agreed to, as shown")
    address: Mapped[str | None] = mapped_column(String(45), doc="the visitor's; forgotten after a while")
    visitor: Mapped[str | None] = mapped_column(String(64), doc="a page session, hashed")
    held: Mapped[bool] = mapped_column(default=False)
    reasons: Mapped[str] = mapped_column(Text, default="", doc="codes of the guard; space-separated")
    arrived_at: Mapped[float] = mapped_column(Double, doc="the customer's first turn to us with this wish")
    proven: Mapped[bool] = mapped_column(default=False)
    link_expires_at: Mapped[float] = mapped_column(Double)
    idempotency_key: Mapped[str | None] = mapped_column(
        String(200), unique=True, doc="key of the API caller and theirs"
    )
    body_hash: Mapped[str | None] = mapped_column(String(64), doc="of what came with the idempotency key")
    call_id: Mapped[str | None] = mapped_column(
        CALL_ID, unique=True, doc="the missed call, or the one left by key"
    )
    known_as: Mapped[str | None] = mapped_column(
        CALL_ID,
        unique=True,
        doc="what tells the customers' room whose request it is: its call, else an id of its own; "
        "null: nobody's, because only counted, or made anonymous",
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    withdrawn_at: Mapped[float | None] = mapped_column(Double)
    repeats: Mapped[int] = mapped_column(
        default=0, doc="not 0: no request of its own, but so many that were only counted"
    )


class Attempt(Base):
    """One try to keep a promise, or a person's click-to-call. Committed before the PBX is asked; `cb-<id>` is the
    channel id of its first leg and the linkedid of the whole call."""

    __tablename__ = "attempts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    callback_id: Mapped[int | None] = mapped_column(
        ForeignKey("callbacks.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10), index=True)
    pbx: Mapped[str] = mapped_column(String(60))
    number: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    extension: Mapped[str | None] = mapped_column(String(40))
    queue: Mapped[str | None] = mapped_column(String(80))
    position: Mapped[int | None]
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    made_at: Mapped[float] = mapped_column(Double)
    sent_at: Mapped[float | None] = mapped_column(Double)
    agent_rang_at: Mapped[float | None] = mapped_column(Double)
    agent_answered_at: Mapped[float | None] = mapped_column(Double)
    customer_dialled_at: Mapped[float | None] = mapped_column(Double)
    bridged_at: Mapped[float | None] = mapped_column(Double)
    over_at: Mapped[float | None] = mapped_column(
        Double, doc="its call was seen ending; what came of it is in doubt"
    )
    ended_at: Mapped[float | None] = mapped_column(Double)
    result: Mapped[str | None] = mapped_column(String(20))
    machine: Mapped[bool | None] = mapped_column(doc="the agent says that a machine answered")
    call_id: Mapped[str | None] = mapped_column(CALL_ID)
    why: Mapped[str] = mapped_column(Text, default="", doc="one sentence for a person")

    __table_args__ = (
        Index("ix_attempts_made_at", "made_at"),
        Index("ix_attempts_running", "pbx", sqlite_where=_UNENDED, postgresql_where=_UNENDED),
        Index(
            "uq_attempts_running_callback_id",
            "callback_id",
            unique=True,
            sqlite_where=_RUNNING,
            postgresql_where=_RUNNING,
        ),
    )


IS_RUNNING = Attempt.ended_at.is_(None)
"""A handful among all the attempts of years: asked each turn, hence the index."""


class CallbackStep(Base):
    """The story of one callback for people: what happened, when, by whom."""

    __tablename__ = "callback_steps"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id", ondelete="CASCADE"), index=True)
    at: Mapped[float] = mapped_column(Double)
    kind: Mapped[str] = mapped_column(String(30))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    detail: Mapped[str | None] = mapped_column(Text)


class Suppression(Base):
    """A number never to be dialled. Kept as a keyed hash, so that it survives the erasure of the person."""

    __tablename__ = "suppressions"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number_hash: Mapped[str] = mapped_column(String(64), unique=True)
    since: Mapped[float] = mapped_column(Double)
    reason: Mapped[str] = mapped_column(Text)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class CallbackList(Base):
    """A file of people to call back: handed in, looked at, submitted, sent line by line. Forgotten after a while."""

    __tablename__ = "callback_lists"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    department: Mapped[str] = mapped_column(String(60))
    digest: Mapped[str] = mapped_column(String(64), doc="of the text: the same file is the same list")
    name: Mapped[str] = mapped_column(String(200), doc="of the file")
    text: Mapped[str] = mapped_column(Text)
    lines: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    at: Mapped[float] = mapped_column(Double)
    submitted_at: Mapped[float | None] = mapped_column(Double)
    leased_until: Mapped[float] = mapped_column(Double, default=0.0, doc="a process is at it until then")
    done: Mapped[int] = mapped_column(default=0, doc="lines that were sent")
    accepted: Mapped[int] = mapped_column(default=0)
    joined: Mapped[int] = mapped_column(default=0, doc="of the accepted, to a callback that was open already")
    held: Mapped[int] = mapped_column(default=0)
    refused: Mapped[str] = mapped_column(Text, default="[]", doc="JSON: [line of the file, sentence] each")
    ended_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (UniqueConstraint("department", "digest"),)


class InboxDismissal(Base):
    """A person's word that nothing is owed for a number's calls up to `at`. Taken back, it stays as a line."""

    __tablename__ = "inbox_dismissals"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(20), doc="E.164")
    at: Mapped[float] = mapped_column(Double)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reason: Mapped[str] = mapped_column(Text)
    undone_at: Mapped[float | None] = mapped_column(Double)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (Index("ix_inbox_dismissals_number_at", "number", "at"),)


class GuardCount(Base):
    """How often something happened in a window of time: the guard's limits survive a restart."""

    __tablename__ = "guard_counts"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True, doc="number of the window since 1970")
    count: Mapped[int] = mapped_column(default=0)
    ends_at: Mapped[float] = mapped_column(Double, index=True)


class UsedProof(Base):
    """A proof of work that was handed in: the library accepts it again, we do not."""

    __tablename__ = "used_proofs"

    signature: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at: Mapped[float] = mapped_column(Double, index=True)


class Secret(Base):
    """Keys made at the first start (for links, tokens and hashes), so that nobody has to invent one."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(128))

    __table_args__ = (UniqueConstraint("value"),)
