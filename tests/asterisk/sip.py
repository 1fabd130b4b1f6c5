"""SIP as the test phones need it (RFC 3261, 2617, 4566): text in, message out, and back.

In: datagrams and plain values. Out: ``SipMessage`` objects, digest answers, session descriptions. Bytes that are no
UTF-8 survive the way through (surrogateescape), so a caller can have a hostile name. No socket and no clock here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

ENCODING = "utf-8"
REASONS = {
    100: "Trying", 180: "Ringing", 200: "OK", 202: "Accepted", 302: "Moved Temporarily", 403: "Forbidden",
    404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 503: "Service Unavailable", 603: "Decline",
}  # fmt: skip


@dataclass(slots=True)
class SipMessage:
    """A request (``INVITE sip:… SIP/2.0``) or an answer (``SIP/2.0 200 OK``)."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    def get(self, name: str) -> str:
        """First header of that name, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def status(self) -> int:
        """The answer's code; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """The request's method, for an answer the one it answers."""
        return self.get("CSeq").split()[-1] if self.status else self.start.split()[0]

    @property
    def number(self) -> int:
        """The CSeq number."""
        return int(self.get("CSeq").split()[0])

    @property
    def branch(self) -> str:
        """The transaction."""
        found = re.search(r"branch=([^;,\s]+)", self.get("Via"))
        return found.group(1) if found else ""

    def encode(self) -> bytes:
        """The datagram."""
        body = self.body.encode(ENCODING, "surrogateescape")
        lines = [
            self.start,
            *(f"{key}: {value}" for key, value in self.headers),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode(ENCODING, "surrogateescape") + body


def parse(data: bytes) -> SipMessage:
    """A datagram as a message. Raises ValueError when it is none."""
    head, _, body = data.decode(ENCODING, "surrogateescape").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    if "SIP/2.0" not in start:
        raise ValueError("not a SIP message")
    pairs = (line.partition(":") for line in lines)
    headers = [(key.strip(), value.strip()) for key, _, value in pairs if key.lower() != "content-length"]
    return SipMessage(start, headers, body)


def reply(
    request: SipMessage, status: int, tag: str, extra: list[tuple[str, str]], body: str = ""
) -> SipMessage:
    """An answer to a request; ``tag`` is ours."""
    to = request.get("To")
    if status > 100 and ";tag=" not in to:
        to += f";tag={tag}"
    copied = [("Via", via) for via in request.all("Via")]
    copied += [("From", request.get("From")), ("To", to)]
    copied += [(name, request.get(name)) for name in ("Call-ID", "CSeq")]
    return SipMessage(f"SIP/2.0 {status} {REASONS.get(status, 'Status')}", [*copied, *extra], body)


def uri_of(header: str) -> str:
    """The address inside ``"Name" <sip:101@host>;tag=x``."""
    found = re.search(r"<([^>]*)>", header)
    return found.group(1) if found else header.split(";")[0].strip()


def user_of(header: str) -> str:
    """The part before the ``@``."""
    found = re.search(r"sips?:([^@>;]*)@", header)
    return found.group(1) if found else ""


def tag_of(header: str) -> str:
    """The dialog tag, or nothing."""
    found = re.search(r";tag=([^;\s]+)", header)
    return found.group(1) if found else ""


def token() -> str:
    """A fresh tag, branch or call id part."""
    return secrets.token_hex(6)


def authorization(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """The Digest answer to a ``WWW-Authenticate`` header (MD5, with or without qop=auth)."""
    told = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.partition(" ")[2]))
    secret = _md5(f"{user}:{told['realm']}:{password}")
    asked = _md5(f"{method}:{uri}")
    parts = {"username": user, "realm": told["realm"], "nonce": told["nonce"], "uri": uri}
    words = ["algorithm=MD5"]
    if "qop" in told:
        cnonce = token()
        parts["cnonce"] = cnonce
        words += ["qop=auth", "nc=00000001"]
        asked = f"00000001:{cnonce}:auth:{asked}"
    parts["response"] = _md5(f"{secret}:{told['nonce']}:{asked}")
    if "opaque" in told:
        parts["opaque"] = told["opaque"]
    return "Digest " + ", ".join([*(f'{key}="{value}"' for key, value in parts.items()), *words])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def describe(address: str, port: int, direction: str, version: int) -> str:
    """A session description: G.711 and telephone events, ``direction`` such as sendrecv."""
    lines = [
        "v=0", f"o=phone 1 {version} IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
        f"m=audio {port} RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16", "a=ptime:20", f"a={direction}", "",
    ]  # fmt: skip
    return "\r\n".join(lines)


def media_address(body: str) -> tuple[str, int] | None:
    """Where the other side of a session description wants its sound."""
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
    return (host.group(1), int(port.group(1))) if host and port else None
