"""Captured AMI bytes in, the calls they tell of out: the same code as the live bridge, without a socket or a database.

Several files are one PBX's connections in order (a reconnect, a restart); a file without a greeting goes on where the
one before it was cut. Time comes from the Timestamp headers, else from the sidecar `FILE.times` (`times.py`). Answers
to Status and its like inside a capture are compared with what the events told, as the live bridge does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.clock import iso
from core.errors import RingbackError
from core.facts import CallEnded, CallRecord, Fact
from core.phone import is_region
from pbx_bridge.ami.codec import GREETING, AmiDecoder, AmiMessage, AmiProtocolError
from pbx_bridge.ami.parsing import WANTED
from pbx_bridge.calls import CallBook
from pbx_bridge.status import PbxStatus, status_from
from pbx_bridge.times import Times, times_from

DEFAULT_TRUNKS = ("PJSIP/trunk",)
"""Only replay has one: the name in our documentation. A live PBX's trunks are always configured."""

CHUNK = 1 << 20
"""Bytes read at a time."""

LISTED = frozenset(
    {
        "Status", "StatusComplete", "CoreShowChannel", "CoreShowChannelsComplete", "BridgeListItem",
        "BridgeListComplete", "QueueEntry", "QueueStatusComplete",
    }
)  # fmt: skip
"""Answers to questions about the PBX's state."""


class ReplayError(RingbackError):
    """A capture cannot be replayed; the sentence names the file and says why."""

    code = "capture-unreadable"


@dataclass(slots=True)
class Answers:
    """Collects the answers to one round of questions until an ordinary event or the end says that it is over."""

    messages: list[AmiMessage] = field(default_factory=list)
    core: AmiMessage | None = None
    _seen: set[tuple[bytes, ...]] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        """All channels have been listed."""
        return any(one.event in ("StatusComplete", "CoreShowChannelsComplete") for one in self.messages)

    def status(self) -> PbxStatus | None:
        """The answers as one status, or None when they are not whole or came before, word for word."""
        found, core = self.messages, self.core
        whole, self.messages, self.core = self.is_whole, [], None
        words = tuple(message.raw for message in found)
        if not whole or words in self._seen:
            return None
        self._seen.add(words)
        queues = found if any(one.event == "QueueStatusComplete" for one in found) else None
        return status_from(found, found, queues, core)


class Replay:
    """One PBX's captures, played into a call book of their own."""

    def __init__(self, trunks: Sequence[str], region: str) -> None:
        self._book = CallBook("capture", trunks, region)
        self._decoder = _decoder()
        self._answers = Answers()
        self._now = 0.0
        self._messages = self._untimed = self._timed = 0

    def play(self, paths: Sequence[Path]) -> Iterator[Fact]:
        """Every fact that the captures lead to. Raises ReplayError."""
        for number, path in enumerate(paths):
            yield from self._play_one(path, is_first=number == 0)
        if not self._messages and self._decoder.banner is None:
            raise ReplayError(
                f"{paths[0]} holds no AMI messages: it is not a capture of a manager connection"
            )
        if self._untimed and not self._timed:
            raise ReplayError(
                f"{paths[0]} has no times: set `timestampevents = yes` in the PBX's manager.conf, or record with "
                "`ringback capture`, which writes the times beside the bytes"
            )
        yield from self._book.finish(self._now, "its end is not in the capture")

    @property
    def is_cut(self) -> bool:
        """The last file ends within a message: the recorder or the PBX was killed in mid-sentence."""
        return self._decoder.pending > 0

    def _play_one(self, path: Path, *, is_first: bool) -> Iterator[Fact]:
        data = _read(path)
        times = sidecar_of(path)
        if not is_first and data.startswith(GREETING):
            self._reconnect()
        start = self._decoder.offset + self._decoder.pending
        try:
            for place in range(0, len(data), CHUNK):
                for message in self._decoder.feed(data[place : place + CHUNK]):
                    arrival = None if times is None else times.at(message.end - start)
                    yield from self._take(message, arrival)
        except AmiProtocolError as error:
            raise ReplayError(f"{path} is not an AMI capture: {error}") from error
        yield from self._compare()
        if times is not None:
            self._now = max(self._now, times.end)

    def _reconnect(self) -> None:
        """A new connection: from the last moment of the old one on we were blind."""
        self._book.blind(self._now, "it happened between two connections of the capture")
        self._decoder = _decoder()
        self._answers = Answers()

    def _take(self, message: AmiMessage, arrival: float | None) -> Iterator[Fact]:
        if message.event is None:
            self._messages += message.response is not None
            if "CoreStartupTime" in message:
                self._answers.core = message
            return
        self._messages += 1
        if message.event in LISTED:
            self._answers.messages.append(message)
            return
        yield from self._compare()
        stamp = message.timestamp or arrival
        self._timed += stamp is not None
        self._untimed += stamp is None
        self._now = max(self._now, stamp or 0.0)
        yield from self._book.apply(message, self._now)

    def _compare(self) -> Iterator[Fact]:
        if not self._answers.is_whole:
            return
        status = self._answers.status()
        if status is not None:
            self._now = max(self._now, self._book.moment_of(status))
            yield from self._book.reconcile(status, self._now)


