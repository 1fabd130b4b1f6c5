"""Queue memberships and waiting calls in, each person's queues out. *Pure.* Agents see waiting calls of their own
queues as a count, never as cards (rule P5). Who owns which phone is told by `board.py`."""

from __future__ import annotations

from collections.abc import Iterable

from core.facts import QueueMemberChanged
from server.live.calls_now import CallNow
from server.live.cards import Owner
from server.live.snapshot import QueueNow

Queue = tuple[str, str]
"""(pbx, name)"""


class QueuesNow:
    """All queues of all PBXs: who is a member, and who waits since when."""

    def __init__(self) -> None:
        self._members: dict[Queue, dict[str, QueueMemberChanged]] = {}
        self._waiting: dict[Queue, dict[str, float]] = {}

    def member_changed(self, fact: QueueMemberChanged) -> None:
        members = self._members.setdefault((fact.pbx, fact.queue), {})
        if fact.member:
            members[fact.device] = fact
        else:
            members.pop(fact.device, None)

    def count(self, old: CallNow, new: CallNow) -> tuple[Queue, ...]:
        """Keep the waiting calls as `old` becomes `new`; returns the queues whose counts may have changed."""
        if (old.waiting_in, old.call_id) == (new.waiting_in, new.call_id):
            return ()
        if old.waiting_in is not None:
            self._waiting.get((old.pbx, old.waiting_in), {}).pop(old.call_id, None)
        if new.waiting_in is not None:
            waiting = self._waiting.setdefault((new.pbx, new.waiting_in), {})
            waiting[new.call_id] = new.waiting_since or new.started_at
        return tuple((new.pbx, queue) for queue in (old.waiting_in, new.waiting_in) if queue is not None)

    def devices_of(self, queue: Queue) -> Iterable[tuple[str, str]]:
        """The members of a queue, as (pbx, device)."""
        return [(queue[0], device) for device in self._members.get(queue, {})]

    def unpaused(self, queue: Queue) -> tuple[str, ...]:
        """The devices of those members who are not paused in this queue."""
        return tuple(device for device, one in self._members.get(queue, {}).items() if not one.paused)

    def waiting(self, queue: Queue) -> int:
        """How many calls wait in it."""
        return len(self._waiting.get(queue, {}))

    def of(self, owner: Owner) -> tuple[QueueNow, ...]:
        """A person's queues, by name. They are paused in one when all their phones there are."""
        queues = []
        for (pbx, name), members in sorted(self._members.items()):
            mine = [one for device, one in members.items() if (pbx, device) in owner.devices]
            if not mine:
                continue
            waiting = self._waiting.get((pbx, name), {})
            paused = all(one.paused for one in mine)
            reason = next((one.pause_reason for one in mine if one.paused), None) if paused else None
            oldest = min(waiting.values(), default=None)
            queues.append(QueueNow(pbx, name, len(waiting), oldest, paused, reason))
        return tuple(queues)
