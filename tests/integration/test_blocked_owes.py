"""A missed call of somebody on the block list owes nothing: no callback, no line in the inbox."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from callback.sources import Sources
from callback.tables import Callback
from core.db import Database
from core.facts import CallEnded, CallStarted, Parties
from crm_link.blocked.calls import BlockedCalls
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import BlockList, NewBlock
from pbx_bridge import call_log
from server.views.inbox import read_inbox
from tests.integration.callback_room import MOBILE, Room
from tests.integration.test_callback_sources import MISSED, Phones


async def test_a_blocked_caller_is_owed_no_callback(database: Database) -> None:
    room = Room(database)
    room.clock.now = MISSED.started_at - 60
    blocks = BlockList(database, room.bus, room.clock, "PL")
    phones = Phones(room)
    phones.sources = Sources(room.requests, database, room.bus, room.clock, room.settings, blocks)
    entry = await blocks.add(NewBlock(BlockKind.NUMBER, MOBILE, "rude"), None)
    await phones.ended(MISSED)
    assert await _owed(database) == 0
    await blocks.end(entry.id, None)
    await phones.ended(
        replace(MISSED, call_id="main-7", started_at=room.clock.now, ended_at=room.clock.now + 40)
    )
    assert await _owed(database) == 1


@pytest.mark.parametrize("blocked", [False, True])
async def test_a_blocked_call_is_not_in_the_inbox(database: Database, blocked: bool) -> None:
    room = Room(database)
    room.clock.now = MISSED.started_at - 60
    if blocked:
        blocks = BlockList(database, room.bus, room.clock, "PL")
        await blocks.add(NewBlock(BlockKind.NUMBER, MOBILE, "rude"), None)
    BlockedCalls(database, room.bus).subscribe(room.bus)
    parties = Parties(MISSED.direction, MOBILE, None, MISSED.callee, MOBILE)
    began = CallStarted(MISSED.call_id, MISSED.pbx, MISSED.started_at, parties)
    over = CallEnded(MISSED.call_id, MISSED.ended_at, MISSED)
    async with database.write() as connection:
        await call_log.record(connection, (began, over))
    for fact in (began, over):
        await room.bus.publish(fact)
    assert not room.bus.failures
    async with database.read() as connection:
        page = await read_inbox(connection, MISSED.ended_at + 10)
    assert [one.number for one in page.contacts] == ([] if blocked else [MOBILE])


async def _owed(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(Callback))).scalar_one()
