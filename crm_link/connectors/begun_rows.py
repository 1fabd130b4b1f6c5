"""Which calls a CRM was told of as they began: rows of `connector_begun` read and written on the caller's connection. A
call is claimed by one row, whoever wants to begin it there; who does so is `begun.py`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.connectors.protocol import Contact
from crm_link.connectors.tables import ConnectorBegun


@dataclass(frozen=True, slots=True)
class Begun:
    """`reference` is "" while nobody knows the CRM's id of the call; `at` is when it was claimed."""

    contact: Contact | None
    reference: str
    at: float


async def read_begun(connection: AsyncConnection, connector: str, call_id: str) -> Begun | None:
    rows = await connection.execute(select(*ConnectorBegun.__table__.c).where(*_row(connector, call_id)))
    row = rows.one_or_none()
    if row is None:
        return None
    contact = Contact(row.contact_id, row.contact_name, url=row.contact_url) if row.contact_id else None
    return Begun(contact, row.reference, row.begun_at)


async def claim(
    connection: AsyncConnection, connector: str, call_id: str, contact: Contact | None, now: float
) -> bool:
    """Whether the caller is to begin this call there; nobody else does from now on."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    whom = contact or Contact("", "")
    values = {"contact_id": whom.id, "contact_name": whom.name, "contact_url": whom.url, "begun_at": now}
    row = dialect.insert(ConnectorBegun).values(connector=connector, call_id=call_id, reference="", **values)
    made = await connection.execute(row.on_conflict_do_nothing())
    return bool(made.rowcount)


async def keep_reference(connection: AsyncConnection, connector: str, call_id: str, reference: str) -> None:
    await connection.execute(
        update(ConnectorBegun).where(*_row(connector, call_id)).values(reference=reference)
    )


async def forget_unknown(connection: AsyncConnection, connector: str, call_id: str) -> None:
    """The call is surely not begun there, or a person looked and wants it begun."""
    await connection.execute(
        delete(ConnectorBegun).where(*_row(connector, call_id), ConnectorBegun.reference == "")
    )


async def forget_begun(connection: AsyncConnection, connector: str, before: float) -> None:
    await connection.execute(
        delete(ConnectorBegun).where(ConnectorBegun.connector == connector, ConnectorBegun.begun_at < before)
    )


def _row(connector: str, call_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ConnectorBegun.connector == connector, ConnectorBegun.call_id == call_id
