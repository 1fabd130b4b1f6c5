"""Work on recordings, from a job to rows and stored audio, with real worker processes, ffmpeg and faster-whisper:
copies, transcripts, card numbers that are heard nowhere afterwards, and everything that can go wrong in between."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import insert, select

from config.recordings import RecordingSettings, Transcription
from config.settings import DatabaseSettings, Settings
from core.alarms import AlarmRow, list_alarms
from core.bus import Bus
from core.db import Database
from core.fact_log import FactLogRow
from core.facts import Fact, RecordingChanged
from recordings import jobs, leftovers
from recordings.access import Asker
from recordings.child import Child
from recordings.kinds import JobKind, JobState, NoAudio, Source
from recordings.leftovers import Sweeper
from recordings.removal import Remover
from recordings.store import LocalStore, Store
from recordings.tables import Recording, RecordingJob, StoreLeftover, Transcript
from recordings.words import from_json
from recordings.work import ChangedMeanwhileError, Work
from recordings.workers import Workers
from server.app import build
from server.recordings.parts import STORE
from server.recordings.workers import WORKERS
from server.web.keys import DATABASE
from tests.process import ROOT

ID = "0123456789abcdef0123456789abcdef"
DEADLINE_S = 120

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the rows are the same as in the other tests, and only the sound is not."""


@dataclass(slots=True)
class Office:
    """A database, a store and workers, with a clock that is set by hand."""

    database: Database
    store: Store
    bus: Bus
    workers: Workers
    child: Child
    now: float = 1_800_000_000.0

    def clock(self) -> float:
        return self.now

    async def keep(self, original: Path, channels: int = 2) -> None:
        """As the collector does."""
        key = f"{ID}/original.wav"
        stored = await self.store.put(key, original)
        row = {"id": ID, "pbx": "main", "linkedid": "1.1", "source": Source.MIXMONITOR, "channels": channels}
        row |= {"started_at": self.now, "duration_s": 20.0, "stored_at": self.now, "original_key": key}
        row |= {"original_bytes": stored.bytes, "original_sha256": stored.sha256, "uniqueid": "1.1"}
        async with self.database.write() as connection:
            await connection.execute(insert(Recording).values(row))

    async def do(self, kind: JobKind, engine: str | None = None) -> Any:
        """Ask for it, have it done once, and return how it stands."""
        async with self.database.write() as connection:
            job = await jobs.ask(connection, ID, kind, engine, at=self.now)
        assert await self.workers.do_next(self.child)
        return await self.job(job)

    async def job(self, job: int) -> Any:
        async with self.database.read() as connection:
            return (await connection.execute(select(RecordingJob).where(RecordingJob.id == job))).one()

    async def recording(self) -> Any:
        async with self.database.read() as connection:
            return (await connection.execute(select(Recording).where(Recording.id == ID))).one()

    async def keys(self) -> set[str]:
        everything = self.store.keys()
        return {key async for key in everything}


Open = Callable[..., Awaitable[Office]]


@pytest.fixture
async def office(database: Database, tmp_path: Path, whisper_model: str) -> AsyncIterator[Open]:
    opened: list[Office] = []

    async def open_office(**transcription: object) -> Office:
        given = {"engine": "faster-whisper", "model": {"en": whisper_model}, **transcription}
        settings = RecordingSettings(transcription=Transcription.model_validate(given))
        store, bus = LocalStore(tmp_path / "audio"), Bus()
        new = Office(database, store, bus, None, Child(1))  # type: ignore[arg-type]
        new.workers = Workers(database, store, bus, new.clock, settings)
        opened.append(new)
        return new

    yield open_office
    for one in opened:
        await one.child.end()


def loudness(path: Path, channel: int, start: float, end: float) -> float:
    """The loudest sample of a stretch, in dBFS."""
    cut = f"pan=mono|c0=c{channel},atrim={start}:{end},volumedetect"
    said = subprocess.run(
        ["ffmpeg", "-nostats", "-i", path, "-af", cut, "-f", "null", "-"], capture_output=True, check=True
    ).stderr.decode()
    found = [line.rsplit(":", 1)[1] for line in said.splitlines() if "max_volume" in line]
    return float(found[0].removesuffix(" dB")) if found else -math.inf


