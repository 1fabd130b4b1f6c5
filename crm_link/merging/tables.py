"""What is kept of merges and of likely duplicates: who merged which two customers and what that moved, row for row, so
that it can be undone; and the pairs somebody should look at, with those that were said to be two people."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from crm_link.tables import Id


class CustomerMerge(Base):
    """One merge: `merged_id` became part of `kept_id`. Goes with either of them, since nothing is left to undo then."""

    __tablename__ = "customer_merges"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    merged_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    merged_at: Mapped[float] = mapped_column(Double)
    merged_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    merged_title: Mapped[str] = mapped_column(String(200), doc="what the merged one was called")
    calls: Mapped[int] = mapped_column(doc="that changed hands")
    notes: Mapped[int]
    undone_at: Mapped[float | None] = mapped_column(Double)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (
        CheckConstraint("kept_id <> merged_id", name="two_customers"),
        Index("ix_customer_merges_kept_id_merged_at", "kept_id", "merged_at"),
        Index(
            "uq_customer_merges_merged_id",
            "merged_id",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )


class CustomerMergeMove(Base):
    """A part of what one merge did: rows of one table that were all treated alike, in the order they were."""

    __tablename__ = "customer_merge_moves"

    merge_id: Mapped[int] = mapped_column(
        ForeignKey("customer_merges.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    action: Mapped[str] = mapped_column(String(10), doc="a word of `merge_journal.Action`")
    in_table: Mapped[str] = mapped_column(String(60))
    rows: Mapped[str] = mapped_column(Text, doc="a JSON list, one object per row")

    __table_args__ = ({"sqlite_with_rowid": False},)


class DuplicatePair(Base):
    """Two customers who may be one. `first_id` is the smaller id. Dismissed ones are kept, so that they are not
    proposed again."""

    __tablename__ = "duplicate_pairs"

    first_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    second_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    reasons: Mapped[str] = mapped_column(String(80), doc="words of `duplicates.Reason`, by commas")
    score: Mapped[int] = mapped_column(doc="0 to 100: how likely they are one")
    found_at: Mapped[float] = mapped_column(Double, doc="when the search that found them last began")
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    proposed_at: Mapped[float | None] = mapped_column(Double)
    dismissed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    dismissed_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (
        CheckConstraint("first_id < second_id", name="smaller_first"),
        Index(
            "ix_duplicate_pairs_score",
            "score",
            "first_id",
            "second_id",
            sqlite_where=text("dismissed_at IS NULL"),
            postgresql_where=text("dismissed_at IS NULL"),
        ),
        {"sqlite_with_rowid": False},
    )


class DuplicateSearch(Base):
    """One search for duplicates. It is alive while `seen_at` is young and `ended_at` empty."""

    __tablename__ = "duplicate_searches"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    began_at: Mapped[float] = mapped_column(Double)
    began_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    seen_at: Mapped[float] = mapped_column(Double)
    ended_at: Mapped[float | None] = mapped_column(Double)
    looked_at: Mapped[int] = mapped_column(default=0, doc="rows read so far")
    total: Mapped[int] = mapped_column(default=0, doc="rows there were at the beginning")
    found: Mapped[int] = mapped_column(default=0)
