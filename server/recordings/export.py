"""The recordings of many calls as one archive: a filter of the call log in, a tar file out, streamed so that neither
its length nor a slow reader costs memory. Each recording is written down as exported before its first byte is sent;
what is in the archive, and what the store had lost, stands in its `index.csv`, which comes last."""

from __future__ import annotations

import asyncio
import csv
import io
import tarfile
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from aiohttp import web
from sqlalchemy import literal, select

from core.clock import iso
from core.csv_files import guard_cell
from core.errors import InvalidInputError
from pbx_bridge.tables import Call
from recordings.access import Right, audible, must_all
from recordings.kinds import Use
from recordings.store import NoAudioError
from recordings.tables import Recording
from recordings.words import dialogue
from server.recordings.access import asker_of
from server.recordings.media import file_name, note
from server.recordings.page import NAMES
from server.recordings.parts import STORE
from server.views.call_filter import CallFilter, read_filter
from server.views.calls import call_conditions
from server.views.recordings import read_transcript
from server.web.keys import CLOCK, DATABASE, SETTINGS, ZONE

MOST = 2000
"""Recordings in one archive: some hundred hours. Who wants more asks for a month at a time."""

BLOCK = tarfile.BLOCKSIZE
COLUMNS = ("file", "recording", "call", "pbx", "queue", "customer_number", "started_at", "duration_s", "note")


async def export(request: web.Request) -> web.StreamResponse:
    """The recordings of the calls that the call log shows."""
    return await send_archive(request, read_filter(request.query, request.app[CLOCK](), request.app[ZONE]))


async def send_archive(request: web.Request, wanted: CallFilter) -> web.StreamResponse:
    """Raises ForbiddenError without the right to export, InvalidInputError for more than `MOST` recordings."""
    must_all(asker_of(request), Right.EXPORT, request.app[SETTINGS].recordings)
    rows = await _rows(request, wanted)
    if len(rows) > MOST:
        raise InvalidInputError(f"these are more than {MOST} recordings: choose a shorter time")
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = "application/x-tar"
    response.headers["Content-Disposition"] = 'attachment; filename="recordings.tar"'
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    lines: list[Sequence[object]] = []
    for row in rows:
        async for piece in _files_of(request, await _as_it_is_now(request, row), lines):
            await response.write(piece)
    await response.write(_small_file("index.csv", _csv(lines).encode(), request.app[CLOCK]()))
    await response.write(b"\0" * BLOCK * 2)
    await response.write_eof()
    return response


async def _rows(request: web.Request, wanted: CallFilter) -> Sequence[Any]:
    settings = request.app[SETTINGS]
    async with request.app[DATABASE].read() as connection:
        conditions = await call_conditions(connection, wanted, settings.site.region)
        found = await connection.execute(
            select(*Recording.__table__.c, Call.customer_number)
            .join(Call, Call.id == Recording.call_id)
            .where(
                *conditions,
                audible(asker_of(request), settings.recordings),
                Recording.removed_at.is_(None),
                Recording.original_key.is_not(None),
            )
            .order_by(Recording.started_at, Recording.id)
            .limit(MOST + 1)
        )
        return found.all()


async def _as_it_is_now(request: web.Request, row: Any) -> Any:
    """An archive may take an hour: what is redacted or erased meanwhile must not be in it."""
    async with request.app[DATABASE].read() as connection:
        found = await connection.execute(
            select(*Recording.__table__.c, literal(row.customer_number).label("customer_number")).where(
                Recording.id == row.id
            )
        )
        return found.one()


async def _files_of(request: web.Request, row: Any, lines: list[Sequence[object]]) -> AsyncIterator[bytes]:
    """One recording: its audio, and its transcript where there is one."""
    line = [row.id, row.call_id, row.pbx, row.queue, row.customer_number, iso(row.started_at)]
    key: str | None = row.mp3_key or row.original_key
    if key is None:
        lines.append(("", *line, round(row.duration_s, 1), "removed while the archive was made"))
        return
    await note(request, row, Use.EXPORTED)
    name = file_name(request, row, PurePosixPath(key).suffix)
    store = request.app[STORE]
    try:
        size = await store.size(key)
    except NoAudioError:
        lines.append(("", *line, round(row.duration_s, 1), "the audio is not in the store any more"))
        return
    yield _header(name, size, row.started_at)
    async for piece in store.read(key, 0, size):
        yield piece
    yield _padding(size)
    lines.append((name, *line, round(row.duration_s, 1), row.note))
    async with request.app[DATABASE].read() as connection:
        written = await read_transcript(connection, row.id)
    if written is not None:
        text = await asyncio.to_thread(dialogue, written.words, NAMES)
        yield _small_file(file_name(request, row, ".txt"), text.encode(), row.started_at)


def _small_file(name: str, content: bytes, at: float) -> bytes:
    return _header(name, len(content), at) + content + _padding(len(content))


def _header(name: str, size: int, at: float) -> bytes:
    info = tarfile.TarInfo(f"recordings/{name}")
    info.size, info.mtime, info.mode = size, int(at), 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % BLOCK)


def _csv(lines: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow([guard_cell("" if cell is None else str(cell)) for cell in line])
    return buffer.getvalue()
