"""What is removed leaves the search index for good: not a word of it stands in SQLite's file."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, text

from core.db import Database
from crm_link.tables import Note
from recordings.search import forget
from recordings.search.forget import forget_words
from tests.integration.test_search_index import found, seed

SECRET = "zzhivpositive"


async def _remove_one_of_many(database: Database) -> None:
    for first in range(0, 200, 20):
        async with database.write() as connection:
            await seed(connection, *(f"plain words {first + number}" for number in range(20)))
    async with database.write() as connection:
        (secret,) = await seed(connection, SECRET)
    async with database.write() as connection:
        await connection.execute(delete(Note).where(Note.id == secret.note_id))


async def _file(database: Database) -> bytes:
    """Whole: the last one to close it writes its log into it."""
    await database.close()
    return Path(database.url.database or "").read_bytes()


async def test_words_of_removed_texts_leave_the_file(database: Database) -> None:
    await _remove_one_of_many(database)
    await forget_words(database)
    async with database.read() as connection:
        assert len(await found(connection, "plain words 117")) == 1
        assert await found(connection, SECRET) == []
    if database.is_sqlite:
        async with database.write() as connection:  # raises when the index and its table disagree
            await connection.execute(
                text("INSERT INTO search_index(search_index, rank) VALUES ('integrity-check', 1)")
            )
        assert SECRET.removeprefix("zz").encode() not in await _file(database)


async def test_an_index_that_removes_at_once_needs_no_steps(database: Database) -> None:
    await _remove_one_of_many(database)
    await forget_words(database)
    if not database.is_sqlite:
        return
    async with database.read() as connection:
        told = await connection.scalar(
            text("SELECT count(*) FROM search_index_config WHERE k = 'secure-delete'")
        )
    assert bool(told) is forget.CAN_DELETE_AT_ONCE
    if told:
        await _remove_one_of_many(database)
        assert SECRET.removeprefix("zz").encode() not in await _file(database)
