"""*Pure.* A body as it went over the line in, the same with every value hidden that is a secret by its name (`token`,
`secret`, `password`, `api_key`) out, and what was hidden, since it may stand elsewhere under no name at all. Secrets
that are known by their value are hidden in `trace.py`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

HIDDEN = "•••"
SHORTEST = 8
"""Characters of a hidden value that is looked for elsewhere too: `Bearer` or `no` would blacken half the page."""

NAME = r"token(?!_?type)|secret|password|api_?key"
IS_SECRET = re.compile(NAME, re.IGNORECASE)
IN_TEXT = re.compile(
    rf"""((?:^|[?&\s"'])[^=&?\s"':]*(?:{NAME})[^=&?\s"':]*(?:=|["']\s*:\s*["']?))([^&\s"',}}]+)""",
    re.IGNORECASE | re.MULTILINE,
)
"""A name and its value in a form, an address, or JSON that was cut off."""


@dataclass(slots=True)
class Hiding:
    """`found` are the hidden values that are worth looking for elsewhere."""

    found: list[str] = field(default_factory=list)

    def body(self, text: str) -> str:
        """JSON, or anything else."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        return json.dumps(self._values(values), ensure_ascii=False) if _has_names(text) else text

    def text(self, text: str) -> str:
        """A form, an address or a piece of JSON."""
        return IN_TEXT.sub(lambda found: found[1] + self._hide(found[2]), text)

    def _values(self, given: Any, *, is_secret: bool = False) -> Any:
        if isinstance(given, dict):
            return {
                key: self._values(one, is_secret=is_secret or bool(IS_SECRET.search(key)))
                for key, one in given.items()
            }
        if isinstance(given, list):
            return [self._values(one, is_secret=is_secret) for one in given]
        return self._hide(str(given)) if is_secret and given not in (None, "", True, False) else given

    def _hide(self, value: str) -> str:
        if len(value) >= SHORTEST:
            self.found.append(value)
        return HIDDEN


def _has_names(text: str) -> bool:
    return IS_SECRET.search(text) is not None
