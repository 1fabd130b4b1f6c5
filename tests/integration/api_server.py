"""The web application with its desk but without a PBX, on a real port and a real database, for tests of the API. Calls
come as facts: written to the log and published, as the bridge does it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from config.settings import Settings
from core.accounts import NewUser, Role, UserDevice, create_user
from core.api_keys import SCOPES, create_key
from core.bus import Bus
from core.db import Database
from core.facts import (
    CallAnswered,
    CallEnded,
    CallRecord,
    CallStarted,
    Direction,
    EndedBy,
    Fact,
    Parties,
    Phone,
    PhoneRinging,
    Verdict,
)
from core.passwords import hash_password
from crm_link.screen_pop import ScreenPop
from pbx_bridge import call_log
from recordings.store import Store
from server.desk.callback_parts import add_callback_desk
from server.desk.parts import add_desk
from server.recordings.parts import STORE
from server.web.application import bare_application
from server.web.keys import BRIDGES
from tests.callback_site import NotingDialer

NOW = 1_795_300_000.0
"""21 Nov 2026, 22:26:40 UTC: what the server's clock shows."""

PASSWORD = "correct horse battery staple"
CUSTOMER = "+48221234567"
Json = dict[str, Any]


class ApiServer:
    """`get`, `post` … answer the decoded body and check the status; `key` is used for all of them."""

    def __init__(self, app: web.Application, database: Database, bus: Bus, client: Any) -> None:
        self.app = app
        self.database = database
        self.bus = bus
        self.client = client
        self.key = ""

    async def make_key(self, *scopes: str) -> str:
        async with self.database.write() as connection:
            _, text = await create_key(connection, "test", scopes or SCOPES, NOW)
        return text

    async def ask(self, method: str, path: str, *, key: str | None = None, **options: Any) -> ClientResponse:
        used = self.key if key is None else key
        headers = dict(options.pop("headers", {}))
        if used:
            headers["Authorization"] = f"Bearer {used}"
        response: ClientResponse = await self.client.request(
            method, path, headers=headers, allow_redirects=False, **options
        )
        return response

    async def get(self, path: str, status: int = 200, **options: Any) -> Json:
        return await self._body("GET", path, status, **options)

    async def send(
        self, method: str, path: str, body: object = None, status: int = 200, **options: Any
    ) -> Json:
        return await self._body(method, path, status, json=body, **options)

    async def _body(self, method: str, path: str, status: int, **options: Any) -> Json:
        response = await self.ask(method, path, **options)
        text = await response.text()
        assert response.status == status, f"{response.status}: {text}"
        body: Json = await response.json(content_type=None) if text else {}
        return body

    async def add_person(self, login: str, extension: str, role: Role = Role.AGENT) -> int:
        phones = (UserDevice("main", f"PJSIP/{extension}", extension),)
        person = NewUser(login, login.title(), role, await hash_password(PASSWORD), phones)
        async with self.database.write() as connection:
            return (await create_user(connection, person, NOW)).id

    async def log_in(self, login: str) -> None:
        """From now on the client is this person, for requests without a key."""
        form = {"login": login, "password": PASSWORD}
        origin = str(self.client.make_url("/")).rstrip("/")
        response = await self.client.post(
            "/login", data=form, headers={"Origin": origin}, allow_redirects=False
        )
        assert response.status == 303, await response.text()

    async def tell(self, *facts: Fact) -> None:
        """What the bridge does with a batch."""
        async with self.database.write() as connection:
            await call_log.record(connection, facts)
        for fact in facts:
            await self.bus.publish(fact)
        assert not self.bus.failures


@asynccontextmanager
async def api_server(
    database: Database, store: Store | None = None, settings: Settings | None = None
) -> AsyncIterator[ApiServer]:
    """A running server whose key may do everything; `store` has its recordings, when it has any."""
    bus = Bus()
    app = bare_application(settings or Settings(), database, clock=lambda: NOW, bus=bus)
    app[BRIDGES] = {}
    if store is not None:
        app[STORE] = store
    add_desk(app, database, bus, lambda: NOW)
    add_callback_desk(app, database, bus, lambda: NOW, NotingDialer())
    ScreenPop(database, bus).subscribe(bus)
    async with TestClient(TestServer(app)) as client:
        server = ApiServer(app, database, bus, client)
        server.key = await server.make_key()
        yield server


def inbound(call_id: str, at: float, number: str | None = CUSTOMER) -> Parties:
    return Parties(Direction.INBOUND, number, "Jan Nowak", "48221000101", number)


def answered_call(
    call_id: str, at: float = NOW - 100, *, extension: str = "101", number: str | None = CUSTOMER
) -> Sequence[Fact]:
    """A customer rings in, waits 2.5 s, talks for 60 s with `extension` and hangs up."""
    phone = Phone(f"PJSIP/{extension}", extension)
    return (
        CallStarted(call_id, "main", at, inbound(call_id, at, number)),
        PhoneRinging(call_id, at + 0.5, phone),
        CallAnswered(call_id, at + 2.5, phone),
        CallEnded(call_id, at + 62.5, record(call_id, at, extension=extension, number=number)),
    )


def record(
    call_id: str,
    at: float,
    *,
    extension: str = "101",
    number: str | None = CUSTOMER,
    result: Verdict = Verdict.ANSWERED,
    queue: str | None = None,
    direction: Direction = Direction.INBOUND,
) -> CallRecord:
    answered = result is Verdict.ANSWERED
    return CallRecord(
        call_id=call_id,
        pbx="main",
        linkedids=(f"{call_id}.1", f"{call_id}.2"),
        direction=direction,
        caller=number,
        caller_name="Jan Nowak",
        callee="48221000101",
        customer_number=number,
        queue=queue,
        result=result,
        started_at=at,
        answered_at=at + 2.5 if answered else None,
        ended_at=at + 62.5,
        wait_s=2.5 if answered else 62.5,
        talk_s=60.0 if answered else 0.0,
        rang=(extension,),
        talked=(extension,) if answered else (),
        transfers=(),
        ended_by=EndedBy.CALLER,
        why="Extension 101 answered.",
    )
