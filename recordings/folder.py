"""What lies in a PBX's recordings folder: `part/` (being written), `done/` (closed), `refused/` (what could not be
used, kept for a person). Names and sizes come out; what is moved or removed is decided in
`collector.py`.

Everything here blocks and belongs in a thread. Files are others': only ordinary ones are ever opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recordings.names import shown

PART, DONE, REFUSED = "part", "done", "refused"

BRINGING = ".upload"
"""How the name of a file ends (and with a dot begins) that is still being sent."""

MOST_AT_ONCE = 2000
"""Files looked at in one pass: after a long outage the rest comes with the next."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it lies there. `is_file` is False for links, pipes and the like."""

    path: Path
    name: str
    size: int
    changed_at: float
    is_file: bool


def look(folder: Path) -> list[Found]:
    """What lies in `folder`, oldest name first; what begins with a dot is still being brought. Raises OSError."""
    found: list[Found] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.is_dir(follow_symlinks=False):
                continue
            try:
                told = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            is_file = entry.is_file(follow_symlinks=False)
            found.append(Found(Path(entry.path), entry.name, told.st_size, told.st_mtime, is_file))
            if len(found) == MOST_AT_ONCE:
                break
    return sorted(found, key=lambda one: one.name)


def prepare(folder: Path) -> None:
    """Make the folders that are missing, where we may; forget what was being sent when we died. Raises OSError."""
    for name in (PART, DONE):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for left in (folder / DONE).glob(f".*{BRINGING}"):
        left.unlink(missing_ok=True)


def remove(files: Iterable[Found]) -> None:
    """Raises OSError."""
    for one in files:
        one.path.unlink(missing_ok=True)


def refuse(folder: Path, one: Found) -> None:
    """Put it where a person finds it, and no other file of that name is lost by it. Raises OSError."""
    target = folder / REFUSED / shown(one.name)
    target.parent.mkdir(exist_ok=True)
    number = 0
    while target.exists() or target.is_symlink():
        number += 1
        target = target.with_name(f"{number}~{shown(one.name)}")
    one.path.rename(target)
