"""Brings together blocks of numbers and the block list: who edits them, reachable by key from every page, and the part
that marks calls, which runs as long as the application."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from core.bus import Aside, Bus
from core.db import Database
from core.fact_log import FactConsumer
from core.facts import CallEnded
from core.ports import OpenPromises
from core.tasks import running
from crm_link.blocked.calls import BlockedCalls
from crm_link.blocked.list import BlockList
from crm_link.blocks.edit import Blocks
from server.web.keys import BUS, CLOCK, CONSUMERS, DATABASE, SETTINGS

BLOCKS = web.AppKey("blocks", Blocks)
BLOCK_LIST = web.AppKey("block_list", BlockList)


def put_block_lists(app: web.Application, promises: OpenPromises) -> None:
    """For the pages and the API: both edit the database whether or not a PBX is read."""
    database, bus, clock, region = app[DATABASE], app[BUS], app[CLOCK], app[SETTINGS].site.region
    app[BLOCKS] = Blocks(database, bus, clock, region, promises)
    app[BLOCK_LIST] = BlockList(database, bus, clock, region)


def add_blocked_calls(app: web.Application, database: Database, bus: Bus) -> None:
    """Mark calls from callers on the list, after the desks, which hear of a call first."""
    calls = BlockedCalls(database, bus)
    aside = Aside(bus)
    calls.subscribe(aside)
    # A call that was never seen ringing (we were blind, or died) still gets its mark.
    catch_up = FactConsumer(database, "blocked_calls", (CallEnded,), calls.catch_up)

    async def part(_app: web.Application) -> AsyncIterator[None]:
        app[CONSUMERS].append(catch_up)
        async with (
            running("block list of calls", aside.run),
            running("block list of ended calls", catch_up.run),
        ):
            yield

    app.cleanup_ctx.append(part)
