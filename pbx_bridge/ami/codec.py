"""AMI on the wire: bytes in, `AmiMessage`s out; an action in, bytes out.

Pure. No socket, no clock, no knowledge of logins or replies (`session.py`).
Framing is done on bytes (messages end at an empty line, lines end at CR LF and at nothing
else) and text is decoded afterwards, so that nothing a caller puts into a display name can
forge a header. Everything is bounded, and every refusal is `AmiProtocolError` (what Asterisk
sent) or `AmiEncodeError` (what we were asked to send).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.errors import RingbackError
from pbx_bridge.ami.message import (
    END_OF_MESSAGE,
    ActionHeaders,
    AmiMessage,
    HeaderValue,
    flat_headers,
    header_text,
)

__all__ = [
    "ActionHeaders",
    "AmiDecoder",
    "AmiEncodeError",
    "AmiMessage",
    "AmiProtocolError",
    "DecoderLimits",
    "HeaderValue",
    "VocabularyAction",
    "action_name",
    "encode_action",
]

GREETING = b"Asterisk Call Manager/"
# Bytes of a line without its CR LF. Asterisk 16 and 22 read into 1,024 bytes: one byte more (1,023) and the
# CR left over is taken for an empty line, which ends the action in the middle.
MAX_ACTION_LINE = 1_022
MAX_ACTION_LINES = 128  # AST_MAX_MANHEADERS

_CRLF = b"\r\n"
_EVENT = b"Event: "
_ACTION_ID = b"\r\nActionID: "
_TIMESTAMP = b"\r\nTimestamp: "
# The most frequent events that no list consists of: they need no search for an ActionID.
_NEVER_AN_ANSWER = frozenset(
    b"Event: " + name for name in (b"VarSet", b"Newexten", b"RTCPSent", b"RTCPReceived")
)
_MAX_KNOWN_EVENTS = 1_024  # Asterisk 22 has about 180 event names

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # a bare LF ends a line for Asterisk


class AmiProtocolError(RingbackError):
    """The bytes received are not AMI, or are larger than AMI can reasonably be.

    `messages`: what the same bytes completed before the fault.
    """

    code = "ami-protocol"

    def __init__(self, reason: str, messages: Sequence[AmiMessage] = ()) -> None:
        super().__init__(reason)
        self.messages = tuple(messages)


class AmiEncodeError(RingbackError, ValueError):
    """This action must not be sent: Asterisk would read it as something else, or not at all."""

    code = "ami-encode"


class VocabularyAction(Protocol):
    """The shape of asterisk-ami's `SimpleAction`, `LoginAction` and the like."""

    name: str
    keys: dict[str, HeaderValue]
    variables: dict[str, HeaderValue]


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """Bounds on what one peer may make us hold (bytes, and headers per message).

    The longest real messages are `Status` answers with all variables, a few kilobytes.
    """

    greeting: int = 256
    line: int = 65_536
    message: int = 1_048_576
    headers: int = 4_096


