"""Recordings that FreePBX makes by itself: read by name, never touched, stored once and marked mixed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from config.recordings import RecordingSettings
from core.alarms import list_alarms
from core.bus import Bus
from core.db import Database
from recordings.access import Asker
from recordings.folder import MOST_AT_ONCE
from recordings.intake import Intake
from recordings.kinds import NoAudio, Source
from recordings.leftovers import Sweeper
from recordings.names import parse_own, told
from recordings.pbx_own import OwnRecordings
from recordings.removal import Remover
from recordings.store import LocalStore
from recordings.tables import CallAudio, Recording, RecordingFile
from tests.recorded import AT, log_call, record, rows, tone, wav

NAME = f"in-48221000101-+48226011111-20260921-131320-{AT:.0f}.1.wav"


class Time:
    def __init__(self) -> None:
        self.now = AT + 10

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def today(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor" / datetime.fromtimestamp(AT, UTC).strftime("%Y/%m/%d")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def own(database: Database, clock: Time, tmp_path: Path, today: Path) -> OwnRecordings:
    intake = Intake(database, LocalStore(tmp_path / "audio"), Bus(), clock, transcribes=False)
    return OwnRecordings("main", tmp_path / "monitor", intake, database, clock)


async def test_a_finished_file_is_taken_once_and_left_where_it_is(
    own: OwnRecordings, database: Database, clock: Time, today: Path
) -> None:
    content = wav(tone(600, 2))
    (today / NAME).write_bytes(content)
    await own.look()
    clock.now += 31
    await own.look()
    assert await rows(database, Recording) == []  # its call goes on, for all we know
    await log_call(database, record())
    for _ in range(3):
        await own.look()
        clock.now += 31
    (row,) = await rows(database, Recording)
    assert (row.source, row.channels, row.duration_s) == (Source.PBX, 1, 2.0)
    assert row.call_id == f"main-{AT:.0f}.1"
    assert len(await rows(database, RecordingFile)) == 1
    (state,) = await rows(database, CallAudio)
    assert state.state == "kept"
    assert (today / NAME).read_bytes() == content


async def test_a_file_that_grows_is_not_finished(
    own: OwnRecordings, database: Database, clock: Time, today: Path
) -> None:
    await log_call(database, record())
    for seconds in (1, 2, 3):
        (today / NAME).write_bytes(wav(tone(600, seconds)))
        await own.look()
        clock.now += 31
    assert await rows(database, Recording) == []
    await own.look()
    (row,) = await rows(database, Recording)
    assert row.duration_s == 3.0


async def test_what_is_no_audio_is_refused_once_and_stays(
    own: OwnRecordings, database: Database, clock: Time, today: Path
) -> None:
    await log_call(database, record())
    (today / NAME).write_bytes(b"no sound at all" * 100)
    for _ in range(3):
        await own.look()
        clock.now += 31
    (row,) = await rows(database, RecordingFile)
    assert row.state == "refused"
    assert await rows(database, Recording) == []
    assert (today / NAME).exists()


async def test_a_play_list_names_no_other_file(
    own: OwnRecordings, database: Database, clock: Time, today: Path
) -> None:
    """ffmpeg would play what it names: somebody else's recording, for instance."""
    await log_call(database, record())
    (today / "theirs.wav").write_bytes(wav(tone(600, 2)))
    (today / NAME).write_text("ffconcat version 1.0\nfile theirs.wav\nduration 2\n")
    for _ in range(2):
        await own.look()
        clock.now += 31
    assert await rows(database, Recording) == []
    (file,) = await rows(database, RecordingFile)
    assert file.state == "refused"


@pytest.mark.parametrize(
    ("name", "uniqueid"),
    [
        (NAME, f"{AT:.0f}.1"),
        ("q-400-+48226011111-20260921-131320-1790000000.12.wav", "1790000000.12"),
        ("external-101-anna-20260921-131320-1790000000.3.WAV", "1790000000.3"),
        ("rb~1790000000.1~1790000000.1~1790000000~c.rx.wav", None),
        ("../in-1790000000.1.wav", None),
        ("in-1790000000.1.exe", None),
        ("in-1790000000.1.wav\n", None),
    ],
)
def test_names_of_freepbx_end_in_a_channel(name: str, uniqueid: str | None) -> None:
    found = parse_own(name)
    assert (found.uniqueid if found is not None else None) == uniqueid


async def test_a_folder_of_many_files_hides_none(
    own: OwnRecordings, database: Database, clock: Time, today: Path
) -> None:
    """It is never emptied: what was taken yesterday must not stand in the way of what is new."""
    async with database.write() as connection:
        for start in range(0, MOST_AT_ONCE + 100, 500):
            old = [f"in-601-x-{AT - 60:.0f}.{number}.wav" for number in range(start, start + 500)]
            await connection.execute(
                insert(RecordingFile),
                [{"pbx": "main", "name": name, "state": "stored", "seen_at": AT} for name in old],
            )
            for name in old:
                (today / name).touch()
    for number in range(20):
        (today / f"in-601-x-{AT:.0f}.{number}.wav").write_bytes(wav(tone(600, 0.1)))
    await own.look()
    clock.now += 1000
    await own.look()
    assert len(await rows(database, Recording)) == 20


async def test_recordings_of_years_ago_are_left_alone(
    own: OwnRecordings, database: Database, clock: Time, tmp_path: Path
) -> None:
    (tmp_path / "monitor" / f"in-601-x-{AT - 400 * 86_400:.0f}.1.wav").write_bytes(wav(tone(600, 2)))
    (tmp_path / "monitor" / f"in-601-x-{AT - 86_400:.0f}.1.wav").write_bytes(wav(tone(600, 2)))
    await own.look()
    clock.now += 1000
    await own.look()
    (row,) = await rows(database, Recording)
    assert row.started_at == AT - 86_400


async def test_what_is_removed_leaves_no_number_and_is_not_taken_again(
    own: OwnRecordings, database: Database, clock: Time, today: Path, tmp_path: Path
) -> None:
    """The PBX's file is still there; its name has the customer's number in it."""
    await log_call(database, record())
    (today / NAME).write_bytes(wav(tone(600, 2)))
    await own.look()
    clock.now += 31
    await own.look()
    (row,) = await rows(database, Recording)
    remover = Remover(database, Bus(), clock, RecordingSettings())
    assert (await remover.remove(Asker("test", None), [row.id], NoAudio.PERSON_ERASED)).recordings == 1
    store = LocalStore(tmp_path / "audio")
    await Sweeper(database, store, clock).sweep()
    again = OwnRecordings("main", own.home, own.intake, database, clock)
    for _ in range(3):
        await again.look()
        clock.now += 31
    assert len(await rows(database, Recording)) == 1
    (file,) = await rows(database, RecordingFile)
    assert "48226011111" not in file.name
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


async def test_a_folder_that_is_away_is_an_alarm_until_it_is_back(
    own: OwnRecordings, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "monitor").rename(tmp_path / "away")
    await own.look()
    async with database.read() as connection:
        (alarm,) = await list_alarms(connection)
    assert "No such file" in alarm.text
    (tmp_path / "away").rename(tmp_path / "monitor")
    await own.look()
    async with database.read() as connection:
        (alarm,) = await list_alarms(connection)
    assert alarm.closed_at is not None


def test_log_lines_carry_no_numbers() -> None:
    assert told(NAME) == f"…-{AT:.0f}.1.wav"
    assert told("recording of 48226011111.wav") == "recording_of_….wav"
    assert told("rb~1790000000.1~1790000000.1~1790000000~c.rx.wav").startswith("rb~1790000000.1")
