"""`core.ports.AgentPool`: who could take a call this moment, who waits, and who is talking to us. In: the live board,
what agents say of themselves, whose desk is open. Out: plain answers. Nothing is kept here but since when each phone
has been idle, and nobody is reserved: an agent is taken by a committed attempt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.accounts import UserDevice
from core.bus import Bus
from core.equivalences import spellings
from core.facts import DeviceChanged
from core.ports import FreeAgent
from server.live.agent_states import AgentState, AgentStates
from server.live.hub import LiveHub

IDLE = "NOT_INUSE"
"""The one device state of a registered phone that nobody uses. Members without a device state are never free."""


class Agents:
    """Subscribe before the first fact. One per process."""

    def __init__(self, hub: LiveHub, states: AgentStates) -> None:
        self._hub = hub
        self._states = states
        self._idle_since: dict[tuple[str, str], float] = {}

    def subscribe(self, bus: Bus) -> None:
        bus.subscribe(DeviceChanged, self._device_changed, name="agent pool")

    async def _device_changed(self, fact: DeviceChanged) -> None:
        key = (fact.pbx, fact.device)
        if fact.state == IDLE:
            self._idle_since.setdefault(key, fact.at)
        else:
            self._idle_since.pop(key, None)

    def free(self, pbx: str, queue: str) -> Sequence[FreeAgent]:
        """See `core.ports.AgentPool`."""
        found: dict[int, FreeAgent] = {}
        for user_id, device in self._at_work(pbx, queue):
            since = self._idle_since.get((pbx, device.device))
            if since is not None and user_id not in found and not self._has_call(user_id):
                found[user_id] = FreeAgent(user_id, device, since)
        return sorted(found.values(), key=lambda one: (one.free_since, one.user_id))

    def staffed(self, pbx: str, queue: str) -> int:
        """See `core.ports.AgentPool`."""
        return len({user_id for user_id, _ in self._at_work(pbx, queue)})

    def waiting(self, pbx: str, queue: str) -> int:
        """See `core.ports.AgentPool`."""
        return self._hub.board.queues.waiting((pbx, queue))

    def is_talking(self, number: str) -> bool:
        """See `core.ports.AgentPool`."""
        calls, spelled = self._hub.board.calls.values(), spellings(number)
        return any(call.ended_at is None and call.parties.customer_number in spelled for call in calls)

    def _at_work(self, pbx: str, queue: str) -> Iterator[tuple[int, UserDevice]]:
        """Members with their desk open who say that they are available, and the phone the queue rings them on."""
        board = self._hub.board
        for member in board.queues.unpaused((pbx, queue)):
            for user_id in board.owners_of_device(pbx, member):
                is_here = self._hub.is_open(user_id) and self._states.of(user_id) is AgentState.AVAILABLE
                device = self._phone(user_id, pbx, member) if is_here else None
                if device is not None:
                    yield user_id, device

    def _phone(self, user_id: int, pbx: str, member: str) -> UserDevice | None:
        """FreePBX's queues know `Local/101`, whose phone has the extension 101."""
        owner = self._hub.board.owner(user_id)
        if owner is None:
            return None
        extension = member.removeprefix("Local/")
        return next(
            (
                one
                for one in owner.phones
                if one.pbx == pbx and (one.device == member or one.extension == extension)
            ),
            None,
        )

    def _has_call(self, user_id: int) -> bool:
        """Ringing, talking, holding or wrapping up: whoever has a card has something to do."""
        return bool(self._hub.board.view(user_id).cards)
