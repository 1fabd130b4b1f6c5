"""SIP requests as the line monitor needs them (RFC 3261, 3326): a datagram in, who is calling and why it stopped out,
and the datagrams to answer with.

*Pure.* pyVoIP's own reading garbles display names and loses requests it cannot decode, so it never sees a request.
Headers are given back byte by byte (surrogateescape), whatever a caller put into them. No session, no media."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from core.shown import shown
from pbx_bridge.line.wire import How

MOST_HEADERS = 100

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}
NEEDED = ("via", "from", "to", "call-id", "cseq")

ELSEWHERE = frozenset({("sip", 200), ("q.850", 26)})
"""Asterisk sends both when another phone took the call."""

CALLER_CAUSES = frozenset({("q.850", 16), ("q.850", 31), ("q.850", 127)})
"""Causes of a party that hung up; 127 is what Asterisk 22 sends when a caller who rang one phone gives up. A time-out
of the dialplan, and everything from a queue, comes with cause 0, which says nothing."""

_START = re.compile(r"([A-Z]{1,20}) (\S+) SIP/2\.0")
_REASON = re.compile(r"(SIP|Q\.850)\s*;\s*cause\s*=\s*(\d{1,4})", re.IGNORECASE)
_USER = re.compile(r"(?:sips?:([^@;>]*)[^@>]*@|tel:([^;>]*))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower case and written out."""

    method: str
    uri: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first header of that name, or nothing."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def number(self) -> str:
        """The CSeq number, which a CANCEL shares with its INVITE."""
        return self.get("cseq").split()[0]


def parse_request(data: bytes) -> Request:
    """Raises ValueError for an answer, and for what no PBX of ours would send."""
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    found = _START.fullmatch(start)
    if found is None or len(lines) > MOST_HEADERS:
        raise ValueError("not a SIP request")
    headers = tuple(_header(line) for line in lines)
    request = Request(found[1], found[2], headers)
    sequence = request.get("cseq").split()
    if len(sequence) != 2 or sequence[1] != request.method or not all(map(request.get, NEEDED)):
        raise ValueError("a SIP request without its headers")
    return request


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError("not a header")
    name = name.strip().lower()
    return COMPACT.get(name, name), value.strip()


def answer(request: Request, status: str, tag: str = "", *headers: str) -> bytes:
    """An answer such as `180 Ringing`; `tag` makes our end of the dialog, `headers` are whole lines."""
    to = request.get("to")
    if tag and ";tag=" not in to:
        to += f";tag={tag}"
    lines = [
        f"SIP/2.0 {status}",
        *(f"Via: {via}" for via in request.all("via")),
        f"From: {request.get('from')}",
        f"To: {to}",
        f"Call-ID: {request.call_id}",
        f"CSeq: {request.get('cseq')}",
        *headers,
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def caller_of(request: Request) -> tuple[str | None, str | None]:
    """Number and name as the PBX shows them, fit for a screen; None for what is absent.

    The address is what stands in the last angle brackets: a name may contain brackets, quotes and addresses of its own.
    """
    text = request.get("from")
    name, bracket, rest = text.rpartition("<")
    uri = rest.partition(">")[0] if bracket else text
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    user = _USER.match(uri.strip())
    number = unquote(user[1] or user[2] or "") if user else ""
    return _shown(number), _shown(name)


def why_stopped(cancel: Request) -> How:
    """What the CANCEL's Reason headers say."""
    reasons = {(name.lower(), int(cause)) for name, cause in _REASON.findall(", ".join(cancel.all("reason")))}
    if reasons & ELSEWHERE:
        return How.ELSEWHERE
    return How.CALLER if reasons & CALLER_CAUSES else How.UNSAID


def _shown(text: str) -> str | None:
    """Printable text in one line, or None. Bytes that are no UTF-8 become the replacement character."""
    return shown(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")) or None
