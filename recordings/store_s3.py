"""Audio in an object store that speaks S3, with the shape of `store.py`. The library (obstore) signs, retries, and
sends large files in parts; a file that came over the network is read back before it counts as stored.

What `[recordings.s3]` says goes in. Credentials that are not there are looked for in the environment."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from config.recordings import S3
from core.errors import SettingsError
from recordings import scratch
from recordings.store import CHUNK, KEY, Entry, NoAudioError, Stored, StoreError, hash_of

PART_BYTES = 8 * 1024 * 1024
"""S3 takes no part under 5 MB; four at once are kept in memory."""

TIMEOUT = timedelta(seconds=60)
RETRY_FOR = timedelta(seconds=30)


class S3Store:
    """Raises SettingsError for settings that cannot be a bucket."""

    def __init__(self, settings: S3) -> None:
        self._prefix = settings.prefix
        try:
            self._bucket = Bucket(
                settings.bucket,
                region=settings.region,
                client_options={
                    "timeout": TIMEOUT,
                    "allow_http": (settings.endpoint or "").startswith("http://"),
                },
                retry_config={"max_retries": 5, "retry_timeout": RETRY_FOR},
                **_access(settings),
            )
        except BaseError as error:
            raise SettingsError(f"recordings.s3 cannot be used: {_short(error)}") from error

    async def put(self, key: str, source: Path) -> Stored:
        path = self._path(key)
        wanted = await asyncio.to_thread(_hash, source)
        try:
            await obstore.put_async(self._bucket, path, source, chunk_size=PART_BYTES, max_concurrency=4)
        except (BaseError, OSError) as error:
            raise StoreError(f"the object store did not take it: {_short(error)}") from error
        stored = await self.read_back(key)
        if stored != wanted:
            await self.remove(key)
            raise StoreError("what the object store took could not be read back as it was")
        return stored

    async def size(self, key: str) -> int:
        try:
            return (await obstore.head_async(self._bucket, self._path(key)))["size"]
        except (BaseError, OSError) as error:
            raise _told(error) from error

    async def read_back(self, key: str) -> Stored:
        digest, size = hashlib.sha256(), 0
        async for piece in self.read(key):
            digest.update(piece)
            size += len(piece)
        return Stored(size, digest.hexdigest())

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        if length is not None and length <= 0:
            return
        wanted: Any = {"offset": start} if length is None else (start, start + length)
        try:
            found = await obstore.get_async(self._bucket, self._path(key), options={"range": wanted})
            async for piece in found.stream(min_chunk_size=CHUNK):
                yield bytes(piece)
        except (BaseError, OSError) as error:
            raise _told(error) from error

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        with scratch.folder() as folder:
            path = folder / key.rpartition("/")[2]
            with path.open("wb") as file:
                async for piece in self.read(key):
                    await asyncio.to_thread(file.write, piece)
            yield path

    async def remove(self, key: str) -> None:
        try:
            await obstore.delete_async(self._bucket, self._path(key))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _told(error) from error

    async def keys(self) -> AsyncIterator[str]:
        async for entry in self.entries():
            yield entry.key

    async def entries(self) -> AsyncIterator[Entry]:
        try:
            async for batch in obstore.list(self._bucket, self._prefix or None):
                for one in batch:
                    key = one["path"].removeprefix(self._prefix)
                    if KEY.fullmatch(key):
                        yield Entry(key, one["size"], one["last_modified"].timestamp())
        except (BaseError, OSError) as error:
            raise _told(error) from error

    async def clear_unfinished(self) -> int:
        """Nothing of ours: parts of an upload that was cut off are removed by a rule of the bucket."""
        return 0

    async def close(self) -> None:
        return

    def _path(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise NoAudioError("this is no key of stored audio")
        return f"{self._prefix}{key}"


def _access(settings: S3) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if settings.endpoint is not None:
        given["endpoint"] = settings.endpoint
    if settings.access_key is not None and settings.secret_key is not None:
        given["access_key_id"] = settings.access_key.get_secret_value()
        given["secret_access_key"] = settings.secret_key.get_secret_value()
    return given


def _hash(source: Path) -> Stored:
    try:
        return hash_of(source)
    except OSError as error:
        raise StoreError(f"{source.name} cannot be read: {error.strerror}") from error


def _told(error: Exception) -> StoreError:
    if isinstance(error, FileNotFoundError):
        return NoAudioError("this audio is no longer in the store")
    return StoreError(f"the object store cannot be used: {_short(error)}")


def _short(error: Exception) -> str:
    """The first line: the library goes on with its own insides."""
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