class AmiDecoder:
    """Cuts a byte stream into messages, whatever the sizes of the pieces it arrives in.

    `wanted`: names of the events to hand out; others are counted in `skipped` after a look
    at their name only. Replies, and events that answer an action, always pass.
    `greeting=False`: the stream may begin in mid-session, as a stored capture can.
    """

    def __init__(
        self,
        *,
        wanted: Collection[str] | None = None,
        limits: DecoderLimits | None = None,
        greeting: bool = True,
    ) -> None:
        self.banner: str | None = None
        self.skipped = 0
        self._stamped = False
        self.offset = 0
        self._limits = limits or DecoderLimits()
        self._wanted = None if wanted is None else frozenset(wanted)
        self._names: dict[bytes, str] = {}
        self._unwanted: set[bytes] = set()
        self._buffer = bytearray()
        self._before_greeting = True
        self._greeting_needed = greeting

    @property
    def pending(self) -> int:
        """Bytes held of a message (or greeting) that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[AmiMessage]:
        """Take the next bytes, return the messages they complete.

        Raises `AmiProtocolError`; its `messages` are those completed before the fault, so
        that the outcome does not depend on how the network cut the stream.
        """
        searched = max(0, len(self._buffer) - 3)
        self._buffer += data
        if self._before_greeting:
            if not self._read_greeting():
                return []
            searched = 0
        return self._cut(searched)

    def _read_greeting(self) -> bool:
        """True once the stream's first line is behind us (no empty line follows it)."""
        start = bytes(self._buffer[: len(GREETING)])
        if not GREETING.startswith(start):
            if self._greeting_needed:
                raise AmiProtocolError(
                    f"the first bytes are {bytes(self._buffer[:24])!r}, not an AMI greeting"
                )
            self._before_greeting = False
            return True
        limit = self._limits.greeting
        end = self._buffer.find(_CRLF, 0, limit)
        if end < 0:
            if len(self._buffer) >= limit:
                raise AmiProtocolError(f"the greeting is longer than {limit} bytes")
            return False
        self.banner = self._buffer[len(GREETING) : end].decode("utf-8", "replace")
        self._take(end + len(_CRLF))
        self._before_greeting = False
        return True

    def _cut(self, searched: int) -> list[AmiMessage]:
        """Everything up to the last empty line; only bytes not searched before are searched."""
        found: list[AmiMessage] = []
        last = self._buffer.rfind(END_OF_MESSAGE, searched)
        if last >= 0:
            stop = last
            while self._buffer.endswith(_CRLF, 0, stop):
                stop -= len(_CRLF)
            whole = bytes(memoryview(self._buffer)[:stop])
            start = self.offset
            self._take(last + len(END_OF_MESSAGE))
            self._split(whole, start, found)
        # An incomplete message may carry one empty line before it and three bytes of its end.
        if len(self._buffer) > self._limits.message + 5:
            raise AmiProtocolError(f"a message is longer than {self._limits.message} bytes", found)
        return found

    def _take(self, count: int) -> None:
        del self._buffer[:count]
        self.offset += count

    def _split(self, whole: bytes, position: int, found: list[AmiMessage]) -> None:
        """The busy loop: an ordinary event costs a look at its first line and no more."""
        limits, names, unwanted = self._limits, self._names, self._unwanted
        harmless = min(limits.line, limits.message, 3 * limits.headers)  # too short to break a limit
        for block in whole.split(END_OF_MESSAGE):
            if block.startswith(_EVENT) and len(block) <= harmless:
                kind = block.partition(_CRLF)[0]
                name = names.get(kind)
                if name is not None:
                    found.append(AmiMessage(block, position, name))
                elif (
                    kind in unwanted
                    and (kind in _NEVER_AN_ANSWER or _ACTION_ID not in block)
                    and (_TIMESTAMP in block or not self._stamped)
                ):
                    self.skipped += 1
                else:
                    self._add(block, position, found)
            elif block:
                self._add(block, position, found)
            position += len(block) + len(END_OF_MESSAGE)

    def _add(self, block: bytes, position: int, found: list[AmiMessage]) -> None:
        """A reply, or an event seen for the first time, large, or spelled oddly."""
        surplus = len(_CRLF) if block.startswith(_CRLF) else 0  # an empty line too many before it
        message = AmiMessage(block[surplus:], position + surplus)
        _check_shape(message.raw, self._limits, found)
        name = message.event
        is_wanted = self._wanted is None or name is None or name in self._wanted
        if block.startswith(_EVENT) and name is not None:
            self._learn(block.partition(_CRLF)[0], name, is_wanted)
        has_stamp = _TIMESTAMP in block
        self._stamped = self._stamped or (name is not None and has_stamp)
        # On a stamped stream an event without a Timestamp is a piece of another one, torn off by a line break in a
        # caller's number (seen on 16.28 and 22.10.1): whoever reads the stream must be able to mend it.
        if is_wanted or message.action_id is not None or (self._stamped and not has_stamp):
            found.append(message)
        else:
            self.skipped += 1

    def _learn(self, kind: bytes, name: str, is_wanted: bool) -> None:
        """Know this event by its first line from now on."""
        if len(self._names) + len(self._unwanted) >= _MAX_KNOWN_EVENTS:
            self._names.clear()
            self._unwanted.clear()
        if is_wanted:
            self._names[kind] = name
        else:
            self._unwanted.add(kind)


