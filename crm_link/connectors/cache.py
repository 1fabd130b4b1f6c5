"""What other CRMs said of numbers, as rows with an age. Read and written on the caller's connection; when to ask again
is decided in `lookups.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.facts import OutsideContact
from crm_link.connectors.protocol import Contact
from crm_link.connectors.tables import ConnectorContacts

KEPT_S = 90 * 86_400.0
"""A number that was silent for so long is asked for anew when it calls; until then nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Said:
    """What `connector` said at `seen_at`."""

    connector: str
    contacts: tuple[Contact, ...]
    seen_at: float

    def outside(self, chosen: str | None = None) -> tuple[OutsideContact, ...]:
        """As facts have them; `chosen` is the id of the one who it is."""
        return tuple(
            OutsideContact(
                self.connector,
                one.id,
                one.name,
                one.company,
                one.url,
                self.seen_at,
                one.owner,
                one.id == chosen,
            )
            for one in self.contacts
        )


async def read_said(connection: AsyncConnection, connector: str, number: str) -> Said | None:
    """None when this CRM was never asked, or too long ago."""
    row = (
        await connection.execute(
            select(ConnectorContacts.contacts, ConnectorContacts.seen_at).where(
                ConnectorContacts.connector == connector, ConnectorContacts.number == number
            )
        )
    ).one_or_none()
    return None if row is None else Said(connector, _contacts(row.contacts), row.seen_at)


async def read_contacts(
    connection: AsyncConnection, connectors: Sequence[str], numbers: Sequence[str]
) -> tuple[OutsideContact, ...]:
    """Everybody whom these CRMs named for any of the numbers, each once."""
    rows = await connection.execute(
        select(ConnectorContacts.connector, ConnectorContacts.contacts, ConnectorContacts.seen_at)
        .where(ConnectorContacts.connector.in_(connectors), ConnectorContacts.number.in_(numbers))
        .order_by(ConnectorContacts.connector, ConnectorContacts.seen_at.desc())
    )
    found = [one for row in rows for one in Said(row[0], _contacts(row[1]), row[2]).outside()]
    return tuple({(one.connector, one.id): one for one in reversed(found)}.values())


async def store_said(connection: AsyncConnection, number: str, said: Said) -> None:
    values = {
        "contacts": json.dumps([asdict(one) for one in said.contacts], ensure_ascii=False),
        "seen_at": said.seen_at,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(ConnectorContacts).values(connector=said.connector, number=number, **values)
    await connection.execute(row.on_conflict_do_update(index_elements=["connector", "number"], set_=values))


async def forget_said(connection: AsyncConnection, now: float) -> None:
    await connection.execute(delete(ConnectorContacts).where(ConnectorContacts.seen_at < now - KEPT_S))


def _contacts(text: str) -> tuple[Contact, ...]:
    return tuple(Contact(**one) for one in json.loads(text))
