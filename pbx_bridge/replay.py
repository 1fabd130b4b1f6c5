"""Captured AMI bytes in, the calls they tell of out: the same code as the live bridge, without a socket or a database.

Several files are one PBX's connections in order (a reconnect, a restart). Time comes from the Timestamp headers, else
from the sidecar `FILE.times` that `ringback capture` writes, else nothing is concluded and one sentence says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.clock import iso
from core.errors import RingbackError
from core.facts import CallEnded, CallRecord, Fact
from pbx_bridge.ami_codec import AmiDecoder, AmiMessage, AmiProtocolError
from pbx_bridge.ami_events import WANTED
from pbx_bridge.calls import CallBook

DEFAULT_TRUNKS = ("PJSIP/trunk",)
"""Only replay has one: the name in our documentation. A live PBX's trunks are always configured."""

CHUNK = 1 << 20
"""Bytes read at a time."""


class ReplayError(RingbackError):
    """A capture cannot be replayed; the sentence names the file and says why."""

    code = "capture-unreadable"


def replay_files(
    paths: Sequence[Path], trunks: Sequence[str] = DEFAULT_TRUNKS, region: str = "PL"
) -> dict[str, Any]:
    """`{"calls": [...]}` in order of their start. Raises ReplayError."""
    book = CallBook("capture", trunks, region)
    records = [fact.record for fact in _facts(book, paths) if isinstance(fact, CallEnded)]
    records.sort(key=lambda record: (record.started_at, record.call_id))
    return {"calls": [as_json(record) for record in records]}


def _facts(book: CallBook, paths: Sequence[Path]) -> Iterator[Fact]:
    for path in paths:
        at = book.last_at
        for message in messages_of(path):
            if message.timestamp is None:
                continue
            yield from book.apply(message, at)
    yield from book.finish(book.last_at, "the capture ends before the call does")


def messages_of(path: Path) -> Iterator[AmiMessage]:
    """Every message the call book wants from one capture. Raises ReplayError."""
    decoder = AmiDecoder(wanted=WANTED, greeting=False)
    try:
        with path.open("rb") as capture:
            while data := capture.read(CHUNK):
                yield from decoder.feed(data)
    except OSError as error:
        raise ReplayError(f"cannot read {path}: {error.strerror}") from error
    except AmiProtocolError as error:
        raise ReplayError(f"{path} is not an AMI capture: {error}") from error


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
