"""What callers and dialplans invent, in a real Chromium: it runs nothing and pushes nothing off the screen."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser
from sqlalchemy import delete, insert, update

from core.db import Database
from crm_link.tables import CallCustomer
from pbx_bridge.tables import Call, CallMoment
from tests.browser.conftest import DESKTOP, PHONE, PagesSite, assert_fits, enter, open_window
from tests.seed import seed_site

TEXTS = (
    "<img src=x onerror=\"document.title='run'\">",
    "\"><script>document.title='run'</script>",
    "x' hx-get='/logout' hx-trigger='load' onmouseover='document.title=1",
    "{{7*7}}${7*7}",
    "\u202eevil\u2066",
    "W" * 300,
    "0" * 2000,
)


async def rename(database: Database, call_ids: list[str], text: str) -> None:
    """Every text of these calls becomes `text`."""
    fields = ("caller", "caller_name", "callee", "queue", "why")
    async with database.write() as connection:
        mine = Call.id.in_(call_ids)
        await connection.execute(
            update(Call).where(mine).values({"direction": "inbound"} | dict.fromkeys(fields, text))
        )
        await connection.execute(update(Call).where(mine).values(customer_number=None))
        await connection.execute(delete(CallCustomer).where(CallCustomer.call_id.in_(call_ids)))
        await connection.execute(
            insert(CallMoment),
            [
                {"call_id": one, "at": 1.0, "kind": "queued", "extension": text, "detail": text}
                for one in call_ids
            ],
        )


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_hostile_text_stays_text_in_its_place(
    chromium: Browser, pages_site: PagesSite, size: dict[str, int]
) -> None:
    site = await seed_site(pages_site.database, calls=30)
    for place, text in enumerate(TEXTS):
        await rename(pages_site.database, [site.calls[place]], text)
    visit = await open_window(chromium, size=size)
    await enter(visit, pages_site, "admin")
    for path in ("/calls?when=all", *(f"/calls/{one}" for one in site.calls[: len(TEXTS)])):
        await visit.page.goto(pages_site.url(path))
        assert await visit.page.title() != "run"
        await assert_fits(visit.page)
    assert visit.complaints == []
