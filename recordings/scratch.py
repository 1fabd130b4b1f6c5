"""Folders for audio that is being worked on: joined, fetched from an object store, or copied. They are gone at the end
of the block; those of a process that was killed are gone when another one looks (`clear`), so that nobody's voice stays
on a disk where neither retention nor an erasure would find it.

A process has one folder for all of this and keeps a lock on it, by which it is known to live; the services that tidy
temporary folders leave a locked one alone."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "ringback-audio-"

YOUNG_S = 60.0
"""Between making a folder and locking it a process may be held up."""


class _Home:
    """This process's folder, made when it is first needed, or is no longer there."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lock = -1

    def folder(self) -> Path:
        if self._path is None or not self._path.is_dir():
            self._path = Path(tempfile.mkdtemp(prefix=PREFIX))
            atexit.register(shutil.rmtree, self._path, ignore_errors=True)
            if self._lock >= 0:
                os.close(self._lock)
            self._lock = _open(self._path)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._path


_HOME = _Home()


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder for the length of the block. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=_HOME.folder()) as made:
        yield Path(made)


def clear(young_s: float = YOUNG_S) -> int:
    """Remove what killed processes of this user left; returns how many folders. Blocks."""
    before = time.time() - young_s
    return sum(_clear(path, before) for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def _clear(path: Path, before: float) -> bool:
    try:
        told = path.lstat()
        if told.st_uid != os.geteuid() or told.st_mtime > before:
            return False
        lock = _open(path)
    except OSError:
        return False  # it went meanwhile, or is no folder
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # its process lives
    else:
        shutil.rmtree(path, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
