"""The administrator's API keys over real HTTP on both databases: a key opens what it says from the moment it is shown
until it is revoked, is shown once, and nobody but an administrator makes one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from core.api_keys import SCOPES
from core.db import Database
from server.people.keys_page import SCOPE_WORDS
from tests.seed import seed_site
from tests.web import Site, Visitor, open_site, visit

FORM = {"name": "CRM <b>", "scope": ["calls:read", "customers:read"]}


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    await seed_site(database, calls=3)
    async with open_site(database) as site:
        yield site


@pytest.fixture
async def admin(site: Site) -> AsyncIterator[Visitor]:
    async with visit(site) as visitor:
        await visitor.enter("admin")
        yield visitor


async def fresh_key(admin: Visitor) -> str:
    page = await admin.post_on("/admin/keys", FORM)
    again = await (await admin.get(page.url.path)).text()
    assert "was shown once" in again, "a reload makes and shows nothing"
    text = await page.text()
    shown = re.search(r'id="fresh-key">(rb_[^<]+)<', text)
    assert shown is not None, text
    return shown[1]


async def status(site: Site, path: str, key: str) -> int:
    async with visit(site) as program:
        return (await program.get(path, Authorization=f"Bearer {key}")).status


def test_every_scope_is_explained() -> None:
    assert tuple(SCOPE_WORDS) == SCOPES


async def test_a_key_is_shown_once_and_opens_what_it_says_until_it_is_revoked(
    site: Site, admin: Visitor
) -> None:
    key = await fresh_key(admin)
    assert await status(site, "/api/v1/calls", key) == 200
    assert await status(site, "/api/v1/agents", key) == 403
    listed = await (await admin.get("/admin/keys")).text()
    assert key not in listed
    assert listed.count("rb_") == 1
    assert (await admin.get("/admin/keys/999/secret")).status == 404
    assert f"{key[:15]}_…" in listed
    assert "CRM &lt;b&gt;" in listed
    assert "never" not in listed, "its use is written down"
    revoke = re.search(r'action="(/admin/keys/\d+/revoke)"', listed)
    assert revoke is not None
    assert (await admin.post(revoke[1])).status == 303
    assert await status(site, "/api/v1/calls", key) == 401
    assert "Revoked" in await (await admin.get("/admin/keys")).text()
    assert (await admin.post(revoke[1])).status == 404


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"name": "CRM"}, "scopes", "Choose at least one thing"),
        ({"name": "CRM", "scope": "everything"}, "scopes", "Scopes are one or more of"),
        ({"name": " ", "scope": "calls:read"}, "name", ""),
    ],
)
async def test_a_form_that_is_not_enough_says_where(
    admin: Visitor, form: dict[str, str], field: str, words: str
) -> None:
    answer = await admin.post("/admin/keys", form)
    text = await answer.text()
    assert answer.status == 422
    assert f'id="{field}-error"' in text
    assert words in text
    assert "No API keys yet" in await (await admin.get("/admin/keys")).text()


async def test_only_administrators_make_and_see_keys(site: Site) -> None:
    async with visit(site) as maria:
        await maria.enter("maria")
        assert (await maria.get("/admin/keys")).status == 403
        assert (await maria.post("/admin/keys", FORM)).status == 403
        assert "/admin/keys" not in await (await maria.get("/calls")).text()
