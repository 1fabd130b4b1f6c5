"""What the roof keeps of people's rights to their data: certificates of erasures, and that somebody's data was given
out. No row says who it was: only what went, how much, when and by whom. Instants are float seconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base

Id = BigInteger().with_variant(Integer, "sqlite")


class ErasureCertificate(Base):
    """One erasure of a person. `customer_id` is the number that was theirs; it is given to nobody else."""

    __tablename__ = "erasure_certificates"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    code: Mapped[str] = mapped_column(String(32), unique=True, doc="to be told to the person; drawn by lot")
    customer_id: Mapped[int] = mapped_column(BigInteger, index=True)
    at: Mapped[float] = mapped_column(Double)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    by: Mapped[str] = mapped_column(String(200), doc="as people call who did it")
    erased: Mapped[str] = mapped_column(Text, doc="JSON: [what, how many] each")
    kept: Mapped[str] = mapped_column(Text, doc="JSON: [what, how many, why] each")


class ErasureTry(Base):
    """What went in erasures of a customer that did not come to their end; gone with the certificate that counts it."""

    __tablename__ = "erasure_tries"

    customer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    gone: Mapped[str] = mapped_column(Text, doc="JSON: how many by what people call it")
    on_pbx: Mapped[int] = mapped_column(doc="recordings of which the PBX has files of its own")


class DataRequest(Base):
    """Somebody's data was handed out whole."""

    __tablename__ = "data_requests"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(BigInteger, index=True)
    at: Mapped[float] = mapped_column(Double)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    by: Mapped[str] = mapped_column(String(200), doc="as people call who asked for it")
    ended_at: Mapped[float | None] = mapped_column(Double, doc="null: broken off before its end")
    audio_files: Mapped[int] = mapped_column(default=0)