def _check_shape(block: bytes, limits: DecoderLimits, found: list[AmiMessage]) -> None:
    if len(block) > limits.message:
        raise AmiProtocolError(f"a message is longer than {limits.message} bytes", found)
    lines = block.split(_CRLF)
    if len(lines) > limits.headers:
        raise AmiProtocolError(f"a message has more than {limits.headers} headers", found)
    if max(map(len, lines)) > limits.line:
        raise AmiProtocolError(f"a line is longer than {limits.line} bytes", found)


def action_name(action: ActionHeaders | VocabularyAction) -> str:
    """`Originate`, `Status` … of either spelling of an action; raises `AmiEncodeError` without one."""
    if isinstance(action, Mapping):
        name = next((value for key, value in flat_headers(action) if key.lower() == "action"), "")
    else:
        name = action.name
    if not name:
        raise AmiEncodeError("an action without the header Action")
    return name


def encode_action(
    action: ActionHeaders | VocabularyAction,
    action_id: str,
    variables: Mapping[str, HeaderValue] | None = None,
) -> bytes:
    """The bytes that ask Asterisk for `action` (headers with `Action` first, or a vocabulary object).

    Channel variables go in `variables`, one header each, and arrive as they are here.
    Raises `AmiEncodeError` for what Asterisk would misread: control characters (a lone LF ends
    a line too), lines over 1,022 bytes, over 128 lines, `Variable` headers written by hand.
    """
    name, headers, variables = _parts(action, variables or {})
    lines = [("Action", name), *headers, ("ActionID", action_id)]
    lines += [("Variable", _assignment(key, value)) for key, value in variables.items()]
    if name.lower() == "originate":
        lines.append(("Async", "true"))  # a synchronous Originate freezes the whole session
    if len(lines) > MAX_ACTION_LINES:
        raise AmiEncodeError(f"action {name} has {len(lines)} lines, Asterisk reads {MAX_ACTION_LINES}")
    return b"".join(_encode_line(key, value) for key, value in lines) + _CRLF


def _parts(
    action: ActionHeaders | VocabularyAction, variables: Mapping[str, HeaderValue]
) -> tuple[str, list[tuple[str, str]], Mapping[str, HeaderValue]]:
    """Name, plain headers and channel variables of either spelling of an action."""
    name = action_name(action)
    if isinstance(action, Mapping):
        pairs = flat_headers(action)
    else:
        pairs = flat_headers(action.keys)
        variables = {**action.variables, **variables}
    headers = [(key, value) for key, value in pairs if key.lower() != "action"]
    return name, [pair for pair in headers if _is_ours_to_send(name.lower(), *pair)], variables


def _is_ours_to_send(action: str, key: str, value: str) -> bool:
    """Refuse the headers this encoder writes itself; False for one that merely repeats it."""
    key = key.lower()
    if key == "actionid":
        raise AmiEncodeError("ActionID is given by the connection, not by the caller")
    if key == "variable" and action not in ("getvar", "setvar"):
        raise AmiEncodeError("channel variables go in `variables`, where they are escaped")
    if key == "async" and action == "originate":
        if value.lower() != "true":
            raise AmiEncodeError("Originate is always asynchronous here: leave Async out")
        return False
    return True


def _assignment(name: str, value: HeaderValue) -> str:
    """`NAME=value`, escaped: Asterisk splits a bare comma into a second variable."""
    if not name or re.search(r'[=,\\"]', name):
        raise AmiEncodeError(f"{name!r} cannot be the name of a channel variable")
    return f"{name}=" + re.sub(r'([\\,"])', r"\\\1", header_text(value))


def _encode_line(key: str, value: str) -> bytes:
    if not key or ":" in key or key != key.strip():
        raise AmiEncodeError(f"{key!r} cannot be a header")
    if _CONTROL.search(key) or _CONTROL.search(value):
        raise AmiEncodeError(f"the value of {key} has a control character")
    line = f"{key}: {value}".encode("utf-8", "replace")
    if len(line) > MAX_ACTION_LINE:
        raise AmiEncodeError(f"the header {key} is {len(line)} bytes long, Asterisk reads {MAX_ACTION_LINE}")
    return line + _CRLF
