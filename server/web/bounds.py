"""What a listener spends on people it does not know yet: how many connections, and how long for a handshake, the head
of a request and its body. An application and a listener's settings go in, an aiohttp site comes out that keeps the
bounds. Who may do what is `guard.py`'s business; how large a body may be is said per line in `routes.py`.

aiohttp bounds the head's size (8,190 bytes a line, 128 headers) and the wait for a *following* request
(`keepalive_timeout`); it has no bound for the first head, for a body that drips, or for the number of connections."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, cast

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError

from server.web.network import Network
from server.web.routing import Handler

log = structlog.get_logger(__name__)

BODY_S = 20.0
"""For a whole body: the largest form (64 kB) takes that long at 3 kB/s, worse than any line that carries calls."""

SAY_AGAIN_S = 60.0
"""Refused connections are told in one line a minute: who floods us must not fill the log as well."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one listener. Times are in seconds.

    `most` and `most_per_address`: see `server.max_connections` in config/settings.py.
    `handshake`, `head`: a phone on a bad mobile line needs two or three; who needs more holds a place on purpose.
    `keep_alive`: longer than the 60 s of nginx's and others' idle upstream connections, so that the proxy closes first
    and no request meets a closing connection.
    `linger`: so long the rest of a refused body is read, that its sender can see the answer.
    `stalled`: so long a reader may take nothing of an answer before its connection is given up.
    """

    most: int = 2000
    most_per_address: int = 400
    handshake: float = 10.0
    head: float = 10.0
    keep_alive: float = 75.0
    linger: float = 5.0
    stalled: float = 60.0


class Door:
    """Counts who is in. `unlimited` are networks whose connections are those of many people: proxies, this machine."""

    def __init__(self, bounds: Bounds, unlimited: Sequence[Network]) -> None:
        self.bounds = bounds
        self._unlimited = unlimited
        self._inside: Counter[str] = Counter()
        self._refused = 0
        self._told_at = float("-inf")

    def enter(self, address: str) -> Callable[[], None] | None:
        """Take a place; returns what gives it back (once, however often it is called), or None when there is none."""
        who = _who(address)
        if self._inside.total() >= self.bounds.most or self._has_enough(who, address):
            self._tell(address)
            return None
        self._inside[who] += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._inside[who] -= 1
                self._inside += Counter()  # forgets those with none

        return leave

    def _has_enough(self, who: str, address: str) -> bool:
        if self._inside[who] < self.bounds.most_per_address:
            return False
        ip = ip_address(address) if address else None
        return ip is not None and not any(ip in network for network in self._unlimited)

    def _tell(self, address: str) -> None:
        self._refused += 1
        now = asyncio.get_running_loop().time()
        if now - self._told_at < SAY_AGAIN_S:
            return
        log.warning(
            "too many connections: server.max_connections, server.max_connections_per_address",
            refused=self._refused,
            last_from=address,
            inside=self._inside.total(),
        )
        self._told_at, self._refused = now, 0


def _who(address: str) -> str:
    """One household has 2^64 addresses of IPv6."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return address
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))


class Connection(web.RequestHandler):
    """aiohttp's connection, closed when the head of its first request takes too long."""

    __slots__ = ("_bounds", "_head_timer", "_leave")

    def __init__(self, server: web.Server, bounds: Bounds, leave: Callable[[], None]) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # means none, as in web.run_app
            keepalive_timeout=bounds.keep_alive,
            lingering_time=bounds.linger,
        )
        self._bounds = bounds
        self._leave = leave
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_timer = asyncio.get_running_loop().call_later(self._bounds.head, self.force_close)

    def head_read(self) -> None:
        """From now on aiohttp's own bounds hold."""
        if self._head_timer is not None:
            self._head_timer.cancel()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """What is no HTTP is no fault of ours: neither a traceback nor a line at the usual level for each."""
        if isinstance(kw.get("exc_info"), HttpProcessingError):
            log.debug("a request that is no HTTP", error=str(kw["exc_info"]))
        else:
            super().log_exception(*args, **kw)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.head_read()
        self._leave()
        super().connection_lost(exc)


@web.middleware
async def note_head(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection that a whole head has come."""
    if isinstance(request.protocol, Connection):
        request.protocol.head_read()
    return await handler(request)


async def read_body(request: web.Request) -> None:
    """Read the body into the request, where handlers find it. Raises HTTPRequestTimeout for one that drips."""
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error


class _Arrival(asyncio.Protocol):
    """A connection before anybody has spoken: counted, then, after a handshake if there is one, handed to aiohttp."""

    def __init__(self, server: web.Server, door: Door, tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._door = door
        self._tls = tls
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # what every TCP server makes
        peer = transport.get_extra_info("peername")
        leave = self._door.enter(peer[0] if peer else "")
        if leave is None:
            transport.abort()
            return
        _give_up_stalled(transport.get_extra_info("socket"), self._door.bounds.stalled)
        connection = Connection(self._server, self._door.bounds, leave)
        if self._tls is None:
            transport.set_protocol(connection)
            connection.connection_made(transport)
            return
        transport.pause_reading()  # the first bytes are for the handshake
        self._handshake = asyncio.create_task(self._shake_hands(transport, connection, self._tls, leave))

    async def _shake_hands(
        self,
        transport: asyncio.Transport,
        connection: Connection,
        tls: ssl.SSLContext,
        leave: Callable[[], None],
    ) -> None:
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                connection,
                tls,
                server_side=True,
                ssl_handshake_timeout=self._door.bounds.handshake,
            )
        except OSError:  # SSLError and ConnectionAbortedError: nobody we could answer
            secured = None
        if secured is None:
            leave()
            transport.abort()
        else:
            connection.connection_made(secured)


def _give_up_stalled(connection: socket.socket, seconds: float) -> None:
    """Linux counts it while data is unacknowledged and while the peer's window stays closed."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


class BoundedSite(web.TCPSite):
    """A TCP listener of `runner` behind a door of its own."""

    __slots__ = ("_door", "_tls")

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        *,
        bounds: Bounds,
        unlimited: Sequence[Network] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(runner, host, port, ssl_context=tls)
        self._door = Door(bounds, unlimited)
        self._tls = tls

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        await web.BaseSite.start(self)
        server = cast("web.Server", self._runner.server)  # TCPSite refuses a runner without one
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Arrival(server, self._door, self._tls), self._host, self._port, backlog=self._backlog
        )
        self._bound_port = self._server.sockets[0].getsockname()[1]
