"""`ringback serve`: check what can be checked before listening, then run until stopped. Every refusal is one
sentence that names the key and the fix."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from aiohttp import web

from config.logging import set_up
from config.settings import Settings
from core.accounts import Role, list_users
from core.errors import SettingsError
from server.app import build
from server.guard import check_listener
from server.keys import DATABASE

log = structlog.get_logger(__name__)

STOP_S = 5.0
"""Open pages get this long to finish when the server stops."""


def serve(settings: Settings) -> None:
    """Run the real thing. Raises SettingsError, DatabaseError."""
    set_up(settings.log)
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
    server = settings.server
    with _listening(settings):
        web.run_app(
            app,
            host=server.host,
            port=server.port,
            ssl_context=_tls(settings),
            print=lambda _text: started(),
            access_log=None,
            shutdown_timeout=STOP_S,
            loop=asyncio.new_event_loop(),
        )


def check_port(settings: Settings) -> None:
    """For who has much to do before listening. Raises SettingsError when the address cannot be had now."""
    with _listening(settings):
        socket.create_server((settings.server.host, settings.server.port)).close()


@contextmanager
def _listening(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
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
        context.load_cert_chain(server.tls_certificate, server.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"cannot load `server.tls_certificate` {server.tls_certificate} with `server.tls_key` "
            f"{server.tls_key}: {error}"
        ) from error
    return context
