"""faster-whisper: better with accents and punctuation, on any language its model has. It always hears 30 seconds at
once, so spans are packed into clips of nearly that length. A model is a folder, or a name it downloads (`small`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from recordings.transcribe.engine import EngineError, Heard, ModelError, Span, Timeline, Wanted

LONGEST_CLIP_S = 29.0

OWN_CHOICE = "small"
"""The smallest model that is of use in most languages; 480 MB to download once."""


class WhisperEngine:
    """See `Engine`."""

    name = "faster-whisper"

    def __init__(self, wanted: Wanted) -> None:
        try:
            import faster_whisper
            import numpy
        except ImportError as error:
            raise EngineError(
                "the engine faster-whisper is not installed: pip install 'ringback[whisper]'"
            ) from error
        self._numpy: Any = numpy
        self._model = _load(faster_whisper, wanted)
        self._language = wanted.language
        self.model = Path(wanted.model or OWN_CHOICE).name

    def hear(self, spans: Iterable[Span]) -> Iterator[Heard]:
        for clip in _clips(spans):
            yield from self._clip(clip)

    def _clip(self, spans: list[Span]) -> Iterator[Heard]:
        timeline = Timeline()
        for span in spans:
            timeline.add(span)
        whole = self._numpy.frombuffer(b"".join(span.samples for span in spans), self._numpy.int16)
        segments, _ = self._model.transcribe(
            whole.astype(self._numpy.float32) / 32768.0,
            language=self._language,
            word_timestamps=True,
            # Else one mistake is repeated through the rest of the call.
            condition_on_previous_text=False,
        )
        for segment in segments:
            for word in segment.words or ():
                yield timeline.word(word.word.strip(), word.start, word.end, word.probability)


def _load(faster_whisper: Any, wanted: Wanted) -> Any:
    name = wanted.model or OWN_CHOICE
    try:
        model = faster_whisper.WhisperModel(
            name, device="cpu", compute_type="int8", cpu_threads=wanted.threads, num_workers=1
        )
    # What a download raises is nobody's family of errors.
    except Exception as error:
        raise ModelError(
            f"faster-whisper has no model {name}: name a folder with a model (--model, or "
            "`recordings.transcription.model`), or let this machine download one"
        ) from error
    if not model.model.is_multilingual and wanted.language != "en":
        raise EngineError(f"the model {name} knows only English, not {wanted.language!r}")
    return model


def _clips(spans: Iterable[Span]) -> Iterator[list[Span]]:
    clip: list[Span] = []
    seconds = 0.0
    for span in spans:
        if clip and seconds + span.seconds > LONGEST_CLIP_S:
            yield clip
            clip, seconds = [], 0.0
        clip.append(span)
        seconds += span.seconds
    if clip:
        yield clip
