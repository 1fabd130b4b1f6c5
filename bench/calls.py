"""How much of one core the call book takes: messages of real calls in, facts out, no socket and no database.

In: the captures with the product's rights, decoded beforehand. Out: rows. Each capture gets an empty book, as a call
has in life; the time for decoding is measured in `codec.py`, so the two figures add up to what a message costs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from bench.codec import WANTED, captures
from bench.row import Row
from pbx_bridge.ami.codec import AmiDecoder
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.calls import CallBook

TRUNKS = ("PJSIP/trunk", "PJSIP/trunk2")
ROUNDS, QUICK_ROUNDS = 15, 5
SOON = 60.0
"""Seconds after the last message at which nothing is waiting for late events any more."""


def sessions() -> list[list[AmiMessage]]:
    """Every session with the product's rights, as the events our decoder lets through."""
    found = []
    for path in captures(everything=False):
        messages = AmiDecoder(wanted=WANTED, greeting=False).feed(path.read_bytes())
        found.append([message for message in messages if message.event is not None])
    return found


def apply_all(streams: list[list[AmiMessage]]) -> tuple[int, int]:
    """How many messages were applied and how many facts came out."""
    facts = 0
    for messages in streams:
        book = CallBook(pbx="bench", trunks=TRUNKS, region="PL")
        for message in messages:
            facts += len(book.apply(message, 0.0))
        facts += len(book.tick((messages[-1].timestamp or 0.0) + SOON))
    return sum(map(len, streams)), facts


def rows(quick: bool, _tell: Callable[[str], None]) -> Iterator[Row]:
    """Messages per second of CPU time, median of several rounds over all captures."""
    streams = [messages for messages in sessions() if messages]
    speeds = []
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        begin = time.process_time()
        messages, facts = apply_all(streams)
        speeds.append(messages / (time.process_time() - begin))
    yield Row("CallBook.apply, product's rights", statistics.median(speeds), "messages/s")
    yield Row("CallBook.apply, facts per 100 messages", 100 * facts / messages, "facts")
