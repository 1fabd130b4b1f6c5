"""Audio in an object store: a real server of S3's protocol (moto) on a real socket, with the whole collector above."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from config.recordings import S3, RecordingSettings
from config.settings import DatabaseSettings, Settings
from core.alarms import list_alarms
from core.db import Database
from recordings.store import NoAudioError, StoreError, hash_of
from recordings.store_s3 import S3Store
from recordings.tables import Recording
from server.app import build
from server.recordings.parts import STORE, make_store
from tests.recorded import collector, leave, log_call, record, rows, stem_of
from tests.site import free_port

KEY = "0123456789abcdef0123456789abcdef/original.wav"


class ObjectStore:
    """A server with one bucket, `audio`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("PUT", "/audio", headers={"Host": f"127.0.0.1:{self.port}"})
        assert connection.getresponse().status == 200
        connection.close()

    def stop(self) -> None:
        self._server.stop()

    def settings(self, bucket: str = "audio") -> S3:
        return S3(
            bucket=bucket,
            endpoint=f"http://127.0.0.1:{self.port}",
            access_key=SecretStr("key"),
            secret_key=SecretStr("secret"),
        )


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    running = ObjectStore()
    yield running
    running.stop()


@pytest.fixture
def store(server: ObjectStore) -> S3Store:
    return S3Store(server.settings())


async def test_what_is_put_is_there_whole_and_in_parts(store: S3Store, tmp_path: Path) -> None:
    """More than one part of an upload, and ranges as players ask for them."""
    source = tmp_path / "source.wav"
    source.write_bytes(bytes(range(256)) * 80_000)
    stored = await store.put(KEY, source)
    assert stored == hash_of(source)
    assert await store.size(KEY) == 20_480_000
    assert b"".join([piece async for piece in store.read(KEY, 255, 3)]) == bytes([255, 0, 1])
    assert len(b"".join([piece async for piece in store.read(KEY, 20_479_000)])) == 1000
    async with store.local(KEY) as path:
        assert path.suffix == ".wav"
        assert hash_of(path) == stored
    keys, entries = store.keys(), store.entries()
    assert [key async for key in keys] == [KEY]
    (entry,) = [one async for one in entries]
    assert (entry.key, entry.bytes) == (KEY, 20_480_000)
    assert abs(entry.changed_at - time.time()) < 3600
    await store.remove(KEY)
    await store.remove(KEY)
    with pytest.raises(NoAudioError):
        await store.size(KEY)
    with pytest.raises(NoAudioError):
        [piece async for piece in store.read(KEY)]


async def test_the_server_and_its_command_use_the_bucket_of_the_settings(
    server: ObjectStore, database: Database, database_url: str
) -> None:
    settings = Settings(
        database=DatabaseSettings(url=database_url), recordings=RecordingSettings(s3=server.settings())
    )
    assert isinstance(build(settings)[STORE], S3Store)
    assert isinstance(make_store(settings, database), S3Store)


async def test_a_bucket_that_is_not_there_is_said(server: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source.wav"
    source.write_bytes(b"sound")
    with pytest.raises(StoreError, match="object store"):
        await S3Store(server.settings("elsewhere")).put(KEY, source)


async def test_the_collector_fills_it(database: Database, store: S3Store, tmp_path: Path) -> None:
    await log_call(database, record())
    leave(tmp_path / "done", stem_of())
    (tmp_path / "part").mkdir()
    await collector(database, store, tmp_path).look()
    (row,) = await rows(database, Recording)
    async with store.local(row.original_key) as path:
        assert hash_of(path).sha256 == row.original_sha256
    assert list((tmp_path / "done").iterdir()) == []
    async with database.read() as connection:
        assert not await list_alarms(connection)
    await store.remove(row.original_key)
