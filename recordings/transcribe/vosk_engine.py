"""Vosk: streams, and needs little memory. A model is a folder, a name or nothing: then Vosk takes the small one of the
language from its own folders (`VOSK_MODEL_PATH`, `~/.cache/vosk`), or downloads it there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from recordings.audio import PIECE, RATE
from recordings.transcribe.engine import EngineError, Heard, ModelError, Span, Timeline, Wanted


class VoskEngine:
    """See `Engine`."""

    name = "vosk"

    def __init__(self, wanted: Wanted) -> None:
        try:
            import vosk
        except ImportError as error:
            raise EngineError("the engine vosk is not installed: pip install 'ringback[vosk]'") from error
        vosk.SetLogLevel(-1)
        # Else the library complains about its own model, which has none until it is loaded.
        vosk.Model._handle = vosk._ffi.NULL
        self._vosk: Any = vosk
        self._model = _load(vosk, wanted)
        self.model = Path(wanted.model).name if wanted.model else f"small-{wanted.language}"

    def hear(self, spans: Iterable[Span]) -> Iterator[Heard]:
        recognizer = self._vosk.KaldiRecognizer(self._model, RATE)
        recognizer.SetWords(True)
        timeline = Timeline()
        for span in spans:
            timeline.add(span)
            for at in range(0, len(span.samples), PIECE):
                if recognizer.AcceptWaveform(span.samples[at : at + PIECE]):
                    yield from _words(recognizer.Result(), timeline)
            # A pause is no context: without this the last words would wait for the next span.
            yield from _words(recognizer.FinalResult(), timeline)


def _load(vosk: Any, wanted: Wanted) -> Any:
    given = wanted.model
    try:
        if given is None:
            return vosk.Model(lang=wanted.language)
        return vosk.Model(model_path=given) if Path(given).is_dir() else vosk.Model(model_name=given)
    # The library ends the program over an unknown language, and raises bare Exceptions.
    except (Exception, SystemExit) as error:
        what = given or f"of the language {wanted.language!r}"
        raise ModelError(
            f"vosk has no model {what}: name a folder with a model (--model, or "
            "`recordings.transcription.model`), or let this machine download one"
        ) from error


def _words(result: str, timeline: Timeline) -> Iterator[Heard]:
    for word in json.loads(result).get("result", []):
        yield timeline.word(word["word"], word["start"], word["end"], word["conf"])
