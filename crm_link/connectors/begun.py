"""Begins a call in a CRM once, whoever asks first: the card that is to be shown there, or the worker that writes the
finished call. That it is about to be begun is committed before the CRM is asked; after a lost answer nobody begins it
again, for two calls there are worse than none (`log_worker.py` asks a person then)."""

from __future__ import annotations

from core.clock import Clock
from core.db import Database
from core.outside import OutsideError
from crm_link.connectors.begun_rows import Begun, claim, forget_unknown, keep_reference, read_begun
from crm_link.connectors.protocol import Beginning, Connector, ConnectorError, Contact

SETTLES_S = 60.0
"""Longer than any request: an answer that has not come by then comes no more."""


class Beginner:
    """One per CRM and asker; safe for several at once, in several processes."""

    def __init__(self, name: str, connector: Connector, database: Database, clock: Clock) -> None:
        self._name = name
        self._connector = connector
        self._database = database
        self._clock = clock

    async def begin(self, contact: Contact | None, call: Beginning) -> Begun:
        """The call as it was begun there, now or before. Raises ConnectorError and OutsideError, also where it was
        perhaps begun and nobody knows."""
        async with self._database.write() as connection:
            is_ours = await claim(connection, self._name, call.call_id, contact, self._clock())
            begun = await read_begun(connection, self._name, call.call_id)
        if is_ours:
            return Begun(contact, await self._ask(contact, call), self._clock())
        if begun is None or not begun.reference:
            raise ConnectorError("the call was perhaps begun there, and no answer came", perhaps_done=True)
        return begun

    async def _ask(self, contact: Contact | None, call: Beginning) -> str:
        try:
            reference = await self._connector.begin_call(contact, call)
        except (ConnectorError, OutsideError) as error:
            if not error.perhaps_done:
                async with self._database.write() as connection:
                    await forget_unknown(connection, self._name, call.call_id)
            raise
        async with self._database.write() as connection:
            await keep_reference(connection, self._name, call.call_id, reference)
        return reference
