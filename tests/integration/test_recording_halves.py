"""What comes apart: the two files of a recording, one after the other was taken alone; a backlog longer than one look;
two servers at one folder; a file that comes when its person has been erased. Nothing is lost, nothing kept twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config.recordings import RecordingSettings
from core.bus import Bus
from core.db import Database
from core.fact_log import FactConsumer
from core.facts import CallEnded, Fact, RecordingChanged
from recordings import folder
from recordings.access import Asker
from recordings.collector import Collector, Waits
from recordings.erasure import Erasure
from recordings.kinds import AudioState, FileState, JobKind, NoAudio
from recordings.leftovers import Sweeper
from recordings.removal import Remover
from recordings.store import LocalStore, Stored, hash_of
from recordings.tables import CallAudio, Recording, RecordingFile, RecordingJob
from tests.recorded import AT, collector, keeper, leave, log_call, record, rows, stem_of, tone, wav

LONG_ID = f"{'pbx-with-a-long-system-name-' * 3}{AT:.0f}.1"


class Time:
    """A clock that the test turns."""

    def __init__(self, now: float = AT + 10) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("part", "done"):
        (tmp_path / "pbx" / name).mkdir(parents=True)
    return tmp_path / "pbx"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "audio")


async def one_row(database: Database) -> Any:
    (row,) = await rows(database, Recording)
    return row


async def sides_of(store: LocalStore, row: Any) -> tuple[bytes, bytes]:
    """Left and right, of audio that is what the row says."""
    async with store.local(row.original_key) as path:
        assert hash_of(path).sha256 == row.original_sha256
        samples = memoryview(path.read_bytes()[44:]).cast("h")
    return samples[::2].tobytes(), samples[1::2].tobytes()


async def state_of(database: Database) -> tuple[str, str | None]:
    (row,) = await rows(database, CallAudio)
    found: Any = row
    return found.state, found.reason


async def handle(database: Database, clock: Time) -> None:
    """What the durable facts make of calls that ended."""
    said = keeper(database, clock).call_ended
    await FactConsumer(database, "call_audio", (CallEnded,), said).deliver_batch()


def remover(database: Database, clock: Time) -> Remover:
    return Remover(database, Bus(), clock, RecordingSettings())


async def keys(store: LocalStore) -> list[str]:
    found = store.keys()
    return [key async for key in found]


async def take_alone(watching: Collector, clock: Time) -> None:
    await watching.look()
    clock.now += 61
    await watching.look()


@pytest.mark.parametrize("first", ["rx", "tx"])
async def test_a_half_that_comes_late_gets_its_side(
    database: Database, home: Path, store: LocalStore, first: str
) -> None:
    """As a slow upload sends them, one after the other."""
    clock, bus, told = Time(), Bus(), list[Fact]()

    async def hear(fact: RecordingChanged) -> None:
        told.append(fact)

    bus.subscribe(RecordingChanged, hear, name="test")
    await log_call(database, record(talk_s=20))
    both = leave(home / "done", stem_of(), seconds=20)
    late = next(path for path in both if f".{first}." not in path.name)
    late.rename(home / late.name)
    early = next(path for path in both if path != late)
    early.write_bytes(wav(tone(600 if first == "rx" else 900, 2)))  # the PBX died while it wrote this one
    watching = collector(database, store, home, bus=bus, clock=clock, transcribes=True)
    await take_alone(watching, clock)
    assert "never came" in (await one_row(database)).note
    assert await state_of(database) == (AudioState.PARTLY, NoAudio.SHORTER_THAN_TALK)

    (home / late.name).rename(late)
    await take_alone(watching, clock)
    row = await one_row(database)
    left, right = await sides_of(store, row)
    assert left.rstrip(b"\0") == tone(600, 2 if first == "rx" else 20).rstrip(b"\0")
    assert right.rstrip(b"\0") == tone(900, 20 if first == "rx" else 2).rstrip(b"\0")
    assert (row.duration_s, row.note) == (20.0, "one of its two files came late")
    assert await state_of(database) == (AudioState.KEPT, None)
    assert len(told) == 1
    async with database.read() as connection:
        kinds = (await connection.scalars(select(RecordingJob.kind))).all()
    assert sorted(kinds) == [JobKind.COPIES, JobKind.TRANSCRIBE]
    files: list[Any] = list(await rows(database, RecordingFile))
    assert [one.state for one in files] == [FileState.STORED] * 2
    assert list((home / "done").iterdir()) == []
    await Sweeper(database, store, clock).sweep()
    assert await keys(store) == [row.original_key]


async def test_a_pair_that_was_torn_between_two_folders_is_one_recording(
    database: Database, home: Path, store: LocalStore
) -> None:
    """The PBX's machine died between the two renames."""
    clock = Time()
    await log_call(database, record())
    _, tx = leave(home / "done", stem_of())
    tx.rename(home / "part" / tx.name)
    watching = collector(database, store, home, clock=clock, waits=Waits(still=30))
    for _ in range(4):
        await watching.look()
        clock.now += 31
    assert await sides_of(store, await one_row(database)) == (tone(600, 2), tone(900, 2))
    assert [path for path in home.rglob("*") if path.is_file()] == []


