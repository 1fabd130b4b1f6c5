"""Publish and subscribe inside one process, in order. A fact goes in; each subscriber of its type is awaited in
the order of subscription. A failing subscriber is logged and counted and never stops the next one. Nothing is
stored here: what must survive a crash is written to `fact_log` (`core/fact_log.py`) by the room that owns it."""

from __future__ import annotations

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
