"""What the search stores: one row per text that can be found, and the database's own index over it, which keeps itself:
whatever happens to a row (its source erased and the row with it, too) happens to the index in the same statement.

In: texts folded and marked by `index.py`. Out: on SQLite the FTS5 table `search_index`, on PostgreSQL the column
`words` with its GIN index. Both are SQL that neither SQLAlchemy nor Alembic can describe, so `create_index` makes them:
when the table is made, and in the revision that makes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base
from recordings.tables import RECORDING_ID

OWN_TABLES = "search_index"
OWN_COLUMN = "words"
OWN_INDEX = "ix_search_documents_words"


class SearchDocument(Base):
    """One text that can be found. `id` grows with `at` (see `search.place_of`): the index gives newest first without
    sorting. The foreign keys say whose text it is, and take the row away when that is erased."""

    __tablename__ = "search_documents"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(String(10), doc="a word of `DocumentKind`")
    source: Mapped[str] = mapped_column(String(300), unique=True, doc="what the text is of; one row for each")
    at: Mapped[float] = mapped_column(Double, doc="of its call's beginning, or when it was written")
    call_id: Mapped[str | None] = mapped_column(CALL_ID)
    customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL"), index=True
    )
    recording_id: Mapped[str | None] = mapped_column(RECORDING_ID)
    transcript_id: Mapped[int | None] = mapped_column(
        ForeignKey("transcripts.id", ondelete="CASCADE"), index=True
    )
    note_id: Mapped[int | None] = mapped_column(ForeignKey("notes.id", ondelete="CASCADE"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    deal_id: Mapped[int | None] = mapped_column(ForeignKey("deals.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(doc="of a wrap-up: who wrote it")
    folded: Mapped[str] = mapped_column(Text, doc="the text's folded words, a space before and after each")
    names: Mapped[str] = mapped_column(Text, doc="likewise: names and numbers of the other party")
    marks: Mapped[str] = mapped_column(Text, doc="likewise: what lists are filtered by")
    pairs: Mapped[str] = mapped_column(
        Text, default="", doc="likewise, on PostgreSQL: neighbouring words, by which its index finds phrases"
    )

    __table_args__ = (
        ForeignKeyConstraint(
            ["call_id", "user_id"], ["call_wrap_ups.call_id", "call_wrap_ups.user_id"], ondelete="CASCADE"
        ),
        Index("ix_search_documents_call_id_user_id", "call_id", "user_id"),
    )


_SQLITE = (
    # Our words are folded already and parted by spaces: the tokenizer must not know better. Of `marks` it splits none.
    """CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5(
        folded, names, marks, content='search_documents', content_rowid='id', columnsize=0,
        tokenize="ascii tokenchars '_:%'")""",
    """CREATE TRIGGER IF NOT EXISTS search_documents_added AFTER INSERT ON search_documents BEGIN
        INSERT INTO search_index(rowid, folded, names, marks) VALUES (new.id, new.folded, new.names, new.marks);
    END""",
    """CREATE TRIGGER IF NOT EXISTS search_documents_gone AFTER DELETE ON search_documents BEGIN
        INSERT INTO search_index(search_index, rowid, folded, names, marks)
        VALUES ('delete', old.id, old.folded, old.names, old.marks);
    END""",
    # Only these columns: clearing a merged customer's id must not index an hour's talk anew.
    """CREATE TRIGGER IF NOT EXISTS search_documents_changed
    AFTER UPDATE OF id, folded, names, marks ON search_documents BEGIN
        INSERT INTO search_index(search_index, rowid, folded, names, marks)
        VALUES ('delete', old.id, old.folded, old.names, old.marks);
        INSERT INTO search_index(rowid, folded, names, marks) VALUES (new.id, new.folded, new.names, new.marks);
    END""",
)

_POSTGRESQL = (
    # Not to_tsvector: its parser would split our words again, and it counts a word's places only to the 256th.
    """ALTER TABLE search_documents ADD COLUMN IF NOT EXISTS words tsvector GENERATED ALWAYS AS (
        array_to_tsvector(array_remove(string_to_array(folded || names || marks || pairs, ' '), ''))) STORED""",
    # Without the list of pending rows, which every search would have to read through.
    """CREATE INDEX IF NOT EXISTS ix_search_documents_words ON search_documents
    USING gin (words) WITH (fastupdate = off)""",
)


def create_index(connection: Connection) -> None:
    """Make the index over `search_documents`, which exists and may have rows on PostgreSQL only."""
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)


def drop_index(connection: Connection) -> None:
    """Take it away before its table goes; on PostgreSQL, and with SQLite's triggers, it goes by itself."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("DROP TABLE IF EXISTS search_index")


@event.listens_for(SearchDocument.__table__, "after_create")
def _created(_table: Any, connection: Connection, **_options: Any) -> None:
    create_index(connection)


@event.listens_for(SearchDocument.__table__, "before_drop")
def _dropped(_table: Any, connection: Connection, **_options: Any) -> None:
    drop_index(connection)
