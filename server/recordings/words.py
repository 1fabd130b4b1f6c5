"""*Pure.* The closed sets of recordings as people read them: how a call's audio stands and why, uses, redactions and
work in, words out. One place, so that pages, the desk and the API's documentation say the same."""

from __future__ import annotations

from collections.abc import Mapping

from recordings.kinds import AudioState, JobKind, NoAudio, Use

STATES: Mapping[str, str] = {
    AudioState.AWAITED: "Awaited",
    AudioState.KEPT: "Kept",
    AudioState.PARTLY: "Kept in part",
    AudioState.MISSING: "Missing",
    AudioState.OFF: "Not recorded",
    AudioState.ERASED: "Removed",
}
STATE_LOOKS: Mapping[str, str] = {
    AudioState.AWAITED: "info",
    AudioState.KEPT: "good",
    AudioState.PARTLY: "warn",
    AudioState.MISSING: "bad",
    AudioState.OFF: "",
    AudioState.ERASED: "",
}
STATE_ICONS: Mapping[str, str] = {
    AudioState.AWAITED: "hourglass",
    AudioState.KEPT: "check",
    AudioState.PARTLY: "triangle-alert",
    AudioState.MISSING: "circle-alert",
    AudioState.OFF: "circle-dot",
    AudioState.ERASED: "trash-2",
}
LOG_MARKS: Mapping[str, tuple[str, str]] = {
    AudioState.KEPT: ("audio-lines", "Recorded"),
    AudioState.PARTLY: ("triangle-alert", "Recorded in part"),
    AudioState.MISSING: ("circle-alert", "The recording is missing"),
}
"""Icon and words where a line has no room for more. Calls that are not to be recorded have no mark."""
REASONS: Mapping[str, str] = {
    NoAudio.NOT_RECORDED: "This PBX records no calls: no recordings folder is set up for it.",
    NoAudio.QUEUE_OFF: "Calls of this queue are not recorded.",
    NoAudio.NO_FILE_CAME: "No audio file has come from the PBX. One that comes late is still taken.",
    NoAudio.NOT_AUDIO: "A file came, but it holds no audio that can be read.",
    NoAudio.SHORTER_THAN_TALK: "The audio is shorter than the conversation: some of it was not recorded.",
    NoAudio.BLIND: "The link to the PBX was down: what it recorded could not be matched.",
    NoAudio.RETENTION: "It was kept for as long as the rules of this site say, and then removed.",
    NoAudio.PERSON_ERASED: "It was erased together with the person it was about.",
    NoAudio.REMOVED_BY_HAND: "Somebody removed it. Who and when stands in the list of uses.",
}
USES: Mapping[str, str] = {
    Use.LISTENED: "listened",
    Use.READ: "read the transcript",
    Use.DOWNLOADED: "downloaded",
    Use.EXPORTED: "exported",
    Use.PAUSED: "paused the recording",
    Use.RESUMED: "resumed the recording",
    Use.HELD: "put it on legal hold",
    Use.RELEASED: "released the legal hold",
    Use.COMMENTED: "commented",
    Use.TRANSCRIBED_AGAIN: "asked for another transcript",
    Use.REMOVED: "removed it",
}
USE_ICONS: Mapping[str, str] = {
    Use.LISTENED: "ear",
    Use.READ: "captions",
    Use.DOWNLOADED: "download",
    Use.EXPORTED: "upload",
    Use.PAUSED: "pause",
    Use.RESUMED: "play",
    Use.HELD: "scale",
    Use.RELEASED: "scale",
    Use.COMMENTED: "message-square",
    Use.TRANSCRIBED_AGAIN: "refresh-cw",
    Use.REMOVED: "trash-2",
}
WORK: Mapping[str, str] = {
    JobKind.COPIES: "Making the listening copy",
    JobKind.TRANSCRIBE: "Writing the transcript",
}
GAPS: Mapping[str, str] = {
    "paused": "not recorded",
    "card": "card number removed",
    "near_card": "removed near a card number",
    "pattern": "removed",
}


def gap(why: str) -> str:
    """What was taken out, in words; a word we do not know is a removal all the same."""
    return GAPS.get(why, "removed")
