"""What Alembic is to do about the database's own search index (`recordings/search/tables.py`), which it can neither
compare nor describe: leave it alone, and make it in the revision that makes its table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation
from alembic.operations.ops import CreateTableOp, MigrationScript
from alembic.runtime.migration import MigrationContext

from recordings.search.tables import OWN_COLUMN, OWN_INDEX, OWN_TABLES, SearchDocument

TABLE = SearchDocument.__tablename__


def is_declared(thing: Any, name: str | None, kind: str, reflected: bool, _counterpart: Any) -> bool:
    """Whether Alembic is to compare this with the declared tables."""
    if not reflected or name is None:
        return True
    if kind == "table":
        return name != OWN_TABLES and not name.startswith(f"{OWN_TABLES}_")
    is_own = (kind == "index" and name == OWN_INDEX) or (kind == "column" and name == OWN_COLUMN)
    return not (is_own and thing.table.name == TABLE)


def add_index(_context: MigrationContext, _revision: Any, scripts: Iterable[MigrationScript]) -> None:
    """To be called with every revision that is about to be written."""
    for script in scripts:
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        if upgrade is None or downgrade is None:
            continue
        if any(isinstance(made, CreateTableOp) and made.table_name == TABLE for made in upgrade.ops):
            upgrade.ops.append(IndexCall("create_index"))
            downgrade.ops.insert(0, IndexCall("drop_index"))


class IndexCall(MigrateOperation):
    """A line of a revision that calls a function of `recordings/search/tables.py`."""

    def __init__(self, function: str) -> None:
        self.function = function


@renderers.dispatch_for(IndexCall)
def _write(context: AutogenContext, call: IndexCall) -> str:
    context.imports.add(f"from recordings.search.tables import {call.function}")
    return f"{call.function}(op.get_bind())"
