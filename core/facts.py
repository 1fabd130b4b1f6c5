"""Every fact that crosses a room boundary, in the order of a call's story. Facts are frozen, carry no dict, and
say what happened, never what to do about it. `at` is always an instant (`core/clock.py`) of the PBX's clock where
the PBX gave one. `call_id` is our own id of the conversation and survives transfers, parking and pick-up.

Facts marked *durable* create a duty for somebody: the room that owns the row writes them to `fact_log` in the
same transaction (`core/fact_log.py`). All others are for screens and may be lost with the process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


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


class Fact:
    """Base of all facts."""

    __slots__ = ()


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


# --- the link to the PBX ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PbxConnected(Fact):
    """We read this PBX's events again (or for the first time) and have compared states with it."""

    pbx: str
    at: float


@dataclass(frozen=True, slots=True)
class PbxLost(Fact):
    """From `at` on we are blind on this PBX. `reason` is one sentence."""

    pbx: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class BlindWindowClosed(Fact):
    """*Durable.* Between `since` and `until` we could not see the PBX; what the comparison afterwards gave back."""

    pbx: str
    since: float
    until: float
    reason: str
    calls_kept: int
    calls_ended_unseen: int
    calls_found: int


# --- a call's story -----------------------------------------------------------------------------------------


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


# --- phones, agents and queues ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceChanged(Fact):
    """The PBX's view of a phone: `state` is Asterisk's word (`NOT_INUSE`, `INUSE`, `RINGING`, `UNAVAILABLE` …)."""

    pbx: str
    at: float
    device: str
    state: str


@dataclass(frozen=True, slots=True)
class QueueMemberChanged(Fact):
    """Membership of one queue. `device` is the member's interface or its state interface where that names a phone."""

    pbx: str
    at: float
    queue: str
    device: str
    member: bool
    paused: bool
    pause_reason: str | None


@dataclass(frozen=True, slots=True)
class AgentStateChanged(Fact):
    """What an agent says of themselves at the desk."""

    user_id: int
    at: float
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class SessionsEnded(Fact):
    """Somebody was logged out, disabled or given a new password: their live connections are to be closed.

    `token_hash` names the one session that ended; None means all of this person's sessions.
    """

    user_id: int
    at: float
    token_hash: str | None


@dataclass(frozen=True, slots=True)
class PeopleChanged(Fact):
    """Somebody came, went, or got other phones: who has which phone is to be read anew."""

    at: float


# --- callbacks ----------------------------------------------------------------------------------------------

ATTEMPT_PREFIX = "cb-"
"""The channel id of an attempt is this and the attempt's id; Asterisk makes it the linkedid of the whole call."""

_ATTEMPT = re.compile(rf"-{ATTEMPT_PREFIX}([0-9a-f]{{20}})(?![0-9a-f])")


def attempt_of(call_id: str) -> str | None:
    """The attempt that began this call, by the call's id; None for every other call."""
    found = _ATTEMPT.search(call_id)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class CallerLeftByKey(Fact):
    """*Durable.* A waiting caller pressed the key for "call me back". `position` is the place in the queue, from 1, at
    that moment, `since` when they joined the queue; None where the dialplan did not say."""

    call_id: str
    pbx: str
    at: float
    queue: str
    number: str | None
    position: int | None
    since: float | None


@dataclass(frozen=True, slots=True)
class CallbackDeclined(Fact):
    """*Durable.* The customer pressed 9: they did not ask for this. `attempt_id` is ours."""

    attempt_id: str
    pbx: str
    at: float


@dataclass(frozen=True, slots=True)
class CallbackChanged(Fact):
    """Something about this callback is different: screens that show it read it anew."""

    callback_id: int
    at: float


@dataclass(frozen=True, slots=True)
class CallbackClosed(Fact):
    """*Durable.* The promise is kept, withdrawn or given up; `outcome` is a word of `callback/kinds.py`."""

    callback_id: int
    at: float
    number: str
    department: str
    outcome: str


@dataclass(frozen=True, slots=True)
class CallbackReopened(Fact):
    """*Durable.* The closing told last was a mistake (a machine had answered): the promise is open again, or closed
    anew by the `CallbackClosed` that follows. So each closing is told once, and of two the later one counts."""

    callback_id: int
    at: float
    number: str
    department: str


# --- recordings ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordingReady(Fact):
    """*Durable.* A recording is stored; `call_id` is None while no call is known for it."""

    recording_id: str
    at: float
    call_id: str | None


@dataclass(frozen=True, slots=True)
class RecordingChanged(Fact):
    """Something about this recording is different (copies made, progress, removed): screens read it anew."""

    recording_id: str
    at: float
    call_id: str | None


@dataclass(frozen=True, slots=True)
class RecordingPaused(Fact):
    """The recording of a call that goes on was silenced, or (`until` is None) goes on. It goes on by itself at
    `until`."""

    call_id: str
    at: float
    until: float | None


@dataclass(frozen=True, slots=True)
class TranscriptReady(Fact):
    """*Durable.* A recording has a new current transcript, redacted already."""

    recording_id: str
    at: float
    call_id: str | None
    transcript_id: int


# --- customers ----------------------------------------------------------------------------------------------


class MatchKind(StrEnum):
    EXACT = "exact"
    SEVERAL = "several"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallMatched(Fact):
    """Who the outside party is. `customer_ids` is ranked, best first; one id for an exact match.

    `created` says that the caller was unknown and became the (provisional) customer named here. `by_block`: nobody
    holds the number itself, it lies in a block of numbers of theirs. A withheld number gives UNKNOWN with no ids.
    """

    call_id: str
    at: float
    match: MatchKind
    customer_ids: tuple[int, ...]
    created: bool
    by_block: bool = False


@dataclass(frozen=True, slots=True)
class CallerBlocked(Fact):
    """The caller is on the site's block list, for this reason. The call rings and is logged all the same."""

    call_id: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class OutsideContact:
    """Somebody in another CRM who has the number of a call. `connector` is that CRM's name in the settings, `url` their
    page there, `seen_at` when the CRM said so."""

    connector: str
    id: str
    name: str
    company: str
    url: str
    seen_at: float


@dataclass(frozen=True, slots=True)
class ContactsFound(Fact):
    """What one other CRM knows of the outside party of a call; no contacts: it knows nobody. Replaces what the same CRM
    said of this call before. `blocked`: that CRM wants calls of this number refused, and says why."""

    call_id: str
    at: float
    connector: str
    contacts: tuple[OutsideContact, ...]
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerChanged(Fact):
    """*Durable.* A customer's own data (name, identities, notes, tags) was created or edited."""

    customer_id: int
    at: float


@dataclass(frozen=True, slots=True)
class CustomerMerged(Fact):
    """*Durable.* Two customers were one: `merged_id` became part of `customer_id` and redirects there."""

    customer_id: int
    at: float
    merged_id: int
    merge_id: int


@dataclass(frozen=True, slots=True)
class CustomerUnmerged(Fact):
    """*Durable.* That merge was undone: `merged_id` is a customer of its own again."""

    customer_id: int
    at: float
    merged_id: int
    merge_id: int


@dataclass(frozen=True, slots=True)
class TaskChanged(Fact):
    """A task was made, edited, done or removed: screens that show it read it anew. `user_ids` are the people on whose
    lists it stands, or stood until now."""

    task_id: int
    at: float
    customer_id: int
    user_ids: tuple[int, ...]
