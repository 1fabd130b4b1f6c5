"""The server's clock is put right while it runs, by an hour in either direction: the lease stays ours, and calls are
timed by the PBX's clock."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core import tasks
from core.clock import system_clock
from pbx_bridge.lease import LEASE_S
from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from pbx_bridge.tables import BlindWindow, Call, PbxHeartbeat
from tests.site import Site, eventually, running, settings_for

HOUR = 3600.0


class LooseClock:
    """Real time, with a hand to turn it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return system_clock() + self.ahead


def beside(pbx: Simulator, folder: Path, clock: LooseClock) -> AbstractAsyncContextManager[Site]:
    return running(settings_for((pbx.host, pbx.port), EVENTS_USER.secret, folder), clock)


async def leased_until(site: Site) -> float:
    async with site.database.read() as connection:
        until: float = (await connection.execute(select(PbxHeartbeat.leased_until))).scalar_one()
        return until


async def calls(site: Site) -> list[Any]:
    async with site.database.read() as connection:
        return list(await connection.execute(select(Call.result, Call.started_at, Call.ended_at)))


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_a_clock_that_jumps_costs_neither_lease_nor_call(tmp_path: Path, jump: float) -> None:
    clock, restarts = LooseClock(), tasks.RESTARTS["bridge main"]
    async with Simulator() as pbx, beside(pbx, tmp_path, clock) as site:
        await site.sees_the_pbx()
        call = pbx.rings_phone(Party("+48221110101", "Jan Testowy"), "101")
        call.answers("101")
        await eventually(lambda: calls(site), lambda rows: len(rows) == 1)
        clock.ahead = jump
        # Renewed by the clock as it is now: others would see it run out soon, and not in an hour.
        await eventually(lambda: leased_until(site), lambda until: -LEASE_S < until - clock() <= LEASE_S)
        call.caller_hangs_up()
        found = await eventually(lambda: calls(site), lambda rows: rows[0].result is not None)
        async with site.database.read() as connection:
            assert (await connection.execute(select(BlindWindow.reason))).all() == []
    assert found[0].result == "answered"
    assert 0 < found[0].ended_at - found[0].started_at < HOUR / 2
    assert tasks.RESTARTS["bridge main"] == restarts
