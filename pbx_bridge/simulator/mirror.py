"""Keeps a simulated PBX's state in step with events that come from a capture, so that `Status`, `BridgeList` and
their like answer rightly while a capture is played. Says nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.simulator.state import UP, Bridge, Channel, Entry, Party
from pbx_bridge.simulator.world import World


def follow(world: World, message: AmiMessage) -> None:
    """Change `world` as `message` says it has changed."""
    for prefix in ("", "Dest"):
        _snapshot(world, message, prefix)
    if do := _HANDLERS.get(message.event or ""):
        do(world, message)


def _snapshot(world: World, message: AmiMessage, prefix: str) -> None:
    uniqueid = message.get(f"{prefix}Uniqueid")
    name = message.get(f"{prefix}Channel")
    if uniqueid is None or name is None:
        return
    channel = world.channels.get(uniqueid)
    if channel is None:
        # A late DialEnd shows a channel that has hung up already: only Newchannel makes one.
        if message.event != "Newchannel" or prefix:
            return
        channel = Channel(name, uniqueid, uniqueid, message.timestamp or world.clock())
        channel.dialled = message.get("Exten") or ""
        world.channels[uniqueid] = channel
        world.calls_processed += uniqueid == message.get("Linkedid")
    _update(channel, message, prefix)


def _update(channel: Channel, message: AmiMessage, prefix: str) -> None:
    def text(key: str) -> str:
        return message.get(prefix + key) or ""

    channel.linkedid = text("Linkedid") or channel.linkedid
    channel.state = int(text("ChannelState") or channel.state)
    channel.caller = Party(text("CallerIDNum"), text("CallerIDName"))
    channel.connected = Party(text("ConnectedLineNum"), text("ConnectedLineName"))
    channel.context, channel.exten = text("Context"), text("Exten")
    if channel.state == UP and channel.answered_at is None:
        channel.answered_at = message.timestamp


def _hangup(world: World, message: AmiMessage) -> None:
    channel = world.channels.pop(message.get("Uniqueid") or "", None)
    if channel is not None and channel.bridge is not None:
        channel.bridge.channels.remove(channel)


def _bridge_create(world: World, message: AmiMessage) -> None:
    uniqueid = message.get("BridgeUniqueid") or ""
    kind, technology = message.get("BridgeType") or "basic", message.get("BridgeTechnology") or ""
    world.bridges.setdefault(uniqueid, Bridge(uniqueid, kind=kind, technology=technology))


def _bridge_enter(world: World, message: AmiMessage) -> None:
    _bridge_create(world, message)
    channel = world.channels.get(message.get("Uniqueid") or "")
    if channel is None:
        return
    if channel.bridge is not None:
        channel.bridge.channels.remove(channel)
    channel.bridge = world.bridges[message.get("BridgeUniqueid") or ""]
    channel.bridge.channels.append(channel)


def _bridge_leave(world: World, message: AmiMessage) -> None:
    channel = world.channels.get(message.get("Uniqueid") or "")
    if channel is not None and channel.bridge is not None:
        channel.bridge.channels.remove(channel)
        channel.bridge = None


def _bridge_destroy(world: World, message: AmiMessage) -> None:
    world.bridges.pop(message.get("BridgeUniqueid") or "", None)


def _device(world: World, message: AmiMessage) -> None:
    device, state = message.get("Device"), message.get("State")
    if device in world.devices and state:
        world.devices[device] = state


def _join(world: World, message: AmiMessage) -> None:
    queue = world.queues.get(message.get("Queue") or "")
    channel = world.channels.get(message.get("Uniqueid") or "")
    if queue is not None and channel is not None:
        queue.waiting.append(Entry(channel, message.timestamp or world.clock()))


def _left(world: World, message: AmiMessage) -> None:
    if queue := world.queues.get(message.get("Queue") or ""):
        uniqueid = message.get("Uniqueid")
        queue.waiting = [entry for entry in queue.waiting if entry.channel.uniqueid != uniqueid]


_HANDLERS: dict[str, Callable[[World, AmiMessage], None]] = {
    "Hangup": _hangup,
    "BridgeCreate": _bridge_create,
    "BridgeEnter": _bridge_enter,
    "BridgeLeave": _bridge_leave,
    "BridgeDestroy": _bridge_destroy,
    "DeviceStateChange": _device,
    "QueueCallerJoin": _join,
    "QueueCallerLeave": _left,
}
