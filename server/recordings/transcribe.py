"""`ringback transcribe FILE`: prints what was said in a file, with a progress bar where somebody watches. The work is
in `recordings/transcribe/file.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from recordings.redact import Rules
from recordings.transcribe.engine import Wanted
from recordings.transcribe.file import transcribe

STEPS = 1000


def print_transcript(path: Path, wanted: Wanted, *, redact_cards: bool, as_json: bool) -> None:
    """Raises AudioError, EngineError and UnknownLanguageError."""
    rules = Rules(cards=redact_cards)
    # Not `hidden=`: a bar that is drawn on anything but a terminal still prints its label there.
    if sys.stderr.isatty():
        with typer.progressbar(length=STEPS, label="Listening", file=sys.stderr) as bar:
            found = transcribe(path, wanted, rules, lambda part: bar.update(int(part * STEPS) - bar.pos))
    else:
        found = transcribe(path, wanted, rules, lambda _part: None)
    shown = json.dumps(found.as_json(), ensure_ascii=False, indent=2) if as_json else found.as_text().rstrip()
    print(shown)
