"""Publish and subscribe inside one process, in order. A fact goes in; each subscriber of its type is awaited in
the order of subscription. A failing subscriber is logged and counted and never stops the next one. Nothing is
stored here: what must survive a crash is written to `fact_log` (`core/fact_log.py`) by the room that owns it."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from core.facts import Fact

log = structlog.get_logger(__name__)

F = TypeVar("F", bound=Fact)
Handler = Callable[[F], Awaitable[None]]


class Bus:
    """Ordered in-process delivery of facts."""

    def __init__(self) -> None:
        self._handlers: dict[type[Fact], list[tuple[str, Handler[Any]]]] = defaultdict(list)
        self.failures: Counter[str] = Counter()

    def subscribe(self, fact_type: type[F], handler: Handler[F], *, name: str) -> None:
        """Call `handler` for every fact of exactly `fact_type`; `name` identifies it in logs and metrics."""
        self._handlers[fact_type].append((name, handler))

    async def publish(self, fact: Fact) -> None:
        """Hand `fact` to its subscribers, one after the other."""
        for name, handler in self._handlers[type(fact)]:
            await self.hand(fact, handler, name)

    async def hand(self, fact: Fact, handler: Handler[Any], name: str) -> None:
        """Hand `fact` to one subscriber; what it raises is logged and counted."""
        try:
            await handler(fact)
        except Exception:
            self.failures[name] += 1
            log.exception(
                "handler failed",
                handler=name,
                fact=type(fact).__name__,
                call_id=getattr(fact, "call_id", None),
            )


WAITING = 1000
"""Facts waiting aside; beyond it the stream of facts waits too, and with it the PBX is read more slowly."""


class Aside:
    """Subscribers that ask the database get their facts, in order, from a task of their own: the stream of facts, and
    every screen, goes on meanwhile. `run` until cancelled."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: asyncio.Queue[tuple[Fact, Handler[Any], str]] = asyncio.Queue(WAITING)

    def subscribe(self, fact_type: type[F], handler: Handler[F], *, name: str) -> None:
        """As `Bus.subscribe`."""

        async def put(fact: F) -> None:
            await self._waiting.put((fact, handler, name))

        self._bus.subscribe(fact_type, put, name=name)

    async def run(self) -> None:
        while True:
            await self._bus.hand(*await self._waiting.get())
