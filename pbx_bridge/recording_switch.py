"""Silences a running recording and lets it go on: `core.ports.RecordingSwitch` over the dial connection of each PBX,
whose user may do it (class `call`). A call goes in; every channel of it is told, since only the PBX knows on which of
them a recording runs. Who may pause, for how long, and what is written down is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import PbxError
from pbx_bridge.ami.codec import ActionHeaders, AmiEncodeError
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.dial import PbxHands


class AmiRecordingSwitch:
    """`hands` names, by PBX, what is connected at the moment of the call."""

    def __init__(self, hands: Mapping[str, PbxHands]) -> None:
        self._hands = hands

    async def mute(self, pbx: str, call_id: str, *, muted: bool) -> None:
        """See `core.ports.RecordingSwitch`."""
        hands = self._hands.get(pbx)
        if hands is None or hands.bridge is None:
            raise PbxError(f"there is no connection to the PBX {pbx!r} yet")
        if hands.line is None:
            raise PbxError(f"`pbx.{pbx}.dial` is not set, so Ringback may only listen on this PBX")
        channels = hands.bridge.calls.channels_in(call_id)
        if not channels:
            raise PbxError("this call is not going on")
        refusals = [await _tell(hands.line.link, channel, muted) for channel in channels]
        if all(refusals):
            raise PbxError(f"no recording of this call could be reached: {refusals[0]}")


async def _tell(link: AmiLink, channel: str, muted: bool) -> str | None:
    """Why the PBX did not do it, None when it did."""
    action: ActionHeaders = {
        "Action": "MixMonitorMute",
        "Channel": channel,
        "Direction": "both",
        "State": "1" if muted else "0",
    }
    try:
        await link.action(action)
    except (AmiActionError, AmiEncodeError) as error:
        return str(error)
    return None
