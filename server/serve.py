"""`ringback serve`: check what can be checked before listening, then run until stopped. Every refusal is one
sentence that names the key and the fix."""

from __future__ import annotations

import asyncio
import errno
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import cast

import structlog
from aiohttp import web

from config.logging import set_up
from config.settings import Settings, is_open_to_all
from core.accounts import Role, list_users
from core.errors import SettingsError
from server.app import build
from server.bounds import BoundedSite, Bounds
from server.guard import check_listener
from server.keys import DATABASE
from server.network import trusted_networks

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


def listen(app: web.Application, settings: Settings, *, started: Callable[[], None] = lambda: None) -> None:
    """Serve `app` on the settings' listener until SIGINT or SIGTERM; `started` is called once it answers."""
    context = _tls(settings)
    with _listening(settings), suppress(asyncio.CancelledError):
        asyncio.run(_serve(app, settings, context, started))


async def _serve(
    app: web.Application, settings: Settings, tls: ssl.SSLContext | None, started: Callable[[], None]
) -> None:
    """Ends with CancelledError when it is told to stop."""
    _stop_on_signals()
    server = settings.server
    bounds = Bounds(
        most=_descriptors_for(server.max_connections), most_per_address=server.max_connections_per_address
    )
    runner = web.AppRunner(app, shutdown_timeout=STOP_S)
    await runner.setup()
    try:
        unlimited = (*LOOPBACK, *trusted_networks(settings))
        site = BoundedSite(runner, server.host, server.port, bounds=bounds, unlimited=unlimited, tls=tls)
        await site.start()
        started()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


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
    """For who has much to do before listening. Raises SettingsError when the address cannot be had now."""
    with _listening(settings):
        socket.create_server((settings.server.host, settings.server.port)).close()


@contextmanager
def _listening(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_address = isinstance(error, socket.gaierror) or error.errno in ADDRESS_FAULTS
        if not is_address:
            raise
        server = settings.server
        raise SettingsError(
            f"cannot listen on {server.host}:{server.port} ({error.strerror}): "
            "set `server.port` or `server.host` (RINGBACK_SERVER__PORT=8090) or stop what uses it"
        ) from error


def _tls(settings: Settings) -> ssl.SSLContext | None:
    server = settings.server
    if server.tls_certificate is None or server.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(server.tls_certificate, server.tls_key, _no_password)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"cannot load `server.tls_certificate` {server.tls_certificate} with `server.tls_key` "
            f"{server.tls_key}: {error.strerror or error}; write the certificate with its chain and its own key, both "
            "as PEM files that this user may read"
        ) from error
    return context


def _no_password() -> str:
    raise SettingsError(
        "`server.tls_key` is encrypted, and nobody is there to type its password: store it without one "
        "(openssl pkey -in KEY -out NEW) and let only this user read it"
    )
