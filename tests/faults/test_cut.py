"""Both connections to the PBX are cut at each step of an attempt and come back after a while. The PBX goes on meanwhile
with what it was told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.asterisk.lab import Lab
from tests.faults.conftest import stories
from tests.faults.luck import Luck
from tests.faults.office import office
from tests.faults.steps import Step

pytestmark = pytest.mark.asterisk

SHORT: tuple[Step, ...] = ()


@pytest.mark.parametrize(("step", "seed"), stories(SHORT))
async def test_cut_and_joined_again(lab: Lab, tmp_path: Path, step: Step, seed: int) -> None:
    async with office(lab, tmp_path, Luck.of(seed, step)) as one:
        await one.begin(step)
        await one.reach(step)
        one.cable.pull()
        await one.halting.go_on()
        await asyncio.sleep(one.luck.away)
        one.cable.plug()
        await one.settles()
        await one.check()
    print(f"\ncut: {step}, seed {seed}: {one.told[0]}")


async def test_the_reply_to_an_order_is_lost(lab: Lab, tmp_path: Path) -> None:
    """The PBX has it and we shall never know: what it does tells us, and nothing is sent again."""
    async with office(lab, tmp_path, Luck.of(0, Step.SENT)) as one:
        await one.begin(Step.COMMITTED)
        await one.halting.reached()
        one.cable.mute()
        await one.halting.go_on()
        await one.people.reach(Step.AGENT_RINGS)
        one.cable.pull()
        one.cable.plug()
        await one.settles()
        await one.check()
        assert len(one.people.at_agent) == 1
