"""Brings a call's recording to where one CRM has the call: a row of `logs.py` in, one request out. The audio comes from
the recordings room, which says whether it may leave yet (what is to be silenced in it must be silenced first). A CRM
keeps one recording per call, so sending it again after a lost answer leaves it there once."""

from __future__ import annotations

from core.clock import Clock
from core.db import Database
from core.ports import CallCopies, NoCopy
from crm_link.connectors import logs
from crm_link.connectors.logs import LogJob
from crm_link.connectors.protocol import Connector

LARGEST = 20 * 1024 * 1024
"""Bytes of audio: an hour of both sides as MP3. In memory it is a few times as much while it is sent."""


class Attacher:
    """One per CRM that gets recordings; `name` as the settings have it."""

    def __init__(
        self, name: str, connector: Connector, copies: CallCopies, database: Database, clock: Clock
    ) -> None:
        self._whom = f"crm:{name}"
        self._connector = connector
        self._copies = copies
        self._database = database
        self._clock = clock

    async def attach(self, job: LogJob) -> None:
        """Do it, and say in the row how it went. Raises ConnectorError, OutsideError, and RingbackError where the audio
        cannot be read."""
        copy = await self._copies.hand_out(job.call_id, self._whom, LARGEST, job.sent)
        if isinstance(copy, NoCopy):
            async with self._database.write() as connection:
                ended = logs.skipped if copy.for_good else logs.not_yet
                await ended(connection, job, copy.why, self._clock())
            return
        if copy is not None:
            await self._connector.attach_recording(job.reference, copy)
        async with self._database.write() as connection:
            sent = copy.id if copy is not None else job.sent
            await logs.done(connection, job, job.reference, self._clock(), sent=sent)
