"""What people do, and when, in one story: drawn from its seed, so that a story can be played again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.faults.steps import Step


@dataclass(frozen=True, slots=True)
class Luck:
    """Seconds. `holds`: from the step until the fault; `away`: how long the fault lasts; `presses`: the agent does not
    wait for the end of the announcement."""

    agent_answers: float
    presses: bool
    customer_answers: float
    talks: float
    agent_ends: bool
    holds: float
    away: float

    @classmethod
    def of(cls, seed: int, step: Step) -> Luck:
        dice = random.Random(f"{seed} {step}")
        return cls(
            agent_answers=dice.uniform(0.1, 1.5),
            presses=dice.random() < 0.8,
            customer_answers=dice.uniform(0.1, 1.5),
            talks=dice.uniform(0.3, 2.5),
            agent_ends=dice.random() < 0.3,
            holds=dice.choice((0.0, dice.uniform(0.0, 1.0))),
            away=dice.choice((0.0, dice.uniform(0.0, 3.0), dice.uniform(3.0, 8.0))),
        )
