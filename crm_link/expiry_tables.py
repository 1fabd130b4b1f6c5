"""What stays of a provisional customer whom nothing identified: that there was one. Its calls are in the log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class ExpiredCustomer(Base):
    """`customer_id` is not given out again."""

    __tablename__ = "expired_customers"

    customer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    created_at: Mapped[float] = mapped_column(Double)
    expired_at: Mapped[float] = mapped_column(Double, index=True)
    calls: Mapped[int]
