"""Facts reach their subscribers in order; one that fails stops nobody; one that is slow, put aside, delays nobody."""

from __future__ import annotations

import asyncio
import contextlib

from core.bus import Aside, Bus
from core.facts import CallQueued


def fact(number: int) -> CallQueued:
    return CallQueued(f"c{number}", float(number), "sales")


async def test_a_failing_subscriber_is_counted_and_the_next_one_hears() -> None:
    bus, heard = Bus(), list[CallQueued]()

    async def fail(_: CallQueued) -> None:
        raise RuntimeError("broken")

    async def hear(said: CallQueued) -> None:
        heard.append(said)

    bus.subscribe(CallQueued, fail, name="broken one")
    bus.subscribe(CallQueued, hear, name="next one")
    await bus.publish(fact(1))
    assert heard == [fact(1)]
    assert bus.failures["broken one"] == 1


async def test_a_slow_subscriber_put_aside_gets_all_in_order_and_holds_nobody_up() -> None:
    bus, slow, quick = Bus(), list[CallQueued](), list[CallQueued]()
    gate, done = asyncio.Event(), asyncio.Event()
    aside = Aside(bus)

    async def wait_and_hear(said: CallQueued) -> None:
        await gate.wait()
        slow.append(said)
        if said == fact(2):
            raise RuntimeError("broken once")
        if len(slow) == 3:
            done.set()

    async def hear(said: CallQueued) -> None:
        quick.append(said)

    aside.subscribe(CallQueued, wait_and_hear, name="slow one")
    bus.subscribe(CallQueued, hear, name="quick one")
    task = asyncio.create_task(aside.run())
    for number in (1, 2, 3):
        await bus.publish(fact(number))
    assert (len(quick), slow) == (3, [])
    gate.set()
    await done.wait()
    assert slow == [fact(1), fact(2), fact(3)]
    assert bus.failures["slow one"] == 1
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