async def test_copies_are_made_stored_and_pointed_to(office: Open, service_call: Path) -> None:
    here = await office()
    told: list[Fact] = []

    async def hear(fact: RecordingChanged) -> None:
        told.append(fact)

    here.bus.subscribe(RecordingChanged, hear, name="test")
    await here.keep(service_call)
    job = await here.do(JobKind.COPIES)
    assert (job.state, job.error, job.progress) == (JobState.DONE, "", 1.0)
    row = await here.recording()
    assert await here.keys() == {row.original_key, row.opus_key, row.mp3_key, row.peaks_key}
    assert [type(fact) for fact in told] == [RecordingChanged] * len(told)
    assert told
    async with here.store.local(row.peaks_key or "") as path:
        peaks = json.loads(path.read_text())
    assert [len(lane) > 300 and 0.1 < max(lane) <= 1 for lane in peaks["channels"]] == [True, True]
    assert json.loads(row.levels or "")["customer"]["mean"] < -10
    async with here.database.read() as connection:
        assert (await connection.execute(select(StoreLeftover))).all() == []


async def test_a_transcript_says_who_said_what_and_when(office: Open, service_call: Path) -> None:
    here = await office()
    await here.keep(service_call)
    job = await here.do(JobKind.TRANSCRIBE)
    assert (job.state, job.error) == (JobState.DONE, "")
    async with here.database.read() as connection:
        made = (await connection.execute(select(Transcript))).one()
        facts = (await connection.scalars(select(FactLogRow.kind))).all()
    assert (made.version, made.is_current, made.engine, made.language) == (1, True, "faster-whisper", "en")
    words = from_json(made.words)
    assert "boiler" in {word.text for word in words if word.channel == "customer"}
    assert "engineer" in {word.text for word in words if word.channel == "ours"}
    assert facts == ["TranscriptReady"]


@ONE_DATABASE
async def test_another_engine_makes_another_version(office: Open, service_call: Path) -> None:
    here = await office()
    await here.keep(service_call)
    await here.do(JobKind.TRANSCRIBE)
    await here.do(JobKind.TRANSCRIBE, "faster-whisper")
    async with here.database.read() as connection:
        rows = await connection.execute(
            select(Transcript.version, Transcript.is_current).order_by(Transcript.version)
        )
    assert [tuple(row) for row in rows] == [(1, False), (2, True)]


@ONE_DATABASE
@pytest.mark.parametrize("keep_original", [False, True])
async def test_a_card_number_is_read_and_heard_nowhere(
    office: Open, card_call: Path, keep_original: bool
) -> None:
    here = await office(keep_unredacted_audio=keep_original)
    await here.keep(card_call)
    await here.do(JobKind.COPIES)
    before = await here.recording()
    job = await here.do(JobKind.TRANSCRIBE)
    assert (job.state, job.error) == (JobState.DONE, "")
    async with here.database.read() as connection:
        made = (await connection.execute(select(Transcript))).one()
    assert "[redacted]" in made.text
    assert not any(character.isdigit() for character in made.text)
    (hidden,) = json.loads(made.redactions)
    assert (hidden["channel"], hidden["why"]) == ("customer", "card")
    row = await here.recording()
    assert (row.original_key == before.original_key) is keep_original
    await Sweeper(here.database, here.store, here.clock).sweep()
    assert await here.keys() == {row.original_key, row.opus_key, row.mp3_key, row.peaks_key}
    silent = [row.opus_key, row.mp3_key] + ([] if keep_original else [row.original_key])
    for key in silent:
        async with here.store.local(key or "") as path:
            assert loudness(path, 0, hidden["start"] + 0.1, hidden["end"] - 0.1) < -70
            assert loudness(path, 0, 0, hidden["start"]) > -30


