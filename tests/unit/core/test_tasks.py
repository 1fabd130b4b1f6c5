"""Background tasks end when they are told to, whatever else happens in that moment."""

from __future__ import annotations

import asyncio

import pytest

from core import tasks
from core.tasks import running, woken


async def test_woken_says_whether_it_was_the_event() -> None:
    event = asyncio.Event()
    assert not await woken(event, 0.001)
    event.set()
    assert await woken(event, 60.0)


async def test_a_task_woken_and_cancelled_in_one_moment_ends() -> None:
    event = asyncio.Event()

    async def work() -> None:
        while True:
            event.clear()
            await woken(event, 60.0)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    event.set()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=10.0)
    assert done, "the cancellation was lost"
    assert task.cancelled()


async def test_a_block_whose_task_is_woken_as_it_ends_is_left() -> None:
    event, began = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        while True:
            event.clear()
            began.set()
            await woken(event, 60.0)

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10.0):
            async with running("test", work) as task:
                await began.wait()
                await asyncio.sleep(0)
                event.set()
            await task


async def test_what_begins_the_work_need_not_be_a_coroutine_function() -> None:
    done = asyncio.Event()

    async def work(event: asyncio.Event) -> None:
        event.set()

    async with running("a lambda", lambda: work(done)), asyncio.timeout(30):
        await done.wait()


async def test_a_cancellation_that_a_failure_hid_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCELLED_AGAIN_S", 0.05)
    began = asyncio.Event()
    times = 0

    async def work() -> None:
        nonlocal times
        times += 1
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            if times == 1:
                raise ValueError("a child failed in the same moment") from error
            raise

    async with asyncio.timeout(60):
        async with running("hiding", work):
            await began.wait()
