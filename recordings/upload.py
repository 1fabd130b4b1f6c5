"""Takes a recording file that a remote PBX sends, and leaves it in that PBX's folder as its own dialplan would: whole,
or not at all. Pieces of bytes, a name and a checksum go in. What becomes of the file there is the collector's business:
a file that comes twice is stored once."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from core.errors import InvalidInputError
from recordings import names
from recordings.folder import BRINGING, DONE
from recordings.store import Stored, StoreError, free_bytes, hash_of

LARGEST = 512 * 1024 * 1024
"""Nine hours of one direction; no queue holds anybody longer."""

RESERVE = 256 * 1024 * 1024
"""Room that is left on the disk whatever is sent: the database may lie there as well."""


async def receive(home: Path, name: str, sha256: str, length: int, pieces: AsyncIterator[bytes]) -> Stored:
    """Leave the file in `home`/done; returns when it is durable there.

    Raises InvalidInputError for a name that is none of ours, or that another file there has, or another checksum,
    StoreError when there is no room.
    """
    if names.parse(name) is None:
        raise InvalidInputError("name: this is no name of a recording of ours", field="name")
    done = home / DONE
    bringing = done / f".{secrets.token_hex(8)}{BRINGING}"
    try:
        await asyncio.to_thread(_make_room, done, length)
        try:
            await _write(bringing, pieces)
            return await asyncio.to_thread(_keep, bringing, done / name, sha256.lower())
        finally:
            await asyncio.to_thread(bringing.unlink, missing_ok=True)
    except OSError as error:
        raise StoreError(f"the recordings folder cannot be used: {error.strerror}") from error


def _make_room(done: Path, length: int) -> None:
    done.mkdir(parents=True, exist_ok=True)
    if free_bytes(done) < length + RESERVE:
        raise StoreError("there is no room for recordings on this disk")


async def _write(path: Path, pieces: AsyncIterator[bytes]) -> None:
    file = await asyncio.to_thread(_create, path)
    try:
        async for piece in pieces:
            await asyncio.to_thread(file.write, piece)
        await asyncio.to_thread(_settle, file)
    finally:
        file.close()


def _create(path: Path) -> BinaryIO:
    return path.open("xb")


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _keep(bringing: Path, target: Path, sha256: str) -> Stored:
    came = hash_of(bringing, from_disk=True)
    if came.sha256 != sha256:
        raise InvalidInputError("sha256: what came is not what was sent", field="sha256")
    if target.exists() and hash_of(target).sha256 != came.sha256:
        # It waits for its other half, or for room: it must not be lost to this one.
        raise InvalidInputError("name: another file of this name has come before", field="name")
    bringing.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return came
