"""What an erasure must not meet: a call of theirs that goes on (its end would write their number again), a merge that
is just being undone (calls that stand with them are another's), and a person who became another meanwhile. A person as
they were read in; ConflictError out where that is no longer true."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import ConflictError, NotFoundError
from crm_link.identities import hold_key
from crm_link.imports.columns import Key
from crm_link.kinds import IdentityKind
from crm_link.merging.turns import hold_rows, take_turn, undo_at_work
from crm_link.tables import Identity
from pbx_bridge.tables import Call
from server.privacy.erase_person import Person, parts_of, read_person

BEING_PARTED = "a merge of theirs is just being undone: erase them when that is over"
GOING_ON = "a call of theirs is going on: erase them when it is over"
CHANGED = "they were merged, changed or called while they were being erased: erase them again"


async def refuse_going(connection: AsyncConnection, person: Person) -> None:
    """Raises ConflictError while a call of theirs goes on, or calls that are another's are still to be given back."""
    if await undo_at_work(connection, person.ids) is not None:
        raise ConflictError(BEING_PARTED)
    for some in parts_of(person.calls):
        going = select(func.count()).where(Call.id.in_(some), Call.ended_at.is_(None))
        if await connection.scalar(going):
            raise ConflictError(GOING_ON)


async def hold_person(connection: AsyncConnection, person: Person) -> set[Key]:
    """Let nobody merge them, give or take their numbers, or be called by them until the transaction ends; returns their
    keys. In the order of merges: the turn, the keys, the customers. Raises ConflictError when they have become more
    than they were."""
    await take_turn(connection)
    rows = await connection.execute(
        select(Identity.kind, Identity.value).where(Identity.customer_id.in_(person.ids))
    )
    keys = {(row.kind, row.value) for row in rows}
    for kind, value in sorted(keys):
        await hold_key(connection, IdentityKind(kind), value)
    await hold_rows(connection, [*(one for one in person.ids if one != person.id), person.id])
    await _must_be_who_they_were(connection, person)
    return keys


async def _must_be_who_they_were(connection: AsyncConnection, person: Person) -> None:
    """Fewer numbers and calls than before are the erasure's own work; one more would be left behind."""
    try:
        now = await read_person(connection, person.id)
    except NotFoundError as error:
        raise ConflictError(CHANGED) from error
    more = [
        set(getattr(now, name)) - set(getattr(person, name))
        for name in ("numbers", "addresses", "calls", "recordings", "callbacks", "requests", "attempts")
    ]
    if now.ids != person.ids or any(more):
        raise ConflictError(CHANGED)