@ONE_DATABASE
async def test_what_one_version_finds_goes_from_the_older_ones_too(office: Open, card_call: Path) -> None:
    """An engine that did not understand the digits as such, or a site that did not redact, wrote some of them down."""
    here = await office()
    await here.keep(card_call)
    said = [
        {"w": text, "start": at, "end": at + 0.3, "conf": 1.0, "channel": "customer"}
        for at, text in ((0.1, "hello"), *((at / 4, "4532") for at in range(8, 160)))
    ]
    row = {"recording_id": ID, "version": 1, "is_current": True, "engine": "other", "language": "en"}
    row |= {"made_at": 0.0, "text": "hello " + "4532 " * 152, "words": json.dumps(said)}
    async with here.database.write() as connection:
        await connection.execute(insert(Transcript).values(row))
    await here.do(JobKind.TRANSCRIBE)
    async with here.database.read() as connection:
        old, new = (await connection.execute(select(Transcript.__table__).order_by(Transcript.version))).all()
    (hidden,) = json.loads(new.redactions)
    assert json.loads(old.redactions) == [hidden]
    inside = [
        word
        for word in from_json(old.words)
        if hidden["start"] + 0.5 <= word.start < hidden["end"] - 0.5 and not word.redacted
    ]
    assert inside == []
    assert old.text.startswith("hello")
    assert "[redacted]" in old.text
    assert (old.is_current, new.is_current) == (False, True)


@ONE_DATABASE
async def test_copies_made_again_stay_silent(office: Open, card_call: Path) -> None:
    here = await office(keep_unredacted_audio=True)
    await here.keep(card_call)
    await here.do(JobKind.TRANSCRIBE)
    await here.do(JobKind.COPIES)
    row = await here.recording()
    async with here.database.read() as connection:
        (hidden,) = json.loads((await connection.scalars(select(Transcript.redactions))).one())
    async with here.store.local(row.opus_key or "") as path:
        assert loudness(path, 0, hidden["start"] + 0.1, hidden["end"] - 0.1) < -70


@ONE_DATABASE
async def test_a_language_without_numbers_is_not_written_down(office: Open, card_call: Path) -> None:
    here = await office(language="cy")
    await here.keep(card_call)
    job = await here.do(JobKind.TRANSCRIBE)
    assert job.state == JobState.FAILED
    assert "card numbers spoken in 'cy' cannot be recognised" in job.error
    async with here.database.read() as connection:
        assert (await connection.execute(select(Transcript))).all() == []


@ONE_DATABASE
async def test_what_is_no_audio_fails_once_and_says_so(office: Open, tmp_path: Path) -> None:
    here = await office()
    text = tmp_path / "x.wav"
    text.write_text("#EXTM3U\nhttp://127.0.0.1:9/secret\n")
    await here.keep(text)
    job = await here.do(JobKind.COPIES)
    assert (job.state, job.tries) == (JobState.FAILED, 1)
    assert "Invalid data" in job.error or "no audio" in job.error


async def test_a_killed_worker_is_a_failed_try_and_the_next_one_does_it(
    office: Open, service_call: Path
) -> None:
    here = await office()
    await here.keep(service_call)
    async with here.database.write() as connection:
        number = await jobs.ask(connection, ID, JobKind.TRANSCRIBE, at=here.now)
    working = asyncio.create_task(here.workers.do_next(here.child))
    async with asyncio.timeout(DEADLINE_S):
        while here.child.pid is None:
            await asyncio.sleep(0.01)
    os.kill(here.child.pid, signal.SIGKILL)
    assert await working
    job = await here.job(number)
    assert (job.state, job.tries, job.error) == (JobState.WAITING, 1, "the worker died (SIGKILL)")
    assert not await here.workers.do_next(here.child)
    here.now = job.due_at
    assert await here.workers.do_next(here.child)
    assert (await here.job(number)).state == JobState.DONE


PARENT = """
import asyncio, sys
from recordings.child import Child
from recordings.kinds import JobKind
from recordings.worker import Order

async def main():
    child = Child(1)
    order = Order(kind=JobKind.COPIES, path=sys.argv[1], folder=sys.argv[2])
    work = asyncio.create_task(child.work(order, print))
    while child.pid is None:
        await asyncio.sleep(0.01)
    print(child.pid, flush=True)
    await work

asyncio.run(main())
"""


async def test_a_worker_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    """In the middle of its work: here ffprobe waits for a file that says nothing."""
    pipe = tmp_path / "silent.wav"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", PARENT, str(pipe), str(tmp_path)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(await asyncio.to_thread(parent.stdout.readline))
    # Opened for writing as soon as somebody reads: then the worker is at work.
    waiting = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
    try:
        parent.kill()
        parent.wait()
        async with asyncio.timeout(DEADLINE_S):
            while is_running(worker):
                await asyncio.sleep(0.05)
    finally:
        os.close(waiting)


