"""One AMI message: an event or a reply, with case-insensitive access to its headers.

Pure. Made from the bytes between two empty lines (`AmiDecoder`) or from headers (tests, the
simulator). Text is decoded and split here, at CR LF only, when the first header is asked for:
most messages of a busy PBX are never looked at beyond their name.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

END_OF_MESSAGE = b"\r\n\r\n"

_UNKNOWN = "<unknown>"
# Asterisk escapes the names of channel snapshots like C strings (ast_escape_c). These three
# print the name as it stands, so a backslash in them is the caller's own.
_RAW_NAME_EVENTS = frozenset({"QueueEntry", "OriginateResponse", "MeetmeList"})
_RAW_NAME_KEYS = frozenset({"effectiveconnectedlinename"})
_C_ESCAPE = re.compile(r"\\([abfnrtv\\'\"?])")
_C_MEANING = dict(zip("abfnrtv\\'\"?", "\a\b\f\n\r\t\v\\'\"?", strict=True))

HeaderValue = str | int | float | bool | None
"""None leaves the header out; True and False become `true` and `false`."""

ActionHeaders = Mapping[str, HeaderValue | Sequence[HeaderValue]]


class AmiMessage:
    """One event or reply, immutable; its headers are parsed when the first one is asked for.

    `offset` is the position of its first byte in the stream, `end` the position after the
    empty line that closes it.
    """

    __slots__ = ("_event", "_fields", "_offset", "_raw")

    def __init__(self, raw: bytes, offset: int = 0, event: str | None = None) -> None:
        self._raw = raw
        self._offset = offset
        self._event = event
        self._fields: _Fields | None = None

    @classmethod
    def of(cls, headers: ActionHeaders) -> Self:
        """Build a message from headers (a list of values repeats the key)."""
        lines = [f"{key}: {value}" for key, value in flat_headers(headers)]
        return cls("\r\n".join(lines).encode())

    @property
    def raw(self) -> bytes:
        """The message as received, without the closing empty line."""
        return self._raw

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def end(self) -> int:
        return self._offset + len(self._raw) + len(END_OF_MESSAGE)

    @property
    def event(self) -> str | None:
        """Name of the event, None for a reply."""
        if self._event is None:
            self._event = self.get("event")
        return self._event

    @property
    def response(self) -> str | None:
        """`Success`, `Error`, `Goodbye` …, None for an event."""
        return self.get("response")

    @property
    def action_id(self) -> str | None:
        return self.get("actionid")

    @property
    def is_success(self) -> bool:
        return self.response in ("Success", "Goodbye", "Follows")

    @property
    def list_state(self) -> str | None:
        """`start`, `complete` or `cancelled` (header EventList, in lower case)."""
        state = self.get("eventlist")
        return state.lower() if state else None

    @property
    def timestamp(self) -> float | None:
        """The PBX's own time in epoch seconds (`timestampevents = yes`), or None."""
        try:
            seconds = float(self.get("timestamp") or "")
        except ValueError:
            return None
        return seconds if math.isfinite(seconds) and seconds > 0 else None

    def get(self, key: str, default: str | None = None) -> str | None:
        """First value of `key` in any case; `<unknown>` is None, caller names are unescaped."""
        fields = self._fields
        if fields is None:
            fields = self._fields = _read(self._raw)
        places, values = fields
        key = key.lower()
        place = places.get(key)
        if place is None:
            return default
        value = values[place]
        if value == _UNKNOWN:
            return None
        return self._unescaped(key, value) if "\\" in value else value

    def many(self, keys: Sequence[str]) -> list[str | None]:
        """What `get` gives for each of several keys in lower case, in a third of the time."""
        fields = self._fields
        if fields is None:
            fields = self._fields = _read(self._raw)
        places, values = fields
        found: list[str | None] = []
        for key in keys:
            place = places.get(key)
            value = None if place is None else values[place]
            if value is not None and "\\" in value:
                value = self._unescaped(key, value)
            found.append(None if value == _UNKNOWN else value)
        return found

    def get_all(self, key: str) -> list[str | None]:
        """Every value of a repeated key (`Variable`, `Output` …) in the order received."""
        wanted = key.lower()
        return [value for name, value in self.items() if name.lower() == wanted]

    @property
    def repeats(self) -> bool:
        """Whether some header stands twice: a list of values, or one that a caller's text has forged."""
        fields = self._fields
        if fields is None:
            fields = self._fields = _read(self._raw)
        places, values = fields
        return len(places) != (len(values) - 1 if isinstance(values, list) else values.re.groups)

    def items(self) -> Iterator[tuple[str, str | None]]:
        """All headers in the order received, keys as Asterisk spells them."""
        for key, value in _headers(_text(self._raw)):
            yield key, None if value == _UNKNOWN else self._unescaped(key.lower(), value)

    def __contains__(self, key: str) -> bool:
        return any(name.lower() == key.lower() for name, _ in self.items())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AmiMessage):
            return NotImplemented
        return self._raw == other._raw and self._offset == other._offset

    def __hash__(self) -> int:
        return hash((self._raw, self._offset))

    def __repr__(self) -> str:
        """Name and size only: a log line must not carry a caller's number or name."""
        what = self.event or f"Response {self.response}"
        return f"<AmiMessage {what} at {self._offset}, {len(self._raw)} bytes>"

    def _unescaped(self, key: str, value: str) -> str:
        escaped = key.endswith(("calleridname", "connectedlinename")) and not (
            key in _RAW_NAME_KEYS or self.event in _RAW_NAME_EVENTS
        )
        if escaped or (key == "value" and self.event == "VarSet"):
            return _C_ESCAPE.sub(lambda match: _C_MEANING[match[1]], value)
        return value


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _headers(text: str) -> list[list[str]]:
    """Split into [key, value]; a line without `: ` is text that belongs to no header."""
    pairs = [line.split(": ", 1) for line in text.split("\r\n")]
    bare = [[pair[0][:-1], ""] if len(pair) == 1 and pair[0].endswith(":") else pair for pair in pairs]
    return [pair for pair in bare if len(pair) == 2]


