"""`ringback transcribe`: one file to its transcript, without server or database. In: a file and what was asked for.
Out: the transcript as a dictionary for JSON, or the dialogue for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recordings.audio import shape
from recordings.kinds import Channel
from recordings.redact import Redacted, Rules, redact, spoken_in
from recordings.transcribe.engine import Wanted, open_engine
from recordings.transcribe.transcript import Progress, listen
from recordings.words import dialogue, plain

NAMES = {Channel.CUSTOMER: "Customer", Channel.OURS: "We", Channel.MIXED: "Voice"}


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """What was said in one file."""

    wanted: Wanted
    model: str
    said: Redacted

    def as_json(self) -> dict[str, object]:
        return {
            "language": self.wanted.language,
            "engine": self.wanted.engine,
            "model": self.model,
            "text": plain(self.said.words),
            "words": [word.as_json() for word in self.said.words],
            "redactions": [one.as_json() for one in self.said.hidden],
        }

    def as_text(self) -> str:
        return dialogue(self.said.words, NAMES)


def transcribe(path: Path, wanted: Wanted, rules: Rules, tell: Progress) -> FileTranscript:
    """Raises AudioError, EngineError, and UnknownLanguageError before anything is listened to."""
    if rules.cards:
        spoken_in(wanted.language)
    found = shape(path)
    engine = open_engine(wanted)
    words = listen(path, found, engine, tell)
    return FileTranscript(wanted, engine.model, redact(words, wanted.language, rules))