async def test_a_half_of_removed_audio_is_dropped(database: Database, home: Path, store: LocalStore) -> None:
    clock = Time()
    rx, tx = leave(home / "done", stem_of())
    tx.rename(home / tx.name)
    watching = collector(database, store, home, clock=clock)
    await take_alone(watching, clock)
    row = await one_row(database)
    await remover(database, clock).remove(Asker("test", None), [row.id], NoAudio.REMOVED_BY_HAND)
    (home / tx.name).rename(tx)
    await take_alone(watching, clock)
    await Sweeper(database, store, clock).sweep()
    assert await keys(store) == []
    assert not tx.exists()
    assert not rx.exists()
    files: list[Any] = list(await rows(database, RecordingFile))
    assert {one.name: one.state for one in files} == {rx.name: FileState.STORED, tx.name: FileState.DROPPED}


def test_a_backlog_longer_than_one_look_tears_no_pair(home: Path) -> None:
    """The folder gives its names in no order: what is looked at must be whole pairs, oldest first."""
    done = home / "done"
    stems = [stem_of(f"{AT:.0f}.{number:05}") for number in range(folder.MOST_AT_ONCE)]
    for way in ("tx", "rx"):
        for stem in stems:
            (done / f"{stem}.{way}.wav").touch()
    seen = [one.name for one in folder.look(done)]
    assert seen == [f"{stem}.{way}.wav" for stem in stems[: len(stems) // 2] for way in ("rx", "tx")]


class Elsewhere(LocalStore):
    """While our audio is being stored, another server takes the same recording."""

    def __init__(self, folder: Path, other: Collector) -> None:
        super().__init__(folder)
        self._other = other

    async def put(self, key: str, source: Path) -> Stored:
        stored = await super().put(key, source)
        await self._other.look()
        return stored


async def test_two_servers_at_one_folder_store_it_once(
    database: Database, home: Path, store: LocalStore
) -> None:
    await log_call(database, record())
    leave(home / "done", stem_of())
    other = collector(database, store, home)
    ours = collector(database, Elsewhere(store.folder, other), home)
    await ours.look()
    await ours.look()
    assert await sides_of(store, await one_row(database)) == (tone(600, 2), tone(900, 2))
    assert await state_of(database) == (AudioState.KEPT, None)
    assert list((home / "done").iterdir()) == []


async def test_long_names_are_known_again(database: Database, home: Path, store: LocalStore) -> None:
    for _ in range(2):
        leave(home / "done", stem_of(LONG_ID))
        await collector(database, store, home).look()
    await one_row(database)
    assert len(await rows(database, RecordingFile)) == 2
    assert list((home / "done").iterdir()) == []


async def test_a_refusal_before_the_calls_end_was_dealt_with_is_the_reason(
    database: Database, home: Path, store: LocalStore
) -> None:
    """The collector and whoever says how a call's audio stands are woken by the same fact."""
    clock = Time()
    await log_call(database, record())
    for path in leave(home / "done", stem_of()):
        path.write_bytes(b"no sound")
    await collector(database, store, home, clock=clock).look()
    await handle(database, clock)
    clock.now += 3600
    await keeper(database, clock).sweep()
    assert await state_of(database) == (AudioState.MISSING, NoAudio.NOT_AUDIO)


@pytest.mark.parametrize("is_known_to_wait", [True, False])
async def test_what_comes_after_its_person_was_erased_is_not_kept(
    database: Database, home: Path, store: LocalStore, is_known_to_wait: bool
) -> None:
    clock = Time()
    call = record()
    await log_call(database, call)
    if is_known_to_wait:
        await handle(database, clock)
    erasure = Erasure(database, remover(database, clock))
    assert (await erasure.erase(Asker("admin", None), [call.call_id])).removed.recordings == 0
    leave(home / "done", stem_of())
    await collector(database, store, home, clock=clock).look()
    await Sweeper(database, store, clock).sweep()
    assert await rows(database, Recording) == []
    assert await keys(store) == []
    assert list((home / "done").iterdir()) == []
    files: list[Any] = list(await rows(database, RecordingFile))
    assert {one.state for one in files} == {FileState.DROPPED}
    await handle(database, clock)
    assert await state_of(database) == (AudioState.ERASED, NoAudio.PERSON_ERASED)
