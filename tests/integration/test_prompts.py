"""A site's own prompts on both databases: what people upload becomes what telephones play, the PBX's folder always
holds what is wanted, and what people put there stays."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from pydub import AudioSegment
from sqlalchemy import select

from core.alarms import list_alarms
from core.clock import system_clock
from core.db import Database
from core.errors import NotFoundError
from recordings.access import Asker
from recordings.coverage.places import Places
from recordings.leftovers import Sweeper
from recordings.prompts.book import Prompts, list_prompts, read_prompt
from recordings.prompts.delivery import PromptFolder
from recordings.prompts.names import PromptName, Purpose
from recordings.prompts.sound import LEVEL_DBFS
from recordings.store import Entry, LocalStore
from recordings.tables import PromptOnPbx
from server.views.prompts import was_notice_there
from tests.sounds import as_file, sound

GREETING = PromptName(Purpose.CUSTOMER)
ADA = Asker("ada", None)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def prompts(database: Database, store: LocalStore) -> Prompts:
    return Prompts(database, store, system_clock)


@pytest.fixture
def folder(database: Database, store: LocalStore, tmp_path: Path) -> PromptFolder:
    return PromptFolder("main", tmp_path / "sounds", database, store, system_clock)


async def put(
    prompts: Prompts, folder: Path, body: bytes, *, name: PromptName = GREETING, called: str = "hello.wav"
) -> None:
    given = folder / "given"
    given.write_bytes(body)
    await prompts.put(ADA, name, given, called)


async def keys_in(store: LocalStore) -> set[str]:
    found = store.keys()
    return {key async for key in found}


async def test_a_file_becomes_what_telephones_play(
    database: Database, store: LocalStore, prompts: Prompts, tmp_path: Path
) -> None:
    body = as_file(sound(700, 2.0, level=-42, silence=1.5), "mp3")
    await put(prompts, tmp_path, body, called="../../etc/Grüße \x00 an alle.mp3")
    async with database.read() as connection:
        row = await read_prompt(connection, GREETING)
    assert (row.uploaded_by, row.original_bytes) == ("ada", len(body))
    assert "\x00" not in row.file_name
    async with store.local(row.original_key) as original, store.local(row.sound_key) as made:
        assert original.read_bytes() == body
        heard = AudioSegment.from_wav(made)
        assert made.read_bytes()[:4] == b"RIFF"
    assert (heard.channels, heard.frame_rate, heard.sample_width) == (1, 8000, 2)
    assert abs(heard.dBFS - LEVEL_DBFS) < 1
    assert 2.0 < heard.duration_seconds < 2.4
    assert heard[:3].max < heard.max / 3, "it does not begin with a click"
    assert abs(row.seconds - heard.duration_seconds) < 0.01


async def test_a_replaced_and_a_removed_prompt_leave_the_store(
    database: Database, store: LocalStore, prompts: Prompts, tmp_path: Path
) -> None:
    sweeper = Sweeper(database, store, system_clock)
    await put(prompts, tmp_path, as_file(sound(500, 0.5)))
    before = await keys_in(store)
    await put(prompts, tmp_path, as_file(sound(600, 0.5)))
    await sweeper.sweep()
    after = await keys_in(store)
    assert len(before) == len(after) == 2
    assert before.isdisjoint(after)
    there = [Entry(key, 1, 0.0) for key in after]
    assert await Places(database, store, system_clock).strays(there) == [], "the auditor knows whose they are"
    await prompts.remove(ADA, GREETING)
    await sweeper.sweep()
    assert await keys_in(store) == set()
    with pytest.raises(NotFoundError):
        await prompts.remove(ADA, GREETING)


async def test_the_folder_of_a_pbx_holds_what_is_wanted(
    database: Database, prompts: Prompts, folder: PromptFolder, tmp_path: Path
) -> None:
    path = folder.home / "callback-customer.wav"
    await put(prompts, tmp_path, as_file(sound(500, 0.5)))
    await folder.deliver()
    first = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o644
    path.unlink()  # somebody tidied up
    await folder.deliver()
    assert path.read_bytes() == first
    async with database.read() as connection:
        since = await connection.scalar(select(PromptOnPbx.since))
    await put(prompts, tmp_path, as_file(sound(600, 0.5)))
    await folder.deliver()
    assert path.read_bytes() != first
    async with database.read() as connection:
        row = (await connection.execute(select(PromptOnPbx.sha256, PromptOnPbx.since))).one()
        assert row.sha256 == (await read_prompt(connection, GREETING)).sound_sha256
    assert row.since > since
    await prompts.remove(ADA, GREETING)
    await folder.deliver()
    assert list(folder.home.iterdir()) == []
    async with database.read() as connection:
        assert (await connection.execute(select(PromptOnPbx.name))).all() == []


async def test_a_file_of_somebodys_own_is_never_lost(
    prompts: Prompts, folder: PromptFolder, tmp_path: Path
) -> None:
    folder.home.mkdir()
    own = folder.home / "callback-customer.wav"
    own.write_bytes(b"mine")
    (folder.home / "callback-agent.wav").write_bytes(b"mine too")
    await folder.deliver()
    assert own.read_bytes() == b"mine"
    await put(prompts, tmp_path, as_file(sound(500, 0.5)))
    await folder.deliver()
    assert own.read_bytes() != b"mine"
    assert (folder.home / "callback-customer.wav.before").read_bytes() == b"mine"
    own.write_bytes(b"mine again")
    await prompts.remove(ADA, GREETING)
    await folder.deliver()
    assert own.read_bytes() == b"mine again"
    assert (folder.home / "callback-agent.wav").read_bytes() == b"mine too"


async def test_a_folder_that_cannot_be_used_is_an_alarm_until_it_can(
    database: Database, prompts: Prompts, folder: PromptFolder, tmp_path: Path
) -> None:
    await put(prompts, tmp_path, as_file(sound(500, 0.5)))
    folder.home = tmp_path / "mount" / "sounds"
    await folder.deliver()
    async with database.read() as connection:
        (alarm,) = await list_alarms(connection)
    assert "mount/sounds" in alarm.text
    assert folder.problem == alarm.text
    (tmp_path / "mount").mkdir()
    await folder.deliver()
    assert (folder.home / "callback-customer.wav").is_file()
    async with database.read() as connection:
        (alarm,) = await list_alarms(connection)
    assert alarm.closed_at is not None
    assert not folder.problem


async def test_two_uploads_at_once_leave_one(
    database: Database, store: LocalStore, prompts: Prompts, tmp_path: Path
) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file, hertz in zip(files, (500, 600), strict=True):
        file.write_bytes(as_file(sound(hertz, 0.5)))
    await asyncio.gather(*(prompts.put(ADA, GREETING, file, file.name) for file in files))
    await Sweeper(database, store, system_clock).sweep()
    async with database.read() as connection:
        assert len(await list_prompts(connection)) == 1
    assert len(await keys_in(store)) == 2


async def test_a_notice_that_lay_there_and_was_not_played_is_known(
    database: Database, prompts: Prompts, folder: PromptFolder, tmp_path: Path
) -> None:
    before = time.time()
    await put(prompts, tmp_path, as_file(sound(500, 0.5)), name=PromptName(Purpose.NOTICE, "sales"))
    await folder.deliver()
    async with database.read() as connection:
        assert await was_notice_there(connection, "main", "sales", time.time())
        assert not await was_notice_there(connection, "main", "sales", before)
        for pbx, queue in (("other", "sales"), ("main", "support"), ("main", None), ("main", "../x")):
            assert not await was_notice_there(connection, pbx, queue, time.time())
