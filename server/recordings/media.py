"""Stored audio out of the house, in ranges, to whoever may have it: listening, downloading, and the waveform's peaks.
Every answer says `no-store`; a use is written down before its first byte is sent. What lies in the store is read
through `recordings/store.py` only, and never held in memory whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from aiohttp import web
from sqlalchemy import Row

from core.errors import NotFoundError
from recordings import handing_out
from recordings.access import Right, holds_redacted, must_all, reach
from recordings.audit import goes_on, note_once, note_use
from recordings.kinds import Use
from recordings.store import NoAudioError
from server.recordings.access import asker_of, recording_id_of
from server.recordings.parts import STORE
from server.web.keys import CLOCK, DATABASE, SETTINGS, ZONE

TYPES: Final = {
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".webm": "audio/webm",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".json": "application/json",
}
FORMATS: Final = {"opus": "opus_key", "mp3": "mp3_key", "original": "original_key"}
"""What can be asked for, and the column that says where it lies."""

GONE: Final = {
    "retention": "this recording was kept as long as the rules of this site say, and is gone",
    "person_erased": "this recording was erased with the person it was about",
    "removed_by_hand": "somebody removed this recording",
}


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end`, the last one included; `partial` when a range was asked for."""

    start: int
    end: int
    partial: bool

    @property
    def length(self) -> int:
        return self.end - self.start + 1


async def listen(request: web.Request) -> web.StreamResponse:
    """The listening copy for a player; the original where there is no copy yet."""
    row = await _reached(request, Right.HEAR)
    key = _key(row, request.match_info["format"])
    if key is None and not await _is_unredacted(request, row):
        key = _key(row, "original")
    if key is None:
        raise NotFoundError(_why_gone(row))
    await note(request, row, Use.LISTENED)
    return await send(request, key)


async def download(request: web.Request) -> web.StreamResponse:
    """A copy or the original as a file."""
    return await send_copy(request, await _reached(request, Right.DOWNLOAD), request.match_info["format"])


async def send_copy(request: web.Request, row: Row[Any], wanted: str) -> web.StreamResponse:
    """As a file, written down. The asker's right was asked for before, but for an original that has in it what was
    taken out of the copies: that is for those who may export. Raises NotFoundError, ForbiddenError, StoreError."""
    settings = request.app[SETTINGS].recordings
    if wanted == "original" and await _is_unredacted(request, row):
        must_all(asker_of(request), Right.EXPORT, settings)
    key = _key(row, wanted)
    if key is None:
        raise NotFoundError(_why_gone(row))
    await note(request, row, Use.DOWNLOADED, wanted)
    return await send(request, key, file_name=file_name(request, row, PurePosixPath(key).suffix))


async def peaks(request: web.Request) -> web.StreamResponse:
    """What the waveform is drawn from. Seeing it is not listening."""
    row = await _reached(request, Right.HEAR)
    if row.removed_at is not None or row.peaks_key is None:
        raise NotFoundError("there is no waveform of this recording")
    return await send(request, row.peaks_key)


async def send(request: web.Request, key: str, *, file_name: str | None = None) -> web.StreamResponse:
    """What lies under `key`, or the one range of it that was asked for. Raises StoreError, NotFoundError."""
    store = request.app[STORE]
    try:
        size = await store.size(key)
    except NoAudioError as error:
        raise NotFoundError("the audio of this recording is not in the store any more") from error
    span = _span(request, size)
    if span is None:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
    response = web.StreamResponse(status=206 if span.partial else 200)
    response.content_type = TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")
    response.content_length = span.length
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "no-store"
    if span.partial:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end}/{size}"
    if file_name is not None:
        response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    await response.prepare(request)
    if request.method != "HEAD" and span.length:
        async for piece in store.read(key, span.start, span.length):
            await response.write(piece)
    await response.write_eof()
    return response


def _span(request: web.Request, size: int) -> Span | None:
    """What to send; None when the range lies beyond the end. Several ranges, a range that is none, and one that
    depends on a version of the audio (we name none) get everything, as RFC 9110 has it."""
    whole = Span(0, size - 1, partial=False)
    if "Range" not in request.headers or "If-Range" in request.headers:
        return whole
    try:
        wanted = request.http_range
    except ValueError:
        return whole
    start, stop = wanted.start, wanted.stop
    if start is None and stop is None:
        return whole
    if start is not None and start < 0:  # the last bytes
        return Span(max(0, size + start), size - 1, partial=True) if size else None
    start = start or 0
    end = min(size, size if stop is None else stop) - 1
    return Span(start, end, partial=True) if start <= end else None


async def _reached(request: web.Request, right: Right) -> Row[Any]:
    async with request.app[DATABASE].read() as connection:
        return await reach(
            connection,
            asker_of(request),
            recording_id_of(request),
            request.app[SETTINGS].recordings,
            right,
        )


async def note(request: web.Request, row: Row[Any], what: Use, detail: str = "") -> None:
    """Write this use down; listening that goes on is written down once."""
    if request.method == "HEAD":
        return
    asker, now, database = asker_of(request), request.app[CLOCK](), request.app[DATABASE]
    if what is Use.LISTENED:
        async with database.read() as connection:
            if await goes_on(connection, asker, what, row.id, now):
                return
        async with database.write() as connection:
            await note_once(connection, asker, what, at=now, call_id=row.call_id, recording_id=row.id)
        return
    async with database.write() as connection:
        await note_use(
            connection, asker, what, at=now, call_id=row.call_id, recording_id=row.id, detail=detail
        )


async def _is_unredacted(request: web.Request, row: Row[Any]) -> bool:
    """Whether the original may have in it what was taken out of the copies: settings keep it so, or did at the time."""
    if request.app[SETTINGS].recordings.transcription.keep_unredacted_audio:
        return True
    async with request.app[DATABASE].read() as connection:
        return await holds_redacted(connection, row)


def _key(row: Row[Any], wanted: str) -> str | None:
    if row.removed_at is not None or wanted not in FORMATS:
        return None
    key: str | None = getattr(row, FORMATS[wanted])
    return key


def _why_gone(row: Row[Any]) -> str:
    return GONE.get(row.removed_why or "", "there is no such copy of this recording (yet)")


def file_name(request: web.Request, row: Row[Any], suffix: str) -> str:
    return handing_out.file_name(row.id, row.started_at, request.app[ZONE], suffix)
