"""Rules P6 and P25: the call log says how many screen pops were shown before the answer and how fast, and its figure
leads to exactly the calls whose pop came late."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from sqlalchemy import insert

from core.db import Database
from server.tables import PopRow
from server.views.call_filter import CallFilter, PopOutcome, When
from server.views.calls import read_calls
from server.views.pop_figures import PopFigures, read_pop_figures
from tests.seed import Site, seed_site
from tests.web import open_site, visit

EVERYTHING = CallFilter(When.ALL)


def pop(site: Site, call: int, shown_ms: float | None, *, visible: bool = True) -> Mapping[str, object]:
    """A pop of the call with that place in the log, over after five seconds."""
    rang_at = 1000.0
    shown_at = None if shown_ms is None else rang_at + shown_ms / 1000
    seen = {"shown_at": shown_at, "visible": None if shown_at is None else visible}
    times = {"rang_at": rang_at, "over_at": rang_at + 5, "answered": True}
    return {"call_id": site.calls[call], "user_id": site.users["anna"].id, **times, **seen}


async def store(database: Database, site: Site) -> None:
    """17 pops in 1 to 17 ms, one in a hidden tab, one after the answer, one never: the last two of one call."""
    rows = [pop(site, number, number) for number in range(1, 18)]
    rows += [pop(site, 18, 80, visible=False), pop(site, 19, 6000), pop(site, 19, None)]
    async with database.write() as connection:
        await connection.execute(insert(PopRow), rows)


async def test_the_figure_is_of_the_pops_of_the_calls_asked_for(database: Database) -> None:
    site = await seed_site(database, calls=40)
    async with database.read() as connection:
        assert await read_pop_figures(connection, EVERYTHING, region="PL") == PopFigures(
            0, 0, None, None, None
        )
    await store(database, site)
    async with database.read() as connection:
        figures = await read_pop_figures(connection, EVERYTHING, region="PL")
        nobody = await read_pop_figures(connection, CallFilter(When.ALL, queue="no such"), region="PL")
        late = await read_calls(connection, CallFilter(When.ALL, pop=PopOutcome.LATE), region="PL")
    assert (figures.pops, figures.shown_before_answer, figures.shown_visible) == (20, 18 / 20, 17 / 20)
    assert figures.p95_ms == pytest.approx(6000, abs=0.01)
    assert nobody.pops == 0
    assert [call.id for call in late.calls] == [site.calls[19]]
    assert figures.late_calls == 1


async def test_p6_managers_see_the_figure_and_its_link_lists_the_late_calls(database: Database) -> None:
    made = await seed_site(database, calls=40)
    await store(database, made)
    async with open_site(database) as site, visit(site) as maria:
        await maria.enter("maria")
        text = await (await maria.get("/calls?when=all&verdict=missed")).text()
        tile = re.search(r'<a class="figure pops" href="([^"]+)".*?</a>', text, re.DOTALL)
        assert tile is not None
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", tile[0]))
        assert "90.0 %" in words
        assert "p95 6000 ms late in 1 call" in words
        late = await (await maria.get(tile[1].replace("&amp;", "&"))).text()
    assert re.findall(r'class="row-link" href="/calls/([^"]+)"', late) == [made.calls[19]]
    assert 'name="pop" value="late"' in late, "other filters keep it"
