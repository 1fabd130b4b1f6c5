"""The site's own fields that both have, where the merged customer's value is to stay: the kept customer gets it before
anything changes hands, with the words they are found by. Works inside the transaction of the merge or the undo."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.fields.tables import CustomerField, CustomerFieldWord
from crm_link.merging.journal import Action, Part, Values


async def take_values(
    connection: AsyncConnection, kept_id: int, merged_id: int, keys: Collection[str]
) -> list[Part]:
    """What it changed, for the journal; keys that only one of them has are left alone."""
    mine, theirs = [await _values(connection, one, keys) for one in (kept_id, merged_id)]
    changed: list[Values] = []
    for key in sorted(key for key in mine.keys() & theirs.keys() if mine[key] != theirs[key]):
        words = await _words(connection, kept_id, key)
        before, after = {"value": mine[key]}, {"value": theirs[key]}
        changed.append({"key": {"key": key}, "before": before, "after": after, "words": words})
        row = (CustomerField.customer_id == kept_id, CustomerField.key == key)
        await connection.execute(update(CustomerField).where(*row).values(after))
        await _put_words(connection, kept_id, key, await _words(connection, merged_id, key))
    return [Part(Action.CHANGED, CustomerField.__tablename__, changed)] if changed else []


async def restore_words(connection: AsyncConnection, current: int, parts: Iterable[Part]) -> None:
    """After the values have gone back: the words of those that nobody wrote anew meanwhile."""
    taken = [part for part in parts if part.table == CustomerField.__tablename__]
    for row in (row for part in taken if part.action is Action.CHANGED for row in part.rows):
        key = row["key"]["key"]
        now = await _values(connection, current, [key])
        if now.get(key) == row["before"]["value"]:
            await _put_words(connection, current, key, row["words"])


async def _values(connection: AsyncConnection, customer_id: int, keys: Collection[str]) -> dict[str, str]:
    asked = select(CustomerField.key, CustomerField.value).where(
        CustomerField.customer_id == customer_id, CustomerField.key.in_(keys)
    )
    return {row.key: row.value for row in await connection.execute(asked)}


async def _words(connection: AsyncConnection, customer_id: int, key: str) -> list[str]:
    mine = (CustomerFieldWord.customer_id == customer_id, CustomerFieldWord.key == key)
    return sorted(await connection.scalars(select(CustomerFieldWord.word).where(*mine)))


async def _put_words(connection: AsyncConnection, customer_id: int, key: str, words: Sequence[str]) -> None:
    mine = (CustomerFieldWord.customer_id == customer_id, CustomerFieldWord.key == key)
    await connection.execute(delete(CustomerFieldWord).where(*mine))
    rows = [{"customer_id": customer_id, "key": key, "word": word} for word in words]
    if rows:
        await connection.execute(insert(CustomerFieldWord), rows)