def replay_files(
    paths: Sequence[Path],
    trunks: Sequence[str] = (),
    region: str = "PL",
    warn: Callable[[str], None] = lambda _sentence: None,
) -> dict[str, Any]:
    """`{"calls": [...]}` in order of their start; without `trunks` those of `DEFAULT_TRUNKS` count.

    `warn` hears a sentence when the last file ends within a message, whose beginning is then left out. Raises
    ReplayError when the region is no country, or a file cannot be read, is not AMI, or tells no times.
    """
    region = region.upper()
    if not is_region(region):
        raise ReplayError(f"{region!r} is no country: --region takes an ISO 3166 code such as PL")
    replay = Replay(trunks or DEFAULT_TRUNKS, region)
    records = [fact.record for fact in replay.play(paths) if isinstance(fact, CallEnded)]
    if replay.is_cut:
        warn(f"{paths[-1]} is cut off in the middle of a message, which was left out")
    records.sort(key=lambda record: (record.started_at, record.call_id))
    return {"calls": [as_json(record) for record in records]}


def _decoder() -> AmiDecoder:
    return AmiDecoder(wanted=WANTED | LISTED, greeting=False)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReplayError(f"cannot read {path}: {error.strerror}") from error


def sidecar_of(path: Path) -> Times | None:
    """The arrival times beside a capture, if there are any. Raises ReplayError for a broken sidecar."""
    sidecar = path.with_name(path.name + ".times")
    if not sidecar.exists():
        return None
    try:
        return times_from(sidecar.read_text(encoding="ascii").splitlines())
    except (OSError, ValueError) as error:
        raise ReplayError(f"cannot read {sidecar}: {error}") from error


def as_json(record: CallRecord) -> dict[str, Any]:
    """A call as `ringback replay --json` prints it."""
    return {
        "id": record.call_id,
        "linkedids": list(record.linkedids),
        "direction": record.direction.value,
        "caller": record.caller,
        "caller_name": record.caller_name,
        "callee": record.callee,
        "queue": record.queue,
        "result": record.result.value,
        "started_at": iso(record.started_at),
        "answered_at": iso(record.answered_at),
        "ended_at": iso(record.ended_at),
        "wait_s": record.wait_s,
        "talk_s": record.talk_s,
        "rang": list(record.rang),
        "talked": list(record.talked),
        "transfers": [
            {"kind": move.kind.value, "from": move.from_extension, "to": move.to} for move in record.transfers
        ],
        "ended_by": record.ended_by.value,
        "why": record.why,
    }


def as_table(result: dict[str, Any]) -> str:
    """The same for people: a line per call, its reason below."""
    lines: list[str] = []
    for call in result["calls"]:
        parties = f"{call['caller'] or 'withheld'} → {call['callee'] or '?'}"
        seconds = f"waited {call['wait_s']:.0f} s, talked {call['talk_s']:.0f} s"
        lines += [
            f"{call['started_at']}  {call['direction']:<8}  {call['result']:<9}  {parties}  ({seconds})",
            f"    {call['why']}",
        ]
    lines.append(f"{len(result['calls'])} call{'' if len(result['calls']) == 1 else 's'}")
    return "\n".join(lines)
