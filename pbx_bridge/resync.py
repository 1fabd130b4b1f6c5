"""Asks a PBX for everything it can tell about now: channels, bridges, queues, phones. Used after every login and
from time to time, because AMI has no sequence numbers and no replay. What the answers mean is decided by
`calls.py` and `agents.py`; with our rights no `FullyBooted` and no `Shutdown` event ever comes, so nobody waits
for them."""

from __future__ import annotations

from dataclasses import dataclass

from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.status import PbxStatus, status_from


@dataclass(frozen=True, slots=True)
class Picture:
    """One PBX as it was when it answered."""

    status: PbxStatus
    members: tuple[AmiMessage, ...]
    devices: tuple[AmiMessage, ...]


async def take_picture(link: AmiLink) -> Picture:
    """Ask all questions. Raises AmiActionError when the PBX does not answer them; nothing is changed by asking."""
    core = await link.action({"Action": "CoreStatus"})
    channels = await link.list_action({"Action": "Status"})
    bridges = await link.list_action({"Action": "BridgeList"})
    queues = await _list_or_nothing(link, "QueueStatus")
    devices = await _list_or_nothing(link, "DeviceStateList")
    members = tuple(item for item in queues if item.event == "QueueMember")
    return Picture(status_from(channels.items, bridges.items, queues, core), members, tuple(devices))


async def _list_or_nothing(link: AmiLink, action: str) -> list[AmiMessage]:
    """A PBX without app_queue refuses QueueStatus: it then has no queues."""
    try:
        return list((await link.list_action({"Action": action})).items)
    except AmiActionError as error:
        if error.reply is None:
            raise
        return []
