"""A person is erased between the moment a durable fact about them was read and the moment somebody acts on it: nothing
comes of it, in whichever order the database lets the two through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from callback.sources import HEARD, Sources
from callback.tables import Callback
from core import fact_log
from core.bus import Bus
from core.db import Database
from core.fact_log import APPEND_LOCK, FactConsumer, FactLogRow, LoggedFact
from core.facts import CallerLeftByKey, WrapUpSaved
from crm_link.screen_pop import ScreenPop
from crm_link.tables import Customer
from pbx_bridge.tables import Call, CallWrapUp
from recordings.search.tables import SearchDocument
from server.search.feed import SearchFeed
from tests.integration.callback_room import Room
from tests.integration.test_callback_sources import MISSED, TALK
from tests.locks import until_wait
from tests.recorded import log_call
from tests.seed import NOW
from tests.sound_site import SoundSite, sound_site
from tests.zuzanna import NUMBER, erase, seed, traces

CALL, TALKED = (replace(one, caller=NUMBER, customer_number=NUMBER) for one in (MISSED, TALK))


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path) as running:
        yield running


@pytest.fixture
async def large_site(postgres: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    """On PostgreSQL, where two transactions can meet."""
    async with sound_site(postgres, tmp_path) as running:
        yield running


async def _call(site: SoundSite) -> None:
    """Zuzanna called, nobody took it, nobody matched it; she pressed the key, too."""
    for call in (CALL, TALKED):
        await log_call(site.database, call)
    async with site.database.write() as connection:
        hers = {"customer_number": NUMBER, "caller": NUMBER}
        await connection.execute(update(Call).where(Call.id.in_((CALL.call_id, TALKED.call_id))).values(hers))
        left = CallerLeftByKey(CALL.call_id, "main", NOW, "sales", NUMBER, None, None)
        await fact_log.append(connection, left, subject=CALL.call_id, at=NOW)


async def _read(site: SoundSite, name: str) -> list[LoggedFact]:
    """What a consumer is given now, of these two calls."""
    read: list[LoggedFact] = []

    async def remember(fact: LoggedFact) -> None:
        read.append(fact)

    await FactConsumer(site.database, name, HEARD, remember).deliver_batch()
    return [fact for fact in read if fact.subject in (CALL.call_id, TALKED.call_id)]


def _sources(site: SoundSite) -> Sources:
    room = Room(site.database)
    return Sources(room.requests, site.database, room.bus, room.clock, room.settings)


async def test_no_callback_is_made_for_who_was_erased_since(site: SoundSite) -> None:
    customer_id = await seed(site)
    await _call(site)
    ended, talked, left = await _read(site, "test")
    await erase(site, customer_id)
    async with site.database.read() as connection:
        before = await connection.scalar(select(func.count()).select_from(Callback))
    sources = _sources(site)
    await sources.call_ended(ended)
    await sources.caller_left(left)
    await sources.call_ended(talked)
    async with site.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Callback)) == before
    assert await traces(site.database) == []


async def test_no_customer_is_made_again_from_a_call_of_theirs(site: SoundSite) -> None:
    customer_id = await seed(site)
    await _call(site)
    read = await _read(site, "test")
    await erase(site, customer_id)
    pop = ScreenPop(site.database, Bus())
    for fact in read[:2]:
        await pop.catch_up(fact)
    async with site.database.read() as connection:
        assert await connection.scalar(select(func.count()).where(Customer.id > customer_id)) == 0
    assert await traces(site.database) == []


@pytest.mark.postgres
async def test_an_erasure_waits_for_the_callback_that_is_just_being_made_and_takes_it_too(
    large_site: SoundSite,
) -> None:
    site = large_site
    customer_id = await seed(site)
    await _call(site)
    (ended, *_) = await _read(site, "test")
    form = {"word": "erase"}
    async with site.database.write() as connection:  # nothing that the call's callback could join
        await connection.execute(update(Callback).values(closed_at=NOW, state="closed"))
    async with site.database.write() as holder:
        await holder.execute(select(func.pg_advisory_xact_lock(APPEND_LOCK)))
        heard = asyncio.create_task(_sources(site).call_ended(ended))
        await until_wait(holder, 1)
        asked = asyncio.create_task(
            site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data=form)
        )
        await until_wait(holder, 2)
    await heard
    answer = await asked
    assert (answer.status, "erase them again" in answer.text) == (409, True)
    await erase(site, customer_id)
    # How often a number was promised a call is counted for a day, for whoever has the number.
    assert {one.partition(":")[0] for one in await traces(site.database)} == {"guard_counts"}


@pytest.mark.postgres
async def test_what_an_agent_wrote_is_not_put_into_the_index_after_it_was_erased(
    large_site: SoundSite,
) -> None:
    site = large_site
    await seed(site)
    await _call(site)
    user_id = site.users["anna"].id
    note = {"call_id": CALL.call_id, "user_id": user_id, "note": "likes otters", "opened_at": NOW}
    fact = WrapUpSaved(CALL.call_id, NOW, user_id)
    async with site.database.write() as connection:
        await connection.execute(insert(CallWrapUp).values(note))
        await fact_log.append(connection, fact, subject=CALL.call_id, at=NOW)
        last = await connection.scalar(select(func.max(FactLogRow.id)))
    saved = LoggedFact(
        last or 0, "WrapUpSaved", CALL.call_id, NOW, {"call_id": CALL.call_id, "user_id": user_id}
    )
    async with site.database.write() as eraser:
        await eraser.execute(update(CallWrapUp).where(CallWrapUp.call_id == CALL.call_id).values(note=""))
        fed = asyncio.create_task(SearchFeed(site.database, Bus()).handle(saved))
        await until_wait(eraser, 1)
    await fed
    async with site.database.read() as connection:
        hers = select(func.count()).where(SearchDocument.call_id == CALL.call_id)
        assert await connection.scalar(hers) == 0
