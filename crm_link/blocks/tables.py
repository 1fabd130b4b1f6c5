"""What is stored of blocks of numbers: "what begins with this, and goes on so long, is our customer's", as a firm gets
them from its carrier. How one is read and what it covers is `block.py`."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from crm_link.tables import Id


class NumberBlock(Base):
    """A weaker claim than an identity: who calls from inside is somebody of this customer's, as long as no customer
    has that very number. `shortest` and `longest` count the digits after `prefix`; `first` and `last` bound them where
    all numbers of the block are equally long."""

    __tablename__ = "number_blocks"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    prefix: Mapped[str] = mapped_column(String(20), index=True, doc="E.164, with the plus")
    shortest: Mapped[int]
    longest: Mapped[int]
    first: Mapped[str] = mapped_column(String(4), default="", doc="digits after the prefix; empty: no bound")
    last: Mapped[str] = mapped_column(String(4), default="")
    added_at: Mapped[float] = mapped_column(Double)
    added_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (
        CheckConstraint("prefix LIKE '+%'", name="block_is_e164"),
        CheckConstraint("shortest >= 1 AND longest <= 4 AND shortest <= longest", name="block_is_bounded"),
        Index(
            "uq_number_blocks_customer_id_prefix",
            "customer_id", "prefix", "shortest", "longest", "first", "last",
            unique=True,
        ),
    )  # fmt: skip
