"""What people do with one recording beside hearing it: comment on a moment, put it on legal hold and release it, have
it written down again. An asker and a recording's id go in; what they may is asked of `access.py`, what they did is
written down in the same transaction, and screens are told. Removing is `removal.py`'s part."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import RecordingChanged
from recordings import jobs
from recordings.access import Asker, must_keep, reach
from recordings.audit import note_use
from recordings.kinds import JobKind, Use
from recordings.tables import Recording, RecordingComment

LONGEST_COMMENT = 2000
LONGEST_WHY = 500
MOST_COMMENTS = 200
"""On one recording: more are not read by anybody."""


class Care:
    def __init__(self, database: Database, bus: Bus, clock: Clock, settings: RecordingSettings) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._settings = settings

    async def comment(self, asker: Asker, recording_id: str, at_s: float, text: str) -> int:
        """Say something about a moment; returns the comment's id. Raises InvalidInputError for no text or a moment
        outside the recording, ConflictError when there are too many, or the recording is gone."""
        text, now = text.strip(), self._clock()
        if not text or len(text) > LONGEST_COMMENT:
            raise InvalidInputError(f"write 1 to {LONGEST_COMMENT} characters", field="text")
        async with self._database.write() as connection:
            row = await reach(connection, asker, recording_id, self._settings, lock=True)
            if row.removed_at is not None:
                raise ConflictError("this recording is gone: there is no moment to speak of")
            if not 0 <= at_s <= row.duration_s:
                raise InvalidInputError("this moment is not in the recording", field="at")
            await _room_for_one(connection, recording_id)
            by = asker.user.id if asker.user else None
            values = {"recording_id": recording_id, "at_s": at_s, "text": text, "made_at": now, "user_id": by}
            made = await connection.execute(
                insert(RecordingComment).values(values).returning(RecordingComment.id)
            )
            await self._note(connection, asker, Use.COMMENTED, row)
        await self._tell(row)
        return int(made.scalar_one())

    async def remove_comment(self, asker: Asker, recording_id: str, comment_id: int) -> None:
        """One's own, or anybody's for those who look after recordings. Raises NotFoundError, ForbiddenError."""
        async with self._database.write() as connection:
            row = await reach(connection, asker, recording_id, self._settings, lock=True)
            mine = RecordingComment.id == comment_id, RecordingComment.recording_id == recording_id
            author = (await connection.execute(select(RecordingComment.user_id).where(*mine))).one_or_none()
            if author is None:
                raise NotFoundError("there is no such comment")
            if asker.user is None or author.user_id != asker.user.id:
                must_keep(asker)
            await connection.execute(delete(RecordingComment).where(*mine))
        await self._tell(row)

    async def hold(self, asker: Asker, recording_id: str, why: str) -> None:
        """From now on neither retention nor erasure removes it. Raises InvalidInputError without a reason,
        ConflictError when it is held already or gone."""
        why = why.strip()
        if not why or len(why) > LONGEST_WHY:
            raise InvalidInputError(f"say why, in 1 to {LONGEST_WHY} characters", field="why")
        await self._set_hold(asker, recording_id, why)

    async def release(self, asker: Asker, recording_id: str) -> None:
        """The hold is over. Raises ConflictError when there was none."""
        await self._set_hold(asker, recording_id, None)

    async def _set_hold(self, asker: Asker, recording_id: str, why: str | None) -> None:
        must_keep(asker)
        now, is_hold = self._clock(), why is not None
        by = asker.user.id if is_hold and asker.user else None
        async with self._database.write() as connection:
            row = await reach(connection, asker, recording_id, self._settings, lock=True)
            if row.removed_at is not None:
                raise ConflictError("this recording is gone already")
            if (row.held_at is not None) is is_hold:
                raise ConflictError("it is on hold already" if is_hold else "it is not on hold")
            await connection.execute(
                update(Recording)
                .where(Recording.id == recording_id)
                .values(held_at=now if is_hold else None, held_by=by, held_why=why or "")
            )
            await self._note(
                connection, asker, Use.HELD if is_hold else Use.RELEASED, row, why or row.held_why
            )
        await self._tell(row)

    async def transcribe_again(self, asker: Asker, recording_id: str, engine: str | None = None) -> int:
        """Ask for a new transcript; the old ones stay. Returns the job's id. Raises ConflictError when the audio is
        gone."""
        must_keep(asker)
        async with self._database.write() as connection:
            row = await reach(connection, asker, recording_id, self._settings, lock=True)
            if row.removed_at is not None:
                raise ConflictError("the audio is gone: there is nothing to write down")
            job = await jobs.ask(connection, recording_id, JobKind.TRANSCRIBE, engine, at=self._clock())
            await self._note(connection, asker, Use.TRANSCRIBED_AGAIN, row, engine or "")
        await self._tell(row)
        return job

    async def _note(
        self, connection: AsyncConnection, asker: Asker, what: Use, row: Row[Any], detail: str = ""
    ) -> None:
        at = self._clock()
        await note_use(
            connection, asker, what, at=at, call_id=row.call_id, recording_id=row.id, detail=detail
        )

    async def _tell(self, row: Row[Any]) -> None:
        await self._bus.publish(RecordingChanged(row.id, self._clock(), row.call_id))


async def _room_for_one(connection: AsyncConnection, recording_id: str) -> None:
    there = await connection.scalar(select(func.count()).where(RecordingComment.recording_id == recording_id))
    if (there or 0) >= MOST_COMMENTS:
        raise ConflictError(
            f"there are {MOST_COMMENTS} comments on this recording already: remove some first"
        )
