"""A worker process: `python -m recordings.worker`. Orders come in as lines of JSON on standard input, lines about
their progress go out on standard output, what they make lies in the folder the order names. It knows no database and no
store, and ends when its parent does, in the middle of what it is doing; a crash of an engine takes only this process
with it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from core.errors import RingbackError
from recordings.audio import AudioError, Shape, shape
from recordings.copies import Tell, make_copies, silence
from recordings.kinds import Channel, JobKind
from recordings.redact import Hidden, Rules, UnknownLanguageError, redact, spoken_in
from recordings.transcribe.engine import Engine, EngineError, ModelError, Wanted, open_engine
from recordings.transcribe.transcript import listen
from recordings.words import plain, to_json

NICE = 10
"""Calls and pages come first on this machine."""

TELL_S = 0.5
"""Between two words of progress."""

RESULT = "result.json"

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl(2): the signal that comes when the parent is gone."""

USELESS = (EngineError, UnknownLanguageError, AudioError)
"""What will be no better at the next try, but for a model that could not be downloaded."""


@dataclass(frozen=True, slots=True)
class Order:
    """One job as a worker gets it. `hidden` is what earlier transcripts had redacted. `silence_original`: what is
    redacted is to be silent in the original as well."""

    kind: JobKind
    path: str
    folder: str
    hidden: tuple[Hidden, ...] = ()
    wanted: Wanted | None = None
    redact_cards: bool = True
    patterns: tuple[str, ...] = ()
    silence_original: bool = True

    def to_line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Order:
        given = json.loads(line)
        hidden = tuple(Hidden(**{**one, "channel": Channel(one["channel"])}) for one in given.pop("hidden"))
        wanted = given.pop("wanted")
        patterns = tuple(given.pop("patterns"))
        kind = JobKind(given.pop("kind"))
        return cls(
            kind=kind, hidden=hidden, wanted=Wanted(**wanted) if wanted else None, patterns=patterns, **given
        )


@dataclass(slots=True)
class Worker:
    """Keeps the engine it loaded last: the next call is mostly in the same language."""

    _wanted: Wanted | None = None
    _engine: Engine | None = field(default=None)

    def work(self, order: Order, tell: Tell) -> dict[str, object]:
        """Do it; returns what `RESULT` is to say. Raises RingbackError."""
        path, folder = Path(order.path), Path(order.folder)
        found = shape(path)
        if order.kind is JobKind.COPIES:
            return _copies(path, found, order.hidden, folder, tell)
        return self._transcribe(path, found, order, tell)

    def _transcribe(self, path: Path, found: Shape, order: Order, tell: Tell) -> dict[str, object]:
        if order.wanted is None:
            raise EngineError("no engine writes transcripts here: set `engine` in [recordings.transcription]")
        rules = Rules(order.redact_cards, tuple(re.compile(one, re.IGNORECASE) for one in order.patterns))
        if rules.cards:
            spoken_in(order.wanted.language)
        engine = self._open(order.wanted)
        words = listen(path, found, engine, lambda part: tell(part * 0.9))
        said = redact(words, order.wanted.language, rules, order.hidden)
        made: dict[str, object] = {
            "engine": engine.name,
            "model": engine.model,
            "language": order.wanted.language,
            "text": plain(said.words),
            "words": to_json(said.words),
            "redactions": [one.as_json() for one in said.hidden],
        }
        if said.hidden:
            made |= _silenced(path, found, said.hidden, order, lambda part: tell(0.9 + part * 0.1))
        return made

    def _open(self, wanted: Wanted) -> Engine:
        if self._engine is None or wanted != self._wanted:
            # First let go of the other model: two at once need twice the memory.
            self._engine = None
            self._engine, self._wanted = open_engine(wanted), wanted
        return self._engine


def _copies(
    path: Path, found: Shape, hidden: tuple[Hidden, ...], folder: Path, tell: Tell
) -> dict[str, object]:
    made = make_copies(path, found, hidden, folder, tell)
    return {"files": {"opus": made.opus.name, "mp3": made.mp3.name, "peaks": made.peaks.name}} | {
        "levels": made.levels
    }


def _silenced(
    path: Path, found: Shape, hidden: tuple[Hidden, ...], order: Order, tell: Tell
) -> dict[str, object]:
    folder = Path(order.folder)
    made = _copies(path, found, hidden, folder, tell)
    if not order.silence_original:
        return made
    silence(path, found, hidden, folder / "original.wav")
    files = made["files"]
    return made | {"files": {**(files if isinstance(files, dict) else {}), "original": "original.wav"}}


def main() -> None:
    _end_with_parent()
    os.nice(NICE)
    # What engines print must not be taken for our lines.
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        _say(lines, **_answer(worker, Order.from_line(line), lines))


def _end_with_parent() -> None:
    """A server that was killed starts anew and has the same job done: two at once need twice the memory."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer(worker: Worker, order: Order, lines: TextIO) -> dict[str, Any]:
    try:
        made = worker.work(order, _seldom(lambda part: _say(lines, progress=round(part, 3))))
        (Path(order.folder) / RESULT).write_text(json.dumps(made), encoding="utf-8")
    except RingbackError as error:
        for_good = isinstance(error, USELESS) and not isinstance(error, ModelError)
        return {"failed": str(error), "for_good": for_good}
    except OSError as error:
        return {"failed": f"{error.strerror}: {error.filename or order.folder}", "for_good": False}
    return {"done": True}


def _seldom(tell: Tell) -> Callable[[float], None]:
    last = 0.0

    def told(part: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TELL_S:
            last = now
            tell(part)

    return told


def _say(lines: TextIO, **said: object) -> None:
    lines.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
