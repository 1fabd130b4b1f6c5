"""A ZIP file that is written while it is read: rows and pieces of audio in, bytes to send out. Packing and writing JSON
cost a processor, so they happen in a thread; what waits to be sent is never more than was given since the last
`take`. What goes into it is decided in `access_request.py`."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from sqlalchemy import Row

from core.clock import iso

INSTANTS = ("at", "since", "until")
"""Columns whose float seconds are written as times people can read; all that end in `_at` as well."""


class _Pipe:
    """What a ZIP file is written to: bytes wait here until they are sent. It cannot seek, so sizes follow each file."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        waiting = bytes(self._bytes)
        self._bytes.clear()
        return waiting


class RowsFile:
    """A file of the archive that holds one JSON list, a row a line. `count` are those written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0

    async def add(self, rows: Sequence[Row[Any]]) -> None:
        await asyncio.to_thread(self._add, rows)

    def _add(self, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            self._file.write((b",\n" if self.count else b"\n") + _json(row))
            self.count += 1


class Archive:
    """One ZIP file, to be used as a context manager; one file in it is open at a time."""

    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def take(self) -> bytes:
        """What is to be sent now."""
        return self._pipe.take()

    @contextmanager
    def rows(self, name: str) -> Iterator[RowsFile]:
        """A file for rows, packed."""
        with self._zip.open(name, "w", force_zip64=True) as file:
            file.write(b"[")
            yield RowsFile(file)
            file.write(b"\n]\n")

    @contextmanager
    def as_it_is(self, name: str) -> Iterator[IO[bytes]]:
        """A file that is packed already, such as audio."""
        with self._zip.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
            yield file

    async def text(self, name: str, text: str) -> None:
        await asyncio.to_thread(self._zip.writestr, name, text)


def _json(row: Row[Any]) -> bytes:
    shown = {name: _shown(name, value) for name, value in row._mapping.items()}
    return json.dumps(shown, ensure_ascii=False, default=str).encode()


def _shown(name: str, value: Any) -> Any:
    is_instant = name in INSTANTS or name.endswith(("_at", "_until", "_from"))
    return iso(value) if isinstance(value, float) and is_instant else value
