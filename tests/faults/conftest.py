"""Which stories are played: a few with `make test`, all of them with many seeds with `make faults`, which sets how many
(RINGBACK_FAULT_SEEDS) and how long each file may take (RINGBACK_FAULT_MINUTES)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

import pytest

from tests.asterisk.conftest import lab, own_pbx, pbx
from tests.databases import database_url, postgres_cluster, sqlite_template
from tests.faults.steps import Step

__all__ = ["begun", "database_url", "in_time", "lab", "own_pbx", "pbx", "postgres_cluster", "sqlite_template"]

SEEDS = int(os.environ.get("RINGBACK_FAULT_SEEDS", "1"))
MINUTES = float(os.environ.get("RINGBACK_FAULT_MINUTES", "10"))


def stories(short: Iterable[Step]) -> list[object]:
    """Step and seed; all steps with one seed before the next. Those not in `short` are for `make faults`."""
    return [
        pytest.param(step, seed, marks=() if step in short and seed == 0 else pytest.mark.full)
        for seed in range(SEEDS)
        for step in Step
    ]


@pytest.fixture(scope="module")
def begun() -> float:
    return time.monotonic()


@pytest.fixture(autouse=True)
def in_time(request: pytest.FixtureRequest, begun: float) -> None:
    """Another seed that does not fit into the time is not begun. Stories that are told once always are."""
    if "seed" in request.fixturenames and time.monotonic() - begun > MINUTES * 60:
        pytest.skip(f"{MINUTES:g} minutes are over (RINGBACK_FAULT_MINUTES)")
