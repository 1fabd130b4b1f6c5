"""The scenes the demo plays, each one call from ring to end, told with the simulator's steps. The sample history and
the live script draw from the same ones; a scene fits itself to the phones that are free at that moment."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from pbx_bridge.simulator import CallOverError, Party, Simulator
from pbx_bridge.simulator.stories import Told, phone_calls, rings_phone, rings_queue
from server.demo.cast import AGENTS, Cast


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, as ranges. `ring`: until somebody answers; `talk`: one conversation."""

    ring: tuple[float, float]
    talk: tuple[float, float]
    patience: tuple[float, float] = (12, 40)


@dataclass(slots=True)
class Stage:
    """Where a scene plays. `calls` are those it began, so that they can be ended if it breaks off; `star` is the
    phone that takes calls more often than others."""

    pbx: Simulator
    cast: Cast
    pace: Pace
    calls: list[Told]
    star: str | None = None

    def begin(self, call: Told) -> Told:
        self.calls.append(call)
        return call

    def ring(self) -> float:
        return self.cast.seconds(*self.pace.ring)

    def talk(self, share: float = 1.0) -> float:
        return self.cast.seconds(*self.pace.talk) * share

    def patience(self) -> float:
        return self.cast.seconds(*self.pace.patience)

    def free_agents(self) -> list[str]:
        """Agents whose phone is idle and who have not paused themselves."""
        world = self.pbx.world
        paused = {
            member.interface for queue in world.queues.values() for member in queue.members if member.paused
        }
        return [one for one in AGENTS if world.is_free(one) and world.layout.device(one) not in paused]

    def one_of(self, extensions: Sequence[str]) -> str | None:
        if not extensions:
            return None
        if self.star in extensions and self.cast.dice.random() < 0.6:
            return self.star
        return self.cast.dice.choice(extensions)

    def somebody(self) -> str | None:
        return self.one_of(self.free_agents())

    def colleague(self, of: str) -> str | None:
        """Somebody free other than `of`; reception counts."""
        free = [one for one in self.pbx.layout.phones if one != of and self.pbx.world.is_free(one)]
        return self.cast.dice.choice(free) if free else None


Scene = Callable[[Stage], Awaitable[None]]


async def _hang_up(stage: Stage, call: Told, after: float) -> None:
    if stage.cast.dice.random() < 0.6:
        await call.caller_hangs_up(after=after)
    else:
        await call.agent_hangs_up(after=after)


async def _queue_until_answered(stage: Stage, caller: Party, queue: str) -> tuple[Told, str | None]:
    """A caller waits in a queue until somebody takes the call: the extension, or None when patience ended."""
    call = stage.begin(rings_queue(stage.pbx, caller, queue))
    waits = stage.ring()
    for _attempt in range(4):
        await stage.pbx.clock.sleep(waits)
        if (extension := stage.one_of(list(call.call.ringing))) is not None:
            await call.answers(extension, after=0)
            return call, extension
        call.call.rings_members()
    await call.caller_hangs_up(after=waits)
    return call, None


async def queue_call(stage: Stage) -> None:
    queue = "sales" if stage.cast.dice.random() < 0.75 else "support"
    await _in_queue(stage, stage.cast.caller(), queue)


async def known_customer(stage: Stage) -> None:
    await _in_queue(stage, stage.cast.customer(), "sales")


async def shared_number(stage: Stage) -> None:
    await _in_queue(stage, stage.cast.shared(), "sales")


async def _in_queue(stage: Stage, caller: Party, queue: str) -> None:
    call, extension = await _queue_until_answered(stage, caller, queue)
    if extension is None:
        return
    if stage.cast.dice.random() < 0.2:
        await call.is_held(after=stage.talk(0.4), for_seconds=stage.cast.seconds(6, 20))
    await _hang_up(stage, call, stage.talk())


async def direct_call(stage: Stage) -> None:
    extension = stage.somebody()
    if extension is None:
        await queue_call(stage)
        return
    call = stage.begin(rings_phone(stage.pbx, stage.cast.caller(), extension))
    await call.answers(extension, after=stage.ring())
    await _hang_up(stage, call, stage.talk())


async def abandoned(stage: Stage) -> None:
    call = stage.begin(rings_queue(stage.pbx, stage.cast.caller(), "sales"))
    await call.caller_hangs_up(after=stage.patience())


