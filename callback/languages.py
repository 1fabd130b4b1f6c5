"""Texts for visitors in their language: those of the widget and those that only the server says, from JSON files that
translators can edit. In: what a browser or a request names as its language. Nothing staff reads is here."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final = ("en", "pl", "es")
HERE = Path(__file__).parent


def language_of(*wanted: str | None) -> str:
    """The first of these we speak, else English. Each is a language tag or an Accept-Language header."""
    for header in wanted:
        for part in (header or "")[:200].split(","):
            language = part.strip()[:2].lower()
            if language in LANGUAGES:
                return language
    return LANGUAGES[0]


@cache
def texts(language: str) -> dict[str, Any]:
    """Everything in one of `LANGUAGES`; the sentences of errors are under `errors`, by their code."""
    folders = (HERE / "widget" / "texts", HERE / "texts")
    files = (json.loads((folder / f"{language}.json").read_text("utf-8")) for folder in folders)
    return {name: text for file in files for name, text in file.items()}
