"""What tests about merges share: an office that can merge, and a picture of everything that customers have, to compare
before and after."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select

from core.db import Base, Database
from core.errors import NotFoundError
from core.facts import CustomerMerged, CustomerUnmerged
from crm_link.changes import Edit
from crm_link.directory import read_customer
from crm_link.merging.merge import Merges, Wanted
from crm_link.merging.undo import begin, go_on
from crm_link.merging.views import MergeView
from tests.customers import Office

BESIDE = frozenset(
    {
        "customer_merges",
        "customer_merge_moves",
        "customer_changes",
        "fact_log",
        "fact_cursors",
        "duplicate_pairs",
        "duplicate_searches",
        "alembic_version",
    }
)
"""What tells of the merge itself."""

MANY_NOTES = """
    WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < :many)
    INSERT INTO notes (customer_id, text, is_pinned, created_at) SELECT :customer, 'x', false, n FROM counted
"""
"""So `many` notes of a `customer`, in one statement."""

OWN_IDS = {"identities": "id"}
"""A row that came back may have another number of the database's own making."""


class MergingOffice(Office):
    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.merges = Merges(database, self.desk.bus, lambda: self.now, parts_at_once=1)
        self.told: list[CustomerMerged | CustomerUnmerged] = []
        self.desk.bus.subscribe(CustomerMerged, self._tell, name="office")
        self.desk.bus.subscribe(CustomerUnmerged, self._tell, name="office")

    async def _tell(self, fact: CustomerMerged | CustomerUnmerged) -> None:
        self.told.append(fact)

    async def merge(self, kept: int, other: int, by: int | None = None) -> MergeView:
        return await self.merges.merge(Wanted(kept, other, keep=kept), by)

    async def begin_undo(self, merge_id: int) -> None:
        """The server dies after the first transaction of an undo that has more."""
        edit = Edit(self.now)
        async with self.database.write() as connection:
            undoing = await begin(connection, merge_id, edit)
            await go_on(connection, undoing, edit, 1)

    async def lose(self, customer_id: int, number: str) -> None:
        """Somebody takes the number away from the customer. Raises NotFoundError when they do not have it."""
        async with self.database.read() as connection:
            view = await read_customer(connection, customer_id)
        theirs = next((one for one in view.identities if one.value == number), None)
        if theirs is None:
            raise NotFoundError(f"customer {customer_id} has no {number}")
        await self.customers.remove_identity(customer_id, theirs.id, None)


async def picture(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but those that tell of the merge, versions left aside: they always grow."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in BESIDE]
    async with database.read() as connection:
        return {
            table.name: sorted(map(tuple, await connection.execute(select(*_columns(table)))), key=repr)
            for table in tables
        }


def _columns(table: Table) -> list[Any]:
    unseen = {"version", OWN_IDS.get(table.name)} if table.name in ("customers", *OWN_IDS) else set()
    return [column for column in table.columns if column.name not in unseen]
