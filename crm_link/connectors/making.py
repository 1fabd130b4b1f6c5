"""An unknown number becomes a contact of a CRM, once: that one is about to be made is committed before the CRM is
asked, and after a try that perhaps went well it is looked for there, by our own id where the CRM keeps it, before it is
made again. That nobody has the number was just asked by whoever calls this (`log_worker.py`)."""

from __future__ import annotations

import hashlib

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.outside import OutsideError
from crm_link.connectors.cache import Said, store_said
from crm_link.connectors.protocol import Connector, ConnectorError, Contact
from crm_link.connectors.tables import ConnectorContacts

SETTLES_S = 120.0
"""Whom a CRM makes is not always in its search at once, and a slow one may still be at it when we gave up waiting."""


class ContactMaker:
    """One per CRM that is told of calls."""

    def __init__(self, name: str, connector: Connector, database: Database, clock: Clock) -> None:
        self._name = name
        self._connector = connector
        self._database = database
        self._clock = clock

    async def make(self, number: str, name: str) -> Contact:
        """The contact for `number`, made now or by the try before. Raises ConnectorError and OutsideError, also while
        that try may still show itself."""
        made = await self._made_before(number)
        if made is None:
            made = await self._make(number, name)
        made = made.presentable()
        async with self._database.write() as connection:
            await store_said(connection, number, Said(self._name, (made,), self._clock()))
            await self._set_making(connection, number, None)
        return made

    async def _made_before(self, number: str) -> Contact | None:
        since = await self._making_since(number)
        if since is None:
            return None
        if self._connector.traits.finds_made:
            made = await self._connector.find_made(_marker(number, since))
            if made is not None:
                return made
        if self._clock() - since < SETTLES_S:
            raise ConnectorError("a contact was perhaps made there a moment ago: it is looked for again")
        return None

    async def _make(self, number: str, name: str) -> Contact:
        since = self._clock()
        async with self._database.write() as connection:
            await store_said(connection, number, Said(self._name, (), since))
            await self._set_making(connection, number, since)
        try:
            return await self._connector.create_contact(number, name, _marker(number, since))
        except (ConnectorError, OutsideError) as error:
            if not error.perhaps_done:
                async with self._database.write() as connection:
                    await self._set_making(connection, number, None)
            raise

    async def _making_since(self, number: str) -> float | None:
        async with self._database.read() as connection:
            return await connection.scalar(select(ConnectorContacts.making_since).where(*self._row(number)))

    async def _set_making(self, connection: AsyncConnection, number: str, since: float | None) -> None:
        await connection.execute(
            update(ConnectorContacts).where(*self._row(number)).values(making_since=since)
        )

    def _row(self, number: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return ConnectorContacts.connector == self._name, ConnectorContacts.number == number


def _marker(number: str, since: float) -> str:
    """Of one making: another one of the same number, years later, is somebody else."""
    return hashlib.sha256(f"{number} {since}".encode()).hexdigest()[:32]
