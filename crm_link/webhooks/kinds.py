"""*Pure.* The closed sets of webhooks: which durable facts are events and what they are called, how an endpoint and a
delivery stand, what came of an attempt. And whose turn is whose: deliveries with the same subject keep their order."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from core import facts
from core.facts import Fact

EVENTS: Mapping[type[Fact], str] = {
    facts.CallEnded: "call.ended",
    facts.CallerLeftByKey: "call.left_by_key",
    facts.WrapUpSaved: "call.wrap_up_saved",
    facts.CallbackRequested: "callback.requested",
    facts.CallbackMoved: "callback.moved",
    facts.CallbackDeclined: "callback.declined",
    facts.CallbackClosed: "callback.closed",
    facts.CallbackReopened: "callback.reopened",
    facts.CustomerChanged: "customer.changed",
    facts.CustomerMerged: "customer.merged",
    facts.CustomerUnmerged: "customer.unmerged",
    facts.CustomerRemoved: "customer.removed",
    facts.RecordingReady: "recording.ready",
    facts.TranscriptReady: "transcript.ready",
}
"""Only durable facts: what is said for screens may be lost with the process, and a webhook must not be."""

EVENT_OF: Mapping[str, str] = {kind.__name__: event for kind, event in EVENTS.items()}
TEST_EVENT = "ringback.test"

SUBJECTS = ("call_id", "callback_id", "customer_id", "recording_id", "attempt_id")
"""Fields of a fact that say whose story it belongs to, the first one that is known wins."""


class EndpointState(StrEnum):
    """`PAUSED` collects what happens and sends it later; `DISABLED` (the receiver said that it is gone) does not."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class Outcome(StrEnum):
    """Of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    GONE = "gone"
    NO_ANSWER = "no_answer"
    FORBIDDEN = "forbidden"


def outcome_of(status: int) -> Outcome:
    """What a receiver's status means. A redirect is never followed, so nothing was delivered."""
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if status == 410:
        return Outcome.GONE
    return Outcome.REDIRECTED if 300 <= status < 400 else Outcome.REFUSED


def subject_of(body: Mapping[str, Any]) -> str:
    """`call_id:main-17…`: whose story a fact belongs to."""
    name = next(name for name in SUBJECTS if body.get(name) is not None)
    return subject(name, body[name])


def subject(name: str, value: object) -> str:
    """The story of one call, callback, customer, recording or attempt: a name of `SUBJECTS` and its id in."""
    return f"{name}:{value}"
