"""Two servers on one PostgreSQL: the one that reads the PBX is killed at each step of an attempt, the other takes over.
The killed one stays away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callback.kinds import Result
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.databases import Cluster, fresh
from tests.faults.conftest import stories
from tests.faults.luck import Luck
from tests.faults.office import office
from tests.faults.steps import Step
from tests.site import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.postgres]

SHORT: tuple[Step, ...] = (Step.REPLIED,)


@pytest.mark.parametrize(("step", "seed"), stories(SHORT))
async def test_the_other_server_goes_on(
    lab: Lab, tmp_path: Path, postgres_cluster: Cluster, step: Step, seed: int
) -> None:
    with fresh(postgres_cluster) as url:
        async with office(lab, tmp_path, Luck.of(seed, step), url=url, servers=2) as one:
            active, standby = one.servers
            await one.begin(step)
            await one.reach(step)
            await active.kill()
            await eventually(standby.is_ready)
            await one.settles()
            await one.check()
    print(f"\ntwo servers: {step}, seed {seed}: {one.told[0]}")


@pytest.mark.full
async def test_a_server_that_slept_until_another_took_over_places_nothing(
    own_pbx: Pbx, tmp_path: Path, postgres_cluster: Cluster
) -> None:
    """It stands still between the commit and the order, as a machine does whose disk or hypervisor hangs."""
    luck = Luck.of(0, Step.COMMITTED)
    with fresh(postgres_cluster) as url:
        async with (
            Lab(own_pbx) as lab,
            office(lab, tmp_path, luck, url=url, servers=2) as one,
        ):
            _, standby = one.servers
            await one.begin(Step.COMMITTED)
            await one.halting.reached()
            await eventually(standby.is_ready)
            await one.settles()
            rang = one.agent_rang()
            await one.halting.go_on()
            await asyncio.sleep(3.0)
            await one.pbx.idle()
            await one.check()
            assert one.agent_rang() == rang
            assert await one.results() == [Result.NOT_PLACED, Result.REACHED]
            assert len(one.orders_executed()) == 2
