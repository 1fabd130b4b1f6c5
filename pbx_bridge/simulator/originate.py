"""What happens when somebody sends `Originate` to the simulated PBX: a phone rings, answers after the seconds its
`Habits` say, and is put through to the number asked for. `Local/<extension>@ringback-agent/n` behaves like the shipped
context: two Local halves, the agent behind them, the channel id as Linkedid of the whole call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.simulator.call import SimulatedCall
from pbx_bridge.simulator.state import RING, RINGING, UNKNOWN, UP, Channel, Party, channel_headers
from pbx_bridge.simulator.world import World

ANSWERED, NO_ANSWER, FAILED = 4, 3, 0


@dataclass(slots=True)
class Habits:
    """Seconds until people act; None: never. `talk` counts from the outside party's answer."""

    agent_answers: float | None = 3.0
    outside_answers: float | None = 5.0
    talk: float | None = 20.0


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted Originate."""

    action: AmiMessage
    device: str
    extension: str
    exten: str
    context: str
    timeout: float
    channel_id: str | None
    is_local: bool

    @property
    def channel(self) -> str:
        return self.action.get("Channel") or ""


def order_of(world: World, action: AmiMessage) -> Order | str:
    """The order, or Asterisk's sentence why there is none."""
    channel = action.get("Channel") or ""
    if not channel:
        return "Channel not specified"
    technology, _, rest = channel.partition("/")
    extension, _, after = rest.partition("@")
    channel_id = action.get("ChannelId")
    if channel_id is not None and channel_id in world.channels:
        # Asterisk accepts it and fails later; its answer to us is the same either way.
        return "Originate failed"
    try:
        timeout = float(action.get("Timeout") or 30_000) / 1000
    except ValueError:
        return "Invalid timeout"
    is_local = technology == "Local" and bool(after)
    return Order(
        action,
        world.layout.device(extension) if is_local else channel,
        extension,
        action.get("Exten") or "",
        action.get("Context") or "",
        timeout,
        channel_id,
        is_local,
    )


async def carry_out(world: World, order: Order, habits: Habits) -> None:
    """The whole call, to its end."""
    if order.device not in world.devices or world.devices[order.device] == "UNAVAILABLE":
        _respond(world, order, None, FAILED)
        return
    first, agent = _ring_agent(world, order)
    waits = habits.agent_answers
    if waits is None or waits > order.timeout:
        await world.clock.sleep(order.timeout)
        _not_answered(world, order, first, agent)
        return
    await world.clock.sleep(waits)
    if world.is_dead:
        return
    _agent_answered(world, order, first, agent)
    await _put_through(world, order, habits, first)
    _end(world, first, agent)


def _ring_agent(world: World, order: Order) -> tuple[Channel, Channel]:
    """The originated channel, and the agent's (the same one when a phone was named directly)."""
    party = world.party(order.extension)
    if not order.is_local:
        phone = world.new_channel(order.device, caller=party, uniqueid=order.channel_id)
        world.dial_begin(None, phone, order.extension)
        world.set_state(phone, RINGING)
        world.dial_state(None, phone)
        return phone, phone
    first, second = _local_pair(world, order)
    world.dial_begin(None, first, f"{order.extension}@ringback-agent/n")
    agent = world.new_channel(order.device, caller=party, of=first)
    agent.exten = order.extension
    world.dial_begin(second, agent, order.extension)
    world.set_connected(second, party)
    world.set_state(agent, RINGING)
    first.caller = party
    world.set_state(first, RINGING)
    world.dial_state(None, first)
    world.dial_state(second, agent)
    return first, agent


