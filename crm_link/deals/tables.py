"""What is stored of deals and orders: light rows that say what a customer wants to buy or has bought, and which calls
were about it. The shop or CRM that `source` names stays the master of what it sends. All instants are float seconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base
from crm_link.tables import Id


class Deal(Base):
    """`amount` counts the currency's smallest unit (cents); null when nobody knows it yet."""

    __tablename__ = "deals"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(200))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3), doc="ISO 4217")
    link: Mapped[str] = mapped_column(Text, default="", doc="https or http: its page elsewhere")
    source: Mapped[str | None] = mapped_column(String(40), doc="which program keeps it, e.g. shop")
    external_id: Mapped[str | None] = mapped_column(String(120), doc="its id there")
    version: Mapped[int] = mapped_column(default=1, doc="grows with every edit; a stale edit is refused")
    opened_at: Mapped[float] = mapped_column(Double)
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    updated_at: Mapped[float] = mapped_column(Double)

    __table_args__ = (
        CheckConstraint("(amount IS NULL) = (currency IS NULL)", name="amount_has_a_currency"),
        CheckConstraint("(source IS NULL) = (external_id IS NULL)", name="external_id_has_a_source"),
        Index("uq_deals_source_external_id", "source", "external_id", unique=True),
        Index("ix_deals_customer_id_opened_at", "customer_id", "opened_at"),
        Index("ix_deals_updated_at_id", "updated_at", "id"),
    )


class DealCall(Base):
    """A call that was about a deal. `call_id` has no foreign key: the card must not wait for the call log."""

    __tablename__ = "deal_calls"

    deal_id: Mapped[int] = mapped_column(ForeignKey("deals.id", ondelete="CASCADE"), primary_key=True)
    call_id: Mapped[str] = mapped_column(CALL_ID, primary_key=True, index=True)
    linked_at: Mapped[float] = mapped_column(Double)
    linked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
