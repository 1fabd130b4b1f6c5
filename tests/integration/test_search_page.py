"""The search's page and its API over real sockets: who sees what, where hits lead, and that nothing in them runs."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db import Database
from tests.said import announce_everything, calls_began, index, say
from tests.seed import Site as Seeded
from tests.seed import seed_site
from tests.web import Visitor, open_site, visit

HOSTILE = 'before <script>alert("said")</script> & after the refund'


@pytest.fixture
def database_url(tmp_path: Path, sqlite_template: Path) -> str:
    """Pages ask `views/search.py`, which is tested on both databases."""
    shutil.copy(sqlite_template, tmp_path / "ringback.db")
    return f"sqlite:///{tmp_path / 'ringback.db'}"


@pytest.fixture
async def seeded(database: Database) -> Seeded:
    site = await seed_site(database, calls=40)
    for number, (call_id, began) in enumerate((await calls_began(database)).items()):
        await say(database, call_id, HOSTILE if number == 1 else "hello there, about the refund", at=began)
    await announce_everything(database)
    await index(database)
    return site


@pytest.fixture
async def visitor(database: Database, seeded: Seeded) -> AsyncIterator[Visitor]:
    async with open_site(database) as site, visit(site) as visitor:
        yield visitor


async def page(visitor: Visitor, path: str, **headers: str) -> str:
    response = await visitor.get(path, **headers)
    assert response.status == 200, await response.text()
    return await response.text()


async def test_the_page_without_a_question(visitor: Visitor) -> None:
    await visitor.enter("maria")
    text = await page(visitor, "/search")
    assert "Find a conversation" in text
    assert "search-hit" not in text
    assert "Type a word or a number" in await page(visitor, "/search?q=%22%22")
    assert "Nothing found for “&lt;b&gt;xyzzy”" in await page(visitor, "/search?q=%3Cb%3Exyzzy")


async def test_hits_lead_to_their_calls_with_the_question(visitor: Visitor, seeded: Seeded) -> None:
    await visitor.enter("maria")
    text = await page(visitor, "/search?q=about+refund")
    links = re.findall(r'search-title search-name" href="([^"]+)"', text)
    assert len(links) == 20
    assert links[0] == f"/calls/{seeded.calls[0]}?q=about+refund"
    assert "<mark>refund</mark>" in text


async def test_the_rows_that_follow(visitor: Visitor) -> None:
    await visitor.enter("maria")
    seen: list[str] = []
    path: str | None = "/search?q=refund"
    while path is not None:
        text = await page(visitor, path, HX_Request="true")
        seen += re.findall(r'datetime="([^"]+)"', text)
        more = re.search(r'hx-get="(/search\?[^"]+)"', text)
        path = html.unescape(more[1]) if more else None
    assert len(seen) == 40
    assert seen == sorted(seen, reverse=True)


async def test_nothing_that_was_said_runs(visitor: Visitor) -> None:
    await visitor.enter("maria")
    text = await page(visitor, "/search?q=alert+refund")
    assert "<script>alert" not in text
    assert (
        "&lt;script&gt;<mark>alert</mark>(&#34;said&#34;)&lt;/script&gt; &amp; after the <mark>refund</mark>"
        in text
    )


async def test_an_agent_sees_their_own_calls_and_hears_them(visitor: Visitor, seeded: Seeded) -> None:
    await visitor.enter("anna")
    text = await page(visitor, "/search?q=refund")
    own = re.findall(r'search-title search-name" href="([^"]+)"', text)
    assert 0 < len(own) < 20
    assert all(re.fullmatch(r"/calls/[^/]+/listen\?q=refund", link) for link in own)


async def test_a_name_leads_to_its_customer_too(visitor: Visitor, seeded: Seeded) -> None:
    await visitor.enter("anna")
    text = await page(visitor, "/search?q=malinowski")
    assert f'class="chip" href="/customers/{seeded.customers[0]}"' in text


async def test_what_cannot_be_asked_is_said(visitor: Visitor) -> None:
    await visitor.enter("maria")
    for wrong in ("kind=poem", "when=never", "agent=x", "after=zz", "after=-1", "after=" + "f" * 17):
        assert (await visitor.get(f"/search?q=refund&{wrong}")).status == 422, wrong


async def test_filters_and_odd_questions_never_break_the_page(visitor: Visitor) -> None:
    await visitor.enter("maria")
    for query in (
        "q=%00", "q=%22&kind=note", "q=refund&number=%2B48", "q=refund&queue=%27%3A*", "q=refund&from=2026-11-20",
        "q=refund&direction=inbound&verdict=answered&agent=2&queue=sales&when=7d", "q=a*+b*+%22c+d*%22", "q=%D9%85*",
        "q=" + "%F0%9F%98%80", "q=" + "x" * 4000,
    ):  # fmt: skip
        await page(visitor, f"/search?{query}")


async def test_nobody_searches_without_logging_in(visitor: Visitor) -> None:
    assert (await visitor.get("/search?q=refund")).status in {302, 303, 401}


async def test_programs_search_too(visitor: Visitor, seeded: Seeded) -> None:
    await visitor.enter("maria")
    response = await visitor.get("/api/v1/search?q=refund&limit=2", Accept="application/json")
    body = await response.json()
    assert response.status == 200, body
    assert [one["call_id"] for one in body["found"]] == seeded.calls[:2]
    first = body["found"][0]
    assert first["kind"] == "transcript"
    assert {"text": "refund", "is_hit": True} in first["snippet"]
    response = await visitor.get(f"/api/v1/search?q=refund&limit=2&after={body['next']}")
    assert [one["call_id"] for one in (await response.json())["found"]] == seeded.calls[2:4]
    for wrong in ("", "q=", "q=%22", "q=refund&kind=x", "q=refund&after=zz", "q=refund&result=none"):
        assert (await visitor.get(f"/api/v1/search?{wrong}")).status == 422
