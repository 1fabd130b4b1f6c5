"""`python -m tests.faults.server SETTINGS`: the real server with short waits. At the step that the environment names
it halts, the whole process, and opens a socket to say so; it goes on when that is closed, if it still lives then. The
product has no such hook: what is wrapped here are methods that any caller uses."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import scheduler
from callback.attempts import Attempts, Made, claim
from callback.policy import Rules
from callback.scheduler import Scheduler, Times
from config.logging import set_up
from config.settings import load
from core.fact_log import LoggedFact
from core.facts import attempt_of
from core.ports import DialOrder
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.dialer import AmiDialer
from server.app import build
from server.callbacks import parts as callback_parts
from tests.faults.steps import Step

STEP, SOCKET = "RINGBACK_HALT_AT", "RINGBACK_HALT_SOCKET"

SHORT = Times(look=0.2, begin=2.0, patience=4.0, gone=1.5, doubt=600.0)
"""In the same order of size as the real ones: an order is refused well before it is given up."""

WAITS = {"retry_waits_s": (1.0, 1.0, 1.0), "offer_waits_s": (0.5, 0.5, 0.5, 0.5)}


class Halt:
    """Once, at one step."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._step = environment.get(STEP)
        self._socket = environment.get(SOCKET, "")

    def at(self, step: Step) -> None:
        if step != self._step:
            return
        self._step = None
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(self._socket)
            except OSError:
                return  # another server was there before us
            line.recv(1)


def install(halt: Halt) -> None:
    """Wrap what an attempt goes through."""
    _wrap_attempts(halt)
    _wrap_dialling(halt)

    async def taking(connection: AsyncConnection, made: Made) -> bool:
        taken = await claim(connection, made)
        halt.at(Step.COMMITTING)
        return taken

    scheduler.claim = taking  # type: ignore[attr-defined]
    rules_of = Rules.of

    def short_rules(*settings: Any) -> Rules:
        return replace(rules_of(*settings), **WAITS)  # type: ignore[arg-type]

    Rules.of = short_rules  # type: ignore[method-assign,assignment]
    callback_parts.Scheduler = partial(Scheduler, times=SHORT)  # type: ignore[assignment,attr-defined]


def _wrap_dialling(halt: Halt) -> None:
    place, action = AmiDialer.place, AmiLink.action

    async def placing(self: AmiDialer, order: DialOrder) -> None:
        halt.at(Step.COMMITTED)
        await place(self, order)

    async def acting(self: AmiLink, asked: Any, **rest: Any) -> AmiMessage:
        doing = asyncio.create_task(action(self, asked, **rest))
        if isinstance(asked, Mapping) and asked.get("Action") == "Originate":
            await asyncio.sleep(0)  # it has been written now
            halt.at(Step.SENT)
        return await doing

    AmiDialer.place = placing  # type: ignore[method-assign]
    AmiLink.action = acting  # type: ignore[method-assign,assignment]


def _wrap_attempts(halt: Halt) -> None:
    sent, call_ended, end = Attempts.sent, Attempts.call_ended, Attempts.end

    async def noting(self: Attempts, attempt_id: str) -> None:
        halt.at(Step.REPLIED)
        await sent(self, attempt_id)

    async def hearing(self: Attempts, logged: LoggedFact) -> None:
        if attempt_of(logged.body["record"]["call_id"]) is not None:
            halt.at(Step.ENDED)
        await call_ended(self, logged)

    async def ending(self: Attempts, *given: Any, **rest: Any) -> bool:
        ended = await end(self, *given, **rest)
        if ended:
            halt.at(Step.SETTLED)
        return ended

    Attempts.sent = noting  # type: ignore[method-assign]
    Attempts.call_ended = hearing  # type: ignore[method-assign]
    Attempts.end = ending  # type: ignore[method-assign]


def main() -> None:
    install(Halt(os.environ))
    settings = load(Path(sys.argv[1]))
    set_up(settings.log)
    web.run_app(build(settings), host=settings.server.host, port=settings.server.port, print=None)


if __name__ == "__main__":
    main()
