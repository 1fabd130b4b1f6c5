"""The auditor with a real store folder on both databases: every kind of finding is planted and found, what belongs
together is brought together, a second run changes nothing, and one that was killed is simply run again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from core.alarms import list_alarms
from core.db import Database
from core.errors import ConflictError
from pbx_bridge.tables import BlindWindow
from recordings.access import Asker
from recordings.coverage.book import DEAD_S
from recordings.coverage.run import NOT_LOST_AT_ONCE
from recordings.coverage.tables import AudioCheck, AuditFinding, AuditRun
from recordings.intake import id_of
from recordings.kinds import AudioState, JobKind, NoAudio
from recordings.leftovers import Sweeper
from recordings.removal import Remover
from recordings.store import LocalStore, StoreError
from recordings.tables import (
    CallAudio,
    Recording,
    RecordingFile,
    RecordingJob,
    RecordingPause,
    StoreLeftover,
)
from tests.audited import LATER, OFF_QUEUE, Audited
from tests.process import ROOT
from tests.recorded import AT, leave

DAY = "2026-09-21"

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the rows are the same as in the other tests, and only the store or the clock is not."""


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Audited:
    return Audited(database, tmp_path)


async def test_a_site_in_order(site: Audited) -> None:
    call = await site.call(1, audio=2.0)
    await site.settle()
    run = await site.audit()
    assert (run.outcome, run.progress, run.is_running) == ("done", 1.0, None)
    assert (run.calls, run.recordings, run.objects, run.found, run.mended) == (1, 1, 1, 0, 0)
    assert await site.open() == {}
    assert await site.days() == {(DAY, "sales", "kept", ""): 1}
    (check,) = await site.rows(AudioCheck)
    row = await site.recording_of(call)
    assert (check.recording_id, check.checked_at, run.bytes_read) == (row.id, LATER, row.original_bytes)


async def test_every_fault_is_found_and_closes_itself(site: Audited) -> None:
    missing = await site.call(1, audio=None)
    short = await site.call(2, talk_s=60.0, audio=2.0)
    lost = await site.call(3, audio=2.0)
    cut = await site.call(4, audio=2.0)
    changed = await site.call(5, audio=2.0)
    silent = await site.call(6, talk_s=12.0, audio=12.0)
    nobody = id_of("main", site.stem(7))
    leave(site.home / "done", site.stem(7))
    await site.collect()
    await site.settle()
    ids = {name: (await site.recording_of(name)).id for name in (lost, cut, changed, silent)}
    keys = {name: f"{one}/original.wav" for name, one in ids.items()}
    content = {name: site.audio(keys[name]).read_bytes() for name in (lost, cut, changed)}
    site.audio(keys[lost]).unlink()
    site.audio(keys[cut]).write_bytes(content[cut][:-100])
    site.audio(keys[changed]).write_bytes(content[changed][:-2] + b"\x55\x55")
    levels = {"customer": {"mean": None, "peak": None}, "ours": {"mean": -30.0, "peak": -12.0}}
    await site.change(ids[silent], levels=json.dumps(levels))
    stray = f"{1:032x}/original.wav"
    site.audio(stray).parent.mkdir(parents=True)
    site.audio(stray).write_bytes(b"?")
    leave(site.home / "done", site.stem(8))
    leave(site.home / "part", site.stem(1))

    run = await site.audit()
    done, part = (f"main:{place}/{site.stem(number)}" for place, number in (("done", 8), ("part", 1)))
    wanted = {
        ("missing", missing): "no_file_came",
        ("truncated", short): "shorter_than_talk",
        ("lost", ids[lost]): "original",
        ("wrong_length", ids[cut]): "bytes",
        ("checksum", ids[changed]): "content",
        ("silent_side", ids[silent]): "customer",
        ("no_call", nobody): "unknown_call",
        ("stray", stray): "no_row",
        ("left_behind", f"{done}.rx.wav"): "in_done",
        ("left_behind", f"{done}.tx.wav"): "in_done",
        ("left_behind", f"{part}.rx.wav"): "in_part",
        ("left_behind", f"{part}.tx.wav"): "in_part",
    }
    assert await site.open() == wanted
    assert (run.found, run.mended, run.closed) == (len(wanted), 0, 0)
    assert await site.days() == {
        (DAY, "sales", "missing", "no_file_came"): 1,
        (DAY, "sales", "missing", "original"): 1,
        (DAY, "sales", "partly", "shorter_than_talk"): 1,
        (DAY, "sales", "kept", ""): 3,
    }
    (one,) = await site.rows(AuditFinding, AuditFinding.kind == "truncated")
    assert (one.call_id, one.queue, one.at, one.detail) == (short, "sales", AT + 1, "2 of 60 seconds")

    again = await site.audit()
    assert await site.open() == wanted
    assert (again.found, again.mended, again.closed) == (0, 0, 0)

    for name in (lost, cut, changed):
        site.audio(keys[name]).parent.mkdir(exist_ok=True)
        site.audio(keys[name]).write_bytes(content[name])
    await site.change(ids[silent], levels=None)
    leave(site.home / "done", site.stem(2) + "", seconds=1.0)
    site.audio(stray).unlink()
    for path in site.home.rglob("*.wav"):
        path.unlink()
    leave(site.home / "done", site.stem(1))
    await site.collect()
    await site.change(id_of("main", site.stem(2)), duration_s=60.0)
    await site.log(7)
    last = await site.audit()
    assert await site.open() == {}
    assert await site.days() == {(DAY, "sales", "kept", ""): 7}
    assert set((await site.closed()).values()) == {"gone", "relinked"}
    assert (await site.closed())["no_call", nobody] == "relinked"
    assert (last.mended, last.closed) == (1, len(wanted) - 1)


