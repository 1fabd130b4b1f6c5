"""The collector with real folders and both databases: what is kept, what is refused and why, and that being killed, a
full disk, a late file or the same file twice loses nothing and stores nothing twice."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.alarms import list_alarms
from core.db import Database
from core.fact_log import FactConsumer, FactLogRow
from core.facts import CallEnded, Verdict
from recordings.collector import Waits
from recordings.kinds import AudioState, FileState, JobKind, NoAudio
from recordings.store import LocalStore, NoAudioError
from recordings.tables import CallAudio, Recording, RecordingFile, RecordingJob
from tests.dying_collector import STEPS
from tests.process import ROOT
from tests.recorded import AT, collector, keeper, leave, log_call, record, rows, stem_of, tone, wav

Rows = list[tuple[object, ...]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("part", "done"):
        (tmp_path / "pbx" / name).mkdir(parents=True)
    return tmp_path / "pbx"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "audio")


class Time:
    """A clock that the test turns."""

    def __init__(self, now: float = AT + 10) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def states(database: Database) -> list[tuple[str, str | None]]:
    async with database.read() as connection:
        found = await connection.execute(select(CallAudio.state, CallAudio.reason))
        return [(row.state, row.reason) for row in found]


async def refusals(database: Database) -> dict[str, str]:
    """By name, why."""
    async with database.read() as connection:
        found = await connection.execute(
            select(RecordingFile.name, RecordingFile.why).where(RecordingFile.state == FileState.REFUSED)
        )
        return {row.name: row.why for row in found}


async def handle(database: Database, clock: Time) -> None:
    """What the durable facts make of calls that ended."""
    await FactConsumer(
        database, "call_audio", (CallEnded,), keeper(database, clock).call_ended
    ).deliver_batch()


async def everything_in(store: LocalStore) -> list[str]:
    keys = store.keys()
    return [key async for key in keys]


def left_in(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


async def test_a_pair_becomes_one_stereo_file_of_its_call(
    database: Database, home: Path, store: LocalStore
) -> None:
    clock = Time()
    leave(home / "done", stem_of())
    await log_call(database, record())
    await handle(database, clock)
    assert await states(database) == [(AudioState.AWAITED, None)]
    await collector(database, store, home, clock=clock, transcribes=True).look()

    async with database.read() as connection:
        (row,) = (await connection.execute(select(Recording.__table__))).all()
        jobs = (await connection.execute(select(RecordingJob.kind))).scalars().all()
        ready = await connection.scalar(select(FactLogRow.subject).where(FactLogRow.kind == "RecordingReady"))
    assert (row.call_id, row.queue, row.verdict) == ("main-1790000000.1", "sales", "answered")
    assert (row.channels, row.duration_s, row.started_at) == (2, 2.0, AT + 5)
    assert ready == row.call_id
    assert sorted(jobs) == [JobKind.COPIES, JobKind.TRANSCRIBE]
    assert await states(database) == [(AudioState.KEPT, None)]
    assert left_in(home) == []
    async with store.local(row.original_key) as path:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row.original_sha256
        with wave.open(str(path)) as file:
            frames = file.readframes(file.getnframes())
    samples = memoryview(frames).cast("h")
    assert samples[::2].tobytes() == tone(600, 2)
    assert samples[1::2].tobytes() == tone(900, 2)


async def test_an_agents_channel_is_turned_round(database: Database, home: Path, store: LocalStore) -> None:
    leave(home / "done", stem_of(side="a"))
    await collector(database, store, home).look()
    (row,) = await rows(database, Recording)
    async with store.local(row.original_key) as path:
        samples = memoryview(path.read_bytes()[44:]).cast("h")
        assert samples[::2].tobytes() == tone(900, 2)


async def test_a_recording_that_comes_before_the_end_of_its_call_is_taken_on(
    database: Database, home: Path, store: LocalStore
) -> None:
    """After a transfer the call has two linkedids; the recording has the second."""
    clock = Time()
    leave(home / "done", stem_of(f"{AT:.0f}.7"))
    await collector(database, store, home, clock=clock).look()
    (row,) = await rows(database, Recording)
    assert row.call_id is None
    await log_call(database, record((f"{AT:.0f}.1", f"{AT:.0f}.7")))
    await handle(database, clock)
    (row,) = await rows(database, Recording)
    assert row.call_id == f"main-{AT:.0f}.1"
    assert await states(database) == [(AudioState.KEPT, None)]


async def test_ids_that_come_back_years_later_are_another_call(
    database: Database, home: Path, store: LocalStore
) -> None:
    await log_call(database, record())
    leave(home / "done", stem_of(at=AT + 400 * 86400))
    await collector(database, store, home).look()
    (row,) = await rows(database, Recording)
    assert row.call_id is None


async def test_a_late_file_is_still_taken(database: Database, home: Path, store: LocalStore) -> None:
    clock = Time()
    await log_call(database, record())
    await handle(database, clock)
    clock.now += 16 * 60
    assert await keeper(database, clock).sweep() == 1
    assert await states(database) == [(AudioState.MISSING, NoAudio.NO_FILE_CAME)]
    leave(home / "done", stem_of())
    await collector(database, store, home, clock=clock).look()
    assert await states(database) == [(AudioState.KEPT, None)]
    await handle(database, clock)
    assert await keeper(database, clock).sweep() == 0


async def test_a_short_recording_is_said_to_be_short(
    database: Database, home: Path, store: LocalStore
) -> None:
    await log_call(database, record(talk_s=60))
    leave(home / "done", stem_of())
    await collector(database, store, home).look()
    assert await states(database) == [(AudioState.PARTLY, NoAudio.SHORTER_THAN_TALK)]


@pytest.mark.parametrize("result", [Verdict.MISSED, Verdict.VOICEMAIL])
async def test_calls_without_an_answer_owe_no_audio(database: Database, result: Verdict) -> None:
    await log_call(database, record(result=result))
    await handle(database, Time())
    assert await states(database) == []


async def test_calls_of_a_pbx_that_records_nothing_say_so(database: Database) -> None:
    await log_call(database, record())
    said = keeper(database, Time())
    nobody = type(said)(said.database, said.bus, said.clock, frozenset(), said.late_s)
    await FactConsumer(database, "call_audio", (CallEnded,), nobody.call_ended).deliver_batch()
    assert await states(database) == [(AudioState.OFF, NoAudio.NOT_RECORDED)]


async def test_one_file_waits_for_the_other_and_is_taken_without_it(
    database: Database, home: Path, store: LocalStore
) -> None:
    clock = Time()
    leave(home / "done", stem_of())[1].unlink()
    watching = collector(database, store, home, clock=clock)
    await watching.look()
    assert await rows(database, Recording) == []
    clock.now += 61
    await watching.look()
    (row,) = await rows(database, Recording)
    assert "never came" in row.note
    async with store.local(row.original_key) as path:
        samples = memoryview(path.read_bytes()[44:]).cast("h")
        assert samples[::2].tobytes() == tone(600, 2)
        assert not any(samples[1::2])


async def test_the_same_files_again_are_not_stored_twice(
    database: Database, home: Path, store: LocalStore
) -> None:
    for _ in range(2):
        leave(home / "done", stem_of())
        await collector(database, store, home).look()
    assert len(await rows(database, Recording)) == 1
    assert len(await rows(database, RecordingFile)) == 2
    assert left_in(home) == []


async def test_other_sound_under_a_stored_name_is_put_aside(
    database: Database, home: Path, store: LocalStore
) -> None:
    leave(home / "done", stem_of())
    await collector(database, store, home).look()
    (before,) = await rows(database, Recording)
    leave(home / "done", stem_of(), left=1000)
    await collector(database, store, home).look()
    assert await rows(database, Recording) == [before]
    assert left_in(home) == [f"refused/{stem_of()}.{way}.wav" for way in ("rx", "tx")]
    assert {row.state for row in await rows(database, RecordingFile)} == {FileState.STORED}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html>not found</html>" * 50, "does not begin"),
        (wav(b"")[:20], "cut off|no part"),
        (
            wav(tone(600, 0.1)).replace(b"\x01\x00\x01\x00\x40\x1f", b"\x06\x00\x01\x00\x40\x1f", 1),
            "not mono PCM",
        ),
        (wav(tone(600, 0.1), rate=16000), "different sampling rates"),
    ],
)
async def test_what_is_not_audio_is_refused_with_a_reason(
    database: Database, home: Path, store: LocalStore, content: bytes, why: str
) -> None:
    clock = Time()
    await log_call(database, record())
    await handle(database, clock)
    rx, _ = leave(home / "done", stem_of())
    rx.write_bytes(content)
    await collector(database, store, home, clock=clock).look()
    assert await rows(database, Recording) == []
    said = await refusals(database)
    assert set(said) == {f"{stem_of()}.{way}.wav" for way in ("rx", "tx")}
    assert any(word in said[rx.name] for word in why.split("|")), said
    assert await states(database) == [(AudioState.MISSING, NoAudio.NOT_AUDIO)]
    assert len(left_in(home)) == 2
    # Mended by a person and left again, it is taken.
    leave(home / "done", stem_of())
    await collector(database, store, home, clock=clock).look()
    assert await states(database) == [(AudioState.KEPT, None)]


@pytest.mark.parametrize(
    "name",
    [
        "rb~1790000000.1~1790000000.1~1790000000~c.rx.wav\nX-Evil: 1",
        "rb~..~..~1790000000~c.rx.wav",
        "rb~1790000000.1~$(reboot)~1790000000~c.tx.wav",
        "rb~1~1~1790000000~c.rx.wav.exe",
        "<script>.wav",
        "x" * 255,
    ],
)
async def test_hostile_names_are_put_aside(
    database: Database, home: Path, store: LocalStore, name: str
) -> None:
    (home / "done" / name).write_bytes(wav(tone(600, 0.1)))
    good = leave(home / "done", stem_of())
    await collector(database, store, home).look()
    assert len(await rows(database, Recording)) == 1
    (refused,) = await refusals(database)
    assert refused.isprintable()
    assert len(left_in(home)) == 1
    assert left_in(home)[0].startswith("refused/")
    assert not any(path.exists() for path in good)


async def test_links_and_pipes_are_never_opened(
    database: Database, home: Path, store: LocalStore, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(tone(600, 1)))
    rx, tx = (home / "done" / f"{stem_of()}.{way}.wav" for way in ("rx", "tx"))
    rx.symlink_to(secret)
    os.mkfifo(tx)
    await asyncio.wait_for(collector(database, store, home).look(), 30)
    assert await rows(database, Recording) == []
    assert secret.exists()
    assert len(await refusals(database)) == 2


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_it_is_stored_once(
    database_url: str, home: Path, store: LocalStore, step: str
) -> None:
    database = Database(database_url)
    try:
        await log_call(database, record())
        leave(home / "done", stem_of())
        command = [sys.executable, "-m", "tests.dying_collector", database_url, str(home), str(store.folder)]
        died = await asyncio.to_thread(subprocess.run, [*command, step], cwd=ROOT, timeout=60, check=False)
        assert died.returncode == (0 if step == "never" else -signal.SIGKILL)
        clock = Time()
        again = collector(database, store, home, clock=clock)
        await again.look()
        clock.now += 61  # what is left of a pair that was half removed waits for its other half
        await again.look()
        (row,) = await rows(database, Recording)
        assert [one.state for one in await rows(database, RecordingFile)] == [FileState.STORED] * 2
        assert await states(database) == [(AudioState.KEPT, None)]
        assert left_in(home) == []
        async with store.local(row.original_key) as path:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == row.original_sha256
        assert await everything_in(store) == [row.original_key]
    finally:
        await database.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 100 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("a small disk can only be mounted as root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_loses_nothing(database: Database, home: Path, small_disk: Path) -> None:
    full = small_disk / "ballast"
    full.write_bytes(bytes(90_000))
    await log_call(database, record())
    leave(home / "done", stem_of())
    store = LocalStore(small_disk / "audio")
    watching = collector(database, store, home)
    await watching.look()
    assert len(left_in(home)) == 2
    assert await rows(database, Recording) == []
    async with database.read() as connection:
        (alarm,) = await list_alarms(connection)
    assert "No space left" in alarm.text
    assert alarm.closed_at is None
    assert await everything_in(store) == []
    assert list(small_disk.rglob("*.tmp")) == []

    full.unlink()
    await watching.look()
    assert left_in(home) == []
    assert await states(database) == [(AudioState.KEPT, None)]
    async with database.read() as connection:
        (alarm,) = await list_alarms(connection)
    assert alarm.closed_at is not None


async def test_a_folder_that_cannot_be_read_is_an_alarm(
    database: Database, tmp_path: Path, store: LocalStore
) -> None:
    await collector(database, store, tmp_path / "nowhere").look()
    async with database.read() as connection:
        (alarm,) = await list_alarms(connection)
    assert "No such file" in alarm.text


async def test_what_a_killed_pbx_left_is_mended_and_taken(
    database: Database, home: Path, store: LocalStore
) -> None:
    """Its header says that nothing is in it. While the call may go on it is left alone."""
    clock = Time()
    for path, hertz in zip(leave(home / "part", stem_of()), (600, 900), strict=True):
        path.write_bytes(wav(tone(hertz, 2) + b"\x01", says=0))
    waits = Waits(still=30)
    watching = collector(database, store, home, clock=clock, waits=waits)
    await watching.look()
    clock.now += 31
    await watching.look()
    assert await rows(database, Recording) == []
    await log_call(database, record())
    await handle(database, clock)
    await watching.look()
    (row,) = await rows(database, Recording)
    assert "mended" in row.note
    assert row.duration_s == 2.0
    assert await states(database) == [(AudioState.KEPT, None)]
    assert left_in(home) == []


async def test_removed_audio_is_gone_from_the_store(store: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"sound" * 100_000)
    key = f"{'0' * 32}/original.wav"
    await store.put(key, source)
    assert b"".join([piece async for piece in store.read(key, 5, 300_000)]) == (b"sound" * 100_000)[5:300_005]
    await store.remove(key)
    await store.remove(key)
    with pytest.raises(NoAudioError):
        await store.size(key)
    for evil in ("../../etc/passwd", "x/original.wav", f"{'0' * 32}/../x"):
        with pytest.raises(NoAudioError):
            await store.size(evil)
