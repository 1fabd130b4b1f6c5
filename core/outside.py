"""Requests to other people's servers, which somebody of ours named: a request goes in, a bounded answer comes out. The
address is checked where the socket for it is made, after the name was resolved, so that no second answer of a name
server can lead elsewhere. Private and loopback addresses are refused unless the settings list their network; no
redirect is followed, no cookie kept, no proxy of the environment used. What is asked of whom, and whether it is tried
again, is decided by the rooms."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import SimpleNamespace, TracebackType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from config.outside import Network, OutsideSettings
from core.errors import RingbackError

LARGEST_ANSWER = 1024 * 1024
"""Bytes of a body that are read; a list of fifty contacts has some hundred kilobytes."""

LONGEST_S = 10.0
"""For name, connection, request and answer together."""

AT_ONCE = 20
AT_ONCE_PER_HOST = 6
"""Connections: one slow server must not take them all."""

GLOBAL_UNICAST = ip_network("2000::/3")
"""All of IPv6 that is given out to the public. Of the rest each Python calls something else global."""

NOT_PUBLIC = (ip_network("3fff::/20"), ip_network("192.0.0.0/24"))
"""For documentation (RFC 9637) and for protocols (RFC 6890): some of our Pythons call them global."""

NAT64 = ip_network("64:ff9b::/96")
"""IPv6 addresses that hold an IPv4 one, which is where packets go in the end."""

Address = IPv4Address | IPv6Address


class OutsideError(RingbackError):
    """There is no answer: unreachable, too slow, no HTTP. The sentence is fit for a person and holds no secret.
    `perhaps_done`: the request was perhaps sent and executed; else it surely was not."""

    code = "outside-unreachable"

    def __init__(self, message: str, *, perhaps_done: bool = False) -> None:
        super().__init__(message)
        self.perhaps_done = perhaps_done


class OutsideRefusedError(OutsideError):
    """We do not send this: the address is private and not listed, or it is no web address."""

    code = "outside-refused"


@dataclass(frozen=True, slots=True)
class OutsideRequest:
    """`url` is http or https, without a name and password in it. `body` goes out as it is."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class OutsideAnswer:
    """`body` is cut where the asker said (then not `is_whole`); `headers` have lower-case names; `took_s` seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool
    took_s: float


class _RefusedAddressError(OSError):
    """Raised where a socket is made, and told from a network's own faults by its class."""


class Outside:
    """The only way out. Close it with `close()`, or use it as a context. Safe for many tasks at once."""

    def __init__(self, settings: OutsideSettings, *, resolver: AbstractResolver | None = None) -> None:
        self._networks = settings.networks
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Outside:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self,
        request: OutsideRequest,
        *,
        seconds: float = LONGEST_S,
        largest: int = LARGEST_ANSWER,
        body_seconds: float | None = None,
    ) -> OutsideAnswer:
        """One request, once. Raises OutsideRefusedError, and OutsideError when no answer came in `seconds`. Of its body
        `largest` bytes are read; whoever only wants the status waits `body_seconds` for the body, and no longer."""
        url = checked_url(request.url)
        began = time.monotonic()
        sent: list[bool] = []
        try:
            async with self._open().request(
                request.method,
                url,
                headers={"Accept-Encoding": "identity", **request.headers},
                data=request.body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds),
                trace_request_ctx=sent,
            ) as response:
                body, is_whole = await _read(response, largest, body_seconds)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return OutsideAnswer(response.status, headers, body, is_whole, time.monotonic() - began)
        except TimeoutError as error:
            raise OutsideError(
                f"{url.host} did not answer within {seconds:g} s", perhaps_done=bool(sent)
            ) from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, _RefusedAddressError):
                raise OutsideRefusedError(str(error.os_error)) from error
            raise OutsideError(f"cannot connect to {url.host}: {_plain(error.os_error)}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise OutsideError(f"{url.host}: {_plain(error)}", perhaps_done=bool(sent)) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                limit=AT_ONCE,
                limit_per_host=AT_ONCE_PER_HOST,
                socket_factory=self._socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # a packed answer may be a thousand times as long
                trust_env=False,
                trace_configs=[_tracing()],
            )
        return self._session

    def _socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _name, address = info
        if not may_reach(str(address[0]), self._networks):
            raise _RefusedAddressError(
                f"{address[0]} is not a public address, and outside.allow_networks does not list it"
            )
        return socket.socket(family, kind, protocol)


def _tracing() -> aiohttp.TraceConfig:
    """Says of each request whether its head went out: one that waited for a connection in vain did nothing."""
    tracing = aiohttp.TraceConfig()

    async def note(_session: Any, context: SimpleNamespace, _said: Any) -> None:
        context.trace_request_ctx.append(True)

    tracing.on_request_headers_sent.append(note)
    return tracing


def checked_url(text: str) -> URL:
    """`text` as a web address. Raises OutsideRefusedError, with a sentence that does not repeat it: it may hold a
    secret."""
    try:
        url = URL(text)
    except ValueError as error:
        raise OutsideRefusedError("this is no web address") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise OutsideRefusedError("this is no web address: it must begin with https:// or http:// and a name")
    if url.user is not None or url.password is not None:
        raise OutsideRefusedError("a web address must not hold a name and password: use a header")
    return url


def may_reach(address: str, allowed: Iterable[Network]) -> bool:
    """Whether requests may go to this IP address: it is public, or in an allowed network."""
    given = ip_address(address)
    inner = _inner(given)
    if any(one in network for one in {given, inner} for network in allowed):
        return True
    return _is_public(inner)


def _is_public(address: Address) -> bool:
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in one for one in NOT_PUBLIC)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def _read(response: aiohttp.ClientResponse, largest: int, seconds: float | None) -> tuple[bytes, bool]:
    """The body, and whether that is all of it. What is left is not waited for."""
    body = bytearray()
    patience = asyncio.timeout(seconds)
    try:
        async with patience:
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > largest:
                    break
            else:
                return bytes(body), True
    except TimeoutError:
        if not patience.expired():
            raise
    response.close()
    return bytes(body[:largest]), False


def _plain(error: BaseException) -> str:
    """What happened, without the address that aiohttp and asyncio put into their texts: a query may hold a key."""
    if isinstance(error, OSError) and error.strerror:
        has_own_numbers = isinstance(error, ssl.SSLError | socket.gaierror)
        return error.strerror if has_own_numbers or not error.errno else os.strerror(error.errno)
    return type(error).__name__
