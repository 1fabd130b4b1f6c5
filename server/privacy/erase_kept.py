"""What an erasure leaves and why, for its certificate: a person and what became of their recordings in, lines with
counts and reasons out. Nothing of the person stands in them. Reads only."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.privacy.access_request_parts import PARTS, Part
from server.privacy.erase_person import Person, parts_of

Kept = tuple[str, int, str]
"""What, how many, why."""

STAYS = {
    "blocked_callers": "a block protects those who answer calls: end it on the block list if it has to go",
    "blocked_calls": "which calls the block list marked, with the reason of its entry",
}
"""Parts of the register that are about somebody and outlive them, and why."""


async def count_part(connection: AsyncConnection, part: Part, person: Person) -> int:
    """Rows of this part that are theirs."""
    number = 0
    for some in parts_of(part.values(person)):
        counted = select(func.count()).select_from(part.table).where(part.where(some))
        number += int(await connection.scalar(counted) or 0)
    return number


async def read_staying(connection: AsyncConnection, person: Person) -> list[Kept]:
    """What stays whenever there is some. To be asked while their numbers and calls are still known."""
    counted = [
        (part.title, await count_part(connection, part, person), STAYS[part.name])
        for part in PARTS
        if part.name in STAYS
    ]
    return [one for one in counted if one[1]]


def list_kept(person: Person, on_pbx: int, held: int) -> list[Kept]:
    """What stays of this person for reasons of theirs. `held` calls are on legal hold; of `on_pbx` recordings the PBX
    has files."""
    found = [
        ("Calls on legal hold", held, "with their recordings, numbers and notes, until the hold is released"),
        ("Calls and requests of several customers", person.shared_calls, "nobody has said whose they are"),
        ("Numbers and addresses", len(person.shared), "another customer has them too"),
        (
            "Recordings of which the PBX has a file of its own",
            on_pbx,
            "Ringback only reads there: remove them on the PBX",
        ),
    ]
    return [one for one in found if one[1]]
