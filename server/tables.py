"""What the roof itself stores: what agents say of themselves, when each screen pop reached a screen, and what programs
that may ask again were answered. Wrap-ups are rows of the call log (`pbx_bridge/tables.py`). All instants are float
seconds (`core/clock.py`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base


class AgentStateRow(Base):
    """What a person said of themselves last."""

    __tablename__ = "agent_states"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(80))
    since: Mapped[float] = mapped_column(Double)


class PopRow(Base):
    """One ringing card of one person who had the desk open. All instants are of our own clock: `rang_at` when we
    read the event, `shown_at` when a browser said that the card is in its document, `over_at` when the phone was
    answered or stopped ringing."""

    __tablename__ = "pops"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    call_id: Mapped[str] = mapped_column(CALL_ID, index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    rang_at: Mapped[float] = mapped_column(Double)
    shown_at: Mapped[float | None] = mapped_column(Double)
    visible: Mapped[bool | None] = mapped_column(doc="whether that page was in the foreground")
    over_at: Mapped[float] = mapped_column(Double)
    answered: Mapped[bool] = mapped_column(doc="by this person")


class ApiAnswerRow(Base):
    """A POST of a program that came with an `Idempotency-Key`, and what it was answered, kept for a day."""

    __tablename__ = "api_answers"

    sender: Mapped[str] = mapped_column(String(40), primary_key=True, doc="`key 7`, `user 3`")
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), doc="of method, address and body")
    at: Mapped[float] = mapped_column(Double, index=True)
    status: Mapped[int | None] = mapped_column(doc="null while it is worked on, and for ever if we died then")
    headers: Mapped[str | None] = mapped_column(Text, doc="JSON")
    body: Mapped[str | None] = mapped_column(Text)
