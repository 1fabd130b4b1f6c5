"""Pure. When the screen pops of the demo's past reached a screen: facts of calls in, rows of `pops` out, as if
everybody had sat at an open desk. Browsers took their time as they do: mostly a few hundredths of a second, rarely too
long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from core.facts import CallAnswered, Fact, PhoneRinging, PhoneStopped

QUICK_S = (0.018, 0.09)
SLOW_S = (0.2, 0.9)
SLOW_SHARE = 0.04
NEVER_SHARE = 0.02
"""A page that was asleep, or a network that was away."""

IN_FRONT_SHARE = 0.7


def past_pops(facts: Iterable[Fact], users: Mapping[str, int], dice: Random) -> list[dict[str, object]]:
    """One row for each time a phone of somebody in `users` (ids by extension) rang."""
    ringing: dict[tuple[str, str], float] = {}
    rows: list[dict[str, object]] = []
    for fact in facts:
        if not isinstance(fact, PhoneRinging | PhoneStopped | CallAnswered):
            continue
        key = (fact.call_id, fact.phone.extension)
        if isinstance(fact, PhoneRinging):
            if fact.phone.extension in users:
                ringing.setdefault(key, fact.at)
        elif (rang_at := ringing.pop(key, None)) is not None:
            is_shown = dice.random() > NEVER_SHARE
            delay = dice.uniform(*(SLOW_S if dice.random() < SLOW_SHARE else QUICK_S))
            rows.append(
                {
                    "call_id": fact.call_id,
                    "user_id": users[fact.phone.extension],
                    "rang_at": rang_at,
                    "shown_at": rang_at + delay if is_shown else None,
                    "visible": dice.random() < IN_FRONT_SHARE if is_shown else None,
                    "over_at": fact.at,
                    "answered": isinstance(fact, CallAnswered),
                }
            )
    return rows