def _local_pair(world: World, order: Order) -> tuple[Channel, Channel]:
    base = world.next_channel_name(f"Local/{order.extension}@ringback-agent")
    context = "ringback-agent"
    first = world.new_channel(
        "", name=f"{base};1", uniqueid=order.channel_id, context=context, exten=order.extension
    )
    second = world.new_channel(
        "", name=f"{base};2", uniqueid=f"{first.uniqueid};2", context=context, exten=order.extension,
        of=first, state=RING,
    )  # fmt: skip
    halves = {**channel_headers(first, "LocalOne"), **channel_headers(second, "LocalTwo")}
    where = {"Context": context, "Exten": order.extension, "LocalOptimization": "No"}
    world.emit("LocalBridge", {**halves, **where})
    return first, second


def _second_half(world: World, first: Channel) -> Channel | None:
    return world.channels.get(f"{first.uniqueid};2")


def _not_answered(world: World, order: Order, first: Channel, agent: Channel) -> None:
    """On a time-out Local;1 gets no DialEnd at all (Asterisk 22)."""
    second = _second_half(world, first)
    if second is not None:
        world.dial_end(second, agent, "CANCEL")
    else:
        world.dial_end(None, first, "NOANSWER")
    _respond(world, order, None, NO_ANSWER)
    _end(world, first, agent)


def _agent_answered(world: World, order: Order, first: Channel, agent: Channel) -> None:
    second = _second_half(world, first)
    world.set_state(agent, UP)
    if second is not None:
        world.dial_end(second, agent, "ANSWER")
        world.set_state(second, UP)
        world.bridge(agent, second)
        world.set_state(first, UP)
    world.dial_end(None, first, "ANSWER")
    first.context, first.exten, first.priority = order.context, order.exten, 1
    _respond(world, order, first, ANSWERED)


async def _put_through(world: World, order: Order, habits: Habits, first: Channel) -> None:
    """Dial the other party, who answers or does not, and wait for the end."""
    if order.is_local:
        world.set_caller(first, Party(world.layout.shown_number))
    call = SimulatedCall(world, first)
    if order.exten in world.layout.phones:
        call.rings([order.exten])
        waits = habits.agent_answers
    else:
        call.rings_outside(order.exten)
        waits = habits.outside_answers
    await world.clock.sleep(30.0 if waits is None else waits)
    if call.is_over:
        return
    if waits is None:
        call.rings_out()
        call.pbx_hangs_up()
        return
    call.answers(order.exten)
    if habits.talk is not None:
        await world.clock.sleep(habits.talk)
        if not call.is_over and call.peer is not None:
            call.agent_hangs_up()


def _end(world: World, first: Channel, agent: Channel) -> None:
    if world.is_dead:
        return
    second = _second_half(world, first)
    bridge = agent.bridge
    for channel in (agent, second):
        if channel is not None:
            world.leave(channel)
    if bridge is not None and not bridge.channels:
        world.destroy(bridge)
    for channel in (second, agent, first):
        if channel is not None:
            world.hang_up(channel)


def _respond(world: World, order: Order, channel: Channel | None, reason: int) -> None:
    # On failure `Channel` is the dial string and there is no Uniqueid.
    action_id = order.action.action_id
    world.emit(
        "OriginateResponse",
        {
            **({"ActionID": action_id} if action_id else {}),
            "Response": "Success" if reason == ANSWERED else "Failure",
            "Channel": channel.name if channel else order.channel,
            "Context": order.context,
            "Exten": order.exten,
            "Reason": reason,
            "Uniqueid": channel.uniqueid if channel else (order.channel_id or UNKNOWN),
            "CallerIDNum": order.action.get("CallerID") or UNKNOWN,
            "CallerIDName": UNKNOWN,
        },
    )


class Originator:
    """Carries out orders in tasks that end with the PBX."""

    def __init__(self, habits: Habits, keep: Callable[[asyncio.Task[None]], None]) -> None:
        self._habits = habits
        self._keep = keep

    def take(self, world: World, action: AmiMessage) -> str | None:
        """Asterisk's refusal, or None when the call is on its way."""
        order = order_of(world, action)
        if isinstance(order, str):
            return order
        self._keep(asyncio.get_running_loop().create_task(carry_out(world, order, self._habits)))
        return None
