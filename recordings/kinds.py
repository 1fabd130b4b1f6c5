"""Pure. The closed sets of the recordings room: how a call's audio stands, what a worker does, who did what with a
recording. Tables store these words, screens translate them, nothing else invents one."""

from __future__ import annotations

from enum import StrEnum


class AudioState(StrEnum):
    """How the audio of one answered call stands (P20): every such call has one row that says it."""

    AWAITED = "awaited"
    KEPT = "kept"
    PARTLY = "partly"
    MISSING = "missing"
    OFF = "off"
    ERASED = "erased"


class NoAudio(StrEnum):
    """Why a call has no audio, or less than it should."""

    NOT_RECORDED = "not_recorded"
    QUEUE_OFF = "queue_off"
    NO_FILE_CAME = "no_file_came"
    NOT_AUDIO = "not_audio"
    SHORTER_THAN_TALK = "shorter_than_talk"
    BLIND = "blind"
    RETENTION = "retention"
    PERSON_ERASED = "person_erased"
    REMOVED_BY_HAND = "removed_by_hand"


class Source(StrEnum):
    """Where a recording came from: our dialplan's two files, the PBX's own mixed file, or an upload of either."""

    MIXMONITOR = "mixmonitor"
    PBX = "pbx"


class FileState(StrEnum):
    """How a file that lay in a recordings folder ended. A file is known by its name: the same one is taken once.
    DROPPED: it came when whom it is about had been erased, and is kept nowhere."""

    STORED = "stored"
    REFUSED = "refused"
    DROPPED = "dropped"


class JobKind(StrEnum):
    """What a worker does with a recording, in this order."""

    COPIES = "copies"
    TRANSCRIBE = "transcribe"


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Channel(StrEnum):
    """Whose voice: recordings of the PBX's own are mixed and say nobody."""

    CUSTOMER = "customer"
    OURS = "ours"
    MIXED = "mixed"


class Use(StrEnum):
    """What somebody did with a recording or its transcript; each is written down (P22)."""

    LISTENED = "listened"
    READ = "read"
    DOWNLOADED = "downloaded"
    EXPORTED = "exported"
    PAUSED = "paused"
    RESUMED = "resumed"
    HELD = "held"
    RELEASED = "released"
    COMMENTED = "commented"
    TRANSCRIBED_AGAIN = "transcribed_again"
    REMOVED = "removed"
