"""Audio over HTTP: ranges as browsers ask for them, who may have what, and that each use is written down."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from config.recordings import RecordingSettings, Transcription
from config.settings import Settings
from core.db import Database
from pbx_bridge.tables import CallPerson, CallWrapUp
from recordings.kinds import AudioState
from recordings.tables import CallAudio, Recording, Transcript
from tests.sound_seed import sample
from tests.sound_site import ANNAS, BARTEKS, FIRST, SECOND, SoundSite, sound_site

LISTEN = f"/recordings/{FIRST}/audio/mp3"
WHOLE = sample("order").audio.read_bytes()
SIZE = len(WHOLE)


@pytest.fixture
async def site(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[SoundSite]:
    """What is sent does not depend on the database; who may have it is asked of both."""
    shutil.copy(sqlite_template, tmp_path / "ringback.db")
    database = Database(f"sqlite:///{tmp_path}/ringback.db")
    async with sound_site(database, tmp_path) as running:
        yield running
    await database.close()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=0-99", 0, 99),
        ("bytes=1000-1999", 1000, 1999),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=-500", SIZE - 500, SIZE - 1),
        (f"bytes=-{SIZE + 9}", 0, SIZE - 1),
        (f"bytes=100-{SIZE + 1000}", 100, SIZE - 1),
    ],
)
async def test_a_range_is_answered_with_that_range(site: SoundSite, asked: str, start: int, end: int) -> None:
    response = await site.ask(LISTEN, "maria", headers={"Range": asked})
    assert response.status == 206
    assert response.headers["Content-Range"] == f"bytes {start}-{end}/{SIZE}"
    assert response.body == WHOLE[start : end + 1]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=0-9,20-29"},
        {"Range": "bytes=9-0"},
        {"Range": "lines=0-9"},
        {"Range": "bytes=a-b"},
        {"Range": "bytes=0-9", "If-Range": '"another version"'},
    ],
)
async def test_what_is_no_single_range_gets_everything(site: SoundSite, headers: dict[str, str]) -> None:
    response = await site.ask(LISTEN, "maria", headers=headers)
    assert response.status == 200
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "audio/mpeg"
    assert response.body == WHOLE


async def test_a_range_beyond_the_end_is_refused(site: SoundSite) -> None:
    response = await site.ask(LISTEN, "maria", headers={"Range": f"bytes={SIZE}-"})
    assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


async def test_head_says_how_much_there_is_and_is_no_listening(site: SoundSite) -> None:
    response = await site.ask(LISTEN, "maria", method="HEAD")
    assert (response.status, response.headers["Content-Length"]) == (200, str(SIZE))
    assert await site.uses() == []


async def test_listening_is_written_down_once_while_it_goes_on(site: SoundSite) -> None:
    for start in (0, 50_000, 10_000):
        await site.ask(LISTEN, "maria", headers={"Range": f"bytes={start}-"})
    assert await site.uses() == [("maria", "listened", FIRST)]
    await site.ask(LISTEN, "admin")
    site.now += 3600
    await site.ask(LISTEN, "maria", headers={"Range": "bytes=9-"})
    assert [who for who, _, _ in await site.uses()] == ["maria", "admin", "maria"]


async def test_pieces_asked_for_at_once_are_one_listening(database: Database, tmp_path: Path) -> None:
    async with sound_site(database, tmp_path) as site:
        ranges = [{"Range": f"bytes={start}-"} for start in (0, 10_000, 20_000, 30_000)]
        await asyncio.gather(*(site.ask(LISTEN, "maria", headers=one) for one in ranges))
        assert await site.uses() == [("maria", "listened", FIRST)]


async def test_each_download_is_written_down(site: SoundSite) -> None:
    for _ in range(2):
        response = await site.ask(f"/recordings/{FIRST}/download/original", "maria")
        assert response.status == 200
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="recording_2026-11-21_')
    assert await site.uses() == [("maria", "downloaded", FIRST)] * 2


async def test_an_agent_hears_own_calls_only(database: Database, tmp_path: Path) -> None:
    async with sound_site(database, tmp_path) as site:
        await own_calls_only(site)


async def own_calls_only(site: SoundSite) -> None:
    assert (await site.ask(LISTEN, "anna")).status == 200
    assert (await site.ask(f"/recordings/{SECOND}/audio/mp3", "anna")).status == 404
    assert (await site.ask(f"/calls/{ANNAS}/listen", "anna")).status == 200
    assert (await site.ask(f"/calls/{BARTEKS}/listen", "anna")).status == 404
    assert (await site.ask(f"/recordings/{FIRST}/download/mp3", "anna")).status == 403
    assert await site.uses() == [("anna", "listened", FIRST), ("anna", "read", FIRST)]


async def test_a_phone_that_changed_hands_opens_nothing(site: SoundSite) -> None:
    """Anna's extension talked, but the wrap-up was somebody else's: it was their phone then."""
    async with site.database.write() as connection:
        await connection.execute(
            update(CallWrapUp).where(CallWrapUp.call_id == ANNAS).values(user_id=site.users["daniel"].id)
        )
    assert (await site.ask(LISTEN, "anna")).status == 404


async def test_somebody_whose_phone_only_rang_hears_nothing(site: SoundSite) -> None:
    person = {"call_id": BARTEKS, "role": "rang", "position": 0, "extension": "101"}
    note = {"call_id": BARTEKS, "user_id": site.users["anna"].id, "note": "x", "opened_at": 0.0}
    async with site.database.write() as connection:
        await connection.execute(insert(CallPerson).values(person))
        await connection.execute(insert(CallWrapUp).values(note))
    assert (await site.ask(f"/recordings/{SECOND}/audio/mp3", "anna")).status == 404


async def test_a_site_may_keep_recordings_from_its_managers(database: Database, tmp_path: Path) -> None:
    quiet = RecordingSettings(hear=("administrator",), agents_hear_own=False, download=())
    async with sound_site(database, tmp_path, Settings(recordings=quiet)) as site:
        assert (await site.ask(LISTEN, "admin")).status == 200
        assert (await site.ask(LISTEN, "maria")).status == 404
        assert (await site.ask(LISTEN, "anna")).status == 404
        assert (await site.ask(f"/recordings/{FIRST}/download/mp3", "admin")).status == 403
        page = (await site.ask(f"/calls/{ANNAS}", "maria")).text
        assert "Not for your ears" in page
        assert "lamp last" not in page
        assert FIRST not in page


async def test_an_unredacted_original_is_for_those_who_may_export(database: Database, tmp_path: Path) -> None:
    """Copies are silenced where something was redacted; an original kept as it was does not go with them."""
    keeping = RecordingSettings(transcription=Transcription(keep_unredacted_audio=True))
    async with sound_site(database, tmp_path, Settings(recordings=keeping)) as site:
        path = f"/recordings/{SECOND}"
        assert (await site.ask(f"{path}/download/original", "maria")).status == 403
        assert (await site.ask(f"{path}/download/mp3", "maria")).status == 200
        assert (await site.ask(f"{path}/download/original", "admin")).status == 200
        async with database.write() as connection:
            await connection.execute(update(Recording).values(mp3_key=None))
        assert (await site.ask(f"{path}/audio/mp3", "maria")).status == 404


async def test_what_was_kept_unredacted_stays_so_when_settings_change(site: SoundSite) -> None:
    """Copies of this one are silenced, its original is as it came: a card number is in it, whatever is set now."""
    path = f"/recordings/{SECOND}"
    redactions = json.dumps([{"start": 1.0, "end": 2.0, "channel": "customer", "why": "card"}])
    async with site.database.write() as connection:
        await connection.execute(
            update(Transcript).where(Transcript.recording_id == SECOND).values(redactions=redactions)
        )
        await connection.execute(update(Recording).where(Recording.id == SECOND).values(mp3_key=None))
    assert (await site.ask(f"{path}/download/original", "maria")).status == 403
    assert (await site.ask(f"{path}/audio/mp3", "maria")).status == 404
    assert (await site.ask(f"{path}/download/original", "admin")).status == 200
    silenced = f"{SECOND}/original-7-1.mp3"
    await site.store.put(silenced, sample("payment").audio)
    async with site.database.write() as connection:
        await connection.execute(
            update(Recording).where(Recording.id == SECOND).values(original_key=silenced)
        )
    assert (await site.ask(f"{path}/download/original", "maria")).status == 200
    assert (await site.ask(f"{path}/audio/mp3", "maria")).status == 200


async def test_nobody_is_told_of_anything(site: SoundSite) -> None:
    assert (await site.ask(LISTEN)).status == 401
    assert (await site.ask(f"/recordings/{9:032x}/audio/mp3", "maria")).status == 404
    assert (await site.ask(f"/recordings/{FIRST}/audio/wav", "maria")).status == 404
    assert await site.uses() == []


async def test_audio_that_is_gone_says_why(site: SoundSite) -> None:
    async with site.database.write() as connection:
        gone = {"removed_at": site.now, "removed_why": "retention", "original_key": None, "mp3_key": None}
        await connection.execute(update(Recording).where(Recording.id == FIRST).values(gone))
    response = await site.ask(LISTEN, "maria")
    assert response.status == 404
    assert "as long as the rules of this site say" in response.text


async def test_audio_that_the_store_lost_is_no_fault_of_ours(site: SoundSite) -> None:
    await site.store.remove(f"{FIRST}/original.mp3")
    response = await site.ask(LISTEN, "maria")
    assert response.status == 404
    assert "not in the store any more" in response.text


@pytest.mark.parametrize("page", ["", "/sound"])
async def test_a_page_with_a_transcript_is_reading_it(site: SoundSite, page: str) -> None:
    """So is the part of it that is asked for anew when a transcript is on its way."""
    for _ in range(2):
        assert (await site.ask(f"/calls/{ANNAS}{page}", "maria")).status == 200
    assert await site.uses() == [("maria", "read", FIRST)]


@pytest.mark.parametrize(("kind", "begins"), [("txt", "[00:00:0"), ("vtt", "WEBVTT")])
async def test_a_transcript_can_be_downloaded(site: SoundSite, kind: str, begins: str) -> None:
    response = await site.ask(f"/recordings/{FIRST}/transcript/{kind}", "maria")
    text = response.text
    assert text.startswith(begins)
    assert "Tuesday" in text
    assert await site.uses() == [("maria", "downloaded", FIRST)]
    assert (await site.ask(f"/recordings/{FIRST}/transcript/{kind}", "anna")).status == 403


async def test_a_recording_without_a_call_is_for_those_who_hear_all(site: SoundSite) -> None:
    async with site.database.write() as connection:
        await connection.execute(delete(CallPerson).where(CallPerson.call_id == ANNAS))
        await connection.execute(update(Recording).where(Recording.id == FIRST).values(call_id=None))
    assert (await site.ask(LISTEN, "maria")).status == 200
    assert (await site.ask(LISTEN, "anna")).status == 404


async def test_the_log_marks_calls_that_were_recorded_or_should_have_been(site: SoundSite) -> None:
    row = {"state": AudioState.MISSING}
    async with site.database.write() as connection:
        await connection.execute(update(CallAudio).where(CallAudio.call_id == BARTEKS).values(row))
    text = (await site.ask("/calls?when=all", "maria")).text
    lines = {
        call_id: text.split(f'data-row="call-{call_id}"')[1].split("</tr>")[0] for call_id in (ANNAS, BARTEKS)
    }
    assert "Recorded." in lines[ANNAS]
    assert "The recording is missing." in lines[BARTEKS]
