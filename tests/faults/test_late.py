"""An order is held up on its way and reaches the PBX after we have given it up. It comes to nothing: the attempt that
took its place is the only one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callback.kinds import Result
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.faults.luck import Luck
from tests.faults.office import office
from tests.faults.server import SHORT
from tests.faults.steps import Step

pytestmark = [pytest.mark.asterisk, pytest.mark.full]

EARLY = 0.5
LATE = SHORT.begin + 2.0


async def test_the_network_delivers_an_order_long_after_another_was_made(
    own_pbx: Pbx, tmp_path: Path
) -> None:
    async with Lab(own_pbx) as lab, office(lab, tmp_path, Luck.of(0, Step.SENT)) as one:
        await one.begin(Step.COMMITTED)
        await one.halting.reached()
        one.cable.hold()
        await one.halting.go_on()
        await one.settles()
        rang = one.agent_rang()
        one.cable.release()
        await asyncio.sleep(2.0)
        await one.pbx.idle()
        await one.check()
        assert one.agent_rang() == rang
        assert await one.results() == [Result.NOT_PLACED, Result.REACHED]
        assert len(one.orders_executed()) == 2


@pytest.mark.parametrize("hangs", [EARLY, LATE, 12.0, 25.0])
async def test_the_pbx_hangs_with_the_order_and_wakes_up(own_pbx: Pbx, tmp_path: Path, hangs: float) -> None:
    async with Lab(own_pbx) as lab, office(lab, tmp_path, Luck.of(0, Step.SENT)) as one:
        await one.begin(Step.COMMITTED)
        await one.halting.reached()
        one.pbx.freeze()
        await one.halting.go_on()
        await asyncio.sleep(hangs)
        one.pbx.thaw()
        await one.settles()
        await one.check()
        assert len(one.agent_rang()) == 1
        assert len(one.orders_executed()) == len(await one.results())
    print(f"\nhangs {hangs:g} s: {one.told[0]}")
