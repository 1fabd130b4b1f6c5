"""Pure. What the PBX says about phones and queue members: AMI messages in, `DeviceChanged` and
`QueueMemberChanged` facts out, only where something changed. About a quarter of all AMI events are
`QueueMemberStatus` (one per queue of the member and state change, Asterisk 22); most of them change nothing here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.facts import DeviceChanged, Fact, QueueMemberChanged
from pbx_bridge.ami.message import AmiMessage

MEMBER_EVENTS = frozenset({"QueueMember", "QueueMemberStatus", "QueueMemberAdded", "QueueMemberPause"})
"""`QueueMember` is the answer to QueueStatus; the others are news. All carry the same fields."""

WANTED = MEMBER_EVENTS | {"QueueMemberRemoved", "DeviceStateChange"}
"""Event names this file reads."""


@dataclass(frozen=True, slots=True)
class Member:
    """One membership: `interface` is what QueuePause must name, `device` the phone people know."""

    interface: str
    device: str
    paused: bool
    pause_reason: str | None


class AgentBook:
    """The phones and queue members of one PBX."""

    def __init__(self, pbx: str) -> None:
        self._pbx = pbx
        self._states: dict[str, str] = {}
        self._members: dict[tuple[str, str], Member] = {}

    def apply(self, message: AmiMessage, at: float) -> list[Fact]:
        """What `message` changes. Messages about other things change nothing."""
        event = message.event
        if event == "DeviceStateChange":
            return self._device(message, at)
        if event in MEMBER_EVENTS:
            return self._member(message, at)
        if event == "QueueMemberRemoved":
            return self._removed(message.get("Queue") or "", message.get("Interface") or "", at)
        return []

    def resync(self, members: Iterable[AmiMessage], devices: Iterable[AmiMessage], at: float) -> list[Fact]:
        """Compare with the answers of QueueStatus and DeviceStateList: members not named there are gone."""
        facts: list[Fact] = []
        seen: set[tuple[str, str]] = set()
        for message in members:
            seen.add((message.get("Queue") or "", _interface(message)))
            facts += self._member(message, at)
        for queue, interface in self._members.keys() - seen:
            facts += self._removed(queue, interface, at)
        for message in devices:
            facts += self._device(message, at)
        return facts

    def interfaces_of(self, device: str) -> tuple[str, ...]:
        """The interfaces under which the queues know `device` (`PJSIP/101`, or `Local/101@from-queue/n`)."""
        extension = device.rpartition("/")[2]
        known = {
            member.interface
            for member in self._members.values()
            if member.device in (device, f"Local/{extension}")
        }
        return tuple(sorted(known))

    def _device(self, message: AmiMessage, at: float) -> list[Fact]:
        device, state = message.get("Device"), message.get("State")
        if device is None or state is None or self._states.get(device) == state:
            return []
        self._states[device] = state
        return [DeviceChanged(self._pbx, at, device, state)]

    def _member(self, message: AmiMessage, at: float) -> list[Fact]:
        queue, interface = message.get("Queue") or "", _interface(message)
        member = Member(
            interface=interface,
            device=phone_of(interface, message.get("StateInterface")),
            paused=message.get("Paused") == "1",
            pause_reason=message.get("PausedReason") or None,
        )
        if self._members.get((queue, interface)) == member:
            return []
        self._members[queue, interface] = member
        return [self._fact(queue, member, at, is_member=True)]

    def _removed(self, queue: str, interface: str, at: float) -> list[Fact]:
        member = self._members.pop((queue, interface), None)
        return [] if member is None else [self._fact(queue, member, at, is_member=False)]

    def _fact(self, queue: str, member: Member, at: float, *, is_member: bool) -> QueueMemberChanged:
        return QueueMemberChanged(
            self._pbx, at, queue, member.device, is_member, member.paused, member.pause_reason
        )


def _interface(message: AmiMessage) -> str:
    # QueueStatus calls it Location, the events call it Interface (Asterisk 16 and 22).
    return message.get("Interface") or message.get("Location") or ""


def phone_of(interface: str, state_interface: str | None) -> str:
    """The phone behind a queue member: its state interface where that names a phone; `Local/101` for a Local
    member that is watched by a hint (FreePBX: `Local/101@from-queue/n`, `hint:101@ext-local`)."""
    if state_interface and not state_interface.lower().startswith(("hint:", "custom:", "local/")):
        return state_interface
    if interface.startswith("Local/"):
        return interface.partition("@")[0]
    return interface
