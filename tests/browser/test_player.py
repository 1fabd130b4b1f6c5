"""The player in a real Chromium, with real audio from the real endpoint: it plays, goes where it is told by mouse and
by keys, follows the words, and looks right in every state a recording may be in."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import update

from config.recordings import RecordingSettings
from core.db import Database
from recordings.access import Asker
from recordings.care import Care
from recordings.kinds import AudioState, JobKind, JobState, NoAudio
from recordings.tables import CallAudio, Recording, RecordingPause, Transcript
from server.web.guard import LOCAL_COOKIE
from tests.browser.conftest import Visit, assert_accessible, assert_fits, in_each_look, open_window
from tests.seed import NOW
from tests.sound_seed import give_work, keep, sample, say_audio
from tests.sound_site import ANNAS, BARTEKS, FIRST, SECOND, SoundSite, add_call, sound_site

pytestmark = pytest.mark.browser


@pytest.fixture
async def site(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[SoundSite]:
    shutil.copy(sqlite_template, tmp_path / "ringback.db")
    database = Database(f"sqlite:///{tmp_path}/ringback.db")
    async with sound_site(database, tmp_path) as running:
        yield running
    await database.close()


async def visit(
    browser: Browser,
    site: SoundSite,
    login: str,
    path: str,
    *,
    size: dict[str, int] | None = None,
    dark: bool = False,
) -> Visit:
    opened = await open_window(browser, size=size, dark=dark)
    token = await site.cookie(login)
    await opened.context.add_cookies([{"name": LOCAL_COOKIE, "value": token, "url": site.url("/")}])
    await opened.page.goto(site.url(path))
    return opened


async def ready(page: Page) -> None:
    """The waveform is drawn."""
    await page.wait_for_selector("[data-player][data-ready]")
    await expect(page.locator(".wave-blank")).to_have_count(0)


async def position(page: Page) -> float:
    return float(await page.evaluate("document.querySelector('[data-sound]').currentTime"))


async def plays_past(page: Page, seconds: float) -> None:
    await page.wait_for_function(
        "at => { const a = document.querySelector('[data-sound]'); return !a.paused && a.currentTime > at }",
        arg=seconds,
    )


async def test_it_plays_and_marks_the_word_that_is_said(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    assert [what for _, what, _ in await site.uses()] == ["read"]  # nothing is loaded before somebody plays
    await page.get_by_role("button", name="Play", exact=True).click()
    await plays_past(page, 1.2)
    await expect(page.locator(".dialogue .said")).to_have_count(1)
    await page.get_by_role("button", name="Pause", exact=True).click()
    at, word = await position(page), page.locator(".dialogue .said")
    began = float(await word.get_attribute("data-t") or "nan")
    assert 0 <= at - began < 1.5
    assert [what for _, what, _ in await site.uses()] == ["read", "listened"]
    assert opened.complaints == []


async def test_a_click_on_a_word_plays_it(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    word = page.locator(".dialogue .w", has_text="warehouse")
    began = next(one["start"] for one in sample("order").said["words"] if one["w"] == "warehouse")
    await word.click()
    await plays_past(page, began)
    await expect(word).to_have_class("w said")
    assert await position(page) < began + 5
    assert opened.complaints == []


async def test_a_click_on_the_waveform_goes_there_before_anything_is_loaded(
    chromium: Browser, site: SoundSite
) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    box = await page.locator("[data-wave]").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    middle = sample("order").said["duration_s"] / 2
    await expect(page.locator("[data-now]")).to_have_text("0:21")
    await page.keyboard.press("Space")
    await plays_past(page, middle - 1)
    assert opened.complaints == []


async def test_every_key_does_what_the_menu_says(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}?q=order")
    page = opened.page
    await ready(page)
    await page.locator("[data-player]").focus()
    now = page.locator("[data-now]")
    await expect(now).to_have_text("0:06")  # the first word that was searched for
    await page.keyboard.press("Home")
    for key, shown in (("l", "0:10"), ("ArrowRight", "0:15"), ("j", "0:05"), ("ArrowLeft", "0:00")):
        await page.keyboard.press(key)
        await expect(now).to_have_text(shown)
    await page.keyboard.press(".")
    await expect(page.locator(".dialogue .said")).to_have_text("Good")
    await page.keyboard.press(">")
    await expect(page.locator("[data-speed]")).to_have_value("1.25")
    await expect(page.locator(".w.chosen")).to_have_text("ordered")
    await page.keyboard.press("n")
    await expect(page.locator("[data-found]")).to_have_text("2 of 2")
    await expect(page.locator(".w.chosen")).to_have_text("order")
    await page.keyboard.press("p")
    await expect(page.locator("[data-found]")).to_have_text("1 of 2")
    await page.keyboard.press("c")
    await expect(page.locator("[data-comment-text]")).to_be_focused()
    await page.keyboard.type(" kjl ")  # in a field these are letters
    await expect(page.locator("[data-comment-text]")).to_have_value(" kjl ")
    assert await page.evaluate("document.querySelector('[data-sound]').paused")
    assert opened.complaints == []


async def test_words_are_found_without_accents(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    await page.get_by_label("Find in the transcript").fill("TUÉSDAY")
    await expect(page.locator("[data-found]")).to_have_text("1 found")
    marks = await page.evaluate(
        "document.querySelector('.wave > div').shadowRoot.querySelectorAll('[data-mark=hit]').length"
    )
    assert marks == 1
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-now]")).to_have_text("0:07")
    await page.get_by_label("Find in the transcript").fill("nowhere")
    await expect(page.locator("[data-found]")).to_have_text("none")
    assert opened.complaints == []


async def test_a_link_from_the_search_opens_at_its_moment(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "anna", f"/calls/{ANNAS}/listen?q=driver&at=29.9")
    page = opened.page
    await ready(page)
    await expect(page.locator("[data-now]")).to_have_text("0:29")
    await expect(page.locator(".w.hit")).to_have_text("driver")
    assert opened.complaints == []


async def test_a_comment_is_made_at_a_moment_and_leads_back(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "anna", f"/calls/{ANNAS}/listen?at=14")
    page = opened.page
    await ready(page)
    await page.locator("[data-comment-text]").fill("<b>Good</b>: asks for the number")
    await page.get_by_role("button", name="At 0:14").click()
    await expect(page.locator(".comment-text")).to_have_text("<b>Good</b>: asks for the number")
    await page.locator("[data-player]").focus()
    await page.keyboard.press("Home")
    await expect(page.locator("[data-now]")).to_have_text("0:00")
    await page.locator(".comment .moment").click()
    await plays_past(page, 13.9)
    await page.get_by_role("button", name="Remove the comment at 0:14").click()
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.locator(".comment")).to_have_count(0)
    assert opened.complaints == []


async def test_one_side_alone_is_heard(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    await page.get_by_text("Customer", exact=True).and_(page.locator("label")).click()
    await page.get_by_role("button", name="Play", exact=True).click()
    await plays_past(page, 0.5)
    await page.get_by_text("Both", exact=True).click()
    await plays_past(page, 1.0)
    assert opened.complaints == []


async def test_silence_is_skipped(chromium: Browser, site: SoundSite) -> None:
    """The longest silence of the conversation takes no time."""
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    words = sample("order").said["words"]
    before, after = max(itertools.pairwise(words), key=lambda pair: pair[1]["start"] - pair[0]["end"])
    await page.get_by_label("Skip silence").check()
    await page.locator(f".dialogue .w[data-t='{before['start']}']").click()
    await page.wait_for_function(
        "at => document.querySelector('[data-sound]').currentTime > at", arg=before["end"] + 0.4
    )
    jumped = await position(page)
    assert jumped >= after["start"] - 0.6, (before, after)
    assert opened.complaints == []


async def test_managers_hold_and_release(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    await page.locator("[data-more] summary").click()
    await expect(page.get_by_text("Remove …")).to_have_count(0)  # an administrator's
    await page.get_by_text("Put on legal hold …").click()
    await page.get_by_label("Why").fill("Complaint 2026/118")
    await page.get_by_role("button", name="Hold", exact=True).click()
    await expect(page.locator(".transcript .notice")).to_contain_text(
        "by Maria Wiśniewska: Complaint 2026/118"
    )
    await page.locator("[data-more] summary").click()
    await page.get_by_text("Release the legal hold").click()
    await page.get_by_role("button", name="Release", exact=True).click()
    await expect(page.locator(".transcript .notice")).to_have_count(0)
    await expect(page.locator(".uses")).to_contain_text("released the legal hold (Complaint 2026/118)")
    assert opened.complaints == []


async def states(site: SoundSite) -> list[str]:
    """A call in every state its audio may be in; returns the pages."""
    user = site.users["anna"]
    calls = [f"office-17952{number}.9" for number in range(80, 88)]
    for index, call_id in enumerate(calls):
        await add_call(site.database, call_id, NOW - 50_000 - 500 * index, user, customer=f"Person {index}")
    awaited, missing, off, erased, mono, busy, failed, several = calls
    await say_audio(site.database, awaited, AudioState.AWAITED)
    await say_audio(site.database, missing, AudioState.MISSING, NoAudio.NO_FILE_CAME)
    await say_audio(site.database, off, AudioState.OFF, NoAudio.NOT_RECORDED)
    await say_audio(site.database, erased, AudioState.ERASED, NoAudio.RETENTION)
    ids = [f"{number:032x}" for number in range(20, 26)]
    gone = {"removed_at": NOW, "removed_why": "retention", "original_key": None, "mp3_key": None}
    await keep(site.database, site.store, erased, ids[0], transcript=False)
    async with site.database.write() as connection:
        await connection.execute(update(Recording).where(Recording.id == ids[0]).values(gone))
        pause = {"call_id": BARTEKS, "since": NOW - 6190 + 26, "until": NOW - 6190 + 30, "paused_by": "anna"}
        await connection.execute(RecordingPause.__table__.insert().values(pause))  # type: ignore[attr-defined]
        await connection.execute(
            update(CallAudio)
            .where(CallAudio.call_id == BARTEKS)
            .values(state="partly", reason="shorter_than_talk")
        )
    await keep(
        site.database, site.store, mono, ids[1], channels=1, transcript=False, note="Mixed by the PBX."
    )
    await keep(site.database, site.store, busy, ids[2], transcript=False, peaks=False)
    await give_work(site.database, ids[2], JobKind.COPIES, JobState.RUNNING)
    await give_work(site.database, ids[2], JobKind.TRANSCRIBE, JobState.WAITING)
    await keep(site.database, site.store, failed, ids[3], transcript=False)
    await give_work(site.database, ids[3], JobKind.TRANSCRIBE, JobState.FAILED, error="no model for xx")
    await keep(site.database, site.store, several, ids[4], started_at=NOW - 9000)
    await keep(site.database, site.store, several, ids[5], started_at=NOW - 8000, name="payment")
    maria = Asker("maria", site.users["maria"])
    care = Care(site.database, site.bus, lambda: site.now, RecordingSettings())
    await care.hold(maria, ids[5], "Complaint")
    await care.comment(maria, FIRST, 14.0, "Well asked.")
    return [f"/calls/{call_id}" for call_id in (ANNAS, BARTEKS, *calls)]


@in_each_look
async def test_every_state_is_accessible_and_fits(
    chromium: Browser, site: SoundSite, size: dict[str, int], dark: bool
) -> None:
    pages = await states(site)
    opened = await visit(chromium, site, "admin", "/account", size=size, dark=dark)
    for path in [*pages, f"/calls/{ANNAS}?q=order", "/customers/1/erase-recordings"]:
        await opened.page.goto(site.url(path))
        if await opened.page.locator("[data-player]").count():
            await ready(opened.page)
        assert opened.complaints == []
        await assert_accessible(opened.page)
        opened.complaints.clear()  # axe itself writes styles to look into the waveform's shadow tree
        await assert_fits(opened.page)


async def test_what_is_redacted_is_neither_shown_nor_heard(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{BARTEKS}")
    page = opened.page
    await ready(page)
    await expect(page.locator(".redacted")).to_have_text("card number removed")
    marks = await page.evaluate(
        "document.querySelector('.wave > div').shadowRoot.querySelectorAll('[data-mark=redacted]').length"
    )
    assert marks == 1
    assert "four one one" not in (await page.content())
    assert opened.complaints == []


async def test_a_transcript_that_comes_later_appears_without_stopping_the_sound(
    chromium: Browser, site: SoundSite
) -> None:
    async with site.database.write() as connection:
        await connection.execute(
            update(Transcript).where(Transcript.recording_id == FIRST).values(is_current=False)
        )
    await give_work(site.database, FIRST, JobKind.TRANSCRIBE, JobState.RUNNING, progress=0.5)
    opened = await visit(chromium, site, "maria", f"/calls/{ANNAS}")
    page = opened.page
    await ready(page)
    await expect(page.locator(".work")).to_contain_text("50 %")
    await page.get_by_role("button", name="Play", exact=True).click()
    await plays_past(page, 0.2)
    async with site.database.write() as connection:
        await connection.execute(
            update(Transcript).where(Transcript.recording_id == FIRST).values(is_current=True)
        )
        await connection.exec_driver_sql("UPDATE recording_jobs SET state = 'done'")
    await expect(page.locator(".dialogue")).to_be_visible(timeout=15_000)
    await expect(page.locator(".dialogue .said")).to_have_count(1)
    assert not await page.evaluate("document.querySelector('[data-sound]').paused")
    assert opened.complaints == []


async def test_audio_that_is_gone_is_said(chromium: Browser, site: SoundSite) -> None:
    opened = await visit(chromium, site, "maria", f"/calls/{BARTEKS}")
    await ready(opened.page)
    await site.store.remove(f"{SECOND}/original.mp3")
    await opened.page.get_by_role("button", name="Play", exact=True).click()
    await expect(opened.page.locator("[data-error]")).to_contain_text("cannot be played")
