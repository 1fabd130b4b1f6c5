"""Asks a PBX for everything it can tell about now: channels, bridges, queues, phones. Used after every login and
from time to time, because AMI has no sequence numbers and no replay. What the answers mean is decided by
`calls.py` and `agents.py`; with our rights no `FullyBooted` and no `Shutdown` event ever comes, so nobody waits
for them."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import Clock
from pbx_bridge.ami_link import AmiLink
from pbx_bridge.ami_message import AmiMessage
from pbx_bridge.ami_session import AmiActionError
from pbx_bridge.status import PbxStatus, status_from


@dataclass(frozen=True, slots=True)
class Picture:
    """One PBX as it was between `taken_at` and the last answer."""

    status: PbxStatus
    members: tuple[AmiMessage, ...]
    devices: tuple[AmiMessage, ...]


async def take_picture(link: AmiLink, clock: Clock) -> Picture:
    """Ask all questions. Raises AmiActionError when the PBX does not answer them; nothing is changed by asking."""
    taken_at = clock()
    core = await link.action({"Action": "CoreStatus"})
    channels = await link.list_action({"Action": "Status"})
    bridges = await _bridges(link)
    queues = await _list_or_nothing(link, "QueueStatus")
    devices = await _list_or_nothing(link, "DeviceStateList")
    status = status_from(list(channels.items), bridges, queues, core, taken_at)
    members = tuple(item for item in queues if item.event == "QueueMember")
    return Picture(status, members, tuple(devices))


async def _bridges(link: AmiLink) -> list[AmiMessage]:
    """Members of every bridge. A bridge that ends between the two questions is an error of the second only."""
    answers: list[AmiMessage] = []
    listed = await link.list_action({"Action": "BridgeList"})
    for item in listed.items:
        bridge = item.get("BridgeUniqueid")
        if bridge is None:
            continue
        try:
            info = await link.list_action({"Action": "BridgeInfo", "BridgeUniqueid": bridge})
        except AmiActionError as error:
            if error.reply is None:
                raise
            continue
        answers += info.items
        if info.complete is not None:
            answers.append(info.complete)
    return answers


async def _list_or_nothing(link: AmiLink, action: str) -> list[AmiMessage]:
    """A PBX without app_queue refuses QueueStatus: it then has no queues."""
    try:
        return list((await link.list_action({"Action": action})).items)
    except AmiActionError as error:
        if error.reply is None:
            raise
        return []
