"""The administrator's webhooks in a real Chromium: one is made, tested, rotated and paused, a delivery is read and sent
again, at two sizes and in both colour schemes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from core.db import Database
from server.schema import prepare
from tests.browser.conftest import log_in, look, open_window
from tests.receiver import Got, Receiver, Sending, receiver, sending
from tests.seed import seed_people

pytestmark = pytest.mark.browser


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Sending]:
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    await prepare(database)
    await seed_people(database)
    async with sending(database) as one:
        yield one
    await database.close()


@pytest.fixture
async def crm() -> AsyncIterator[Receiver]:
    """Does not like transcripts."""

    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        if got.event != "transcript.ready":
            return None
        return web.json_response({"error": "no customer has the number +48221234567"}, status=422)

    async with receiver(script) as one:
        yield one


async def test_a_webhook_from_its_form_to_a_delivery_sent_again(
    chromium: Browser, site: Sending, crm: Receiver
) -> None:
    visit = await open_window(chromium)
    page, base = visit.page, str(site.server.make_url("/")).rstrip("/")
    await log_in(page, f"{base}/admin/webhooks", "admin")
    await page.goto(f"{base}/admin/webhooks")
    await page.get_by_role("link", name="New webhook").first.click()
    await page.get_by_label("Name").fill("CRM")
    await page.get_by_label("Address").fill(crm.url)
    for event in ("call.ended", "transcript.ready"):
        await page.get_by_label(event).check()
    await look(page, "form")
    await page.get_by_role("button", name="Make webhook").click()
    await expect(page.locator("#fresh-secret")).to_contain_text("whsec_")
    await page.get_by_role("link", name="Go on").click()
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator("#test")).to_contain_text("Delivered · 204")
    await expect(page.locator("#test")).to_contain_text("ringback.test")
    await look(page, "test")
    await site.end_call("main-1795300000.12", "main-1795300000.44")
    await site.transcribe("main-1795300000.12")
    await site.stand("delivered", "delivered", "waiting")
    await page.goto(f"{base}/admin/webhooks")
    await look(page, "index")
    await page.get_by_role("link", name="CRM").click()
    await look(page, "deliveries")
    await page.get_by_role("link", name="transcript.ready").click()
    await expect(page.get_by_label("Answer").first).to_contain_text("+4822*****67")
    await look(page, "delivery")
    await page.goto(f"{base}/admin/webhooks/1?state=delivered")
    await page.get_by_role("link", name="call.ended").first.click()
    count = len(crm.got)
    await page.get_by_role("button", name="Send again").click()
    await expect(page.locator(".attempt")).to_have_count(2)
    assert len(crm.got) == count + 1
    await page.goto(f"{base}/admin/webhooks/1")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Paused")).to_be_visible()
    await page.get_by_role("button", name="New secret").click()
    await page.get_by_role("dialog").get_by_role("button", name="New secret").click()
    await expect(page.get_by_text("carry the signature of the secret before too")).to_be_visible()
    await expect(page.locator("#fresh-secret")).to_contain_text("whsec_")
    await page.reload()
    await expect(page.get_by_text("was shown once")).to_be_visible()
    assert visit.complaints == []
