"""People talk through a real PBX, and what each of them said is read, found and heard again: natural speech on both
sides, recorded by the shipped dialplan, written down by a real engine, shown in Chromium; also of a call that is
parked, fetched and passed on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import jiwer
import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import select

from config.recordings import RecordingSettings, Transcription
from core.accounts import Role
from recordings.kinds import Channel
from recordings.tables import Transcript
from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.asterisk.stories.story import pause
from tests.site import DEADLINE_S, Site, eventually, running, settings_for
from tests.speech import SERVICE_CALL, Spoken, words_of

pytestmark = [pytest.mark.asterisk, pytest.mark.browser]

WORST_WER = 0.08
CALLER, DIALLED = "+48226011112", "48221000951"


@pytest.fixture
async def site(pbx: Pbx, tmp_path: Path, whisper_model: str) -> AsyncIterator[Site]:
    """A server that writes down what the shared PBX records, and a manager."""
    folder = pbx.folder / "spool" / "ringback"
    engine = Transcription(engine="faster-whisper", model={"en": whisper_model})
    settings = settings_for(pbx.ami, AMI_SECRETS["ringback-events"], tmp_path, recordings=folder)
    settings = settings.model_copy(
        update={"recordings": RecordingSettings(folder=tmp_path / "audio", transcription=engine)}
    )
    async with running(settings) as site:
        await site.add_person("anna", "101")
        await site.add_person("marek", "102")
        await site.add_person("boss", role=Role.MANAGER)
        await site.sees_the_pbx()
        yield site


async def talk(customer: Call, agent: Call, lines: Sequence[Spoken]) -> None:
    """They say these lines in turn, and wait a little in between."""
    for line in lines:
        speaker = customer if line.channel is Channel.CUSTOMER else agent
        await speaker.says(line.sound)
        await pause(0.6)


async def answered(call: Call, customer: Call) -> Call:
    """Sound has come in at both ends, so that no beginning of a word is lost."""
    await call.hears()
    await customer.hears()
    return call


async def written_down(site: Site) -> tuple[str, list[dict[str, object]]]:
    """The call and the words of its transcript, once there is one."""

    async def found() -> tuple[str, str] | None:
        async with site.database.read() as connection:
            rows = await connection.execute(select(Transcript.recording_id, Transcript.words))
            row = rows.one_or_none()
            return (row.recording_id, row.words) if row is not None else None

    got = await eventually(found)
    assert got is not None
    return got[0], json.loads(got[1])


def assert_understood(words: list[dict[str, object]]) -> None:
    """Each side's words are on its side, nearly all of them, and in the order in which they were said."""
    for channel in (Channel.CUSTOMER, Channel.OURS):
        said = words_of(" ".join(line.text for line in SERVICE_CALL if line.channel is channel))
        heard = words_of(" ".join(str(word["w"]) for word in words if word["channel"] == channel))
        wer = jiwer.wer(" ".join(said), " ".join(heard))
        assert wer < WORST_WER, (channel, wer, heard)


RARE = ("boiler", "pressure", "engineer", "bell", "display")
"""Said once each."""


def a_word_heard_right(words: list[dict[str, object]]) -> tuple[str, float]:
    """One that was said once, and where it begins: no engine hears every word right every time."""
    begins = {str(word["w"]).strip(): float(str(word["start"])) for word in words}
    heard = [word for word in RARE if word in begins]
    assert heard, sorted(begins)
    return heard[0], begins[heard[0]]


async def found(page: Page, url: str) -> Locator:
    """The first of what a search finds, once there is something: a transcript is found a moment after it is there."""
    hit = page.locator(".search-hit").first

    async def there() -> bool:
        await page.goto(url)
        return await hit.count() > 0

    await eventually(there)
    return hit


PLAYS = """start => {
    const sound = document.querySelector("[data-sound]");
    return !sound.paused && sound.currentTime >= start && sound.currentTime < start + 20;
}"""


async def test_what_both_say_is_read_found_and_heard(
    lab: Lab, site: Site, boss: Page, service_lines: Sequence[Spoken]
) -> None:
    anna = await lab.phone("101")
    customer = await lab.trunk.dial(DIALLED, caller=CALLER)
    at_anna = await anna.rings()
    await at_anna.answer()
    await talk(customer, await answered(at_anna, customer), service_lines)
    await customer.hangup()

    _, words = await written_down(site)
    assert_understood(words)

    heard, at = a_word_heard_right(words)
    boss.set_default_timeout(DEADLINE_S * 1000)
    hit = await found(boss, f"{site.url}/search?q={heard}")
    await expect(hit.locator("mark").first).to_have_text(heard)
    await hit.get_by_role("link").first.click()
    await expect(boss.locator("[data-player][data-ready]")).to_be_visible(timeout=DEADLINE_S * 1000)
    await boss.locator(".dialogue").get_by_text(heard, exact=True).click()
    await boss.wait_for_function(PLAYS, arg=at - 0.3)


async def test_a_conversation_that_is_parked_and_passed_on_is_one(
    lab: Lab, site: Site, service_lines: Sequence[Spoken]
) -> None:
    anna, marek = await lab.phones("101", "102")
    customer = await lab.trunk.dial(DIALLED, caller=CALLER)
    at_anna = await anna.rings()
    await at_anna.answer()
    await talk(customer, await answered(at_anna, customer), service_lines[:2])
    await at_anna.refer("700")
    await at_anna.ended()
    fetched = await marek.dial("701")
    await fetched.answered()
    await talk(customer, await answered(fetched, customer), service_lines[2:4])
    await fetched.refer("101")
    again = await anna.rings()
    await again.answer()
    await talk(customer, await answered(again, customer), service_lines[4:])
    await customer.hangup()

    _, words = await written_down(site)
    assert_understood(words)