# ---- reading by shape: Asterisk sends each kind of event with the same headers in the same order, so that
# one regular expression per kind finds all values in a quarter of the time that splitting takes.

_Values = re.Match[str] | list[str]
_Fields = tuple[dict[str, int], _Values]
"""Where each lower-case key's first value stands, and the values (counted from 1)."""

_SHAPES_PER_KIND = 4
_MAX_KINDS = 1_024


@dataclass(frozen=True, slots=True)
class _Shape:
    """The headers of one kind of message. It matches only what splitting would read the same."""

    pattern: re.Pattern[str]
    places: dict[str, int]


@dataclass(slots=True)
class _Kind:
    """What has been learnt about messages with one first line."""

    shapes: list[_Shape] = field(default_factory=list)
    last_keys: tuple[str, ...] = ()


_kinds: dict[bytes, _Kind] = {}


def _read(raw: bytes) -> _Fields:
    """Values by key, by a known shape if one fits, else by splitting."""
    text = _text(raw)
    first_line = raw.partition(b"\r\n")[0]
    kind = _kinds.get(first_line)
    if kind is None:
        if len(_kinds) >= _MAX_KINDS:
            _kinds.clear()
        kind = _kinds[first_line] = _Kind()
    for shape in kind.shapes:
        match = shape.pattern.fullmatch(text)
        if match is not None:
            return shape.places, match
    return _read_by_splitting(kind, text)


def _read_by_splitting(kind: _Kind, text: str) -> _Fields:
    pairs = _headers(text)
    keys = tuple(key for key, _ in pairs)
    places: dict[str, int] = {}
    for place, key in enumerate(keys, 1):
        places.setdefault(key.lower(), place)
    if keys == kind.last_keys and len(kind.shapes) < _SHAPES_PER_KIND:  # twice alike: worth a pattern
        lines = (re.escape(key) + ": ([^\r]*+)" for key in keys)
        kind.shapes.append(_Shape(re.compile("\r\n".join(lines)), places))
    kind.last_keys = keys
    return places, ["", *(value for _, value in pairs)]


def flat_headers(headers: ActionHeaders) -> Iterator[tuple[str, str]]:
    """(key, text) in order; a list of values repeats its key, None leaves the header out."""
    for key, value in headers.items():
        if isinstance(value, str) or not isinstance(value, Sequence):
            value = (value,)
        for one in value:
            if one is not None:
                yield key, header_text(one)


def header_text(value: HeaderValue) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