async def missed(stage: Stage) -> None:
    extension = stage.somebody()
    if extension is None:
        await abandoned(stage)
        return
    call = stage.begin(rings_phone(stage.pbx, stage.cast.caller(), extension))
    await call.nobody_answers(for_seconds=20)
    await call.pbx_hangs_up()


async def queue_time_out(stage: Stage) -> None:
    call = stage.begin(rings_queue(stage.pbx, stage.cast.caller(), "support"))
    await call.queue_gives_up(after=45)
    await call.pbx_hangs_up()


async def voicemail(stage: Stage) -> None:
    extension = stage.somebody()
    if extension is None:
        await abandoned(stage)
        return
    call = stage.begin(rings_phone(stage.pbx, stage.cast.caller(), extension))
    await call.nobody_answers(for_seconds=18)
    await call.goes_to_voicemail(extension)
    await call.caller_hangs_up(after=stage.cast.seconds(8, 30))


async def blind_transfer(stage: Stage) -> None:
    call, extension = await _queue_until_answered(stage, stage.cast.customer(), "sales")
    if extension is None:
        return
    await stage.pbx.clock.sleep(stage.talk(0.4))
    to = stage.colleague(extension)
    if to is not None:
        await call.is_sent_to(to, after=0)
        await call.answers(to, after=stage.ring())
    await _hang_up(stage, call, stage.talk())


async def attended_transfer(stage: Stage) -> None:
    call, extension = await _queue_until_answered(stage, stage.cast.customer(), "sales")
    if extension is None:
        return
    await stage.pbx.clock.sleep(stage.talk(0.4))
    to = stage.colleague(extension)
    if to is not None:
        consultation = stage.begin(await call.agent_asks(to, after=0))
        await consultation.answers(to, after=stage.ring())
        await call.is_handed_over(consultation, after=stage.cast.seconds(5, 12))
    await _hang_up(stage, call, stage.talk())


async def calls_out(stage: Stage) -> None:
    await _outbound(stage, "answered")


async def calls_out_in_vain(stage: Stage) -> None:
    await _outbound(stage, "unanswered")


async def calls_out_busy(stage: Stage) -> None:
    await _outbound(stage, "busy")


async def calls_out_failed(stage: Stage) -> None:
    await _outbound(stage, "failed")


async def _outbound(stage: Stage, outcome: str) -> None:
    extension = stage.somebody()
    if extension is None:
        return
    call = stage.begin(phone_calls(stage.pbx, extension, stage.cast.number_to_call()))
    outside = next(iter(call.call.ringing))
    if outcome == "answered":
        await call.answers(outside, after=stage.ring())
        await _hang_up(stage, call, stage.talk())
    elif outcome == "unanswered":
        await call.caller_hangs_up(after=stage.patience())
    else:
        cause = 17 if outcome == "busy" else 34
        await call.refuses(outside, after=2, cause=cause)
        await call.pbx_hangs_up(cause=cause)


async def colleagues_talk(stage: Stage) -> None:
    extension = stage.somebody()
    to = stage.colleague(extension) if extension else None
    if extension is None or to is None:
        return
    call = stage.begin(phone_calls(stage.pbx, extension, to))
    await call.answers(to, after=stage.ring())
    await _hang_up(stage, call, stage.talk(0.5))


SCENES: dict[Scene, int] = {
    queue_call: 30,
    shared_number: 4,
    direct_call: 18,
    abandoned: 7,
    missed: 4,
    queue_time_out: 1,
    voicemail: 5,
    blind_transfer: 6,
    attended_transfer: 5,
    calls_out: 12,
    calls_out_in_vain: 3,
    calls_out_busy: 2,
    calls_out_failed: 1,
    colleagues_talk: 4,
}
"""How often each is played, in parts of about a hundred."""


class Deck:
    """Deals scenes: a hundred at a time in the parts of `SCENES`, shuffled, so that none is long in coming."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._cards: list[Scene] = []

    def draw(self) -> Scene:
        if not self._cards:
            self._cards = [scene for scene, parts in SCENES.items() for _ in range(parts)]
            self._dice.shuffle(self._cards)
        return self._cards.pop()


async def play(scene: Scene, stage: Stage) -> None:
    """One scene to its end. What breaks it (a phone that somebody else took, a PBX that went away) ends its calls."""
    try:
        with contextlib.suppress(CallOverError):
            await scene(stage)
    finally:
        for told in reversed(stage.calls):
            if not told.call.is_over:
                told.call.pbx_hangs_up()
