"""Tables of webhooks: who is told of what, what is owed to each of them, and what came of every attempt. A delivery
carries its own body, so that a replay next week says the same. All instants are float seconds (`core/clock.py`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base

BIG = BigInteger().with_variant(Integer, "sqlite")
LONGEST_URL = 500
LONGEST_NAME = 120


class WebhookEndpoint(Base):
    """One receiver. The secrets stand here as they are: they must sign every request."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    url: Mapped[str] = mapped_column(String(LONGEST_URL))
    events: Mapped[str] = mapped_column(Text, doc="their names, with spaces between")
    state: Mapped[str] = mapped_column(String(10))
    note: Mapped[str | None] = mapped_column(Text, doc="why it is disabled, for people")
    secret: Mapped[str] = mapped_column(String(80))
    former_secrets: Mapped[str | None] = mapped_column(
        Text, doc="JSON, the newest first: each with the instant until which it signs too"
    )
    failing_since: Mapped[float | None] = mapped_column(Double, doc="no attempt has succeeded since")
    fault: Mapped[str | None] = mapped_column(Text, doc="why the last attempt failed, for people")
    after_fact: Mapped[int] = mapped_column(BigInteger, doc="facts up to this one are not its business")
    created_at: Mapped[float] = mapped_column(Double)


class WebhookDelivery(Base):
    """One event owed to one endpoint."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    fact_id: Mapped[int] = mapped_column(BigInteger, doc="order within a subject")
    message_id: Mapped[str] = mapped_column(String(40), doc="`webhook-id`, the same in every attempt")
    event: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(300), doc="deliveries of one subject go out one by one")
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[float] = mapped_column(
        Double, doc="not before; while an attempt is made: as `claimed_until`"
    )
    claimed_until: Mapped[float | None] = mapped_column(
        Double, doc="an attempt is under way, and counts as lost then"
    )
    attempts: Mapped[int] = mapped_column(doc="since it was owed, or replayed")
    settled_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (
        UniqueConstraint("endpoint_id", "fact_id"),
        Index("ix_webhook_deliveries_due", "endpoint_id", "state", "due_at"),
        Index("ix_webhook_deliveries_turn", "endpoint_id", "subject", "state", "fact_id"),
        Index("ix_webhook_deliveries_at", "at"),
    )


class WebhookAttempt(Base):
    """One request and its answer, cut short, without secrets and with numbers masked."""

    __tablename__ = "webhook_attempts"

    id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=True)
    delivery_id: Mapped[int] = mapped_column(
        ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[float] = mapped_column(Double)
    seconds: Mapped[float] = mapped_column(Double)
    outcome: Mapped[str] = mapped_column(String(12))
    status: Mapped[int | None]
    request_headers: Mapped[str] = mapped_column(Text)
    answer_headers: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text, doc="one sentence when there was no answer")