def is_running(pid: int) -> bool:
    """What is dead and not yet buried runs no more."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@ONE_DATABASE
async def test_a_stop_gives_the_job_back_and_ends_the_process(office: Open, service_call: Path) -> None:
    here = await office()
    await here.keep(service_call)
    async with here.database.write() as connection:
        number = await jobs.ask(connection, ID, JobKind.TRANSCRIBE, at=here.now)
    working = asyncio.create_task(here.workers.do_next(here.child))
    async with asyncio.timeout(DEADLINE_S):
        while here.child.pid is None:
            await asyncio.sleep(0.01)
    pid = here.child.pid
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    job = await here.job(number)
    assert (job.state, job.tries) == (JobState.WAITING, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@ONE_DATABASE
async def test_audio_that_is_not_in_the_store_is_looked_for_again(office: Open, service_call: Path) -> None:
    here = await office()
    await here.keep(service_call)
    await here.store.remove(f"{ID}/original.wav")
    job = await here.do(JobKind.COPIES)
    assert job.state == JobState.WAITING
    assert "no longer in the store" in job.error


async def test_a_lease_that_ran_out_writes_nothing(office: Open, service_call: Path) -> None:
    """Somebody else took the job meanwhile: the one who was too slow must leave no trace."""
    here = await office()
    await here.keep(service_call)
    async with here.database.write() as connection:
        await jobs.ask(connection, ID, JobKind.COPIES, at=here.now)
        job = await jobs.take(connection, here.now, tuple(JobKind))
        assert job is not None
        here.now += jobs.LEASE_S + 1
        again = await jobs.take(connection, here.now, tuple(JobKind))
        assert again is not None
        assert (again.id, again.tries) == (job.id, 2)
        assert not await jobs.is_held(connection, job)
        assert not await jobs.report(connection, job, 0.5, here.now)
        assert await jobs.is_held(connection, again)


@ONE_DATABASE
async def test_the_running_server_does_what_is_asked_for(
    database_url: str, tmp_path: Path, service_call: Path
) -> None:
    settings = Settings(
        database=DatabaseSettings(url=database_url), recordings=RecordingSettings(folder=tmp_path / "audio")
    )
    runner = web.AppRunner(app := build(settings))
    await runner.setup()
    try:
        here = Office(app[DATABASE], app[STORE], Bus(), app[WORKERS], Child(1))
        await here.keep(service_call)
        async with here.database.write() as connection:
            number = await jobs.ask(connection, ID, JobKind.COPIES, at=0.0)
        await here.workers.wake()
        async with asyncio.timeout(DEADLINE_S):
            while (await here.job(number)).state != JobState.DONE:
                await asyncio.sleep(0.05)
        assert len(await here.keys()) == 4
    finally:
        await runner.cleanup()


@ONE_DATABASE
async def test_a_crash_between_storing_and_writing_leaves_nothing_behind(
    office: Open, service_call: Path, tmp_path: Path
) -> None:
    """What was announced and put into the store, but never claimed, goes within an hour and a bit."""
    here = await office()
    await here.keep(service_call)
    key = f"{ID}/opus-1-1.ogg"
    async with here.database.write() as connection:
        await leftovers.announce(connection, [key], here.now)
    await here.store.put(key, service_call)
    sweeper = Sweeper(here.database, here.store, here.clock)
    assert await sweeper.sweep() == 0
    here.now += leftovers.UNCLAIMED_S
    assert await sweeper.sweep() == 1
    assert await here.keys() == {f"{ID}/original.wav"}
    async with here.database.write() as connection:
        assert not await leftovers.claim(connection, [key])


async def test_a_stop_that_comes_after_the_end_begins_nothing_anew(office: Open, service_call: Path) -> None:
    """Done again under the same keys, it would let go of the copies that are in use."""
    here = await office()
    await here.keep(service_call)
    async with here.database.write() as connection:
        await jobs.ask(connection, ID, JobKind.COPIES, at=here.now)
        job = await jobs.take(connection, here.now, tuple(JobKind))
        assert job is not None
        await jobs.done(connection, job, here.now)
        await jobs.give_back(connection, job, here.now)
        await jobs.failed(connection, job, "too late", here.now)
    row = await here.job(job.id)
    assert (row.state, row.tries, row.error) == (JobState.DONE, 1, "")


@ONE_DATABASE
async def test_copies_of_what_was_erased_meanwhile_go_at_once(
    office: Open, service_call: Path, tmp_path: Path
) -> None:
    here = await office()
    await here.keep(service_call)
    async with here.database.write() as connection:
        await jobs.ask(connection, ID, JobKind.COPIES, at=here.now)
        job = await jobs.take(connection, here.now, tuple(JobKind))
    assert job is not None
    work = Work(here.database, here.store, here.clock, RecordingSettings())
    task = await work.look(job)
    (tmp_path / "made").mkdir()
    async with here.store.local(task.original_key) as original:
        await here.child.work(work.order(task, original, tmp_path / "made"), lambda _part: None)
    remover = Remover(here.database, here.bus, here.clock, RecordingSettings())
    await remover.remove(Asker("test", None), [ID], NoAudio.PERSON_ERASED)
    with pytest.raises(ChangedMeanwhileError):
        await work.finish(task, tmp_path / "made")
    await Sweeper(here.database, here.store, here.clock).sweep()
    assert await here.keys() == set()


@ONE_DATABASE
async def test_a_model_that_is_not_there_now_is_tried_again(office: Open, service_call: Path) -> None:
    """The network was away when it was to be downloaded: no reason to give up every call of that night."""
    here = await office(model={"en": "/no/such/model"})
    await here.keep(service_call)
    job = await here.do(JobKind.TRANSCRIBE)
    assert "has no model /no/such/model" in job.error
    assert (job.state, job.due_at) == (JobState.WAITING, here.now + jobs.LADDER_S[0])


async def test_what_was_given_up_is_tried_again_at_the_next_start(office: Open, service_call: Path) -> None:
    """The alarm stays until nothing is given up any more: another call that went well mends nothing."""
    here = await office(language="cy")
    await here.keep(service_call)
    job = await here.do(JobKind.TRANSCRIBE)
    assert job.state == JobState.FAILED
    mended = (await office()).workers
    other = f"{7:032x}"
    async with here.database.write() as connection:
        row = {column.name: getattr(await here.recording(), column.name) for column in Recording.__table__.c}
        await connection.execute(insert(Recording).values(row | {"id": other}))
        await jobs.ask(connection, other, JobKind.TRANSCRIBE, at=here.now)
    assert await mended.do_next(here.child)
    assert await open_alarms(here.database) == 1
    async with here.database.write() as connection:
        assert await jobs.try_again(connection, here.now) == 1
        assert await jobs.try_again(connection, here.now) == 0
    assert await mended.do_next(here.child)
    assert (await here.job(job.id)).state == JobState.DONE
    assert await open_alarms(here.database) == 0


async def open_alarms(database: Database) -> int:
    async with database.read() as connection:
        return sum(alarm.closed_at is None for alarm in await list_alarms(connection))


@ONE_DATABASE
async def test_the_same_work_is_asked_for_once(office: Open, service_call: Path) -> None:
    here = await office()
    await here.keep(service_call)
    async with here.database.write() as connection:
        first = await jobs.ask(connection, ID, JobKind.TRANSCRIBE)
        assert await jobs.ask(connection, ID, JobKind.TRANSCRIBE) == first
        assert await jobs.ask(connection, ID, JobKind.TRANSCRIBE, "vosk") != first
        assert await jobs.ask(connection, ID, JobKind.COPIES) != first
        job = await jobs.take(connection, math.inf, tuple(JobKind))
        assert job is not None
        assert job.kind is JobKind.COPIES


@ONE_DATABASE
async def test_the_last_failure_is_for_good_and_raises_an_alarm(office: Open, service_call: Path) -> None:
    here = await office()
    await here.keep(service_call)
    await here.store.remove(f"{ID}/original.wav")
    job = await here.do(JobKind.COPIES)
    while job.state == JobState.WAITING:
        here.now = job.due_at
        assert await here.workers.do_next(here.child)
        job = await here.job(job.id)
    assert (job.state, job.tries) == (JobState.FAILED, len(jobs.LADDER_S) + 1)
    async with here.database.read() as connection:
        alarm = (await connection.execute(select(AlarmRow))).one()
    assert "copy of a recording" in alarm.text
