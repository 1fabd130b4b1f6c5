"""`ringback serve`: check what can be checked before listening, then run until stopped. Every refusal is one
sentence that names the key and the fix."""

from __future__ import annotations

import asyncio
import errno
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import cast

import structlog
from aiohttp import web

from config.logging import set_up
from config.settings import Public, Server, Settings, is_open_to_all
from core.accounts import Role, list_users
from core.errors import SettingsError
from server.app import build
from server.web.bounds import BoundedSite, Bounds
from server.web.guard import check_listener
from server.web.keys import DATABASE
from server.web.network import trusted_networks
from server.web.public import public_application

log = structlog.get_logger(__name__)

STOP_S = 5.0
"""Open pages get this long to finish when the server stops."""

ADDRESS_FAULTS = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

OTHER_DESCRIPTORS = 200
"""Files and sockets that are no visitor's: database, PBXs, log, the interpreter's own; about 40 are in use."""


def serve(settings: Settings, file: Path | None = None) -> None:
    """Run the real thing. `file` is where the settings came from. Raises SettingsError, DatabaseError."""
    set_up(settings.log)
    if is_open_to_all(file):
        log.warning(f"everybody on this machine can read the secrets in {file}: chmod 640 {file}")
    if not settings.sources:
        raise SettingsError(
            "no PBX is set: add a section [pbx.main] (see config/example.toml), or try `ringback demo`"
        )
    check_listener(settings)
    app = build(settings)
    app.on_startup.append(_look_for_administrator)
    listen(app, settings, started=lambda: _say_where(settings))


async def _look_for_administrator(app: web.Application) -> None:
    async with app[DATABASE].read() as connection:
        users = await list_users(connection)
    if not any(user.role is Role.ADMINISTRATOR and not user.disabled for user in users):
        log.warning("nobody can administer this server: ringback user add LOGIN --role administrator")


def _say_where(settings: Settings) -> None:
    server = settings.server
    scheme = "http" if server.tls_certificate is None else "https"
    host = f"[{server.host}]" if ":" in server.host else server.host
    url = server.public_url or f"{scheme}://{host}:{server.port}"
    log.info("listening", url=url, host=server.host, port=server.port, pbxs=sorted(settings.pbx))


@dataclass(frozen=True, slots=True)
class Listener:
    """One address and what answers there; `name` is its section in the settings."""

    name: str
    app: web.Application
    at: Server | Public

    @property
    def port(self) -> int:
        return self.at.port or 0

    @contextmanager
    def said(self) -> Iterator[None]:
        """Raises SettingsError where the address cannot be had."""
        try:
            yield
        except OSError as error:
            if not isinstance(error, socket.gaierror) and error.errno not in ADDRESS_FAULTS:
                raise
            raise SettingsError(
                f"cannot listen on {self.at.host}:{self.port} ({error.strerror}): "
                f"set `{self.name}.port` or `{self.name}.host` (RINGBACK_{self.name.upper()}__PORT=8090) "
                "or stop what uses it"
            ) from error

    def tls(self) -> ssl.SSLContext | None:
        """Raises SettingsError for files that are no certificate and key."""
        if self.at.tls_certificate is None or self.at.tls_key is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.at.tls_certificate, self.at.tls_key, self._no_password)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"cannot load `{self.name}.tls_certificate` {self.at.tls_certificate} with `{self.name}.tls_key` "
                f"{self.at.tls_key}: {error.strerror or error}; write the certificate with its chain and its own key, "
                "both as PEM files that this user may read"
            ) from error
        return context

    def _no_password(self) -> str:
        raise SettingsError(
            f"`{self.name}.tls_key` is encrypted, and nobody is there to type its password: store it without one "
            "(openssl pkey -in KEY -out NEW) and let only this user read it"
        )


def listeners(app: web.Application, settings: Settings) -> list[Listener]:
    """The staff's, and the public one where it has a port. Raises SettingsError when it has nothing to show."""
    found = [Listener("server", app, settings.server)]
    if settings.public.port is not None:
        found.append(Listener("public", public_application(app), settings.public))
    return found


def listen(app: web.Application, settings: Settings, *, started: Callable[[], None] = lambda: None) -> None:
    """Serve `app`, and its public side, until SIGINT or SIGTERM; `started` is called once they answer."""
    found = [(listener, listener.tls()) for listener in listeners(app, settings)]
    with suppress(asyncio.CancelledError):
        asyncio.run(_serve(found, settings, started))


async def _serve(
    found: Sequence[tuple[Listener, ssl.SSLContext | None]], settings: Settings, started: Callable[[], None]
) -> None:
    """Ends with CancelledError when it is told to stop. The staff's application opens first: the other one lives off
    its parts."""
    _stop_on_signals()
    server = settings.server
    most = _descriptors_for(server.max_connections * len(found)) // len(found)
    unlimited = (*LOOPBACK, *trusted_networks(settings))
    async with AsyncExitStack() as stack:
        for listener, tls in found:
            runner = web.AppRunner(listener.app, shutdown_timeout=STOP_S)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            # A budget of its own: whoever floods the public side locks no agent out.
            bounds = Bounds(most=most, most_per_address=server.max_connections_per_address)
            at = listener.at
            site = BoundedSite(runner, at.host, listener.port, bounds=bounds, unlimited=unlimited, tls=tls)
            with listener.said():
                await site.start()
        started()
        await asyncio.Event().wait()


def _stop_on_signals() -> None:
    """The first signal cancels the running task; the next one ends the process, should the first not be enough."""
    loop, task = asyncio.get_running_loop(), cast("asyncio.Task[None]", asyncio.current_task())

    def stop() -> None:
        for one in STOP_SIGNALS:
            loop.remove_signal_handler(one)
        task.cancel()

    for one in STOP_SIGNALS:
        loop.add_signal_handler(one, stop)


def _descriptors_for(connections: int) -> int:
    """How many of these connections the system lets us have, after asking it for enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    possible = max(1, wanted - OTHER_DESCRIPTORS)
    if possible < connections:
        log.warning(
            "fewer connections than server.max_connections: raise the limit of open files (LimitNOFILE)",
            possible=possible,
            limit=hard,
        )
    return possible


def check_port(settings: Settings) -> None:
    """For who has much to do before listening. Raises SettingsError when an address cannot be had now."""
    for name, at in (("server", settings.server), ("public", settings.public)):
        if at.port is not None:
            listener = Listener(name, web.Application(), at)
            with listener.said():
                socket.create_server((at.host, listener.port)).close()
