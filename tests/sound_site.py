"""Pages and media of recordings on a real socket: real rows, a real folder of audio, and (where a test wants it) its
own switch in the place of a PBX. Two calls are there, each with a recording: one that Anna took and one that
Bartosz took."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from sqlalchemy import insert, select

from config.settings import Settings
from core.accounts import User
from core.api_keys import create_key
from core.bus import Bus
from core.db import Database
from core.facts import Fact, RecordingChanged, RecordingPaused
from core.ports import RecordingSwitch
from core.sessions import start_session
from crm_link.tables import CallCustomer, Customer
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from recordings.access import Asker
from recordings.kinds import AudioState
from recordings.leftovers import Sweeper
from recordings.pauses import Pauses
from recordings.store import LocalStore
from recordings.tables import RecordingUse
from server.recordings.keeping import PAUSES
from server.recordings.parts import STORE
from server.recordings.workers import SWEEPER
from server.web.application import bare_application
from server.web.guard import LOCAL_COOKIE
from server.web.keys import SWITCH
from tests.seed import NOW, PBX, seed_people
from tests.sound_seed import keep, say_audio

ANNAS, BARTEKS = "office-1795290000.1", "office-1795291000.2"
FIRST, SECOND = f"{1:032x}", f"{2:032x}"
"""Recordings of Anna's and of Bartosz's call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; it outlives its connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class SoundSite:
    database: Database
    store: LocalStore
    bus: Bus
    users: dict[str, User]
    server: TestServer
    sweeper: Sweeper
    settings: Settings
    now: float = NOW
    said: list[Fact] = field(default_factory=list)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    def asker(self, login: str) -> Asker:
        return Asker(login, self.users[login])

    async def cookie(self, login: str) -> str:
        async with self.database.write() as connection:
            return await start_session(
                connection, self.users[login].id, self.now, address="127.0.0.1", browser="test"
            )

    async def key(self, *scopes: str) -> str:
        async with self.database.write() as connection:
            _, text = await create_key(connection, "test", scopes, self.now)
        return text

    async def ask(
        self, path: str, login: str | None = None, *, method: str = "GET", key: str = "", **options: Any
    ) -> Answer:
        """The whole answer as somebody who is logged in, or as a program. Headers are passed as `headers`."""
        headers = dict(options.pop("headers", {}))
        headers |= {"Origin": self.url("/").rstrip("/")} if method != "GET" else {}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        cookies = {LOCAL_COOKIE: await self.cookie(login)} if login else {}
        async with (
            ClientSession(cookies=cookies) as session,
            session.request(
                method, self.url(path), headers=headers, allow_redirects=False, **options
            ) as response,
        ):
            return Answer(response.status, response.headers, await response.read())

    async def uses(self) -> list[tuple[str, str, str]]:
        """Who did what with what, as it was written down."""
        columns = (RecordingUse.who, RecordingUse.what, RecordingUse.recording_id)
        async with self.database.read() as connection:
            rows = await connection.execute(select(*columns).order_by(RecordingUse.id))
            return [(row.who, row.what, row.recording_id) for row in rows]


@asynccontextmanager
async def sound_site(
    database: Database,
    folder: Path,
    settings: Settings | None = None,
    *,
    switch: RecordingSwitch | None = None,
    store: LocalStore | None = None,
) -> AsyncIterator[SoundSite]:
    """`database` is empty and has its schema."""
    bus, store = Bus(), store or LocalStore(folder / "audio")
    chosen = settings or Settings()
    app = bare_application(chosen, database, clock=lambda: site.now, bus=bus)
    app[STORE] = store
    app[SWEEPER] = sweeper = Sweeper(database, store, lambda: site.now)
    if switch is not None:
        app[SWITCH] = switch
        app[PAUSES] = Pauses(database, bus, lambda: site.now, switch, chosen.recordings)
    users = await seed_people(database)
    site = SoundSite(database, store, bus, users, TestServer(app, host="127.0.0.1"), sweeper, chosen)
    await _seed(site)

    async def note(fact: Fact) -> None:
        site.said.append(fact)

    bus.subscribe(RecordingChanged, note, name="test")
    bus.subscribe(RecordingPaused, note, name="test")
    await site.server.start_server()
    try:
        yield site
    finally:
        await site.server.close()


async def _seed(site: SoundSite) -> None:
    for index, (call_id, recording_id, login) in enumerate(
        ((ANNAS, FIRST, "anna"), (BARTEKS, SECOND, "bartek"))
    ):
        began = NOW - 7200.0 + 1000 * index
        await add_call(site.database, call_id, began, site.users[login], customer=f"Customer {index + 1}")
        await say_audio(site.database, call_id, AudioState.KEPT, ended_at=began + 100)
        name = ("order", "payment")[index]
        await keep(site.database, site.store, call_id, recording_id, name=name, started_at=began + 10)


async def add_call(
    database: Database, call_id: str, began: float, user: User, *, customer: str = "", ended: bool = True
) -> int:
    """An answered inbound call with its wrap-up; returns the customer's id."""
    extension = user.devices[0].extension
    row: dict[str, Any] = {
        "id": call_id, "pbx": PBX, "direction": "inbound", "caller": "+48226000001", "callee": "226000100",
        "customer_number": "+48226000001", "queue": "sales", "started_at": began, "answered_at": began + 10,
        "linkedids": call_id.removeprefix(f"{PBX}-"),
    }  # fmt: skip
    if ended:
        over = {"result": "answered", "ended_at": began + 100, "wait_s": 10.0, "talk_s": 40.0}
        row |= over | {"ended_by": "caller", "why": "Answered."}
    wrap_up = {"call_id": call_id, "user_id": user.id, "note": "Called about the wheel.", "opened_at": began}
    who = {"name": customer, "version": 1, "created_at": began, "created_from": "call"}
    async with database.write() as connection:
        await connection.execute(insert(Call).values(row))
        person = {"call_id": call_id, "role": "talked", "position": 0, "extension": extension}
        await connection.execute(insert(CallPerson).values(person))
        await connection.execute(insert(CallWrapUp).values(wrap_up))
        made = await connection.execute(
            insert(Customer)
            .values(who | {"company": "", "is_provisional": False, "last_contact_at": began})
            .returning(Customer.id)
        )
        customer_id = int(made.scalar_one())
        link = {"call_id": call_id, "customer_id": customer_id, "how": "matched", "rank": 1}
        await connection.execute(insert(CallCustomer).values(link | {"call_at": began}))
    return customer_id
