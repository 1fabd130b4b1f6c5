"""What is stored of other CRMs: what each said of a number, with its age, and each call that is to be written there, as
durable work (a row, a lease, a retry ladder). All instants are float seconds (`core/clock.py`)."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base
from crm_link.tables import Id


class LogState(StrEnum):
    """How the writing of one call stands. `uncertain`: it was sent, no answer came, and the CRM cannot be asked whether
    it arrived: a person looks there and decides. `skipped`: there is nobody to write it on, or
    that person left it."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"
    FAILED = "failed"


class LogPart(StrEnum):
    """What of a call a row brings into a CRM."""

    CALL = "call"
    RECORDING = "recording"


class ConnectorContacts(Base):
    """What a CRM last said of a number. `contacts` is JSON: `[{"id", "name", "company", "url"}]`, empty for nobody.
    `making_since` is committed before a contact is made there, and stays while nobody knows whether it was."""

    __tablename__ = "connector_contacts"

    connector: Mapped[str] = mapped_column(String(60), primary_key=True)
    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    contacts: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[float] = mapped_column(Double, index=True)
    making_since: Mapped[float | None] = mapped_column(Double)


class ConnectorPick(Base):
    """Of several contacts with a call's number, the one whom somebody picked for the call. `made_claim`: the customer
    got the contact's id by this very pick, and loses it when it is corrected."""

    __tablename__ = "connector_picks"

    connector: Mapped[str] = mapped_column(String(60), primary_key=True)
    call_id: Mapped[str] = mapped_column(CALL_ID, primary_key=True)
    contact_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    made_claim: Mapped[bool] = mapped_column(Boolean)
    picked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    picked_at: Mapped[float] = mapped_column(Double)


class ConnectorStart(Base):
    """Since when a CRM stands in the settings: it is told of calls whose end is a later fact than this one."""

    __tablename__ = "connector_starts"

    connector: Mapped[str] = mapped_column(String(60), primary_key=True)
    after_fact: Mapped[int] = mapped_column(BigInteger)


class ConnectorLog(Base):
    """One call that one CRM is told of, once, or its recording, once the call stands there. `record` is the call as
    `CallEnded` gave it, JSON. `wanted` grows when there is more to say (a wrap-up, audio silenced anew), `written` is
    the `wanted` the CRM has."""

    __tablename__ = "connector_logs"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    connector: Mapped[str] = mapped_column(String(60))
    call_id: Mapped[str] = mapped_column(CALL_ID, index=True)
    part: Mapped[str] = mapped_column(String(10), default=LogPart.CALL)
    record: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[float] = mapped_column(Double)
    leased_until: Mapped[float | None] = mapped_column(Double)
    tries: Mapped[int] = mapped_column(default=0, doc="since it last went well")
    wanted: Mapped[int] = mapped_column(default=1)
    written: Mapped[int] = mapped_column(default=0)
    maybe_sent: Mapped[bool] = mapped_column(
        Boolean, default=False, doc="committed before it is sent: after a crash it was perhaps written"
    )
    reference: Mapped[str] = mapped_column(Text, default="", doc="the CRM's id of what was written")
    sent: Mapped[str] = mapped_column(Text, default="", doc="of a recording: which copy of it is there")
    contact_name: Mapped[str] = mapped_column(Text, default="")
    contact_url: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(Text, default="", doc="of the last try, for people")
    made_at: Mapped[float] = mapped_column(Double)
    ended_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (
        UniqueConstraint("connector", "call_id", "part"),
        Index("ix_connector_logs_connector_state_due_at", "connector", "state", "due_at"),
    )


class ConnectorBegun(Base):
    """One call that one CRM was told of as it began. The row is committed before the CRM is asked, so that nobody
    begins the call there a second time; `reference` is the CRM's id of the call, "" while nobody knows it. The contact
    is whom it was begun on."""

    __tablename__ = "connector_begun"

    connector: Mapped[str] = mapped_column(String(60), primary_key=True)
    call_id: Mapped[str] = mapped_column(CALL_ID, primary_key=True)
    reference: Mapped[str] = mapped_column(Text, default="")
    contact_id: Mapped[str] = mapped_column(Text)
    contact_name: Mapped[str] = mapped_column(Text)
    contact_url: Mapped[str] = mapped_column(Text)
    begun_at: Mapped[float] = mapped_column(Double, index=True)
