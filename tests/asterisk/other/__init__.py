"""Stories of other shops, whose dialplans know nothing of us: importing this package fills ``OTHER_STORIES``."""

from __future__ import annotations

from tests.asterisk.other import (
    depot,
    practice_after,
    practice_in,
    practice_moves,
    practice_odd,
    practice_out,
    workshop_in,
    workshop_many,
    workshop_more,
    workshop_moves,
)
from tests.asterisk.other.shop import OTHER_STORIES

__all__ = [
    "OTHER_STORIES",
    "depot",
    "practice_after",
    "practice_in",
    "practice_moves",
    "practice_odd",
    "practice_out",
    "workshop_in",
    "workshop_many",
    "workshop_more",
    "workshop_moves",
]
