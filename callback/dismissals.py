"""The inbox's lines that somebody dismissed: a number, a person and a reason in. The word stands for the number's calls
up to that moment; a later call makes a new line, and taking the word back brings the old one again. Nothing of it is
ever deleted."""

from __future__ import annotations

from sqlalchemy import insert, update

from callback.tables import InboxDismissal
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError
from core.phone import parse_number

LONGEST_REASON = 200


class Dismissals:
    """One per application."""

    def __init__(self, database: Database, clock: Clock, region: str) -> None:
        self._database = database
        self._clock = clock
        self._region = region

    async def dismiss(self, number: str, reason: str, user_id: int) -> None:
        """Nobody is owed a call for what this number (E.164) tried up to now. Raises InvalidInputError for no number,
        and without a reason."""
        e164 = parse_number(number, self._region).e164
        if e164 is None:
            raise InvalidInputError("this is no telephone number", field="number")
        if not reason.strip():
            raise InvalidInputError("say why nobody has to call back: others read it", field="reason")
        line = {
            "number": e164,
            "at": self._clock(),
            "user_id": user_id,
            "reason": reason.strip()[:LONGEST_REASON],
        }
        async with self._database.write() as connection:
            await connection.execute(insert(InboxDismissal).values(line))

    async def undo(self, dismissal_id: int, user_id: int) -> None:
        """Owe it again. Raises ConflictError when it was taken back already, or never said."""
        async with self._database.write() as connection:
            undone = await connection.execute(
                update(InboxDismissal)
                .where(InboxDismissal.id == dismissal_id, InboxDismissal.undone_at.is_(None))
                .values(undone_at=self._clock(), undone_by=user_id)
            )
        if undone.rowcount != 1:
            raise ConflictError("this was taken back meanwhile")
