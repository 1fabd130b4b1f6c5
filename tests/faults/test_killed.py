"""The server is killed (SIGKILL) at each step of an attempt and started again on the same database."""

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

SHORT = (Step.COMMITTED, Step.SENT, Step.CUSTOMER_RINGS)


@pytest.mark.parametrize(("step", "seed"), stories(SHORT))
async def test_killed_and_started_again(lab: Lab, tmp_path: Path, step: Step, seed: int) -> None:
    async with office(lab, tmp_path, Luck.of(seed, step)) as one:
        (server,) = one.servers
        await one.begin(step)
        await one.reach(step)
        await server.kill()
        await asyncio.sleep(one.luck.away)
        await server.start()
        await one.settles()
        await one.check()
    print(f"\n{step}, seed {seed}: {one.told[0]}")
