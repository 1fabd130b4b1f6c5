"""The desk with everything but a PBX: real sockets, database, customers' room and wrap-ups. Facts come in where the
bridge hands them over: written to the call log first, then told on the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from config.settings import AmiUser, Desk, Pbx, Settings
from core.accounts import NewUser, Role, User, UserDevice, create_user, list_users
from core.bus import Bus
from core.clock import Clock, system_clock
from core.db import Database
from core.facts import Fact
from core.ports import CallCopies, QueuePauser, RecordingSwitch
from core.sessions import start_session
from crm_link.blocked.calls import BlockedCalls
from crm_link.screen_pop import ScreenPop
from pbx_bridge import call_log
from server.connectors.parts import add_connectors
from server.desk.parts import add_desk
from server.live.hub import LiveHub
from server.live.socket import LIVE
from server.recordings.keeping import add_keeping
from server.web.application import bare_application
from server.web.guard import LOCAL_COOKIE
from server.web.keys import PAUSER, SWITCH
from tests.live_story import PBX

PEOPLE = (
    ("anna", "Anna Kowalska", "101"),
    ("bartek", "Bartosz Nowak", "102"),
    ("celina", "Celina Wójcik", "103"),
)


@dataclass(slots=True)
class DeskSite:
    app: web.Application
    server: TestServer
    database: Database
    bus: Bus
    users: dict[str, User]

    @property
    def hub(self) -> LiveHub:
        return self.app[LIVE]

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    async def tell(self, *facts: Fact) -> None:
        """What the bridge does with a batch of facts. An error in any subscriber is an error here."""
        async with self.database.write() as connection:
            await call_log.record(connection, facts)
        for fact in facts:
            await self.bus.publish(fact)
        assert not self.bus.failures, self.bus.failures

    async def cookie(self, login: str) -> dict[str, str]:
        """A logged-in session of this person, for a client of the same machine."""
        async with self.database.write() as connection:
            token = await start_session(
                connection, self.users[login].id, system_clock(), address="127.0.0.1", browser="test"
            )
        return {LOCAL_COOKIE: token}


def settings_for(
    desk: Desk | None = None, *, records: bool = False, sections: Mapping[str, Any] | None = None
) -> Settings:
    """With `records` its PBX has a recordings folder, and may be told things. `sections` are more of the settings."""
    events = AmiUser.model_validate({"user": "events", "secret": "never used"})
    more: dict[str, Any] = {"dial": events, "recordings": Path("/nowhere")} if records else {}
    pbx = Pbx(host="127.0.0.1", events=events, trunks=("PJSIP/trunk",), **more)
    return Settings(pbx={PBX: pbx}, desk=desk or Desk(), **(sections or {}))


@asynccontextmanager
async def desk_site(
    database: Database,
    *,
    clock: Clock = system_clock,
    desk: Desk | None = None,
    pauser: QueuePauser | None = None,
    switch: RecordingSwitch | None = None,
    port: int | None = None,
    sections: Mapping[str, Any] | None = None,
    copies: CallCopies | None = None,
    on_response: Callable[[web.Request, web.StreamResponse], Awaitable[None]] | None = None,
) -> AsyncIterator[DeskSite]:
    """A running desk over `database`, whose schema exists. People are added when there are none. `on_response` is
    called before the head of each answer is sent; `copies` are the recordings that other CRMs may be sent."""
    bus = Bus()
    settings = settings_for(desk, records=switch is not None, sections=sections)
    app = bare_application(settings, database, clock=clock, bus=bus)
    if pauser is not None:
        app[PAUSER] = pauser
    if switch is not None:
        app[SWITCH] = switch
        add_keeping(app, settings, database, bus, clock)
    add_desk(app, database, bus, clock)
    ScreenPop(database, bus).subscribe(bus)
    BlockedCalls(database, bus).subscribe(bus)
    add_connectors(app, settings, copies, database, bus, clock)
    if on_response is not None:
        app.on_response_prepare.append(on_response)
    users = await _people(database)
    server = TestServer(app, host="127.0.0.1", port=port)
    await server.start_server()
    try:
        yield DeskSite(app, server, database, bus, users)
    finally:
        await server.close()


async def _people(database: Database) -> dict[str, User]:
    users = {}
    async with database.read() as connection:
        known = {user.login: user for user in await list_users(connection)}
    if known:
        return known
    async with database.write() as connection:
        for login, name, extension in PEOPLE:
            phone = UserDevice(PBX, f"PJSIP/{extension}", extension)
            new = NewUser(login, name, Role.AGENT, "nobody types it", (phone,))
            users[login] = await create_user(connection, new, system_clock())
    return users
