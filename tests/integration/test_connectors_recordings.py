"""Recordings put to calls in another CRM, against a scripted Bitrix24 and with a real store: only after the call stands
there, only what is silenced where it must be, one per call, written down as a use, and nothing of what is gone."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from config.connectors import ConnectorSettings
from config.settings import Site
from core import fact_log
from core.db import Database
from core.errors import SettingsError
from core.facts import TranscriptReady
from core.outside import Outside
from crm_link.connectors import attaching
from crm_link.connectors.make import make_connector
from crm_link.connectors.tables import ConnectorLog, LogPart, LogState
from recordings.handing_out import HandingOut
from recordings.kinds import AudioState, JobKind, JobState
from recordings.store import LocalStore
from recordings.tables import CallAudio, Recording, RecordingJob, RecordingUse
from tests.integration.test_connectors import START, Clock
from tests.integration.test_connectors_cards import Bitrix, Office, office
from tests.live_story import ended
from tests.scripted import Asked, Scripted
from tests.site import eventually
from tests.sound_seed import give_work, keep, sample, say_audio, write_down

AUDIO, OTHER = f"{1:032x}", f"{2:032x}"
SOUND = sample("order").audio.read_bytes()


@dataclass(slots=True)
class Sending:
    """An office whose Bitrix24 gets recordings; `store` holds them."""

    at: Office
    store: LocalStore

    @property
    def database(self) -> Database:
        return self.at.desk.site.database

    async def talks(self, call_id: str = "c1") -> None:
        """A call of Anna's, from its ringing to its end there."""
        await self.at.rings("101", call_id=call_id)
        await self.at.desk.ends(call_id, ended(call_id, talked=("101",)))

    async def row(self) -> Any:
        async with self.database.read() as connection:
            part = ConnectorLog.part == LogPart.RECORDING
            return (await connection.execute(select(*ConnectorLog.__table__.c).where(part))).one_or_none()

    async def becomes(self, state: LogState, why: str = "") -> Any:
        def is_so(row: Any) -> bool:
            return row is not None and row.state == state and why in row.error

        return await eventually(self.row, is_so)

    async def written_down(self) -> None:
        """A transcript is there, and whoever waits for it is told."""
        ready = TranscriptReady(AUDIO, self.at.desk.clock(), "c1", 1)
        async with self.database.write() as connection:
            await fact_log.append(connection, ready, subject="c1", at=ready.at)
        await self.at.tell(ready)

    async def uses(self) -> list[tuple[str, str, str | None]]:
        async with self.database.read() as connection:
            rows = await connection.execute(
                select(RecordingUse.who, RecordingUse.what, RecordingUse.recording_id)
            )
            return [(row.who, row.what, row.recording_id) for row in rows]

    async def change(self, table: Any, **values: Any) -> None:
        async with self.database.write() as connection:
            await connection.execute(update(table).values(**values))


@asynccontextmanager
async def sending(
    database: Database,
    tmp_path: Path,
    bitrix: Bitrix,
    peer: Scripted | None = None,
    *,
    transcribes: bool = False,
    **more: Any,
) -> AsyncIterator[Sending]:
    store = LocalStore(tmp_path / "audio")
    copies = HandingOut(database, store, Clock(), UTC, transcribes=transcribes)
    async with office(database, bitrix, peer, copies, **{"send_recordings": True, **more}) as at:
        yield Sending(at, store)


async def keep_audio(at: Sending, **columns: Any) -> None:
    await say_audio(at.database, "c1", AudioState.KEPT)
    await keep(at.database, at.store, "c1", AUDIO, started_at=START, transcript=False, **columns)


def sound_of(attached: dict[str, Any]) -> bytes:
    return base64.b64decode(attached["FILE_CONTENT"], validate=True)


