"""The administrator's inbox: one row per alarm, open until its cause is gone. An alarm is raised by the room that
sees the cause and is open at most once per (code, subject), which an index sees to; raising it again refreshes its
text. Who raises or closes one by what is stored takes its turn before looking. E-mail and webhooks are not sent from
here: they follow the durable facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import BigInteger, Double, Index, Integer, String, Text, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import Clock
from core.db import Base, Database

log = structlog.get_logger(__name__)


TURNS = 0x414C524D
"""The first half of the PostgreSQL advisory locks by which alarms are judged one after the other ("ALRM")."""

IS_OPEN = text("closed_at IS NULL")


class AlarmRow(Base):
    __tablename__ = "alarms"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    code: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(120), doc="what it is about, e.g. the PBX's name")
    text: Mapped[str] = mapped_column(Text)
    raised_at: Mapped[float] = mapped_column(Double)
    closed_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (
        Index("ix_alarms_raised_at", "raised_at"),
        Index(
            "ix_alarms_open",
            "code",
            "subject",
            unique=True,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
    )


@dataclass(frozen=True, slots=True)
class Alarm:
    id: int
    code: str
    subject: str
    text: str
    raised_at: float
    closed_at: float | None


INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(AlarmRow),
    "postgresql": postgresql.insert(AlarmRow),
}


async def take_turn(connection: AsyncConnection, code: str, subject: str) -> None:
    """To be called after the transaction's own changes, and before it looks whether the cause is there: whoever judges
    the same alarm meanwhile waits, and then sees those changes. Without it one may close what another raises, having
    looked before. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock(TURNS, func.hashtext(f"{code} {subject}"))
        await connection.execute(select(lock))


async def raise_alarm(connection: AsyncConnection, code: str, subject: str, text: str, at: float) -> None:
    """Open an alarm, or refresh the text of the one that is open for the same (code, subject)."""
    raised = INSERTS[connection.dialect.name].on_conflict_do_update(
        index_elements=[AlarmRow.code, AlarmRow.subject], index_where=IS_OPEN, set_={"text": text}
    )
    values = {"code": code, "subject": subject, "text": text, "raised_at": at, "closed_at": None}
    await connection.execute(raised, values)


async def close_alarm(connection: AsyncConnection, code: str, subject: str, at: float) -> None:
    """The cause is gone. Closing what is not open changes nothing."""
    await connection.execute(
        update(AlarmRow)
        .where(AlarmRow.code == code, AlarmRow.subject == subject, AlarmRow.closed_at.is_(None))
        .values(closed_at=at)
    )


async def list_alarms(connection: AsyncConnection, *, limit: int = 100) -> Sequence[Alarm]:
    """Open ones first, then the newest closed ones."""
    rows = await connection.execute(
        select(
            AlarmRow.id,
            AlarmRow.code,
            AlarmRow.subject,
            AlarmRow.text,
            AlarmRow.raised_at,
            AlarmRow.closed_at,
        )
        .order_by(AlarmRow.closed_at.is_not(None), AlarmRow.raised_at.desc())
        .limit(limit)
    )
    return [Alarm(*row) for row in rows]


class Standing:
    """One cause that somebody looks at again and again: the alarm is written when it begins, becomes another or is
    gone, not each time. What a former process left open is closed by the first word that all is well."""

    def __init__(self, database: Database, clock: Clock, code: str, subject: str) -> None:
        self.problem: str | None = None
        self._is_told = False
        self._database = database
        self._clock = clock
        self._code = code
        self._subject = subject

    async def tell(self, problem: str | None) -> None:
        """What is wrong at this moment, in words; None: nothing."""
        if self._is_told and problem == self.problem:
            return
        async with self._database.write() as connection:
            if problem is None:
                await close_alarm(connection, self._code, self._subject, self._clock())
            else:
                await raise_alarm(connection, self._code, self._subject, problem, self._clock())
        if problem is not None:
            log.error("an alarm", code=self._code, subject=self._subject, why=problem)
        self.problem, self._is_told = problem, True