async def test_what_is_so_on_purpose_is_no_fault(site: Audited) -> None:
    off = await site.call(1, queue=OFF_QUEUE, audio=None)
    erased = await site.call(2, audio=2.0)
    paused = await site.call(3, talk_s=40.0, audio=20.0)
    await site.settle()
    remover = Remover(site.database, site.bus, site.clock, site.settings)
    gone = await site.recording_of(erased)
    await remover.remove(Asker("test", None), [gone.id], NoAudio.RETENTION)
    await Sweeper(site.database, site.store, site.clock).sweep()
    quiet = await site.recording_of(paused)
    levels = {"customer": {"mean": None, "peak": None}, "ours": {"mean": None, "peak": None}}
    await site.change(quiet.id, levels=json.dumps(levels))
    pause = {"call_id": paused, "since": quiet.started_at, "until": None, "paused_by": "anna"}
    async with site.database.write() as connection:
        await connection.execute(insert(RecordingPause).values(pause))
    await site.audit()
    assert await site.open() == {}
    assert await site.days() == {
        (DAY, OFF_QUEUE, "off", "queue_off"): 1,
        (DAY, "sales", "erased", "retention"): 1,
        (DAY, "sales", "kept", "paused"): 1,
    }
    assert await site.state(off) == (AudioState.AWAITED, None)


@ONE_DATABASE
async def test_the_time_we_were_blind_explains_a_missing_one(site: Audited) -> None:
    call = await site.call(1, audio=None)
    row = {"pbx": "main", "since": AT - 10, "until": AT + 3, "reason": "the link was down"}
    async with site.database.write() as connection:
        await connection.execute(insert(BlindWindow).values(row))
    await site.audit()
    assert await site.open() == {("missing", call): "blind"}


async def test_a_recording_gets_the_call_that_came_later(site: Audited) -> None:
    """Its fact was never told: whoever watches over calls knows nothing of it."""
    call = await site.call(1, audio=2.0)
    assert (await site.rows(Recording))[0].call_id is None
    run = await site.audit()
    assert (await site.recording_of(call)).queue == "sales"
    assert await site.state(call) == (AudioState.KEPT, None)
    assert run.mended == 1
    assert await site.open() == {}
    assert site.said[-1].call_id == call
    assert (await site.audit()).mended == 0


@pytest.mark.parametrize("remembers", [True, False], ids=["file known", "call known"])
async def test_audio_that_lost_its_row_gets_it_back(site: Audited, remembers: bool) -> None:
    """As after a backup of the database that is older than the store."""
    call = await site.call(1, audio=2.0)
    await site.settle()
    before = await site.recording_of(call)
    async with site.database.write() as connection:
        await connection.execute(delete(Recording))
        if not remembers:
            await connection.execute(delete(RecordingFile))
        await connection.execute(update(CallAudio).values(state="missing", reason="no_file_came"))
    run = await site.audit()
    after = await site.recording_of(call)
    names = (
        "id",
        "original_key",
        "original_sha256",
        "original_bytes",
        "duration_s",
        "channels",
        "started_at",
    )
    assert [getattr(after, name) for name in names] == [getattr(before, name) for name in names]
    assert await site.state(call) == (AudioState.KEPT, None)
    assert await site.open() == {}
    assert await site.closed() == {("stray", before.original_key): "relinked"}
    assert await site.days() == {(DAY, "sales", "kept", ""): 1}
    assert run.mended == 1
    (job,) = await site.rows(RecordingJob)
    assert job.kind == JobKind.COPIES
    if remembers:
        assert {row.recording_id for row in await site.rows(RecordingFile)} == {before.id}


