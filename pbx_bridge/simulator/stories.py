"""The language stories are written in, and a catalogue of them. A step reads as a person would say it and takes the
seconds (of the PBX's time) that pass before it: `await call.answers("101", after=4)`. What each story comes to is in
the tests; here is only what people do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pbx_bridge.simulator.call import SimulatedCall
from pbx_bridge.simulator.simulator import Simulator
from pbx_bridge.simulator.state import Party

JAN = Party("+48221110101", "Jan Testowy")
MARIA = Party("0048221110202", "Maria Próbna")
WITHHELD = Party("anonymous", "Anonymous")

Play = Callable[[Simulator], Awaitable[None]]

STORIES: dict[str, Play] = {}


def story(play: Play) -> Play:
    """Put a story into the catalogue under its own name."""
    STORIES[getattr(play, "__name__", repr(play))] = play
    return play


class Told:
    """One call, told step by step. `call` is what the steps are done to."""

    def __init__(self, pbx: Simulator, call: SimulatedCall) -> None:
        self.pbx = pbx
        self.call = call

    async def answers(self, extension: str, *, after: float) -> None:
        await self._wait(after)
        self.call.answers(extension)

    async def refuses(self, extension: str, *, after: float = 0.0, cause: int = 21) -> None:
        await self._wait(after)
        self.call.refuses(extension, cause)

    async def nobody_answers(self, *, for_seconds: float) -> None:
        """The phones ring so long, then stop."""
        await self._wait(for_seconds)
        self.call.rings_out()

    async def queue_gives_up(self, *, after: float) -> None:
        await self._wait(after)
        self.call.gives_up_queue()

    async def goes_to_voicemail(self, mailbox: str, *, after: float = 0.0) -> None:
        await self._wait(after)
        self.call.voicemail(mailbox)

    async def is_held(self, *, after: float, for_seconds: float) -> None:
        await self._wait(after)
        self.call.hold()
        await self._wait(for_seconds)
        self.call.unhold()

    async def is_sent_to(self, extension: str, *, after: float) -> None:
        """Blind transfer."""
        await self._wait(after)
        self.pbx.blind_transfer(self.call, extension)

    async def agent_asks(self, extension: str, *, after: float) -> Told:
        """The agent holds the caller and rings a colleague; the answer is that second call."""
        await self._wait(after)
        return Told(self.pbx, self.pbx.consult(self.call, extension))

    async def is_handed_over(self, consultation: Told, *, after: float) -> None:
        """Attended transfer: caller and colleague are left together."""
        await self._wait(after)
        self.pbx.attended_transfer(self.call, consultation.call)

    async def caller_hangs_up(self, *, after: float) -> None:
        await self._wait(after)
        self.call.caller_hangs_up()

    async def agent_hangs_up(self, *, after: float) -> None:
        await self._wait(after)
        self.call.agent_hangs_up()

    async def pbx_hangs_up(self, *, after: float = 0.0, cause: int = 16) -> None:
        await self._wait(after)
        self.call.pbx_hangs_up(cause)

    async def _wait(self, seconds: float) -> None:
        await self.pbx.clock.sleep(seconds)


def rings_phone(pbx: Simulator, caller: Party, *extensions: str) -> Told:
    return Told(pbx, pbx.rings_phone(caller, *extensions))


def rings_queue(pbx: Simulator, caller: Party, queue: str) -> Told:
    return Told(pbx, pbx.rings_queue(caller, queue))


def phone_calls(pbx: Simulator, extension: str, number: str) -> Told:
    return Told(pbx, pbx.phone_calls(extension, number))


@story
async def direct_answered(pbx: Simulator) -> None:
    call = rings_phone(pbx, JAN, "101")
    await call.answers("101", after=4)
    await call.caller_hangs_up(after=20)


@story
async def direct_missed(pbx: Simulator) -> None:
    call = rings_phone(pbx, MARIA, "101")
    await call.nobody_answers(for_seconds=20)
    await call.pbx_hangs_up()


@story
async def direct_abandoned(pbx: Simulator) -> None:
    call = rings_phone(pbx, WITHHELD, "101")
    await call.caller_hangs_up(after=6)


@story
async def direct_busy(pbx: Simulator) -> None:
    pbx.world.busy_at_once.add("101")
    call = rings_phone(pbx, JAN, "101")
    await call.pbx_hangs_up(cause=17)


@story
async def direct_declined(pbx: Simulator) -> None:
    call = rings_phone(pbx, JAN, "101")
    await call.refuses("101", after=3)
    await call.pbx_hangs_up(cause=21)


@story
async def direct_voicemail(pbx: Simulator) -> None:
    call = rings_phone(pbx, JAN, "101")
    await call.nobody_answers(for_seconds=15)
    await call.goes_to_voicemail("101")
    await call.caller_hangs_up(after=12)


@story
async def group_answered(pbx: Simulator) -> None:
    call = rings_phone(pbx, MARIA, "101", "102", "103")
    await call.answers("103", after=3)
    await call.agent_hangs_up(after=20)


@story
async def queue_answered(pbx: Simulator) -> None:
    call = rings_queue(pbx, JAN, "sales")
    await call.answers("102", after=5)
    await call.is_held(after=4, for_seconds=6)
    await call.agent_hangs_up(after=9)


@story
async def queue_abandoned(pbx: Simulator) -> None:
    call = rings_queue(pbx, MARIA, "sales")
    await call.caller_hangs_up(after=18)


@story
async def queue_timed_out(pbx: Simulator) -> None:
    call = rings_queue(pbx, JAN, "support")
    await call.queue_gives_up(after=30)
    await call.pbx_hangs_up()


@story
async def queue_to_voicemail(pbx: Simulator) -> None:
    call = rings_queue(pbx, JAN, "support")
    await call.queue_gives_up(after=30)
    await call.goes_to_voicemail("400")
    await call.caller_hangs_up(after=8)


@story
async def queue_declined_then_answered(pbx: Simulator) -> None:
    call = rings_queue(pbx, JAN, "sales")
    await call.refuses("101", after=2)
    await call.answers("102", after=2)
    await call.caller_hangs_up(after=10)


@story
async def blind_transfer_answered(pbx: Simulator) -> None:
    call = rings_queue(pbx, JAN, "sales")
    await call.answers("101", after=4)
    await call.is_sent_to("104", after=15)
    await call.answers("104", after=3)
    await call.caller_hangs_up(after=20)


@story
async def blind_transfer_unanswered(pbx: Simulator) -> None:
    call = rings_phone(pbx, JAN, "101")
    await call.answers("101", after=4)
    await call.is_sent_to("102", after=10)
    await call.nobody_answers(for_seconds=15)
    await call.pbx_hangs_up()


@story
async def attended_transfer_answered(pbx: Simulator) -> None:
    call = rings_queue(pbx, MARIA, "sales")
    await call.answers("101", after=4)
    consultation = await call.agent_asks("104", after=10)
    await consultation.answers("104", after=3)
    await call.is_handed_over(consultation, after=6)
    await call.caller_hangs_up(after=20)


@story
async def consultation_only(pbx: Simulator) -> None:
    call = rings_phone(pbx, MARIA, "101")
    await call.answers("101", after=4)
    consultation = await call.agent_asks("104", after=10)
    await consultation.answers("104", after=3)
    await consultation.caller_hangs_up(after=5)
    call.call.unhold()
    await call.caller_hangs_up(after=10)


@story
async def outbound_answered(pbx: Simulator) -> None:
    call = phone_calls(pbx, "101", "600100200")
    await call.answers("48600100200", after=7)
    await call.caller_hangs_up(after=20)


@story
async def outbound_busy(pbx: Simulator) -> None:
    pbx.world.busy_at_once.add("48600100200")
    call = phone_calls(pbx, "101", "600100200")
    await call.pbx_hangs_up(cause=17)


@story
async def outbound_unanswered(pbx: Simulator) -> None:
    call = phone_calls(pbx, "102", "00493012345678")
    await call.caller_hangs_up(after=25)


@story
async def internal_answered(pbx: Simulator) -> None:
    call = phone_calls(pbx, "101", "102")
    await call.answers("102", after=3)
    await call.agent_hangs_up(after=12)
