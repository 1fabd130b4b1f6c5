"""Takes the people out of captured AMI bytes, so that a capture can be attached to a bug report and still replays.

*Pure.* Only events and headers that the call book reads survive, so nothing unknown can leak. A number keeps its
country, its area and its spelling, its last six digits are replaced; the same number becomes the same pseudonym
everywhere, and without the key nobody finds the way back. Extensions, queues (up to six digits) and times stay."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.phone import parse_number
from pbx_bridge.ami.message import END_OF_MESSAGE
from pbx_bridge.ami.parsing import WANTED

KEPT_EVENTS = WANTED | {
    "Status", "StatusComplete", "CoreShowChannel", "CoreShowChannelsComplete", "BridgeListItem", "BridgeListComplete",
    "QueueEntry", "QueueStatusComplete",
}  # fmt: skip

_PREFIXES = (
    "", "Dest", "Transferer", "Transferee", "OrigTransferer", "SecondTransferer", "TransferTarget", "Parkee", "Parker",
    "Retriever", "Target",
)  # fmt: skip
_PLAIN = frozenset(
    {
        "Event", "Response", "Timestamp", "ActionID", "EventList", "ListItems", "CoreStartupDate", "CoreStartupTime",
        "BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeNumChannels", "BridgeID", "BridgeId", "DialStatus",
        "Cause", "Cause-txt", "TechCause", "CID-CallingPres", "Result", "IsExternal", "DestType", "Queue", "Position",
        "UserEvent", "Presentation", "LastApplication", "UniqueID", "Seconds", "Duration", "Reason",
        "Destination", "ParkingSpace",
    }
)  # fmt: skip
_IN_SNAPSHOTS = frozenset(
    prefix + key
    for prefix in _PREFIXES
    for key in ("ChannelState", "ChannelStateDesc", "Context", "Uniqueid", "Linkedid")
)
_NUMBERS = frozenset({"DialString", "Forward", "Extension"}) | {
    prefix + key for prefix in _PREFIXES for key in ("CallerIDNum", "Exten", "Channel")
}
_NAMES = frozenset(prefix + "CallerIDName" for prefix in _PREFIXES)

_LONG = re.compile(r"\d(?:[\s().\-/]{0,2}\d){6,}")
_HIDDEN_DIGITS = 6
_SUFFIX = re.compile(r"-[0-9a-f]{8}(?:;[12])?$")
"""The running number at the end of a channel's name is no telephone number."""


@dataclass(frozen=True, slots=True)
class Anonymiser:
    """`key` is random per capture and thrown away; `region` reads numbers, so that two spellings stay one number."""

    key: bytes
    region: str

    def message(self, raw: bytes) -> bytes | None:
        """One message without its closing empty line; None when nothing of it may stay."""
        lines = [line.partition(": ") for line in raw.decode("utf-8", "replace").split("\r\n")]
        event = next((value for key, _, value in lines if key == "Event"), None)
        if event is not None and event not in KEPT_EVENTS:
            return None
        kept = [
            f"{key}: {self._value(key, value)}"
            for key, found, value in lines
            if found and self._may_stay(key)
        ]
        return "\r\n".join(kept).encode() if kept else None

    def stream(self, messages: Iterable[bytes]) -> Iterator[bytes]:
        """Every message that may stay, with its closing empty line."""
        for raw in messages:
            kept = self.message(raw)
            if kept is not None:
                yield kept + END_OF_MESSAGE

    @staticmethod
    def _may_stay(key: str) -> bool:
        return key in _PLAIN or key in _IN_SNAPSHOTS or key in _NUMBERS or key in _NAMES

    def _value(self, key: str, value: str) -> str:
        if value == "<unknown>" or not value:
            return value
        if key in _NAMES:
            return f"Name {self._digest(value)[:4]}"
        if key in _NUMBERS or key == "Destination":
            suffix = _SUFFIX.search(value)
            body = value[: suffix.start()] if suffix else value
            return _LONG.sub(self._number, body) + (suffix[0] if suffix else "")
        return value

    def _number(self, match: re.Match[str]) -> str:
        text = match[0]
        number = parse_number(text, self.region).e164 or re.sub(r"\D", "", text)
        fresh = iter(str(int(self._digest(number), 16))[-_HIDDEN_DIGITS:].zfill(_HIDDEN_DIGITS))
        shown = len(re.sub(r"\D", "", text)) - _HIDDEN_DIGITS
        out: list[str] = []
        for sign in text:
            if not sign.isdigit():
                out.append(sign)
                continue
            shown -= 1
            out.append(sign if shown >= 0 else next(fresh))
        return "".join(out)

    def _digest(self, text: str) -> str:
        return hmac.new(self.key, text.encode(), "sha256").hexdigest()
