"""Pure. What the auditor makes of what it saw: facts of one answered call, one recording or one file go in, how its
audio stands and what is wrong with it come out. What is silent, short or gone on purpose (a pause, a queue that is not
recorded, retention, an erasure) is a reason, never a fault.

Where the facts come from is `calls.py`'s and `files.py`'s part. Who listened to what is another matter:
`audit.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from recordings.kinds import AudioState, Channel, NoAudio

SHORT_S, SHORT_SHARE = 3.0, 0.05
"""A recording may be so much shorter than the talk: connecting takes a moment, clocks differ."""

LONG_S, LONG_SHARE = 60.0, 0.05
"""And so much longer than its whole call."""

SILENT_DBFS = -50.0
"""No sample of a person's voice is so quiet; the noise of a line is."""

HEARD_S = 10.0
"""In less than this somebody may well have said nothing."""

PAUSED_SHARE = 0.9
"""Of a recording: so much pause explains that nobody is heard."""

FORGOTTEN_S = 6 * 3600.0
"""After so long no call that the log does not know will be known."""


class FindingKind(StrEnum):
    """What can be wrong."""

    MISSING = "missing"
    TRUNCATED = "truncated"
    LOST = "lost"
    WRONG_LENGTH = "wrong_length"
    CHECKSUM = "checksum"
    SILENT_SIDE = "silent_side"
    NO_CALL = "no_call"
    STRAY = "stray"
    LEFT_BEHIND = "left_behind"


OF_CALLS = frozenset({FindingKind.MISSING, FindingKind.TRUNCATED})
OF_RECORDINGS = frozenset(
    {FindingKind.LOST, FindingKind.WRONG_LENGTH, FindingKind.CHECKSUM, FindingKind.SILENT_SIDE}
)


class Why(StrEnum):
    """The reason of a finding, beside the words of `NoAudio` for what is missing."""

    ROW_GONE = "row_gone"
    ORIGINAL = "original"
    COPY = "copy"
    BYTES = "bytes"
    LONGER_THAN_CALL = "longer_than_call"
    CONTENT = "content"
    CUSTOMER = "customer"
    OURS = "ours"
    BOTH = "both"
    ONE_FILE = "one_file"
    UNKNOWN_CALL = "unknown_call"
    NO_ROW = "no_row"
    NOT_USED = "not_used"
    REMOVED = "removed"
    IN_DONE = "in_done"
    IN_PART = "in_part"
    PAUSED = "paused"


class Closed(StrEnum):
    """How a finding ended: a later run did not see it any more, or the auditor mended it itself."""

    GONE = "gone"
    RELINKED = "relinked"
    MENDED = "mended"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, known by kind and subject (a call, a recording, a key of the store, a file). `at` is the
    instant it is about. With `closed` it is right again already, by what the auditor did."""

    kind: FindingKind
    subject: str
    at: float
    reason: NoAudio | Why
    detail: str = ""
    call_id: str | None = None
    recording_id: str | None = None
    pbx: str = ""
    queue: str | None = None
    closed: Closed | None = None


@dataclass(frozen=True, slots=True)
class CallFacts:
    """An ended call that a person of ours answered. Seconds; `kept_s` is None without any audio. `state` and `reason`
    are what its row says, None without a row. `gone_s`: audio that was removed by rule or by hand. `lost_s`: audio that
    should be in the store and is not; that is a finding of its recording."""

    id: str
    pbx: str
    queue: str | None
    started_at: float
    ended_at: float
    talk_s: float
    state: AudioState | None = None
    reason: NoAudio | None = None
    kept_s: float | None = None
    gone_s: float = 0.0
    lost_s: float = 0.0
    paused_s: float = 0.0
    is_recorded: bool = True
    is_queue_off: bool = False
    was_blind: bool = False
    recording_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallJudged:
    """How a call's audio stands, with the reason why it is not simply there, and what is wrong, if anything is."""

    state: AudioState
    reason: NoAudio | Why | None = None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """A recording whose audio should be there. `call_s` is the length of its whole call; `there` says how many bytes
    lie under each of its keys, None where nothing does; `levels` is JSON as `recordings.levels` has it."""

    id: str
    call_id: str | None
    pbx: str
    queue: str | None
    started_at: float
    duration_s: float
    original_key: str
    original_bytes: int
    there: Mapping[str, int | None]
    levels: str | None = None
    note: str = ""
    paused_s: float = 0.0
    call_s: float | None = None


def is_enough(kept_s: float, talk_s: float) -> bool:
    """Whether so much audio is all of so much talk."""
    return kept_s + max(SHORT_S, SHORT_SHARE * talk_s) >= talk_s


def judge_call(call: CallFacts, *, is_late: bool) -> CallJudged:
    """`is_late`: its files should have come by now."""
    if call.kept_s is not None:
        return _judge_kept(call, call.kept_s)
    if call.lost_s > 0:
        return CallJudged(AudioState.MISSING, Why.ORIGINAL)
    if call.state is AudioState.ERASED or call.gone_s > 0:
        return CallJudged(AudioState.ERASED, call.reason)
    if call.is_queue_off:
        return CallJudged(AudioState.OFF, NoAudio.QUEUE_OFF)
    if call.state is AudioState.OFF or (call.state is None and not call.is_recorded):
        return CallJudged(AudioState.OFF, call.reason or NoAudio.NOT_RECORDED)
    if not is_late:
        return CallJudged(AudioState.AWAITED)
    reason = _why_missing(call)
    return CallJudged(AudioState.MISSING, reason, _of_call(FindingKind.MISSING, call, reason))


