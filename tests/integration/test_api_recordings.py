"""Recordings for programs: what keys may do, pages of the list, words as they are stored, and that each use carries the
key's prefix."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.db import Database
from tests.integration.test_recording_pauses import OPEN, SETTINGS, Switch
from tests.seed import NOW
from tests.sound_seed import keep, sample
from tests.sound_site import ANNAS, FIRST, SECOND, SoundSite, add_call, sound_site

ONE = f"/api/v1/recordings/{FIRST}"


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path, SETTINGS, switch=Switch()) as running:
        await add_call(database, OPEN, NOW - 30, running.users["anna"], ended=False)
        yield running


async def get(site: SoundSite, path: str, key: str) -> Any:
    answer = await site.ask(path, key=key)
    assert answer.status == 200, answer.text
    return answer.json


async def test_the_list_goes_page_by_page_newest_first(site: SoundSite) -> None:
    for number in range(3, 8):
        await keep(
            site.database,
            site.store,
            None,
            f"{number:032x}",
            started_at=NOW - 10_000 * number,
            transcript=False,
        )
    key = await site.key("recordings:read")
    seen: list[str] = []
    path: str | None = "/api/v1/recordings?limit=3"
    while path:
        page = await get(site, path, key)
        seen += [one["id"] for one in page["recordings"]]
        path = f"/api/v1/recordings?limit=3&after={page['next']}" if page["next"] else None
    assert seen == [SECOND, FIRST, *(f"{number:032x}" for number in range(3, 8))]


async def test_one_recording_has_what_is_known_of_it(site: SoundSite) -> None:
    key = await site.key("recordings:read", "recordings:write")
    made = await site.ask(f"{ONE}/comments", method="POST", key=key, json={"at_s": 2.5, "text": "Good."})
    assert made.status == 201
    found = await get(site, ONE, key)
    assert (found["call_id"], found["channels"], found["has_transcript"]) == (ANNAS, 2, True)
    assert [(one["at_s"], one["text"], one["name"]) for one in found["comments"]] == [(2.5, "Good.", None)]


async def test_words_are_as_they_are_stored(site: SoundSite) -> None:
    key = await site.key("recordings:read")
    said = await get(site, f"/api/v1/recordings/{SECOND}/transcript", key)
    stored = sample("payment").said["words"]
    assert [word["w"] for word in said["words"]] == [word["w"] for word in stored]
    gone = [word for word in said["words"] if word["redacted"]]
    assert [word["w"] for word in gone] == ["[redacted]"]
    assert "four one one one" not in said["text"]


async def test_audio_comes_in_ranges_and_is_written_down(site: SoundSite) -> None:
    key = await site.key("recordings:read")
    answer = await site.ask(f"{ONE}/audio", key=key, headers={"Range": "bytes=0-9"})
    assert (answer.status, answer.body) == (206, sample("order").audio.read_bytes()[:10])
    prefix = key.split("_")[1]
    assert await site.uses() == [(f"api:{prefix}", "downloaded", FIRST)]


async def test_each_scope_opens_its_own(site: SoundSite) -> None:
    reads, writes = await site.key("recordings:read"), await site.key("recordings:write")
    other = await site.key("calls:read")
    assert (await site.ask(ONE, key=other)).status == 403
    assert (await site.ask(ONE, key=writes)).status == 403
    assert (await site.ask(f"{ONE}/hold", method="PUT", key=reads, json={"why": "x"})).status == 403
    assert (await site.ask(ONE)).status == 401


async def test_legal_hold_by_key(site: SoundSite) -> None:
    key = await site.key("recordings:read", "recordings:write")
    hold = f"{ONE}/hold"
    assert (await site.ask(hold, method="PUT", key=key, json={"why": "Complaint"})).status == 204
    assert (await site.ask(hold, method="PUT", key=key, json={"why": "Complaint"})).status == 409
    assert (await get(site, ONE, key))["held_why"] == "Complaint"
    held = await get(site, "/api/v1/recordings?held=true", key)
    assert [one["id"] for one in held["recordings"]] == [FIRST]
    assert (await site.ask(hold, method="DELETE", key=key)).status == 204


async def test_a_payment_form_pauses_and_resumes(site: SoundSite) -> None:
    key = await site.key("recordings:write")
    path = f"/api/v1/calls/{OPEN}/recording"
    paused = await site.ask(path, method="PUT", key=key, json={"paused": True})
    assert (paused.status, paused.json) == (200, {"paused_until": "2026-11-21T22:28:10.000Z"})
    resumed = await site.ask(path, method="PUT", key=key, json={"paused": False})
    assert (resumed.status, resumed.json) == (200, {"paused_until": None})
    assert (await site.ask(path, method="PUT", key=key, json={"paused": False})).status == 409
    over = f"/api/v1/calls/{ANNAS}/recording"
    assert (await site.ask(over, method="PUT", key=key, json={"paused": True})).status == 409


async def test_a_call_says_how_its_audio_stands(site: SoundSite) -> None:
    key = await site.key("recordings:read")
    found = await get(site, f"/api/v1/calls/{ANNAS}/recording", key)
    assert found == {"state": "kept", "reason": None, "recordings": [FIRST], "notice_at": None}
    open_call = await get(site, f"/api/v1/calls/{OPEN}/recording", key)
    assert open_call == {"state": None, "reason": None, "recordings": [], "notice_at": None}


async def test_an_agent_sees_own_recordings_only(site: SoundSite) -> None:
    answer = await site.ask("/api/v1/recordings", "anna")
    assert [one["id"] for one in answer.json["recordings"]] == [FIRST]


async def test_a_cursor_that_is_none_is_refused(site: SoundSite) -> None:
    key = await site.key("recordings:read")
    assert (await site.ask("/api/v1/recordings?after=nonsense", key=key)).status == 422
