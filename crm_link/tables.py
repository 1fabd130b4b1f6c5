"""What the customers' room stores: customers, the claims about their numbers and addresses (identities), notes, tags,
what was changed by whom, and which call belongs to whom. All instants are float seconds (`core/clock.py`).

Two constraints carry the rules: `identity_keys` makes a second automatic customer for one number impossible (P9),
and the check on `identity_keys.value` keeps anything but E.164 from ever being a telephone key (P7, P10)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only auto-numbers a column declared exactly INTEGER."""

Word = String(80).with_variant(String(80, collation="C"), "postgresql")
"""Folded words are searched by range; only byte order makes a range a prefix."""


class Customer(Base):
    """One person or firm. `merged_into_id` is set when the record became part of another: the id then redirects."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    company: Mapped[str] = mapped_column(String(200), default="")
    is_provisional: Mapped[bool]
    version: Mapped[int] = mapped_column(default=1, doc="grows with every edit; a stale edit is refused")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[float] = mapped_column(Double)
    created_from: Mapped[str] = mapped_column(String(10))
    last_contact_at: Mapped[float] = mapped_column(
        Double, default=0.0, doc="0 when never; ranks customers who share a number"
    )
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))

    __table_args__ = (
        CheckConstraint("merged_into_id <> id", name="not_merged_into_itself"),
        # Partial: with a plain index on merged_into_id SQLite reads all customers to list the latest fifty.
        Index(
            "ix_customers_last_contact_at_id",
            "last_contact_at",
            "id",
            sqlite_where=text("merged_into_id IS NULL"),
            postgresql_where=text("merged_into_id IS NULL"),
        ),
        Index(
            "ix_customers_merged_into_id",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
        # An old link must never lead to somebody else: without it the number of a removed customer is given again.
        {"sqlite_autoincrement": True},
    )


class IdentityKey(Base):
    """One row per number, address or id that anybody holds, gone with its last holder. An automatic customer is only
    made by the transaction whose insert here succeeds, so two events at the same instant cannot make two. People may
    still give one key to several customers: those are rows of `identities`.

    `picked_customer_id` is the customer an agent chose last for this key, the default for its next call."""

    __tablename__ = "identity_keys"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)
    picked_customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL"), index=True
    )
    picked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    picked_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (
        CheckConstraint("kind <> 'phone' OR value LIKE '+%'", name="phone_is_e164"),
        {"sqlite_with_rowid": False},
    )


class Identity(Base):
    """A claim "this number, address or id belongs to this customer". `value` is the key that calls are matched by. For
    the few telephones with two valid spellings `spelled` is the one to show and to dial (`core/equivalences.py`)."""

    __tablename__ = "identities"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    value: Mapped[str] = mapped_column(String(200))
    spelled: Mapped[str | None] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(10))
    confidence: Mapped[str] = mapped_column(String(10))
    first_seen: Mapped[float] = mapped_column(Double)
    last_seen: Mapped[float] = mapped_column(Double)

    __table_args__ = (
        Index("uq_identities_kind_value_customer_id", "kind", "value", "customer_id", unique=True),
        ForeignKeyConstraint(["kind", "value"], ["identity_keys.kind", "identity_keys.value"]),
    )


class CustomerWord(Base):
    """The folded words of names and companies, so that "kow" finds Anna Kowalska among a million by index."""

    __tablename__ = "customer_words"

    word: Mapped[str] = mapped_column(Word, primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, index=True
    )

    __table_args__ = ({"sqlite_with_rowid": False},)


class CustomerTag(Base):
    __tablename__ = "customer_tags"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
    added_at: Mapped[float] = mapped_column(Double)
    added_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class Note(Base):
    """What somebody wrote about a customer; `call_id` when it was written during or after that call."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    call_id: Mapped[str | None] = mapped_column(CALL_ID)
    text: Mapped[str] = mapped_column(Text)
    is_pinned: Mapped[bool] = mapped_column(default=False, doc="shown on the card, above everything else")
    created_at: Mapped[float] = mapped_column(Double)
    edited_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (Index("ix_notes_customer_id_created_at", "customer_id", "created_at"),)


class CustomerChange(Base):
    """Who changed what on a customer, for the timeline. `changed_by` is null for what we did by ourselves."""

    __tablename__ = "customer_changes"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    at: Mapped[float] = mapped_column(Double)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    what: Mapped[str] = mapped_column(String(20))
    before: Mapped[str | None] = mapped_column(String(200))
    after: Mapped[str | None] = mapped_column(String(200))
    about: Mapped[str | None] = mapped_column(Text, doc="which row it is of, see `changes.row_of`")

    __table_args__ = (Index("ix_customer_changes_customer_id_at", "customer_id", "at"),)


class CallMatch(Base):
    """The outside number each call was matched by (null when withheld), kept so that old calls find their customer
    later (P10). A request to be called that came without a call has a row too, under an id of its own
    (`request_links.py`): whatever becomes of calls becomes of it.

    `call_id` names a row of `calls`, without a foreign key: the card must not wait for the log, so this row may be
    written first, and a call that turns out to be part of another loses its row there."""

    __tablename__ = "call_matches"

    call_id: Mapped[str] = mapped_column(CALL_ID, primary_key=True)
    number: Mapped[str | None] = mapped_column(String(20), index=True)
    call_at: Mapped[float] = mapped_column(Double, doc="when the call began, as far as its matching knew")


class CallCustomer(Base):
    """Whose call, or request to be called, it is. One row when that is known, several ranked ones until somebody picks.

    `call_id` has no foreign key for the reason given at `CallMatch`; `call_at` is repeated from there so that a
    customer's newest calls are one index walk."""

    __tablename__ = "call_customers"

    call_id: Mapped[str] = mapped_column(CALL_ID, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    how: Mapped[str] = mapped_column(String(10))
    rank: Mapped[int] = mapped_column(doc="1 is the likeliest")
    call_at: Mapped[float] = mapped_column(Double)
    picked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (Index("ix_call_customers_customer_id_call_at", "customer_id", "call_at"),)
