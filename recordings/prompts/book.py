"""A site's own prompts: a sound file that somebody uploads for a purpose goes in, a row with the original and the
prepared sound in the store comes out. Who may do that is decided by the roof; how the PBX gets the sound is
`delivery.py`."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Row, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, NotFoundError
from core.folding import clean_line
from recordings.access import Asker
from recordings.leftovers import announce, claim, let_go
from recordings.prompts.names import PromptName
from recordings.prompts.process import prepare
from recordings.prompts.sound import Prepared
from recordings.store import Store, Stored
from recordings.tables import Prompt

log = structlog.get_logger(__name__)

LARGEST = 24 * 1024 * 1024
"""Two minutes of sound as a CD has it (21 MB), and some room for pictures that such files carry."""

MOST = 200
"""Prompts of a site: one for each queue, and then some."""

LONGEST_FILE_NAME = 120

COLUMNS = tuple(Prompt.__table__.c)


class Prompts:
    """Takes one file at a time: the next waits."""

    def __init__(self, database: Database, store: Store, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()

    async def put(self, asker: Asker, name: PromptName, given: Path, file_name: str) -> Row[Any]:
        """Prepare `given` and keep it, in the place of what was there; returns the row of `prompts`. Raises
        InvalidInputError with one sentence for a file that is no use, AudioError, StoreError."""
        async with self._turn:
            with tempfile.TemporaryDirectory(prefix="ringback-") as scratch:
                sound = Path(scratch) / "sound.wav"
                prepared = await prepare(given, sound)
                prompt_id = secrets.token_hex(16)
                keys = f"{prompt_id}/original.bin", f"{prompt_id}/prompt.wav"
                async with self._database.write() as connection:
                    await announce(connection, keys, self._clock())
                original, ready = await self._store.put(keys[0], given), await self._store.put(keys[1], sound)
            async with self._database.write() as connection:
                if not await claim(connection, keys):
                    raise ConflictError("this took too long: upload the file again")
                await _forget(connection, name, self._clock())
                await _must_have_room(connection)
                await connection.execute(
                    insert(Prompt).values(
                        name=str(name),
                        file_name=clean_line(file_name, LONGEST_FILE_NAME) or "unnamed",
                        uploaded_at=self._clock(),
                        uploaded_by=asker.name,
                        user_id=asker.user.id if asker.user else None,
                        **_sounds(keys, original, ready, prepared),
                    )
                )
                row = await read_prompt(connection, name)
        log.info("prompt uploaded", prompt=str(name), by=asker.name, seconds=round(prepared.seconds, 1))
        return row

    async def remove(self, asker: Asker, name: PromptName) -> None:
        """People hear a tone again, or no notice. Raises NotFoundError."""
        async with self._turn, self._database.write() as connection:
            if not await _forget(connection, name, self._clock()):
                raise NotFoundError("there is no such prompt")
        log.info("prompt removed", prompt=str(name), by=asker.name)


async def list_prompts(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """All rows, by name."""
    return (await connection.execute(select(*COLUMNS).order_by(Prompt.name))).all()


async def read_prompt(connection: AsyncConnection, name: PromptName) -> Row[Any]:
    """Raises NotFoundError."""
    found = await connection.execute(select(*COLUMNS).where(Prompt.name == str(name)))
    row = found.one_or_none()
    if row is None:
        raise NotFoundError("there is no such prompt")
    return row


async def kept_keys(connection: AsyncConnection, keys: Collection[str]) -> set[str]:
    """Those of `keys` under which the store keeps something of a prompt."""
    both = Prompt.original_key, Prompt.sound_key
    rows = await connection.execute(select(*both).where(or_(*(column.in_(keys) for column in both))))
    return {key for row in rows for key in row} & set(keys)


def _sounds(keys: tuple[str, str], original: Stored, ready: Stored, prepared: Prepared) -> dict[str, object]:
    return {
        "original_key": keys[0],
        "original_bytes": original.bytes,
        "sound_key": keys[1],
        "sound_sha256": ready.sha256,
        "seconds": prepared.seconds,
        "level_dbfs": prepared.level_dbfs,
    }


async def _forget(connection: AsyncConnection, name: PromptName, now: float) -> bool:
    """Whether there was one."""
    gone = await connection.execute(
        delete(Prompt).where(Prompt.name == str(name)).returning(Prompt.original_key, Prompt.sound_key)
    )
    keys = [key for row in gone for key in row]
    await let_go(connection, keys, now)
    return bool(keys)


async def _must_have_room(connection: AsyncConnection) -> None:
    if len(await list_prompts(connection)) >= MOST:
        raise ConflictError(f"there are {MOST} prompts already: remove one that is not needed")
