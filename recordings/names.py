"""Pure. What the name of a recording file says. A name goes in; out comes whose channel it is, of which call and since
when, or None. Names of our own dialplan are `rb~<linkedid>~<uniqueid>~<epoch>~<side>.<rx|tx>.wav`, FreePBX's own end in
`-<uniqueid>.wav`. A name is somebody else's input: nothing here builds a path from one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

LONGEST_NAME = 250

_ID = r"[0-9A-Za-z][0-9A-Za-z._-]{0,95}"
_OURS = re.compile(rf"(?P<stem>rb~({_ID})~({_ID})~([0-9]{{9,11}})~([ca]))\.(rx|tx)\.wav", re.ASCII)
_PBX_OWN = re.compile(
    r"[0-9A-Za-z][0-9A-Za-z ._+@-]*-([0-9]{9,11}\.[0-9]{1,9})\.(wav|WAV|gsm|mp3|ogg)", re.ASCII
)


class Side(StrEnum):
    """Whose channel was recorded: the customer's, or an agent's where only that can be."""

    CUSTOMER = "c"
    AGENT = "a"


class Way(StrEnum):
    """What the recorded channel sends us (its owner's voice), and what it is sent."""

    RX = "rx"
    TX = "tx"


@dataclass(frozen=True, slots=True)
class FileName:
    """`stem` is the same for the two files of one recording; `started_at` is when the dialplan asked for it."""

    stem: str
    linkedid: str
    uniqueid: str
    started_at: float
    side: Side
    way: Way

    @property
    def is_customer(self) -> bool:
        """Whether it is the customer's voice."""
        return (self.side is Side.CUSTOMER) == (self.way is Way.RX)


@dataclass(frozen=True, slots=True)
class OwnName:
    """A mixed file that the PBX made: which channel's, since when. FreePBX names them by the first channel of a call,
    whose uniqueid is the linkedid."""

    uniqueid: str
    started_at: float
    extension: str


def parse(name: str) -> FileName | None:
    """A file of our own dialplan; None for any other name."""
    found = _OURS.fullmatch(name) if len(name) <= LONGEST_NAME else None
    if found is None:
        return None
    stem, linkedid, uniqueid, epoch, side, way = found.groups()
    return FileName(stem, linkedid, uniqueid, float(epoch), Side(side), Way(way))


def parse_own(name: str) -> OwnName | None:
    """A file that the PBX made by itself; None for a name that does not end in a channel's id."""
    found = _PBX_OWN.fullmatch(name) if len(name) <= LONGEST_NAME else None
    if found is None:
        return None
    channel, extension = found.groups()
    return OwnName(channel, float(channel.split(".")[0]), extension)


def kept(name: str) -> str:
    """A name as rows keep it: whole where it is ours or a PBX's own, which are plain and by which a file is known."""
    is_known = parse(name) is not None or parse_own(name) is not None
    return name if is_known else shown(name)


def told(name: str) -> str:
    """A name as a log line may carry it: of a PBX's own, which has people's numbers in it, only whose channel it is."""
    own = parse_own(name)
    if own is not None:
        return f"…-{own.uniqueid}.{own.extension}"
    return name if parse(name) is not None else re.sub(r"[0-9]{5,}", "…", shown(name))


def day_folder(day: date) -> str:
    """Where FreePBX puts the recordings of one day."""
    return day.strftime("%Y/%m/%d")


def shown(name: str) -> str:
    """A name as a log line, a page or a folder of refused files may carry it."""
    return re.sub(r"[^0-9A-Za-z._~-]", "_", name)[:120].lstrip(".") or "_"
