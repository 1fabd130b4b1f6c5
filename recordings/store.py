"""The only file that touches stored audio on this machine, and the shape every store has. A finished file and a key
(`<recording id>/original.wav`) go in; it is kept only when its checksum, read back from the store, is the source's.

A key appears whole or not at all: a temporary file, fsync, rename, fsync of the folder. An object store with the same
shape is `store_s3.py`. What is stored, for how long and who may have it is decided elsewhere."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from core.errors import RingbackError

T = TypeVar("T")

CHUNK = 1 << 18
"""Bytes read or written at once: large enough for a disk, small enough for a hundred listeners."""

UNFINISHED = ".tmp"
"""How a file's name ends (and with a dot begins) that is still being written."""

UNFINISHED_S = 3600.0
"""Nobody writes one file for so long; another server may be at it."""

KEY = re.compile(r"[0-9a-f]{32}/[a-z0-9][a-z0-9_.-]{0,60}")


class StoreError(RingbackError):
    """The store cannot be used now: full, away, not writable. Nothing was stored, and asking again may work."""

    code = "store-unusable"


class NoAudioError(StoreError):
    """There is nothing under this key."""

    code = "audio-gone"


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies under a key now, as read back from the store."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the store; `changed_at` is when it was put there, by the store's own clock."""

    key: str
    bytes: int
    changed_at: float


class Store(Protocol):
    """Where audio is kept. All methods raise StoreError; those that read raise NoAudioError for an unknown key."""

    async def put(self, key: str, source: Path) -> Stored:
        """Keep a copy of `source` under `key`, in the place of what was there. Returns when it is durable and was
        read back."""
        ...

    async def size(self, key: str) -> int:
        """In bytes."""
        ...

    async def read_back(self, key: str) -> Stored:
        """What really lies there: every byte of it is read."""
        ...

    def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` on, all or `length` of them, in pieces."""
        ...

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """The audio as a file of this machine, for the length of the block; only to be read."""
        ...

    async def remove(self, key: str) -> None:
        """Nothing is under `key` afterwards; nor is it an error when nothing was."""
        ...

    def keys(self) -> AsyncIterator[str]:
        """Everything there is, in no order."""
        ...

    def entries(self) -> AsyncIterator[Entry]:
        """The same with sizes and times, a small part at a time."""
        ...

    async def clear_unfinished(self) -> int:
        """Remove what was being put here when its process was killed; returns how many files."""
        ...

    async def close(self) -> None: ...


class LocalStore:
    """A folder. 256 folders keep each one short."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(self, key: str, source: Path) -> Stored:
        return await _in_thread(lambda: self._put(self._path(key), source))

    async def size(self, key: str) -> int:
        return await _in_thread(lambda: self._path(key).stat().st_size)

    async def read_back(self, key: str) -> Stored:
        return await _in_thread(lambda: hash_of(self._path(key), from_disk=True))

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        path, left = self._path(key), length
        file = await _in_thread(lambda: _open(path))
        try:
            await asyncio.to_thread(file.seek, start)
            while left is None or left > 0:
                wanted = CHUNK if left is None else min(CHUNK, left)
                piece = await _in_thread(partial(file.read, wanted))
                if not piece:
                    return
                if left is not None:
                    left -= len(piece)
                yield piece
        finally:
            file.close()

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        await self.size(key)
        yield self._path(key)

    async def remove(self, key: str) -> None:
        await _in_thread(lambda: self._remove(self._path(key)))

    async def keys(self) -> AsyncIterator[str]:
        async for entry in self.entries():
            yield entry.key

    async def entries(self) -> AsyncIterator[Entry]:
        for part in await _in_thread(lambda: _folders(self.folder)):
            for entry in await _in_thread(partial(_entries, part)):
                yield entry

    async def clear_unfinished(self) -> int:
        return await _in_thread(self._clear_unfinished)

    async def close(self) -> None:
        return

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise NoAudioError("this is no key of stored audio")
        return self.folder / key[:2] / key

    def _put(self, path: Path, source: Path) -> Stored:
        made = _make_folders(path.parent)
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=UNFINISHED, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as target, source.open("rb") as given:
                wanted = copy_hashed(given.read, target.write)
                target.flush()
                os.fsync(target.fileno())
            stored = hash_of(Path(name), from_disk=True)
            _must_be(stored, wanted, path.parent)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        for folder in {path.parent, *made}:
            _sync_folder(folder)
        return stored

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        _remove_empty(path.parent)

    def _clear_unfinished(self) -> int:
        removed, before = 0, time.time() - UNFINISHED_S
        for path in self.folder.glob(f"??/*/.*{UNFINISHED}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
                    _remove_empty(path.parent)
        return removed


def copy_hashed(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> Stored:
    """Copy everything, and say what it was."""
    digest, size = hashlib.sha256(), 0
    while piece := read(CHUNK):
        digest.update(piece)
        size += len(piece)
        write(piece)
    return Stored(size, digest.hexdigest())


def hash_of(path: Path, *, from_disk: bool = False) -> Stored:
    """A file's size and checksum; `from_disk`: not what the kernel remembers of having written. Raises OSError."""
    with path.open("rb") as file:
        if from_disk:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return copy_hashed(file.read, len)


def free_bytes(folder: Path) -> int:
    """Room on the disk of `folder`, which need not exist yet. Raises OSError."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _must_be(stored: Stored, wanted: Stored, folder: Path) -> None:
    if stored != wanted:
        raise StoreError(f"what was written to {folder} could not be read back: is the disk failing?")


def _remove_empty(folder: Path) -> None:
    with suppress(FileNotFoundError):
        if not any(folder.iterdir()):
            folder.rmdir()


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _folders(folder: Path) -> list[Path]:
    """The 256 parts of a store's folder that are there."""
    return sorted(folder.glob("??"))


def _entries(part: Path) -> list[Entry]:
    """What lies in one of them; what goes while we look is passed over."""
    found: list[Entry] = []
    for path in part.glob("*/*"):
        key = f"{path.parent.name}/{path.name}"
        if not KEY.fullmatch(key):
            continue
        with suppress(FileNotFoundError):
            told = path.stat()
            found.append(Entry(key, told.st_size, told.st_mtime))
    return found


def _make_folders(folder: Path) -> list[Path]:
    """Returns the folders whose entries changed, to be synced."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return [one.parent for one in missing]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _in_thread(work: Callable[[], T]) -> T:
    """Raises StoreError in the place of OSError."""
    try:
        return await asyncio.to_thread(work)
    except FileNotFoundError as error:
        raise NoAudioError("this audio is no longer in the store") from error
    except OSError as error:
        raise StoreError(
            f"the recordings folder cannot be used: {error.strerror} ({error.filename})"
        ) from error
