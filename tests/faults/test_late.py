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
from tests.faults.office import Office, office
from tests.faults.server import SHORT
from tests.faults.steps import Step

pytestmark = [pytest.mark.asterisk, pytest.mark.full]

EARLY = 0.5
LATE = SHORT.begin + 2.0


async def agents_rang(one: Office) -> list[str]:
    """The attempts for which a phone of ours was rung, as the PBX wrote them down."""
    return [
        row.linkedid for row in one.pbx.cel() if row.event == "CHAN_START" and "PJSIP/101-" in row.channel
    ]


async def test_the_network_delivers_an_order_long_after_another_was_made(
    own_pbx: Pbx, tmp_path: Path
) -> None:
    async with Lab(own_pbx) as lab, office(lab, tmp_path, Luck.of(0, Step.SENT)) as one:
        await one.begin(Step.COMMITTED)
        await one.halting.reached()
        one.cable.hold()
        await one.halting.go_on()
        await one.settles()
        rang = await agents_rang(one)
        one.cable.release()
        await one.pbx.cli("core show uptime")
        await asyncio.sleep(2.0)
        await one.pbx.idle()
        await one.check()
        assert await agents_rang(one) == rang
        assert len(rang) == 1
        first, *_ = await one.results()
        assert first == Result.NOT_PLACED


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
        assert len(await agents_rang(one)) == 1
    print(f"\nhangs {hangs:g} s: {one.told[0]}")
