"""What lies in a PBX's recordings folder: `part/` (being written), `done/` (closed), `refused/` (what could not be
used, kept for a person). Names and sizes come out; what is moved or removed is decided in
`collector.py`.

Everything here blocks and belongs in a thread. Files are others': only ordinary ones are ever opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path

from recordings.names import shown

PART, DONE, REFUSED = "part", "done", "refused"

BRINGING = ".upload"
"""How the name of a file ends (and with a dot begins) that is still being sent."""

MOST_AT_ONCE = 2000
"""Files looked at in one pass: after a long outage the rest comes with the next. They are the first by name, so that
the two of a recording are seen in the same pass."""


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
    found = (look_at(folder / name) for name in nsmallest(MOST_AT_ONCE, names_in(folder)))
    return [one for one in found if one is not None]


def names_in(folder: Path) -> Iterator[str]:
    """Everything in `folder` but other folders, in no order. Raises OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and not entry.is_dir(follow_symlinks=False):
                yield entry.name


def look_at(path: Path) -> Found | None:
    """One of them; None when it is gone. Raises OSError."""
    try:
        told = path.lstat()
    except FileNotFoundError:
        return None
    return Found(path, path.name, told.st_size, told.st_mtime, stat.S_ISREG(told.st_mode))


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
