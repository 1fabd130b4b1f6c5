"""Named, owned, watched background tasks. A task that fails is logged with its name and started anew; nothing runs
that nobody would notice dying."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

log = structlog.get_logger(__name__)

RESTARTS: Counter[str] = Counter()
"""How often each task had to be started anew; a metric."""


CANCELLED_AGAIN_S = 30.0
"""Longer than what a task does in its last moment takes: giving work back, ending a process."""


@asynccontextmanager
async def running(name: str, make: Callable[[], Awaitable[None]]) -> AsyncIterator[asyncio.Task[None]]:
    """Run `make()` in a task for the length of the block; when it fails, log and run it anew after a growing wait."""

    def report(state: RetryCallState) -> None:
        RESTARTS[name] += 1
        error = state.outcome.exception() if state.outcome else None
        log.error("background task failed; starting it anew", task=name, exc_info=error)

    # A function of its own: the retrying calls what is no coroutine function (a lambda) and awaits nothing.
    async def begin() -> None:
        await make()

    async def keep() -> None:
        wait = wait_exponential(multiplier=1, max=30)
        retrying = AsyncRetrying(retry=retry_if_exception_type(Exception), wait=wait, before_sleep=report)
        await retrying(begin)

    task = asyncio.create_task(keep(), name=name)
    try:
        yield task
    finally:
        await _end(task)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancelled again until it has ended: a task group whose parent is cancelled in the moment in which a child fails
    says the failure and forgets the cancellation (Python 3.11), and the work would be begun anew."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCELLED_AGAIN_S)
    await asyncio.gather(task, return_exceptions=True)


async def woken(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, at most so long; whether it is set. Who waits clears it before looking at what it tells of."""
    # Not wait_for: up to Python 3.11 it loses a cancellation that comes together with the event, and whoever cancelled
    # then waits for a task that goes on for ever.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
