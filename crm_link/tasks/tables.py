"""What is stored of tasks: something somebody of ours is to do for a customer by a certain instant. All instants are
float seconds (`core/clock.py`). A task that is done stays: it is part of the customer's timeline."""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base
from crm_link.tables import Id

_OPEN = text("done_at IS NULL")


class Task(Base):
    """Open while `done_at` is null. `assigned_to` is null until somebody is named, or when their account is gone."""

    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    call_id: Mapped[str | None] = mapped_column(CALL_ID, doc="the call it came up in", index=True)
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text, default="")
    due_at: Mapped[float] = mapped_column(Double)
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    version: Mapped[int] = mapped_column(default=1, doc="grows with every edit; a stale edit is refused")
    created_at: Mapped[float] = mapped_column(Double)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    done_at: Mapped[float | None] = mapped_column(Double)
    done_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("ix_tasks_customer_id_created_at", "customer_id", "created_at"),
        # Of years of tasks, those that are open are few: the desk and the page of tasks ask for nothing else.
        Index("ix_tasks_open_due_at", "due_at", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(
            "ix_tasks_open_assigned_to_due_at",
            "assigned_to",
            "due_at",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_tasks_done_at", "done_at", "id"),
    )
