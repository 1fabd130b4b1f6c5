"""What became of an attempt whose end nobody told. In: its row, as far as we saw it, and the mark that the PBX's
dialplan left. Out: how it ended, with one sentence for a person. Nobody is asked and nothing is written here."""

from __future__ import annotations

from typing import Any

from callback.attempts import Ended
from callback.kinds import Marker, Result


def settled(attempt: Any, marker: Marker | None, now: float) -> Ended:
    """What an attempt was whose end nobody told: `attempt` is its row, `marker` how far the dialplan came.

    Where its call was seen ending without an answer (`over_at`) the marker says whose phone it was; otherwise a trace
    of the customer's phone leaves open whether they talked, and nobody is called a second time for it. A PBX that lost
    its power may have lost its last markers: what we saw ourselves counts as much.
    """
    if marker is Marker.REFUSED:
        return Ended(
            Result.NOT_PLACED, now, "The PBX's dialplan does not allow this number (RINGBACK_ALLOWED)."
        )
    if marker is Marker.DECLINED:
        return Ended(Result.NOT_BRIDGED, now, "The customer pressed 9: they did not ask for this.")
    if marker is Marker.CUSTOMER or attempt.customer_dialled_at is not None:
        if attempt.over_at is not None:
            return Ended(Result.NO_ANSWER, now, "The customer's phone rang and was not answered.")
        return Ended(
            Result.UNKNOWN,
            now,
            "We lost sight of this attempt when the customer was dialled: they may have answered.",
        )
    if attempt.agent_answered_at is not None:
        return Ended(Result.AGENT_DECLINED, now, "The agent answered and did not go on to the customer.")
    if marker is Marker.AGENT or attempt.agent_rang_at is not None:
        return Ended(Result.AGENT_NO_ANSWER, now, "No agent took it; the customer was not dialled.")
    return Ended(Result.NOT_PLACED, now, "The PBX has no trace of this attempt: it was not placed.")