async def test_audio_of_a_removed_recording_goes_at_last(site: Audited) -> None:
    call = await site.call(1, audio=2.0)
    await site.settle()
    row = await site.recording_of(call)
    remover = Remover(site.database, site.bus, site.clock, site.settings)
    await remover.remove(Asker("test", None), [row.id], NoAudio.PERSON_ERASED)
    async with site.database.write() as connection:
        await connection.execute(delete(StoreLeftover))
    await site.audit()
    await Sweeper(site.database, site.store, site.clock).sweep()
    assert not site.audio(row.original_key).exists()
    assert await site.closed() == {("stray", row.original_key): "mended"}


@ONE_DATABASE
async def test_a_lost_copy_is_made_again(site: Audited) -> None:
    call = await site.call(1, audio=2.0)
    await site.settle()
    row = await site.recording_of(call)
    async with site.database.write() as connection:
        await connection.execute(delete(RecordingJob))
    await site.change(row.id, opus_key=f"{row.id}/opus-1-1.ogg")
    await site.audit()
    assert await site.open() == {("lost", row.id): "copy"}
    (job,) = await site.rows(RecordingJob)
    assert (job.recording_id, job.kind) == (row.id, JobKind.COPIES)


@ONE_DATABASE
async def test_what_was_just_stored_is_nobodys_stray(site: Audited) -> None:
    """Between the store and the row's transaction there is a moment."""
    fresh = f"{2:032x}/original.wav"
    site.audio(fresh).parent.mkdir(parents=True)
    site.audio(fresh).write_bytes(b"?")
    await site.auditor().audit("test")
    site.now = LATER
    os.utime(site.audio(fresh), (LATER - 60, LATER - 60))
    await site.auditor().audit("test")
    assert await site.open() == {}
    await site.audit()
    assert await site.open() == {("stray", fresh): "no_row"}


async def test_findings_about_older_calls_close_too(site: Audited) -> None:
    call = await site.call(1, audio=None)
    await site.audit()
    site.now += 5 * 86_400
    await site.auditor().audit("test")
    assert ("missing", call) in await site.open()
    leave(site.home / "done", site.stem(1))
    await site.collect()
    await site.auditor().audit("test")
    assert await site.open() == {}
    assert await site.days() == {(DAY, "sales", "missing", "no_file_came"): 1}, (
        "an old day is not counted anew"
    )


@ONE_DATABASE
async def test_no_more_is_read_than_allowed_and_what_was_wrong_is_read_again(
    database: Database, tmp_path: Path
) -> None:
    site = Audited(database, tmp_path)
    call = await site.call(1, audio=2.0)
    await site.settle()
    row = await site.recording_of(call)
    content = site.audio(row.original_key).read_bytes()
    site.audio(row.original_key).write_bytes(content[:-2] + b"\x55\x55")
    settings = site.settings
    site.settings = settings.model_copy(update={"audit": settings.audit.model_copy(update={"read_mb": 0})})
    assert (await site.audit()).bytes_read == 0
    assert await site.open() == {}
    site.settings = settings
    assert (await site.audit()).bytes_read == len(content)
    assert await site.open() == {("checksum", row.id): "content"}
    assert (await site.audit()).bytes_read == len(content), "a suspect is read each time"
    site.audio(row.original_key).write_bytes(content)
    await site.audit()
    assert await site.open() == {}
    assert (await site.audit()).bytes_read == 0, "it was compared a short while ago"


