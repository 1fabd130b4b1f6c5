"""`ringback demo`: a whole Ringback without a PBX. It makes a fresh database in a private folder, fills it with a past,
starts the simulated PBX and serves on loopback only, whatever the settings say. Everything is gone when it stops: no
settings file is read, no real database or PBX can be reached."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random

from aiohttp import web
from pydantic import SecretStr, ValidationError

from config.callbacks import CallbackSettings, Department, Website
from config.logging import set_up
from config.settings import AmiUser, DatabaseSettings, Log, Pbx, Public, Server, Settings, Site
from core.clock import system_clock
from core.db import Database
from core.errors import SettingsError
from core.passwords import hash_password, new_password
from core.tasks import running
from pbx_bridge.simulator import DIAL_USER, EVENTS_USER, ManagerUser, Simulator
from server.app import build
from server.demo.cast import layout
from server.demo.history import Past, write_history
from server.demo.people import PEOPLE
from server.demo.script import Script
from server.demo.shop_page import shop_part
from server.schema import prepare
from server.serve import check_port, listen

PBX = "office"
LOOPBACK = "127.0.0.1"
PORT = "RINGBACK_SERVER__PORT"
LEVEL = "RINGBACK_LOG__LEVEL"
PUBLIC, SHOP = 1, 2
"""Added to the server's port: visitors' side, and the shop whose visitors they are."""

SALES = Department(
    name="Sales",
    queue="sales",
    hours=("mon-sun 24h",),
    slot_minutes=60,
    slot_capacity=2,
    slot_days=4,
    return_missed=False,
)
"""Always open, so that there is something to see whenever somebody looks; only visitors of the shop are called back, or
agents would be busy with the missed calls of the invented past."""

REFUSED = ("RINGBACK_DATABASE__URL", "RINGBACK_SERVER__HOST")
"""Whoever sets these means the real thing: the demo says so instead of ignoring it."""


def run(environment: Mapping[str, str] = os.environ) -> None:
    """Serve the demo until SIGINT or SIGTERM. Raises SettingsError in one sentence."""
    with tempfile.TemporaryDirectory(prefix="ringback-demo-") as folder:
        pbx = Simulator(layout())
        settings = demo_settings(Path(folder), pbx.take_port(), environment)
        set_up(settings.log)
        check_port(settings)
        print("Making an office with two weeks of invented calls …", flush=True)
        password = new_password()
        asyncio.run(fill(settings, password))
        app = demo_application(settings, pbx)
        listen(app, settings, started=lambda: print(welcome(settings, password), flush=True))


def demo_settings(folder: Path, pbx_port: int, environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError when the environment asks for what the demo does not do."""
    for name in REFUSED:
        value = environment.get(name)
        if value and not (name.endswith("HOST") and value in (LOOPBACK, "localhost")):
            raise SettingsError(
                f"the demo keeps a database of its own and listens on {LOOPBACK} only: unset {name}, "
                "or run `ringback serve` for the real thing"
            )
    trunk = layout().trunk
    pbx = Pbx(host=LOOPBACK, port=pbx_port, events=_user(EVENTS_USER), dial=_user(DIAL_USER), trunks=(trunk,))
    port = _port(environment)
    # Built without its usual sources: neither file nor environment may add a PBX or a database.
    return Settings.model_construct(
        site=Site(name="Ringback demo", region="PL", time_zone="Europe/Warsaw"),
        server=Server(host=LOOPBACK, port=port),
        database=DatabaseSettings(url=f"sqlite:///{folder / 'demo.db'}"),
        pbx={PBX: pbx},
        department={"sales": SALES},
        website={"shop": Website(origins=(f"http://{LOOPBACK}:{port + SHOP}",), department="sales")},
        callback=CallbackSettings(quiet_from="00:00", quiet_until="00:00"),
        public=Public(host=LOOPBACK, port=port + PUBLIC),
        log=Log(level=_level(environment)),
    )


def _user(user: ManagerUser) -> AmiUser:
    return AmiUser(user=user.name, secret=SecretStr(user.secret))


def _port(environment: Mapping[str, str]) -> int:
    text = environment.get(PORT, "8080")
    try:
        port = Server.model_validate({"port": text}).port
        Server(port=port + SHOP)
    except ValidationError as error:
        raise SettingsError(f"{PORT} is {text!r}: write a port number from 1 to {65535 - SHOP}") from error
    return port


def _level(environment: Mapping[str, str]) -> str:
    text = environment.get(LEVEL, "WARNING")
    try:
        return Log.model_validate({"level": text}).level
    except ValidationError as error:
        raise SettingsError(f"{LEVEL} is {text!r}: write DEBUG, INFO, WARNING or ERROR") from error


async def fill(settings: Settings, password: str) -> None:
    """Make the database and its past. Everybody in the demo has the same password."""
    database = Database(settings.database.url)
    try:
        await prepare(database)
        past = Past(database, settings, PBX, system_clock())
        await write_history(past, await hash_password(password))
    finally:
        await database.close()


def demo_application(settings: Settings, pbx: Simulator, script: Script | None = None) -> web.Application:
    """The real application, beside a simulated PBX that starts before it and stops after it."""
    app = build(settings, demo=True)
    play = script or Script(pbx, Random())  # noqa: S311

    async def simulated_pbx(_app: web.Application) -> AsyncIterator[None]:
        async with pbx:
            yield

    async def live_script(_app: web.Application) -> AsyncIterator[None]:
        async with running("demo script", play.run):
            yield

    app.cleanup_ctx.insert(0, simulated_pbx)
    app.cleanup_ctx.append(live_script)
    public = f"http://{LOOPBACK}:{settings.public.port}"
    app.cleanup_ctx.append(shop_part(public, LOOPBACK, settings.server.port + SHOP))
    return app


def welcome(settings: Settings, password: str) -> str:
    """What a person needs to know, printed once the address answers."""
    width = max(len(person.login) for person in PEOPLE)
    logins = "\n".join(f"    {person.login:<{width}}  {person.sees}" for person in PEOPLE)
    return (
        f"\n  Ringback demo: http://{settings.server.host}:{settings.server.port}\n\n"
        f"  Log in as one of these, password  {password}\n{logins}\n\n"
        f"  A shop that asks to be called back: http://{LOOPBACK}:{settings.server.port + SHOP}\n\n"
        "  Calls begin to ring by themselves. Everything here is invented and is thrown away at the end: Ctrl+C.\n"
    )