def _judge_kept(call: CallFacts, kept_s: float) -> CallJudged:
    if is_enough(kept_s + call.gone_s, call.talk_s):
        return CallJudged(AudioState.KEPT)
    if is_enough(kept_s + call.gone_s + call.paused_s, call.talk_s):
        return CallJudged(AudioState.KEPT, Why.PAUSED)
    if is_enough(kept_s + call.gone_s + call.paused_s + call.lost_s, call.talk_s):
        return CallJudged(AudioState.PARTLY, Why.ORIGINAL)
    reason = NoAudio.BLIND if call.was_blind else NoAudio.SHORTER_THAN_TALK
    detail = f"{kept_s:.0f} of {call.talk_s:.0f} seconds"
    return CallJudged(AudioState.PARTLY, reason, _of_call(FindingKind.TRUNCATED, call, reason, detail))


def _why_missing(call: CallFacts) -> NoAudio | Why:
    if call.state in {AudioState.KEPT, AudioState.PARTLY}:
        return Why.ROW_GONE
    if call.reason is NoAudio.NOT_AUDIO:
        return call.reason
    return NoAudio.BLIND if call.was_blind else NoAudio.NO_FILE_CAME


def _of_call(kind: FindingKind, call: CallFacts, reason: NoAudio | Why, detail: str = "") -> Finding:
    return Finding(
        kind, call.id, call.started_at, reason, detail, call.id, call.recording_id, call.pbx, call.queue
    )


def judge_recording(one: RecordingFacts) -> list[Finding]:
    """All that is wrong with it but its content, which has to be read (`judge_content`)."""
    found: list[Finding] = []
    lies = one.there.get(one.original_key)
    if lies is None:
        return [of_recording(FindingKind.LOST, one, Why.ORIGINAL)]
    if lies != one.original_bytes:
        detail = f"{lies} bytes in the place of {one.original_bytes}"
        found.append(of_recording(FindingKind.WRONG_LENGTH, one, Why.BYTES, detail))
    elif one.call_s is not None and one.duration_s > one.call_s + max(LONG_S, LONG_SHARE * one.call_s):
        detail = f"{one.duration_s:.0f} seconds, of a call of {one.call_s:.0f}"
        found.append(of_recording(FindingKind.WRONG_LENGTH, one, Why.LONGER_THAN_CALL, detail))
    if any(size is None for size in one.there.values()):
        found.append(of_recording(FindingKind.LOST, one, Why.COPY))
    silent = _silent(one)
    if silent is not None:
        found.append(of_recording(FindingKind.SILENT_SIDE, one, silent))
    return found


def judge_content(one: RecordingFacts, stored_sha256: str, found_sha256: str) -> Finding | None:
    """Whether what was read is what was stored."""
    if stored_sha256 == found_sha256:
        return None
    return of_recording(FindingKind.CHECKSUM, one, Why.CONTENT)


def of_recording(kind: FindingKind, one: RecordingFacts, reason: Why, detail: str = "") -> Finding:
    return Finding(kind, one.id, one.started_at, reason, detail, one.call_id, one.id, one.pbx, one.queue)


def _silent(one: RecordingFacts) -> Why | None:
    """Which side says nothing at all, though nobody paused it; None as long as the levels are not known."""
    if one.levels is None or one.duration_s < HEARD_S or one.paused_s >= PAUSED_SHARE * one.duration_s:
        return None
    levels: Mapping[str, Mapping[str, float | None]] = json.loads(one.levels)
    quiet = [name for name, level in levels.items() if _is_silent(level)]
    if not quiet:
        return None
    if len(quiet) == len(levels):
        return Why.BOTH
    if "never came" in one.note:
        return Why.ONE_FILE
    return Why.CUSTOMER if quiet[0] == Channel.CUSTOMER else Why.OURS


def _is_silent(level: Mapping[str, float | None]) -> bool:
    peak = level.get("peak")
    return peak is None or peak < SILENT_DBFS


def judge_left(*, is_done: bool, quiet_s: float, is_over: bool, late_s: float) -> Why | None:
    """A file of a PBX's folder that has not changed for `quiet_s`: whether somebody should have taken it. `is_over`:
    its call is known and has ended."""
    if is_done:
        return Why.IN_DONE if quiet_s > late_s else None
    patience = late_s if is_over else FORGOTTEN_S
    return Why.IN_PART if quiet_s > patience else None


def overlap_s(pauses: Sequence[tuple[float, float | None]], since: float, until: float) -> float:
    """Seconds of [since, until] that were paused; a pause without an end goes on."""
    spans = sorted((max(a, since), min(until if b is None else b, until)) for a, b in pauses)
    total, reached = 0.0, since
    for start, end in spans:
        if end > max(start, reached):
            total += end - max(start, reached)
            reached = end
    return total
