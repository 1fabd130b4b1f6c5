"""Who is responsible for the customers behind numbers, for whoever calls them back. Numbers in, people (user ids) out;
whether that person is at work is not looked at here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.equivalences import key_of
from crm_link.kinds import IdentityKind
from crm_link.tables import Customer, Identity, IdentityKey


class Responsible:
    """Implements `core.ports.ResponsiblePeople`."""

    async def of(self, connection: AsyncConnection, numbers: Collection[str]) -> Mapping[str, int]:
        """See there. Of customers with different people who share a number, the one who was picked for it counts."""
        keys = {number: key_of(number) for number in numbers}
        picked, people = IdentityKey.picked_customer_id == Customer.id, defaultdict[str, set[int]](set)
        rows = await connection.execute(
            select(Identity.value, Customer.owner_id, picked.label("is_picked"))
            .join(Customer, Customer.id == Identity.customer_id)
            .join(IdentityKey, (IdentityKey.kind == Identity.kind) & (IdentityKey.value == Identity.value))
            .where(Identity.kind == IdentityKind.PHONE.value, Identity.value.in_(sorted(keys.values())))
            .where(Customer.owner_id.is_not(None), Customer.merged_into_id.is_(None))
        )
        chosen: dict[str, int] = {}
        for row in rows:
            people[row.value].add(row.owner_id)
            if row.is_picked:
                chosen[row.value] = row.owner_id
        agreed = {value: next(iter(owners)) for value, owners in people.items() if len(owners) == 1}
        found = agreed | chosen
        return {number: found[key] for number, key in keys.items() if key in found}
