"""*Pure.* What the auditor found as people read it: kinds and reasons in, words out. One place, so that the page, the
command and the API's documentation say the same. Words of a call's audio itself are `words.py`'s."""

from __future__ import annotations

from collections.abc import Mapping

from recordings.coverage.book import Outcome, Step
from recordings.coverage.findings import Closed, FindingKind, Why
from recordings.kinds import NoAudio
from server.recordings.words import REASONS

KINDS: Mapping[str, str] = {
    FindingKind.MISSING: "Missing",
    FindingKind.TRUNCATED: "Too short",
    FindingKind.LOST: "Lost from the store",
    FindingKind.WRONG_LENGTH: "Wrong length",
    FindingKind.CHECKSUM: "Changed content",
    FindingKind.SILENT_SIDE: "A silent side",
    FindingKind.NO_CALL: "Without a call",
    FindingKind.STRAY: "Stray audio",
    FindingKind.LEFT_BEHIND: "Not collected",
}
ICONS: Mapping[str, str] = {
    FindingKind.MISSING: "circle-alert",
    FindingKind.TRUNCATED: "timer",
    FindingKind.LOST: "circle-x",
    FindingKind.WRONG_LENGTH: "arrow-left-right",
    FindingKind.CHECKSUM: "shield",
    FindingKind.SILENT_SIDE: "volume-x",
    FindingKind.NO_CALL: "circle-help",
    FindingKind.STRAY: "file-text",
    FindingKind.LEFT_BEHIND: "inbox",
}
LOOKS: Mapping[str, str] = {
    FindingKind.MISSING: "bad",
    FindingKind.TRUNCATED: "warn",
    FindingKind.LOST: "bad",
    FindingKind.WRONG_LENGTH: "warn",
    FindingKind.CHECKSUM: "bad",
    FindingKind.SILENT_SIDE: "warn",
}
WHYS: Mapping[str, str] = {
    Why.ROW_GONE: "The log says that there is audio, but no recording of this call is known any more.",
    Why.ORIGINAL: "The recording is known, but its audio is not in the store.",
    Why.COPY: "A listening copy is not in the store. It is being made again from the original.",
    Why.BYTES: "The audio in the store is not as long as what was stored.",
    Why.LONGER_THAN_CALL: "The audio is longer than the whole call: it may belong to another one.",
    Why.CONTENT: "The audio in the store is not what was stored: its checksum differs.",
    Why.CUSTOMER: "Nothing is to be heard of the customer.",
    Why.OURS: "Nothing is to be heard of our side.",
    Why.BOTH: "Nothing is to be heard at all.",
    Why.ONE_FILE: "Only one side's file came from the PBX.",
    Why.UNKNOWN_CALL: "The log has no call that it could belong to.",
    Why.NO_ROW: "No recording points to this audio.",
    Why.NOT_USED: "Its recording uses another copy.",
    Why.REMOVED: "Its recording was removed, and the audio was still there.",
    Why.IN_DONE: "A finished file lies in the PBX's folder, and nobody has taken it.",
    Why.IN_PART: "A file lies in the PBX's folder as if it were still being written.",
    Why.PAUSED: "Some of it was paused on purpose.",
}
ENDS: Mapping[str, str] = {
    Closed.GONE: "in order now",
    Closed.RELINKED: "brought together",
    Closed.MENDED: "set right",
}
STEPS: Mapping[str, str] = {
    "": "Beginning",
    Step.STORE: "Looking through the store",
    Step.CALLS: "Looking through the calls",
    Step.RECORDINGS: "Looking at the recordings",
    Step.FOLDERS: "Looking into the folders of the PBXs",
}
OUTCOMES: Mapping[str, str] = {
    Outcome.DONE: "done",
    Outcome.FAILED: "failed",
    Outcome.BROKEN: "ended in the middle",
}

_OF_FINDINGS: Mapping[str, str] = {
    NoAudio.NO_FILE_CAME: "No audio file has come from the PBX.",
    NoAudio.BLIND: "The link to the PBX was down during this call.",
    NoAudio.SHORTER_THAN_TALK: "Some of the conversation was not recorded.",
}


def why(reason: str) -> str:
    """A reason as a sentence."""
    return WHYS.get(reason) or _OF_FINDINGS.get(reason) or REASONS.get(reason) or ""
