"""The administrator's prompts in a real Chromium: a file is chosen and heard, another one is refused in a sentence, at
two sizes and in both colour schemes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, expect

from core.accounts import Role
from tests.browser.conftest import DESKTOP, PHONE, Visit, assert_accessible, assert_fits, log_in, open_window
from tests.site import PASSWORD, Site, running, settings_for
from tests.sounds import as_file, sound

pytestmark = pytest.mark.browser


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    settings = settings_for(("127.0.0.1", 1), "secret", tmp_path, sounds=tmp_path / "sounds")
    async with running(settings) as site:
        await site.add_person("ada", role=Role.ADMINISTRATOR)
        yield site


@pytest.fixture
def hello() -> FilePayload:
    return {"name": "hello.mp3", "mimeType": "audio/mpeg", "buffer": as_file(sound(700, 2), "mp3")}


async def administrator(chromium: Browser, site: Site) -> Visit:
    visit = await open_window(chromium)
    await log_in(visit.page, site.url, "ada", PASSWORD)
    await visit.page.goto(f"{site.url}/admin/prompts")
    return visit


async def test_a_prompt_is_uploaded_heard_replaced_and_removed(
    chromium: Browser, site: Site, hello: FilePayload
) -> None:
    visit = await administrator(chromium, site)
    page = visit.page
    greeting = page.locator("#callback-customer")
    await expect(greeting).to_contain_text("One tone")
    await greeting.locator("input[type=file]").set_input_files(hello)
    await expect(greeting).to_contain_text("hello.mp3")
    await expect(greeting).to_contain_text("Ada")
    await greeting.get_by_role("button", name="Play").click()
    await expect(greeting.get_by_role("button", name="Stop")).to_be_visible()
    await expect(greeting.get_by_role("button", name="Play")).to_be_visible()
    await greeting.locator("input[type=file]").set_input_files(
        {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear Sir or Madam"}
    )
    await expect(greeting.get_by_role("alert")).to_contain_text("no sound file that can be read")
    await expect(greeting).to_contain_text("hello.mp3")
    await greeting.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(greeting).to_contain_text("One tone")
    assert [text for text in visit.complaints if "422" not in text] == []


async def test_the_page_is_accessible_and_fits(chromium: Browser, site: Site, hello: FilePayload) -> None:
    visit = await administrator(chromium, site)
    page = visit.page
    await page.get_by_label("Queue").fill("sales")
    await page.get_by_label("Sound file").set_input_files(hello)
    await page.get_by_role("button", name="Add notice").click()
    await expect(page.locator("#notice-sales")).to_contain_text("hello.mp3")
    await page.reload()
    await expect(page.locator("#notice-sales")).to_contain_text("On the PBX since")
    for size in (DESKTOP, PHONE):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.reload()
            await assert_accessible(page)
        await assert_fits(page)
    assert visit.complaints == []
