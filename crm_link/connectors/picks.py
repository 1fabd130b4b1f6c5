"""Which of several contacts with a number it is: whom somebody picked for the call, else whoever's id the call's
customer has had since an earlier pick, else nobody. Read on the caller's connection; picking is `picking.py`'s."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.call_links import CallLinks, read_links
from crm_link.connectors.protocol import Contact
from crm_link.connectors.tables import ConnectorPick
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.tables import Identity


@dataclass(frozen=True, slots=True)
class Pick:
    """`made_claim`: the customer got the contact's id by it."""

    contact: Contact
    made_claim: bool


def external_id(connector: str, contact_id: str) -> str:
    """A contact's id as a customer's identity."""
    return f"{connector}:{contact_id}"


async def read_pick(connection: AsyncConnection, connector: str, call_id: str) -> Pick | None:
    row = (
        await connection.execute(
            select(
                ConnectorPick.contact_id, ConnectorPick.name, ConnectorPick.url, ConnectorPick.made_claim
            ).where(ConnectorPick.connector == connector, ConnectorPick.call_id == call_id)
        )
    ).one_or_none()
    return row and Pick(Contact(row.contact_id, row.name, url=row.url), row.made_claim)


async def chosen(
    connection: AsyncConnection, connector: str, call_id: str, contact_ids: Collection[str]
) -> str | None:
    """The one of several contacts whom this call is with, None when nobody can tell."""
    if len(contact_ids) < 2:
        return None
    picked = await read_pick(connection, connector, call_id)
    if picked is not None:
        return picked.contact.id
    customer_id = sole_customer(await read_links(connection, call_id))
    if customer_id is None:
        return None
    ids = {external_id(connector, one): one for one in contact_ids}
    claims = await connection.scalars(
        select(Identity.value)
        .where(Identity.kind == IdentityKind.EXTERNAL.value, Identity.value.in_(ids))
        .where(Identity.customer_id == customer_id)
    )
    theirs = [ids[value] for value in claims]
    return theirs[0] if len(theirs) == 1 else None


def sole_customer(links: CallLinks | None) -> int | None:
    """Whose call it is, when it is one person's. A block's firm is not who calls from inside it."""
    if links is None or len(links.customer_ids) != 1 or links.how is LinkHow.BLOCK:
        return None
    return links.customer_ids[0]
