"""The second connection of a PBX: actions whose replies must not queue behind events. It pauses queue members, and
calls are placed by it (`dialer.py`). It hears one event, the answer to a call it placed, and sends no action twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from core.accounts import UserDevice
from core.alarms import close_alarm, raise_alarm
from core.clock import Clock
from core.db import Database
from core.errors import PbxError
from pbx_bridge.agents import AgentBook
from pbx_bridge.ami.codec import ActionHeaders, AmiEncodeError
from pbx_bridge.ami.link import AmiLink, LinkRefused, LinkUp, Received
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.bridge import Bridge

log = structlog.get_logger(__name__)

REFUSED_ALARM = "pbx-dial-login-refused"

WANTED = frozenset({"OriginateResponse"})
"""The events this connection asks for; the shipped `eventfilter` lets no other through."""

FAILURES_KEPT = 1000


class DialLine:
    """Keeps the dial user of one PBX logged in for as long as `run` runs."""

    def __init__(self, link: AmiLink, database: Database, clock: Clock) -> None:
        self.link = link
        self._database = database
        self._clock = clock
        self._failures: OrderedDict[str, str] = OrderedDict()

    def failure_of(self, channel_id: str) -> str | None:
        """Why the PBX could not reach the first party of a call placed here: the `Reason` of its OriginateResponse, or
        None when it has said no such thing."""
        return self._failures.get(channel_id)

    async def run(self) -> None:
        async with self.link:
            async for item in self.link:
                if isinstance(item, Received):
                    self._note(item.message)
                elif isinstance(item, LinkRefused):
                    log.warning("the dial user cannot log in", reason=item.reason)
                    await self._alarm(item.reason)
                elif isinstance(item, LinkUp):
                    await self._alarm(None)

    def _note(self, message: AmiMessage) -> None:
        channel_id = message.get("uniqueid")
        if message.event not in WANTED or not channel_id or message.response == "Success":
            return
        self._failures[channel_id] = message.get("reason") or ""
        if len(self._failures) > FAILURES_KEPT:
            self._failures.popitem(last=False)

    async def _alarm(self, reason: str | None) -> None:
        subject, now = self.link.target.name, self._clock()
        async with self._database.write() as connection:
            if reason is None:
                await close_alarm(connection, REFUSED_ALARM, subject, now)
            else:
                await raise_alarm(connection, REFUSED_ALARM, subject, reason, now)


@dataclass(frozen=True, slots=True)
class PbxHands:
    """What acting on one PBX needs: who is a member under which name, the line to say it on, and what is seen of it."""

    agents: AgentBook
    line: DialLine | None
    bridge: Bridge | None = None


class QueuePauses:
    """`core.ports.QueuePauser` over AMI. `hands` names, by PBX, what is connected at the moment of the call."""

    def __init__(self, hands: Mapping[str, PbxHands]) -> None:
        self._hands = hands

    async def pause(self, devices: Sequence[UserDevice], paused: bool, reason: str | None) -> None:
        """See `core.ports.QueuePauser`."""
        for device in devices:
            hands = self._hands.get(device.pbx)
            interfaces = hands.agents.interfaces_of(device.device) if hands else ()
            for interface in interfaces:
                await self._pause_one(device.pbx, interface, paused, reason)

    async def _pause_one(self, pbx: str, interface: str, paused: bool, reason: str | None) -> None:
        line = self._hands[pbx].line
        if line is None:
            raise PbxError(
                f"{interface} was not paused in its queues: `pbx.{pbx}.dial` is not set, "
                "so Ringback may only listen on this PBX"
            )
        action: ActionHeaders = {
            "Action": "QueuePause",
            "Interface": interface,
            "Paused": paused,
            "Reason": reason,
        }
        try:
            await line.link.action(action)
        except (AmiActionError, AmiEncodeError) as error:
            raise PbxError(f"the PBX did not pause {interface} in its queues: {error}") from error
