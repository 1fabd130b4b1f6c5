"""A call's story in its order, from the first leg to what an agent said of it, and the words it is told with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.facts.fact import Fact


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"
    CALLBACK = "callback"


class Verdict(StrEnum):
    """How a call ended, one per call, mutually exclusive; `docs/verdicts.md` has every case."""

    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    ABANDONED = "abandoned"
    MISSED = "missed"
    BUSY = "busy"
    FAILED = "failed"


class EndedBy(StrEnum):
    CALLER = "caller"
    AGENT = "agent"
    PBX = "pbx"
    UNKNOWN = "unknown"


class TransferKind(StrEnum):
    BLIND = "blind"
    ATTENDED = "attended"


class StopReason(StrEnum):
    """Why a phone stopped ringing without its owner talking."""

    ANSWERED_ELSEWHERE = "answered_elsewhere"
    CALLER_GONE = "caller_gone"
    REFUSED = "refused"
    BUSY = "busy"
    TIMEOUT = "timeout"
    FORWARDED = "forwarded"
    PBX = "pbx"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who talks to whom, as far as known at this moment.

    `caller` and `callee` follow the definitions of `docs/verdicts.md`: for inbound calls the customer in E.164
    (None when withheld) and the number as dialled; for outbound and callback our extension and the number as
    dialled; for internal two extensions. `customer_number` is the outside party in E.164, or None.
    """

    direction: Direction
    caller: str | None
    caller_name: str | None
    callee: str | None
    customer_number: str | None = None


@dataclass(frozen=True, slots=True)
class Phone:
    """One of our phones, or an outside mobile that takes calls for us.

    `device` is the channel without its suffix (`PJSIP/101`); `extension` is what people call it (`101`, or the
    number of an outside mobile).
    """

    device: str
    extension: str


@dataclass(frozen=True, slots=True)
class Transfer:
    kind: TransferKind
    from_extension: str
    to: str
    at: float


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A finished call as the log keeps it: the fields that `ringback replay` prints, in that order.

    `wait_s` and `talk_s` are seconds. `why` is one sentence for a person that explains the verdict.
    """

    call_id: str
    pbx: str
    linkedids: tuple[str, ...]
    direction: Direction
    caller: str | None
    caller_name: str | None
    callee: str | None
    customer_number: str | None
    queue: str | None
    result: Verdict
    started_at: float
    answered_at: float | None
    ended_at: float
    wait_s: float
    talk_s: float
    rang: tuple[str, ...]
    talked: tuple[str, ...]
    transfers: tuple[Transfer, ...]
    ended_by: EndedBy
    why: str


@dataclass(frozen=True, slots=True)
class CallStarted(Fact):
    call_id: str
    pbx: str
    at: float
    parties: Parties


@dataclass(frozen=True, slots=True)
class CallDescribed(Fact):
    """We know better who is talking to whom (the direction showed itself with the second leg, for instance)."""

    call_id: str
    at: float
    parties: Parties


@dataclass(frozen=True, slots=True)
class CallQueued(Fact):
    call_id: str
    at: float
    queue: str


@dataclass(frozen=True, slots=True)
class NoticePlayed(Fact):
    """The outside party was played a prompt that tells them of the recording: `prompt` is `notice-<queue>`, or
    `callback-customer`, whose words are the site's own. `whole`: to its end, not cut short by a key or a fault."""

    call_id: str
    at: float
    prompt: str
    whole: bool


@dataclass(frozen=True, slots=True)
class CallDequeued(Fact):
    """The call no longer waits in `queue`: an agent took it, the caller left, or time ran out."""

    call_id: str
    at: float
    queue: str


@dataclass(frozen=True, slots=True)
class PhoneRinging(Fact):
    call_id: str
    at: float
    phone: Phone


@dataclass(frozen=True, slots=True)
class PhoneStopped(Fact):
    """The phone rings no more and its owner did not take the call."""

    call_id: str
    at: float
    phone: Phone
    reason: StopReason


@dataclass(frozen=True, slots=True)
class CallAnswered(Fact):
    """A human of ours is connected (said once per person and connection: after a transfer it is said again).

    For outbound calls: the extension that called out, at the moment the outside party answered.
    """

    call_id: str
    at: float
    phone: Phone


@dataclass(frozen=True, slots=True)
class CustomerDialled(Fact):
    """In a callback: the customer's leg begins. Until now only our own people were disturbed (P17)."""

    call_id: str
    at: float


@dataclass(frozen=True, slots=True)
class AgentLeft(Fact):
    """A human of ours who was connected is no longer part of the call, which may go on without them."""

    call_id: str
    at: float
    phone: Phone


@dataclass(frozen=True, slots=True)
class CallHeld(Fact):
    call_id: str
    at: float
    phone: Phone


@dataclass(frozen=True, slots=True)
class CallResumed(Fact):
    call_id: str
    at: float
    phone: Phone


@dataclass(frozen=True, slots=True)
class CallTransferred(Fact):
    call_id: str
    at: float
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class CallsJoined(Fact):
    """Two calls turned out to be one conversation (a consultation and the call it is about).

    From now on all is said of `call_id`; `absorbed_id` gets no `CallEnded` and no row of its own.
    """

    call_id: str
    absorbed_id: str
    at: float


@dataclass(frozen=True, slots=True)
class CallEnded(Fact):
    """*Durable.* The last leg is gone; `record` is final."""

    call_id: str
    at: float
    record: CallRecord


@dataclass(frozen=True, slots=True)
class WrapUpSaved(Fact):
    """*Durable.* An agent said how a call of theirs went; not said of what they are still writing."""

    call_id: str
    at: float
    user_id: int
