"""A scripted server on a real socket: it keeps what it was asked, and can be slow, drop the line after it did what was
asked, be stopped and come back at the same port. What it answers is said by whoever plays a CRM with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import MultiDict


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came: `json` are the body's values, None where it is no JSON."""

    method: str
    path: str
    query: MultiDict[str]
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


Answers = Callable[[Asked], Any]
"""A request in; a status with JSON values, or JSON values alone, out; bytes are the answer's body as it is."""


@dataclass(slots=True)
class Scripted:
    """Requests that `drops` picks are done, and the line is cut before their answer. `hangs`: nothing is done or said
    while this is set."""

    answers: Answers
    asked: list[Asked] = field(default_factory=list)
    drops: Callable[[Asked], bool] = lambda _asked: False
    hangs: bool = False
    port: int | None = None
    _server: TestServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Scripted:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._server = TestServer(app, host="127.0.0.1", port=self.port)
        await self._server.start_server(shutdown_timeout=0.1)
        self.port = self._server.port

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode()
        asked = Asked(request.method, request.path, MultiDict(request.query), dict(request.headers), body)
        self.asked.append(asked)
        if self.hangs:
            await asyncio.sleep(600)
        said = self.answers(asked)
        status, values = said if isinstance(said, tuple) else (200, said)
        if self.drops(asked):
            assert request.transport is not None
            request.transport.abort()
        if isinstance(values, bytes):
            return web.Response(body=values, status=status)
        return web.json_response(values, status=status)