class Halting(LocalStore):
    """Stands still at the third question for a size."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked = 0
        self.reached = asyncio.Event()

    async def size(self, key: str) -> int:
        self.asked += 1
        if self.asked == 3:
            self.reached.set()
            await asyncio.Event().wait()
        return await super().size(key)


async def plant(site: Audited) -> None:
    for number in range(1, 6):
        await site.call(number, audio=2.0)
    await site.call(6, audio=None)
    await site.settle()
    site.now = LATER
    site.grow_old()


async def test_a_run_that_was_stopped_half_way_is_run_again(site: Audited) -> None:
    await plant(site)
    store = Halting(site.folder / "audio")
    running = asyncio.create_task(site.auditor(store).audit("test"))
    await store.reached.wait()
    with pytest.raises(ConflictError):
        await site.auditor().audit("another")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (broken,) = await site.rows(AuditRun)
    assert (broken.outcome, broken.is_running, broken.objects) == ("broken", None, 5)
    run = await site.audit()
    assert (run.outcome, run.calls, run.recordings, run.found) == ("done", 6, 5, 1)
    assert list(await site.open()) == [("missing", "main-1790000005.6")]
    assert await site.days() == {
        (DAY, "sales", "kept", ""): 5,
        (DAY, "sales", "missing", "no_file_came"): 1,
    }


@ONE_DATABASE
async def test_a_run_that_was_killed_stands_in_the_way_for_two_minutes(
    site: Audited, database_url: str
) -> None:
    """It dies when it looks at the fourth of five recordings."""
    await plant(site)
    stray = f"{1:032x}/original.wav"
    site.audio(stray).parent.mkdir(parents=True)
    site.audio(stray).write_bytes(b"?")
    site.grow_old()
    where = [database_url, str(site.folder), str(site.now), "4"]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.dying_auditor", *where, cwd=ROOT
    )
    assert await child.wait() == -signal.SIGKILL
    (dead,) = await site.rows(AuditRun)
    assert (dead.is_running, dead.outcome, dead.step) == (True, None, "recordings")
    assert list(await site.open()) == [("stray", stray)], "what it had found is there"
    site.now += DEAD_S - 10
    with pytest.raises(ConflictError):
        await site.audit()
    site.now += 20
    run = await site.audit()
    first, second = await site.rows(AuditRun)
    assert (first.outcome, second.id, run.outcome) == ("broken", run.id, "done")
    assert (run.calls, run.recordings, run.found) == (6, 5, 1)
    assert set(await site.open()) == {("stray", stray), ("missing", "main-1790000005.6")}


class Away(LocalStore):
    async def size(self, key: str) -> int:
        raise StoreError("the object store is away")


@ONE_DATABASE
async def test_a_store_that_is_away_fails_the_run_and_closes_nothing(site: Audited) -> None:
    await plant(site)
    row = (await site.rows(Recording))[0]
    site.audio(row.original_key).unlink()
    await site.audit()
    before = await site.open()
    assert ("lost", row.id) in before
    assert await alarms(site) == ["recordings-damaged"]
    with pytest.raises(StoreError):
        await site.auditor(Away(site.folder / "audio")).audit("test")
    assert await site.open() == before
    (failed,) = await site.rows(AuditRun, AuditRun.outcome == "failed")
    assert failed.error == "the object store is away"
    assert set(await alarms(site)) == {"recordings-damaged", "recordings-audit"}
    await site.change(row.id, removed_at=site.now, original_key=None)
    await site.audit()
    assert await alarms(site) == []


@ONE_DATABASE
async def test_an_empty_store_is_another_one_and_nothing_is_called_lost(site: Audited) -> None:
    for number in range(NOT_LOST_AT_ONCE):
        await site.call(number, audio=0.2)
    await site.settle()
    await site.audit()
    before = await site.open()
    with pytest.raises(StoreError, match="the audio of 20 recordings should be in it: is its disk mounted"):
        await site.auditor(LocalStore(site.folder / "not mounted")).audit("test")
    assert await site.open() == before
    assert await alarms(site) == ["recordings-audit"]


async def alarms(site: Audited) -> list[str]:
    async with site.database.read() as connection:
        return [one.code for one in await list_alarms(connection) if one.closed_at is None]


@ONE_DATABASE
async def test_it_runs_by_night_and_when_asked(site: Audited) -> None:
    await site.call(1, audio=None)
    auditor = site.auditor()
    task = asyncio.create_task(auditor.run())
    auditor.ask("maria")
    while auditor.is_asked:
        await asyncio.sleep(0.01)
    assert [(row.asked_by, row.outcome) for row in await site.rows(AuditRun)] == [("maria", "done")]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    site.now += 86_400
    task = asyncio.create_task(site.auditor().run())
    while len(rows := await site.rows(AuditRun, AuditRun.outcome == "done")) < 2:
        await asyncio.sleep(0.01)
    assert rows[-1].asked_by == "night", "the night was slept through: it is made up for"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
