"""The PBX is killed at each step of an attempt and starts again: calls are gone without a word, and perhaps its last
markers. A customer whose phone had rung may be rung again, for then a rung of the ladder was used; nobody else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.faults.conftest import stories
from tests.faults.luck import Luck
from tests.faults.office import office
from tests.faults.steps import Step

pytestmark = pytest.mark.asterisk


@pytest.mark.parametrize(("step", "seed"), stories(()))
async def test_killed_and_started_again(own_pbx: Pbx, tmp_path: Path, step: Step, seed: int) -> None:
    async with Lab(own_pbx) as lab, office(lab, tmp_path, Luck.of(seed, step)) as one:
        await one.begin(step)
        await one.reach(step)
        await one.pbx.kill9()
        await one.halting.go_on()
        await one.pbx.start()
        await one.settles()
        await one.check(cut_short=True)
    print(f"\nPBX: {step}, seed {seed}: {one.told[0]}")
