"""The detail records of one call: one per leg dialled and one for what the dialplan did last, sent as `Cdr` events
when the call's first channel ends, as Asterisk's `cdr_manager` does. They carry no Linkedid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pbx_bridge.simulator.state import Channel
from pbx_bridge.simulator.world import World


@dataclass(slots=True)
class _Part:
    dest: str
    application: str
    data: str
    started_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    disposition: str = "NO ANSWER"


class CdrBook:
    """Collects the parts of one call."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._parts: list[_Part] = []

    def begin(self, dest: str, application: str, data: str) -> None:
        self._parts.append(_Part(dest, application, data, self._world.clock()))

    def answered(self, dest: str) -> None:
        for part in self._of(dest):
            part.answered_at, part.disposition = self._world.clock(), "ANSWERED"

    def ended(self, dest: str, disposition: str | None = None) -> None:
        for part in self._of(dest):
            part.ended_at = part.ended_at or self._world.clock()
            if disposition and part.answered_at is None:
                part.disposition = disposition

    def _of(self, dest: str) -> list[_Part]:
        return [part for part in self._parts if part.dest == dest and part.ended_at is None]

    def send(self, caller: Channel) -> None:
        """Say all parts once."""
        for part in self._parts:
            self._send(caller, part)
        self._parts.clear()

    def _send(self, caller: Channel, part: _Part) -> None:
        ended_at = part.ended_at or self._world.clock()
        billable = int(ended_at - part.answered_at) if part.answered_at else 0
        self._world.emit(
            "Cdr",
            {
                "AccountCode": "",
                "Source": caller.caller.number,
                "Destination": caller.exten,
                "DestinationContext": caller.context,
                "CallerID": f'"{caller.caller.name}" <{caller.caller.number}>',
                "Channel": caller.name,
                "DestinationChannel": part.dest,
                "LastApplication": part.application,
                "LastData": part.data,
                "StartTime": _local(part.started_at),
                "AnswerTime": _local(part.answered_at),
                "EndTime": _local(ended_at),
                "Duration": int(ended_at - part.started_at),
                "BillableSeconds": billable,
                "Disposition": part.disposition,
                "AMAFlags": "DOCUMENTATION",
                "UniqueID": caller.uniqueid,
                "UserField": "",
            },
            "cdr",
        )


def _local(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
