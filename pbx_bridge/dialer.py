"""Places calls: `core.ports.Dialer` over the two connections of each PBX. Orders go out on the dial line and never
twice; what is going on, and how far the dialplan came, is read from the events' side, which cannot dial.

In: orders whose attempts are committed. Out: nothing but "begun", "surely not placed" (PbxError) or "perhaps placed"
(PbxUncertainError); how the call goes on is told by facts. Whether to dial at all is the callback room's business."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from core.clock import Clock
from core.errors import PbxError, PbxUncertainError
from core.ports import CallerIds, DialOrder
from pbx_bridge.ami.codec import ActionHeaders, AmiEncodeError
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.announcement import SHIPPED_S
from pbx_bridge.bridge import Bridge
from pbx_bridge.dial import DialLine, PbxHands
from pbx_bridge.markers import families
from pbx_bridge.orders import REASONS, RingTimes, channel_id, originate

BEGINS_S = 3.0
"""A call the PBX has agreed to make shows its first channel, or that it came to nothing, much sooner than this."""

LATE_S = 0.5
"""The two connections are not in step: a call that failed at once may show its channels this much later."""

LOOK_EVERY_S = 0.02

GO_ON = "1"
"""The key that ends the announcement. Pressed for the agent rather than redirecting their channel: should the customer
be dialled at that very moment, a key changes nothing, where a redirect would break the dialling off."""

KEY_MS = 100


class AmiDialer:
    """`hands` names, by PBX, what is connected at the moment of the call; `times` are ring time-outs; `caller_ids` is
    asked which number the customer is to see."""

    def __init__(
        self,
        hands: Mapping[str, PbxHands],
        clock: Clock,
        times: RingTimes | None = None,
        caller_ids: CallerIds | None = None,
    ) -> None:
        self._hands = hands
        self._caller_ids = caller_ids
        self._clock = clock
        self._times = times or RingTimes()

    def sees(self, pbx: str) -> str | None:
        """See `core.ports.Dialer`."""
        hands = self._hands.get(pbx)
        if hands is None or hands.bridge is None:
            return f"there is no connection to the PBX {pbx!r} yet"
        if hands.line is None:
            return f"`pbx.{pbx}.dial` is not set, so Ringback may only listen on this PBX"
        if not hands.bridge.is_seeing:
            return hands.bridge.link.last_error or "what goes on at the PBX is not known yet"
        return (
            None if hands.line.link.is_up else hands.line.link.last_error or "the dial user is not logged in"
        )

    def is_live(self, pbx: str, attempt_id: str) -> bool:
        """See `core.ports.Dialer`."""
        return bool(self._channels(pbx, attempt_id))

    def announcement_s(self, pbx: str) -> float:
        """See `core.ports.Dialer`."""
        hands = self._hands.get(pbx)
        return SHIPPED_S if hands is None or hands.bridge is None else hands.bridge.announcement_s

    async def place(self, order: DialOrder) -> None:
        """See `core.ports.Dialer`."""
        line, bridge = self._line(order.pbx), self._bridge(order.pbx)
        if self._caller_ids is None:
            await self._place(order, line, bridge, None)
            return
        call_id = f"{order.pbx}-{channel_id(order.attempt_id)}"
        shown = await self._caller_ids.to_show(order, call_id)
        try:
            await self._place(order, line, bridge, shown)
        except PbxUncertainError:
            raise
        except PbxError:
            await self._caller_ids.not_dialled(order, call_id)
            raise

    async def _place(self, order: DialOrder, line: DialLine, bridge: Bridge, shown: str | None) -> None:
        asked = originate(order, self._times, bridge.ahead, shown)
        await _say(line, asked.headers, asked.variables)
        await self._begun(channel_id(order.attempt_id), line, bridge)

    async def connect_now(self, pbx: str, attempt_id: str) -> None:
        """See `core.ports.Dialer`."""
        half = self._channels(pbx, attempt_id).get(f"{channel_id(attempt_id)};2")
        if half is None:
            raise PbxError("this call is not going on any more")
        # What is sent out at this half arrives at the other, which runs the announcement.
        key = {"Action": "PlayDTMF", "Channel": half, "Digit": GO_ON, "Duration": str(KEY_MS)}
        await _say(self._line(pbx), key)

    async def hang_up(self, pbx: str, attempt_id: str) -> None:
        """See `core.ports.Dialer`."""
        channels = self._channels(pbx, attempt_id)
        first = channels.get(channel_id(attempt_id))
        line = self._line(pbx)
        # The first half takes all others with it; after a transfer it may be gone.
        for name in channels.values() if first is None else (first,):
            await _hang_up(line, name)

    async def marker(self, pbx: str, attempt_id: str) -> str | None:
        """See `core.ports.Dialer`."""
        link = self._bridge(pbx).link
        for family in families(self._clock()):
            question = {"Action": "DBGet", "Family": family, "Key": channel_id(attempt_id)}
            try:
                found = await link.list_action(question)
            except AmiActionError as error:
                if error.reply is not None and "not found" in str(error).lower():
                    continue
                raise PbxError(f"how far the call came could not be read: {error}") from error
            for item in found.items:
                if value := item.get("val"):
                    return value
        return None

    # ---- inside

    def _line(self, pbx: str) -> DialLine:
        hands = self._hands.get(pbx)
        if hands is None or hands.line is None:
            raise PbxError(f"`pbx.{pbx}.dial` is not set, so Ringback may only listen on this PBX")
        return hands.line

    def _bridge(self, pbx: str) -> Bridge:
        hands = self._hands.get(pbx)
        if hands is None or hands.bridge is None:
            raise PbxError(f"there is no connection to the PBX {pbx!r} yet")
        return hands.bridge

    def _channels(self, pbx: str, attempt_id: str) -> dict[str, str]:
        hands = self._hands.get(pbx)
        if hands is None or hands.bridge is None:
            return {}
        return hands.bridge.calls.channels_of(channel_id(attempt_id))

    async def _begun(self, channel: str, line: DialLine, bridge: Bridge) -> None:
        """Wait until the call shows itself. Raises PbxError when it never was: no channel, and the PBX says so."""
        looks = int(BEGINS_S / LOOK_EVERY_S)
        while looks > 0 and not bridge.calls.has_met(channel):
            await asyncio.sleep(LOOK_EVERY_S)
            looks -= 1
            if line.failure_of(channel) is not None:
                looks = min(looks, int(LATE_S / LOOK_EVERY_S))
        reason = line.failure_of(channel)
        if reason is not None and not bridge.calls.has_met(channel):
            raise PbxError(f"the PBX did not place the call: {REASONS.get(reason, f'reason {reason}')}")


async def _say(line: DialLine, action: ActionHeaders, variables: Mapping[str, str] | None = None) -> None:
    try:
        await line.link.action(action, variables=variables)
    except AmiActionError as error:
        kind = PbxUncertainError if error.perhaps_executed else PbxError
        raise kind(str(error)) from error
    except AmiEncodeError as error:
        raise PbxError(str(error)) from error


async def _hang_up(line: DialLine, channel: str) -> None:
    try:
        await _say(line, {"Action": "Hangup", "Channel": channel})
    except PbxError as error:
        if "no such channel" not in str(error).lower():
            raise
