"""What the PBX's queues are told of agents' states, and whose pause it is that they have. In: states, and what the PBX
says of its queue members. A pause that somebody made at the PBX for a reason of their own is never taken away. Which
state an agent is in is decided in `agent_states.py`."""

from __future__ import annotations

from collections.abc import Sequence

from core.accounts import UserDevice, find_user
from core.db import Database
from core.facts import QueueMemberChanged
from core.ports import QueuePauser

WRAP_UP_REASON = "Wrap-up"


class AgentPauses:
    """One per process. Without a `pauser` nobody is told and nothing is ours to undo."""

    def __init__(self, database: Database, pauser: QueuePauser | None) -> None:
        self._database = database
        self._pauser = pauser
        self._members: dict[tuple[str, str], dict[str, QueueMemberChanged]] = {}

    async def hear_member(self, fact: QueueMemberChanged) -> None:
        """Remember how a phone stands in each of its queues."""
        queues = self._members.setdefault((fact.pbx, fact.device), {})
        if fact.member:
            queues[fact.queue] = fact
        else:
            queues.pop(fact.queue, None)

    async def pause(self, user_id: int, reason: str | None) -> None:
        """Raises PbxError when a PBX refused or did not answer."""
        await self._say(await self._devices(user_id), True, reason)

    async def unpause(self, user_id: int) -> None:
        """Whatever the pause was for: the agent is back. Raises PbxError."""
        await self._say(await self._devices(user_id), False, None)

    async def end_wrap_up(self, user_id: int) -> None:
        """Take away the pause of a wrap-up, unless the PBX has another reason for it by now. Raises PbxError."""
        devices = await self._devices(user_id)
        await self._say([one for one in devices if not self._paused_otherwise(one)], False, None)

    async def restore(self, user_id: int, reason: str | None) -> None:
        """Make the PBX agree with a state it may have forgotten, or not heard the end of; None is available.

        Says nothing where it agrees already: each word is a line in the PBX's queue log. Raises PbxError.
        """
        devices = await self._devices(user_id)
        if reason is None:
            left = [one for one in devices if self._in_wrap_up(one) and not self._paused_otherwise(one)]
            await self._say(left, False, None)
        else:
            await self._say([one for one in devices if not self._is_paused(one)], True, reason)

    def _is_paused(self, device: UserDevice) -> bool:
        return all(member.paused for member in self._memberships(device))

    def _in_wrap_up(self, device: UserDevice) -> bool:
        members = self._memberships(device)
        return any(member.paused and member.pause_reason == WRAP_UP_REASON for member in members)

    def _paused_otherwise(self, device: UserDevice) -> bool:
        members = self._memberships(device)
        return any(member.paused and member.pause_reason != WRAP_UP_REASON for member in members)

    def _memberships(self, device: UserDevice) -> list[QueueMemberChanged]:
        # Where a FreePBX queue watches a hint, it knows the phone as Local/101.
        names = {device.device, f"Local/{device.device.rpartition('/')[2]}"}
        return [member for name in names for member in self._members.get((device.pbx, name), {}).values()]

    async def _say(self, devices: Sequence[UserDevice], paused: bool, reason: str | None) -> None:
        if self._pauser is not None and devices:
            await self._pauser.pause(devices, paused, reason)

    async def _devices(self, user_id: int) -> Sequence[UserDevice]:
        async with self._database.read() as connection:
            user = await find_user(connection, user_id)
        return () if user is None else user.devices
