"""What is stored of a site's own fields: one row per customer and field that has a value, and the folded words of
texts, so that customers are found by them. Which fields there are stands in the settings (`[[crm.fields]]`)."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from crm_link.tables import Word


class CustomerField(Base):
    """`value` is JSON: a string, a number, or true and false."""

    __tablename__ = "customer_fields"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class CustomerFieldWord(Base):
    __tablename__ = "customer_field_words"

    word: Mapped[str] = mapped_column(Word, primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    key: Mapped[str] = mapped_column(String(40), primary_key=True)

    __table_args__ = ({"sqlite_with_rowid": False},)
