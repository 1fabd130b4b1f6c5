"""Merge and undo leave every report as it was: the call log and its export, callbacks with their figures, timelines,
the list of customers and the search, asked over HTTP before and after."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from core.bus import Bus
from core.db import Database
from core.fact_log import append
from core.facts import CustomerChanged, WrapUpSaved
from crm_link.annotations import Annotations
from crm_link.merging.merge import Merges, Wanted
from pbx_bridge.tables import CallWrapUp
from server.search.feed import SearchFeed
from tests.merging import picture
from tests.seed import NOW, seed_site
from tests.seed import Site as Seeded
from tests.web import Site, Visitor, open_site, visit

REPORTS = (
    "/calls?when=all",
    "/calls.csv?when=all",
    "/calls?when=30d&verdict=missed",
    "/callbacks",
    "/customers",
    "/customers?q=zaj",
    "/search?q=order",
    "/search?q=malin",
    "/search?q=placed&direction=inbound",
)


@pytest.fixture
async def seeded(database: Database) -> Seeded:
    return await seed_site(database, calls=40)


@pytest.fixture
async def site(database: Database, seeded: Seeded) -> AsyncIterator[Site]:
    async with open_site(database) as site:
        yield site


async def test_merge_and_undo_leave_every_report_as_it_was(
    database: Database, seeded: Seeded, site: Site
) -> None:
    feed = SearchFeed(database, Bus())
    one, other = seeded.customers[0], seeded.customers[2]
    notes = Annotations(database, Bus(), lambda: NOW)
    for customer_id in (one, other):
        await notes.add_note(customer_id, "wants to order early", None)
        await notes.add_tag(customer_id, "vip", None)
    await _index_everything(database, feed, seeded)
    async with visit(site) as maria:
        await maria.enter("maria")
        before = await _reports(maria, seeded), await _rows(database)
        merges = Merges(database, Bus(), lambda: NOW)
        merge = await merges.merge(Wanted(one, other, keep=one), None)
        await _deliver(feed)
        assert await _reports(maria, seeded) != before[0]
        await merges.undo(merge.id, None)
        await _deliver(feed)
        after = await _reports(maria, seeded), await _rows(database)
    for path, text in before[0].items():
        assert after[0][path] == text, path
    assert after[1] == before[1]
    assert merge.calls > 0


async def _index_everything(database: Database, feed: SearchFeed, seeded: Seeded) -> None:
    async with database.write() as connection:
        wrap_ups = (await connection.execute(select(CallWrapUp.call_id, CallWrapUp.user_id))).all()
        for customer_id in seeded.customers:
            await append(connection, CustomerChanged(customer_id, NOW), subject="customer", at=NOW)
        for row in wrap_ups:
            saved = WrapUpSaved(row.call_id, NOW, row.user_id)
            await append(connection, saved, subject=row.call_id, at=NOW)
    await _deliver(feed)


async def _rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """The seed's words of names are simpler than ours."""
    return {table: rows for table, rows in (await picture(database)).items() if table != "customer_words"}


async def _deliver(feed: SearchFeed) -> None:
    while await feed.consumer.deliver_batch():
        pass


async def _reports(maria: Visitor, seeded: Seeded) -> dict[str, str]:
    found = {path: await (await maria.get(path)).text() for path in REPORTS}
    for customer_id in seeded.customers[:4]:
        found[f"timeline {customer_id}"] = repr(await _timeline(maria, customer_id))
    return {path: re.sub(r"[0-9a-f]{32}|nonce-\S+", "", text) for path, text in found.items()}


async def _timeline(maria: Visitor, customer_id: int) -> list[Any]:
    """What happened with them, less what tells of the merge itself."""
    answer = await (await maria.get(f"/api/v1/customers/{customer_id}/timeline?limit=100")).json()
    return [entry for entry in answer["entries"] if entry["kind"] != "merge"]
