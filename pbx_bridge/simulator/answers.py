"""What the simulated PBX answers to each action it knows, in the words of a real Asterisk 22. A question is answered
from the world's state; an action changes it through the world's own methods, so that its events follow. Actions that
are not known here get Asterisk's own answer for such, and `ListCommands` names only what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.simulator.dialplan import Step
from pbx_bridge.simulator.state import (
    UNKNOWN,
    Channel,
    Headers,
    Queue,
    bridge_headers,
    channel_headers,
    member_figures,
)
from pbx_bridge.simulator.users import ManagerUser, may
from pbx_bridge.simulator.world import World

VERSION = "22.10.1"


@dataclass(frozen=True, slots=True)
class Question:
    """An action somebody sent, with what is needed to answer it."""

    world: World
    user: ManagerUser
    action: AmiMessage
    dialplan: Sequence[Step]
    originate: Callable[[AmiMessage], str | None]
    """Starts the call and answers None, or Asterisk's sentence why it does not."""

    def get(self, key: str) -> str:
        return self.action.get(key) or ""


Answer = list[Headers]
"""A reply, and after it the events of its list. `ActionID` is put in by `answer`."""


def answer(question: Question) -> Answer:
    """Never fails: what cannot be done is refused in Asterisk's words."""
    name = question.get("Action")
    known = ACTIONS.get(name.lower())
    if known is None:
        return [
            error(f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands.")
        ]
    if not may(question.user, known.rights):
        return [error("Permission denied")]
    return known.do(question)


def error(message: str) -> Headers:
    return {"Response": "Error", "Message": message}


def success(message: str) -> Headers:
    return {"Response": "Success", "Message": message}


def _listing(message: str, items: Sequence[Headers], end: str, extra: Mapping[str, str | int]) -> Answer:
    start: Headers = {"Response": "Success", "EventList": "start", "Message": message}
    last: Headers = {"Event": end, "EventList": "Complete", "ListItems": len(items), **extra}
    return [start, *items, last]


# ---- questions


def _ping(question: Question) -> Answer:
    return [{"Response": "Success", "Ping": "Pong", "Timestamp": f"{question.world.clock():.6f}"}]


def _core_status(question: Question) -> Answer:
    world = question.world
    started = datetime.fromtimestamp(world.started_at, UTC)
    day, clock = started.strftime("%Y-%m-%d"), started.strftime("%H:%M:%S")
    return [
        {
            "Response": "Success",
            "CoreStartupDate": day,
            "CoreStartupTime": clock,
            "CoreReloadDate": day,
            "CoreReloadTime": clock,
            "CoreCurrentCalls": len(world.channels),
            "CoreProcessedCalls": world.calls_processed,
        }
    ]


def _core_settings(_question: Question) -> Answer:
    return [
        {
            "Response": "Success",
            "AMIversion": "11.0.0",
            "AsteriskVersion": f"{VERSION} (simulated by Ringback)",
            "SystemName": "",
            "CoreMaxCalls": 0,
            "CoreCDRenabled": "Yes",
            "CoreHTTPenabled": "No",
        }
    ]


def _status(question: Question) -> Answer:
    world = question.world
    items = [_channel_status(world, channel) for channel in world.channels.values()]
    extra = {"Items": len(items)}
    return _listing("Channel status will follow", items, "StatusComplete", extra)


def _channel_status(world: World, channel: Channel) -> Headers:
    return {
        "Event": "Status",
        "Privilege": "Call",
        **channel_headers(channel),
        "Type": channel.technology,
        "DNID": channel.dialled,
        "EffectiveConnectedLineNum": channel.connected.number or UNKNOWN,
        "EffectiveConnectedLineName": channel.connected.name or UNKNOWN,
        "TimeToHangup": 0,
        "BridgeID": channel.bridge.uniqueid if channel.bridge else "",
        "Application": channel.application,
        "Data": channel.data,
        "Seconds": int(world.clock() - channel.created_at),
    }


def _bridge_list(question: Question) -> Answer:
    bridges = question.world.bridges.values()
    items: list[Headers] = [{"Event": "BridgeListItem", **bridge_headers(bridge)} for bridge in bridges]
    return _listing("Bridge listing will follow", items, "BridgeListComplete", {})


def _bridge_info(question: Question) -> Answer:
    bridge = question.world.bridges.get(question.get("BridgeUniqueid"))
    if bridge is None:
        return [error("Specified BridgeUniqueid not found")]
    items: list[Headers] = [
        {"Event": "BridgeInfoChannel", **channel_headers(channel)} for channel in bridge.channels
    ]
    extra = bridge_headers(bridge)
    return _listing("Bridge channel listing will follow", items, "BridgeInfoComplete", extra)


def _queue_status(question: Question) -> Answer:
    wanted = question.get("Queue")
    items: list[Headers] = []
    for queue in question.world.queues.values():
        if wanted in ("", queue.name):
            items += _one_queue(question.world, queue)
    return _listing("Queue status will follow", items, "QueueStatusComplete", {})


def _one_queue(world: World, queue: Queue) -> list[Headers]:
    params: Headers = {
        "Event": "QueueParams",
        "Queue": queue.name,
        "Max": 0,
        "Strategy": "ringall",
        "Calls": len(queue.waiting),
        "Holdtime": 0,
        "TalkTime": 0,
        "Completed": queue.completed,
        "Abandoned": queue.abandoned,
        "ServiceLevel": 0,
        "ServicelevelPerf": "0.0",
        "ServicelevelPerf2": "0.0",
        "Weight": 0,
    }
    members: list[Headers] = [
        {
            "Event": "QueueMember",
            "Queue": queue.name,
            "Name": member.name,
            "Location": member.interface,
            "StateInterface": member.interface,
            "Membership": "static",
            **member_figures(member, world.devices.get(member.interface, "UNKNOWN")),
            "Wrapuptime": 0,
        }
        for member in queue.members
    ]
    return [params, *members, *_entries(world, queue)]


def _entries(world: World, queue: Queue) -> list[Headers]:
    # Unlike channel events, QueueEntry does not escape names and writes `unknown` without brackets.
    return [
        {
            "Event": "QueueEntry",
            "Queue": queue.name,
            "Position": position,
            "Channel": entry.channel.name,
            "Uniqueid": entry.channel.uniqueid,
            "CallerIDNum": entry.channel.caller.number or "unknown",
            "CallerIDName": entry.channel.caller.name or "unknown",
            "ConnectedLineNum": entry.channel.connected.number or "unknown",
            "ConnectedLineName": entry.channel.connected.name or "unknown",
            "Wait": int(world.clock() - entry.joined_at),
            "Priority": 0,
        }
        for position, entry in enumerate(queue.waiting, start=1)
    ]


def _device_states(question: Question) -> Answer:
    items: list[Headers] = [
        {"Event": "DeviceStateChange", "Device": device, "State": state}
        for device, state in question.world.devices.items()
    ]
    return _listing("Device State Changes will follow", items, "DeviceStateListComplete", {})


def _list_commands(question: Question) -> Answer:
    listed: Headers = {"Response": "Success"}
    for known in ACTIONS.values():
        if may(question.user, known.rights):
            rights = ",".join([*known.rights, "all"]) if known.rights else "<none>"
            listed[known.name] = f"{known.synopsis}  (Priv: {rights})"
    return [listed]


def _show_dialplan(question: Question) -> Answer:
    context = question.get("Context")
    chosen = [step for step in question.dialplan if context in ("", step.context)]
    if not chosen:
        return [error(f"Did not find context {context}")]
    items: list[Headers] = [
        {
            "Event": "ListDialplan",
            "Context": step.context,
            "Extension": step.extension,
            **({"ExtensionLabel": step.label} if step.label else {}),
            "Priority": step.priority,
            "Application": step.application,
            "AppData": step.data,
            "Registrar": "pbx_config",
        }
        for step in chosen
    ]
    counts = {
        "ListExtensions": len({(step.context, step.extension) for step in chosen}),
        "ListPriorities": len(chosen),
        "ListContexts": len({step.context for step in chosen}),
    }
    return _listing("DialPlan list will follow", items, "ShowDialPlanComplete", counts)


def _db_get(question: Question) -> Answer:
    # The simulated dialplan writes no markers.
    if not question.get("Family") or not question.get("Key"):
        return [error("No family specified." if not question.get("Family") else "No key specified.")]
    return [error("Database entry not found")]


def _events(question: Question) -> Answer:
    mask = question.get("EventMask").lower()
    return [{"Response": "Success", "Events": "Off" if mask in ("off", "no", "0") else "On"}]


# ---- actions


def _queue_pause(question: Question) -> Answer:
    interface, wanted = question.get("Interface"), question.get("Paused").lower()
    if not interface or not wanted:
        return [error("Need 'Interface' and 'Paused' parameters.")]
    paused = wanted in ("true", "yes", "1", "on", "y", "t")
    if not question.world.pause(interface, paused, question.get("Reason"), question.get("Queue")):
        return [error("Interface not found")]
    return [success(f"Interface {'' if paused else 'un'}paused successfully")]


def _originate(question: Question) -> Answer:
    refusal = question.originate(question.action)
    return [error(refusal) if refusal else success("Originate successfully queued")]


@dataclass(frozen=True, slots=True)
class Action:
    """`rights`: any of these lets a user do it; none needed when empty."""

    name: str
    synopsis: str
    rights: tuple[str, ...]
    do: Callable[[Question], Answer]


_REPORT = ("system", "reporting")
_STATE = ("call", "reporting")

ACTIONS: dict[str, Action] = {
    action.name.lower(): action
    for action in (
        Action("BridgeInfo", "Get information about a bridge.", (), _bridge_info),
        Action("BridgeList", "Get a list of bridges in the system.", (), _bridge_list),
        Action("CoreSettings", "Show PBX core settings (version etc).", _REPORT, _core_settings),
        Action("CoreStatus", "Show PBX core status variables.", _REPORT, _core_status),
        Action("DBGet", "Get DB Entry.", _REPORT, _db_get),
        Action("DeviceStateList", "List the current known device states.", _STATE, _device_states),
        Action("Events", "Control Event Flow.", (), _events),
        Action("ListCommands", "List available manager commands.", (), _list_commands),
        Action("Originate", "Originate a call.", ("originate",), _originate),
        Action("Ping", "Keepalive command.", (), _ping),
        Action("QueuePause", "Makes a queue member temporarily unavailable.", ("agent",), _queue_pause),
        Action("QueueStatus", "Show queue status.", (), _queue_status),
        Action("ShowDialPlan", "Show dialplan contexts and extensions", ("config", "reporting"), _show_dialplan),
        Action("Status", "List channel status.", ("system", "call", "reporting"), _status),
    )
}  # fmt: skip


def with_action_id(headers: Headers, action_id: str | None) -> AmiMessage:
    """Asterisk writes the ActionID after the first line (a few lists write it last; order means nothing)."""
    if action_id is None:
        return AmiMessage.of(headers)
    first, *rest = headers.items()
    return AmiMessage.of(dict([first, ("ActionID", action_id), *rest]))