async def test_the_recording_follows_the_finished_call(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await keep_audio(at)
        await at.talks()
        row = await at.becomes(LogState.DONE)
        [sent] = bitrix.attached
        assert (sent["CALL_ID"], row.reference, sound_of(sent)) == ("external.1", "external.1", SOUND)
        assert sent["FILENAME"].startswith("recording_20"), "it tells when it was, and nobody's number"
        assert set(sent) == {"CALL_ID", "FILENAME", "FILE_CONTENT"}, "nobody becomes responsible by it"
        assert await at.uses() == [("crm:b24", "exported", AUDIO)]


async def test_it_waits_until_the_recording_has_come(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await say_audio(at.database, "c1", AudioState.AWAITED)
        await at.talks()
        row = await at.becomes(LogState.WAITING, "not there yet")
        assert (row.tries, bitrix.attached) == (0, [])
        await keep(at.database, at.store, "c1", AUDIO, transcript=False)
        await at.change(CallAudio, state=AudioState.KEPT)
        await at.at.desk.later(20.0)
        await at.becomes(LogState.DONE)
    assert len(bitrix.attached) == 1


async def test_nothing_leaves_before_it_is_known_what_is_to_be_silenced(
    database: Database, tmp_path: Path
) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix, transcribes=True) as at:
        await keep_audio(at)
        await at.talks()
        await at.becomes(LogState.WAITING, "not silenced yet")
        await give_work(at.database, AUDIO, JobKind.TRANSCRIBE, JobState.RUNNING)
        await write_down(at.database, AUDIO, sample("order"))
        await at.written_down()
        await at.at.desk.later(20.0)
        await at.becomes(LogState.WAITING, "not silenced yet")
        assert bitrix.attached == []
        await at.change(RecordingJob, state=JobState.DONE)
        await at.written_down()
        await at.becomes(LogState.DONE)
    assert len(bitrix.attached) == 1


async def test_a_transcript_that_failed_holds_the_audio_back(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix, transcribes=True) as at:
        await keep_audio(at)
        await write_down(at.database, AUDIO, sample("order"))
        await give_work(at.database, AUDIO, JobKind.TRANSCRIBE, JobState.FAILED)
        await at.talks()
        await at.becomes(LogState.WAITING, "not silenced yet")
        await at.at.desk.later(8 * 86_400.0)
        row = await at.becomes(LogState.SKIPPED)
    assert (bitrix.attached, "not silenced yet" in row.error) == ([], True)


async def test_what_is_silenced_later_replaces_what_was_sent(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await keep_audio(at)
        await at.talks()
        await at.becomes(LogState.DONE)
        silenced = tmp_path / "silenced.mp3"
        silenced.write_bytes(b"ID3 silenced")
        await at.store.put(f"{AUDIO}/mp3-2.mp3", silenced)
        await at.change(Recording, mp3_key=f"{AUDIO}/mp3-2.mp3")
        await at.written_down()
        await eventually(_count(bitrix), lambda count: count == 2)
        await at.becomes(LogState.DONE)
        assert sound_of(bitrix.attached[1]) == b"ID3 silenced"
        assert bitrix.attached[1]["CALL_ID"] == "external.1"
        assert len(await at.uses()) == 1, "one use, however often it is sent"


async def test_a_lost_answer_is_followed_by_another_try(database: Database, tmp_path: Path) -> None:
    """Bitrix24 keeps one recording per call: the second one takes the place of the first."""
    bitrix = Bitrix()
    peer = Scripted(bitrix)
    dropped: list[Asked] = []

    def first(asked: Asked) -> bool:
        is_first = asked.path.endswith("attachRecord.json") and not dropped
        if is_first:
            dropped.append(asked)
        return is_first

    peer.drops = first
    async with sending(database, tmp_path, bitrix, peer) as at:
        await keep_audio(at)
        await at.talks()
        row = await eventually(at.row, lambda row: row is not None and row.tries == 1 and row.error)
        assert row.state == LogState.WAITING
        await at.at.desk.later(20.0)
        await at.becomes(LogState.DONE)
    assert [one["CALL_ID"] for one in bitrix.attached] == ["external.1", "external.1"]


async def test_a_call_without_a_recording_has_its_row_left_out(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await say_audio(at.database, "c1", AudioState.OFF)
        await at.talks()
        await at.becomes(LogState.SKIPPED, "no recording of this call")
        assert (bitrix.attached, await at.uses()) == ([], [])


async def test_what_was_removed_does_not_leave(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await keep_audio(at, removed_at=START, removed_why="person_erased")
        await at.talks()
        await at.becomes(LogState.SKIPPED, "no recording of this call")
        assert (bitrix.attached, await at.uses()) == ([], [])


async def test_audio_that_the_store_lost_is_said(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await keep_audio(at)
        await at.store.remove(f"{AUDIO}/original.mp3")
        await at.talks()
        await at.becomes(LogState.SKIPPED, "not in the store any more")
        assert (bitrix.attached, await at.uses()) == ([], [])


async def test_a_recording_that_is_too_large_is_left_out(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "LARGEST", len(SOUND) - 1)
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await keep_audio(at)
        await at.talks()
        await at.becomes(LogState.SKIPPED, "at most")
        assert (bitrix.attached, await at.uses()) == ([], [])


async def test_of_several_recordings_the_longest_is_sent(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await keep_audio(at, duration_s=5.0)
        await keep(at.database, at.store, "c1", OTHER, name="payment", transcript=False, duration_s=90.0)
        await at.talks()
        await at.becomes(LogState.DONE)
        assert [one[2] for one in await at.uses()] == [OTHER]
    assert sound_of(bitrix.attached[0]) == sample("payment").audio.read_bytes()


async def test_without_the_setting_no_audio_leaves(database: Database, tmp_path: Path) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix, send_recordings=False) as at:
        await keep_audio(at)
        await at.talks()
        await at.at.desk.becomes(LogState.DONE)
        assert (await at.row(), bitrix.attached) == (None, [])


async def test_a_setting_that_was_taken_back_leaves_what_waits_out(
    database: Database, tmp_path: Path
) -> None:
    bitrix = Bitrix()
    async with sending(database, tmp_path, bitrix) as at:
        await say_audio(at.database, "c1", AudioState.AWAITED)
        await at.talks()
        await at.becomes(LogState.WAITING, "not there yet")
    async with sending(database, tmp_path, bitrix, send_recordings=False) as at:
        await at.at.desk.later(30.0)
        await at.becomes(LogState.SKIPPED, "not sent there any more")
    assert bitrix.attached == []


def _count(bitrix: Bitrix) -> Any:
    async def count() -> int:
        return len(bitrix.attached)

    return count


async def test_a_crm_that_takes_no_recordings_is_said_when_the_server_starts() -> None:
    with pytest.raises(ValidationError, match="send_recordings"):
        ConnectorSettings(kind="zammad", url="https://z.example.com/cti/x", send_recordings=True)
    settings = ConnectorSettings(
        kind="http", url="https://crm.example.com", description="espocrm", send_recordings=True
    )
    from config.outside import OutsideSettings

    async with Outside(OutsideSettings()) as outside:
        with pytest.raises(SettingsError, match=r"no \[\[attach\]\]"):
            make_connector("espo", settings, Site(), outside)
