"""Pure. The part of a dialplan file that `ShowDialPlan` prints: contexts, extensions and their steps in order.
Conditions and variables are kept as text; nothing is executed."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONTEXT = re.compile(r"\[([^\]]+)\]")
_EXTEN = re.compile(r"exten\s*=>\s*([^,]+),\s*(?:\d+|n)(?:\([^)]*\))?,\s*(.+)")
_SAME = re.compile(r"same\s*=>\s*n(?:\(([^)]*)\))?,\s*(.+)")
_APPLICATION = re.compile(r"([A-Za-z]+)\s*\((.*)\)\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    context: str
    extension: str
    priority: int
    application: str
    data: str
    label: str | None = None


def steps(text: str) -> list[Step]:
    """All steps of a file such as `extensions.conf`."""
    found: list[Step] = []
    context = extension = ""
    for raw in text.splitlines():
        line = re.split(r"\s;|^;", raw)[0].strip()
        if match := _CONTEXT.fullmatch(line):
            context, extension = match[1], ""
        elif match := _EXTEN.match(line):
            extension = match[1].strip()
            found.append(_step(found, context, extension, match[2], None))
        elif match := _SAME.match(line):
            found.append(_step(found, context, extension, match[2], match[1]))
    return found


def _step(found: list[Step], context: str, extension: str, what: str, label: str | None) -> Step:
    priority = 1 + sum(1 for step in found if (step.context, step.extension) == (context, extension))
    match = _APPLICATION.match(what)
    application, data = (match[1], match[2]) if match else (what, "")
    return Step(context, extension, priority, application, data, label)
