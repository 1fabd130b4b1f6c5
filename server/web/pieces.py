"""The body of a request that is a whole file, piece by piece, so that none is held in memory whole. For routes that say
`streams`; how large it may be is said there too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from aiohttp import web

from recordings.store import CHUNK, StoreError

PIECE_S = 30.0
"""A sender who says nothing for so long is gone."""


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises HTTPRequestTimeout."""
    while True:
        try:
            async with asyncio.timeout(PIECE_S):
                piece = await request.content.read(CHUNK)
        except TimeoutError as error:
            raise web.HTTPRequestTimeout from error
        if not piece:
            return
        yield piece


@asynccontextmanager
async def body_as_file(request: web.Request) -> AsyncIterator[Path]:
    """The body in a file of our own for the length of the block. Raises HTTPRequestTimeout, StoreError when there is no
    room for it."""
    with NamedTemporaryFile(prefix="ringback-") as file:
        try:
            async for piece in pieces(request):
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(file.flush)
        except OSError as error:
            raise StoreError(f"the file cannot be taken: {error.strerror}") from error
        yield Path(file.name)
