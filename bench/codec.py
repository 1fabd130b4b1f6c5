"""Events per second: our decoder beside asterisk-ami's and panoramisk's, on the same captured bytes.

In: the captures of real calls in `tests/captures/`, one stream with the product's rights and one with `read=all`,
repeated to some megabytes; callers with hostile names or numbers are left out, because the peers misread or stop at
them. Out: rows. Every reader does the same work: frame the bytes as its sockets deliver them, and for each event the
product needs, look up seven headers. It is checked that all of them saw the same events. No network, no call logic.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from asterisk.ami import AMIClient
from panoramisk.ami_protocol import AMIProtocol

from bench.row import Row
from pbx_bridge import agents
from pbx_bridge.ami import parsing
from pbx_bridge.ami.codec import AmiDecoder

CAPTURES = Path(__file__).parents[1] / "tests" / "captures" / "asterisk-22"
WANTED = parsing.WANTED | agents.WANTED
# Spelled alike in every event: asterisk-ami does not find `UniqueID` (Cdr) under `Uniqueid`.
HEADERS = ("Linkedid", "Channel", "CallerIDNum", "CallerIDName", "ChannelStateDesc", "Exten", "Timestamp")
STREAM_SIZE = 2_000_000
READ_SIZE = 65_536
ROUNDS, QUICK_ROUNDS = 15, 3

Seen = tuple[int, int]
"""Events that were wanted, and the headers found in them."""


def ours(stream: bytes) -> Seen:
    decoder = AmiDecoder(wanted=WANTED)
    events = headers = 0
    for piece in _pieces(stream):
        for message in decoder.feed(piece):
            if message.event in WANTED:
                events += 1
                for key in HEADERS:
                    if message.get(key) is not None:
                        headers += 1
    return events, headers


def panoramisk(stream: bytes) -> Seen:
    """Its protocol class, driven as asyncio would, with a handler instead of its pattern matching."""
    counted = _Counter()
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory = counted
    for piece in _pieces(stream):
        protocol.data_received(piece)
    return counted.events, counted.headers


class _Counter:
    """Stands where panoramisk's Manager would."""

    save_stream = None

    def __init__(self) -> None:
        self.events = self.headers = 0

    def dispatch(self, message: dict[str, str]) -> None:
        if message["Event"] in WANTED:
            self.events += 1
            for key in HEADERS:
                if message.get(key, "<unknown>") != "<unknown>":
                    self.headers += 1


def asterisk_ami(stream: bytes) -> Seen:
    """Its client with its own read size, reading from memory instead of a socket."""
    events = headers = 0

    def on_event(event: _Event, **_: object) -> None:
        nonlocal events, headers
        if event.name in WANTED:
            events += 1
            for key in HEADERS:
                if event.keys.get(key, "<unknown>") != "<unknown>":
                    headers += 1

    client = AMIClient(on_event=on_event)
    client._socket = _Memory(stream)
    client.finished = threading.Event()
    client.listen()
    return events, headers


class _Event(Protocol):
    """asterisk-ami's Event."""

    name: str
    keys: dict[str, str]


class _Memory:
    """A socket that has already received everything."""

    def __init__(self, stream: bytes) -> None:
        self._stream = memoryview(stream)

    def recv(self, size: int) -> bytes:
        piece, self._stream = bytes(self._stream[:size]), self._stream[size:]
        return piece

    def close(self) -> None:
        pass


def _pieces(stream: bytes) -> Iterator[bytes]:
    return (stream[start : start + READ_SIZE] for start in range(0, len(stream), READ_SIZE))


READERS: dict[str, Callable[[bytes], Seen]] = {
    "ours": ours,
    "panoramisk": panoramisk,
    "asterisk-ami": asterisk_ami,
}


def captures(*, everything: bool) -> list[Path]:
    """The captures with `read=all`, or those with the product's rights."""
    return [path for path in sorted(CAPTURES.glob("*.ami")) if path.name.endswith(".all.ami") is everything]


def session_of(paths: list[Path], size: int = STREAM_SIZE) -> bytes:
    """These captures as one session: one greeting, then their messages, repeated to that size."""
    sessions = [session for path in paths if _peers_can_read(session := path.read_bytes())]
    if not sessions:
        raise FileNotFoundError(f"no capture to read in {CAPTURES}")
    greeting = sessions[0].partition(b"\r\n")[0] + b"\r\n"
    body = b"".join(_whole_messages(session) for session in sessions)
    return greeting + body * max(1, size // len(body))


def _peers_can_read(session: bytes) -> bool:
    """A name with U+2028 or a number with a line end forges headers in panoramisk, which then raises. Answers to
    our own actions always pass our decoder, wanted or not."""
    text = session.decode("utf-8", "replace")
    lines_differ = len(text.splitlines()) != len(text.removesuffix("\r\n").split("\r\n"))
    messages = f"\r\n{text}".split("\r\n\r\n")
    forged = any(message.count("\r\nEvent: ") > 1 for message in messages)
    answers = any(message.startswith("Event: ") and "\r\nActionID: " in message for message in messages)
    return not (lines_differ or forged or answers)


def _whole_messages(session: bytes) -> bytes:
    """Without the greeting and without what a cut connection left of its last message."""
    after_greeting = session.partition(b"\r\n")[2]
    return after_greeting[: after_greeting.rfind(b"\r\n\r\n") + 4]


def measure(stream: bytes, rounds: int = ROUNDS) -> dict[str, float]:
    """Median events per second of CPU time of each reader over interleaved rounds. Raises if they disagree."""
    total = stream.count(b"\r\nEvent: ")
    results = {name: read(stream) for name, read in READERS.items()}
    if len(set(results.values())) != 1:
        raise AssertionError(f"the readers saw different events: {results}")
    speeds: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, read in READERS.items():
            begin = time.process_time()
            read(stream)
            speeds[name].append(total / (time.process_time() - begin))
    return {name: statistics.median(values) for name, values in speeds.items()}


def rows(quick: bool, _tell: Callable[[str], None]) -> Iterator[Row]:
    """Our decoder beside each peer, for both sets of rights."""
    for title, everything in (("read=all", True), ("product's rights", False)):
        speeds = measure(session_of(captures(everything=everything)), QUICK_ROUNDS if quick else ROUNDS)
        for peer in ("panoramisk", "asterisk-ami"):
            yield Row(f"codec, {title}", speeds["ours"], "events/s", peer, speeds[peer])
