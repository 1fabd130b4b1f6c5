"""Recordings of a PBX that shares no folder with this server: its upload script (`config/asterisk/ringback-upload.sh`)
sends each closed file. The answer means that the file is safe here; only then does the script delete its own."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import Field

from core.errors import InvalidInputError, TooManyRequestsError
from recordings.names import LONGEST_NAME
from recordings.upload import receive
from server.api.operation import operation
from server.api.shapes import Given, Taken
from server.recordings.parts import COLLECTORS
from server.web.keys import SETTINGS
from server.web.pieces import pieces

AT_ONCE = 8
"""Files on their way at the same time, of all PBXs: each holds a connection and a disk's attention."""

BUSY_S = 10

_PLACES = asyncio.Semaphore(AT_ONCE)


class UploadQuery(Taken):
    """Which file it is."""

    pbx: str = Field(min_length=1, max_length=60, description="The PBX's name in the settings.")
    name: str = Field(
        min_length=1, max_length=LONGEST_NAME, description="As the shipped dialplan named the file."
    )
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$", description="Of the whole file.")


class UploadedFile(Given):
    bytes: int
    sha256: str = Field(description="As it was read back here.")


@operation("Leave a recording file", tag="Recordings", status=201, problems=(413, 429, 503))
async def upload(request: web.Request, query: UploadQuery) -> UploadedFile:
    """The body is the file itself. Once it is answered with 201 the file is safe here and may be deleted there. The
    same file again is no error, and is stored once."""
    pbx = request.app[SETTINGS].pbx.get(query.pbx)
    if pbx is None or pbx.recordings is None:
        raise InvalidInputError(
            "pbx: there is no such PBX here, or `pbx.<name>.recordings` is not set for it", field="pbx"
        )
    if _PLACES.locked():
        raise TooManyRequestsError("too many files are on their way at once", retry_after=BUSY_S)
    length = request.content_length or 0
    async with _PLACES:
        stored = await receive(pbx.recordings, query.name, query.sha256, length, pieces(request))
    request.app[COLLECTORS][query.pbx].wake()
    return UploadedFile(bytes=stored.bytes, sha256=stored.sha256)
