"""Tables of imports of customers: the file, row by row, what would become of each row, what became of it, and what that
takes to be undone. They are full of people's data and are forgotten after a while. Instants are float seconds."""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from crm_link.tables import Id


class CustomerImport(Base):
    """One file. `step` is how far it came; whoever holds the lease works on it."""

    __tablename__ = "customer_imports"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(200), doc="of the file")
    digest: Mapped[str] = mapped_column(String(64), doc="of its bytes: to tell of the same file again")
    header: Mapped[str] = mapped_column(Text, doc="JSON: the cells that name the columns")
    columns: Mapped[str] = mapped_column(Text, doc="JSON: what each column holds, a word of `Field` or empty")
    existing: Mapped[str] = mapped_column(String(10), doc="a word of `Existing`")
    tag: Mapped[str] = mapped_column(String(40), default="", doc="given to everybody in the file")
    ids_of: Mapped[str] = mapped_column(String(60), default="", doc="the CRM its ids are of; empty: unsaid")
    step: Mapped[str] = mapped_column(String(10))
    lines: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0, doc="lines of the present step that are worked on")
    fault: Mapped[str] = mapped_column(Text, default="", doc="why it stopped, one sentence")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    at: Mapped[float] = mapped_column(Double)
    began_at: Mapped[float | None] = mapped_column(Double, doc="when its import was asked for")
    ended_at: Mapped[float | None] = mapped_column(Double, doc="when its last step was done")
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    leased_until: Mapped[float] = mapped_column(Double, default=0.0, doc="a process is at it until then")

    __table_args__ = (Index("ix_customer_imports_step", "step"),)


class CustomerImportRow(Base):
    """One line of the file. Lines about one person are worked on together, under the first of them."""

    __tablename__ = "customer_import_rows"

    import_id: Mapped[int] = mapped_column(
        ForeignKey("customer_imports.id", ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(primary_key=True, doc="of the file, from 1, at which it begins")
    cells: Mapped[str] = mapped_column(Text, doc="JSON: as they were written")
    fault: Mapped[str] = mapped_column(Text, default="", doc="why they could not be read: a broken vCard")
    person: Mapped[str] = mapped_column(Text, default="", doc="JSON: what was read from the cells")
    first_line: Mapped[int | None] = mapped_column(doc="of the line about the same person that leads")
    fate: Mapped[str] = mapped_column(String(10), default="", doc="a word of `Fate`; empty: not looked at")
    why: Mapped[str] = mapped_column(Text, default="", doc="one sentence for a person")
    customer_id: Mapped[int | None] = mapped_column(
        index=True,
        doc="who it is; without a foreign key: who is removed is told of, and who is erased is taken out",
    )
    others: Mapped[str] = mapped_column(Text, default="", doc="customers who fit too; with spaces between")
    gaps: Mapped[int | None] = mapped_column(
        doc="values its customer lacks; null: it is about none we have, or follows another line"
    )
    conflicts: Mapped[int] = mapped_column(default=0, doc="values of its customer that differ")
    differs: Mapped[str] = mapped_column(Text, default="", doc="JSON: the first of both, to be shown")
    did: Mapped[str] = mapped_column(
        Text, default="", doc="JSON: what was changed, to undo it; empty: nothing"
    )
    done_at: Mapped[float | None] = mapped_column(Double)
    undone_at: Mapped[float | None] = mapped_column(Double)
    kept: Mapped[str] = mapped_column(Text, default="", doc="what could not be undone, and why")

    __table_args__ = (
        Index("ix_customer_import_rows_first_line", "import_id", "first_line"),
        Index("ix_customer_import_rows_fate", "import_id", "fate"),
        {"sqlite_with_rowid": False},
    )
