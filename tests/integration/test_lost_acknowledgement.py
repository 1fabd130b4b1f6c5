"""The word that a transaction was committed is lost on its way from PostgreSQL: the bridge tries again, and nothing is
written twice. A write that waits while another server takes the lease is not written at all."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, update

from config.settings import DatabaseSettings
from core.db import Base, Database
from core.fact_log import FactLogRow
from core.facts import CallEnded, Fact, PbxLost, PhoneStopped
from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from pbx_bridge.tables import Call, CallMoment, PbxHeartbeat
from server.web.keys import BUS
from tests.databases import Cluster
from tests.site import Site, eventually, running, settings_for

JAN, MARIA = Party("+48221110101", "Jan Testowy"), Party("+48221110202", "Maria Testowa")
SOCKET = ".s.PGSQL.5432"
COMMIT, ROLLBACK = b"COMMIT", b"ROLLBACK"


class LossyLine:
    """A socket before PostgreSQL's own. It swallows the first answer to a COMMIT whose transaction held `word`, and
    cuts that line; `lost` counts."""

    def __init__(self, folder: Path, target: Path, word: bytes) -> None:
        self.folder = folder
        self.lost = 0
        self._target = target
        self._word = word
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> LossyLine:
        self._server = await asyncio.start_unix_server(self._joined, str(self.folder / SOCKET))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(str(self._target / SOCKET))
        doomed = asyncio.Event()
        with suppress(ConnectionError):
            await asyncio.gather(
                self._ask(reader, far_writer, doomed), self._answer(far_reader, writer, doomed)
            )
        for end in (writer, far_writer):
            end.transport.abort()

    async def _ask(
        self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        said = b""
        while data := await reader.read(65536):
            said += data
            if COMMIT in said and self._word in said and not self.lost:
                self.lost += 1
                doomed.set()
            for end in (COMMIT, ROLLBACK):
                said = said.rpartition(end)[2]
            far.write(data)
            await far.drain()
        far.close()

    async def _answer(
        self, far: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        swallowed = b""
        while data := await far.read(65536):
            if not doomed.is_set():
                writer.write(data)
                await writer.drain()
                continue
            swallowed += data
            if COMMIT in swallowed:
                raise ConnectionResetError
        writer.close()


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A socket's path must be short."""
    folder = Path(tempfile.mkdtemp(prefix="ringback-line-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@asynccontextmanager
async def site_on(url: str, pbx: Simulator, folder: Path) -> AsyncIterator[Site]:
    settings = settings_for((pbx.host, pbx.port), EVENTS_USER.secret, folder)
    async with running(settings.model_copy(update={"database": DatabaseSettings(url=url)})) as site:
        await site.sees_the_pbx()
        yield site


async def rows(database: Database, table: type[Base]) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(*table.__table__.c)))


F = TypeVar("F", bound=Fact)


def heard(site: Site, kind: type[F]) -> list[F]:
    """What will be said on the bus from now on."""
    found: list[F] = []

    async def hear(fact: F) -> None:
        found.append(fact)

    site.app[BUS].subscribe(kind, hear, name="ear")
    return found


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "word", [b"ringing", b"answered", b'"ended_by"'], ids=["ringing", "answered", "ended"]
)
async def test_a_commit_whose_word_is_lost_is_not_done_twice(
    database_url: str, postgres_cluster: Cluster, socket_folder: Path, tmp_path: Path, word: bytes
) -> None:
    url = database_url.replace(str(postgres_cluster.folder), str(socket_folder))
    async with (
        LossyLine(socket_folder, postgres_cluster.folder, word) as line,
        Simulator() as pbx,
        site_on(url, pbx, tmp_path) as site,
    ):
        told = heard(site, CallEnded)
        call = pbx.rings_phone(JAN, "101")
        call.answers("101")
        await eventually(
            lambda: rows(site.database, Call), lambda calls: bool(calls and calls[0].answered_at)
        )
        call.caller_hangs_up()
        await eventually(lambda: asyncio.sleep(0, told))  # after the last try
        moments = [row.kind for row in await rows(site.database, CallMoment)]
        duties = [row.kind for row in await rows(site.database, FactLogRow)]
    assert line.lost == 1
    assert sorted(moments) == sorted(set(moments))
    assert duties.count(CallEnded.__name__) == 1


async def test_what_waited_while_the_lease_was_lost_is_not_written(database_url: str, tmp_path: Path) -> None:
    """The other server takes the lease while a phone rings, and is gone again later."""
    async with Simulator() as pbx, site_on(database_url, pbx, tmp_path) as site:
        lost, stopped = heard(site, PbxLost), heard(site, PhoneStopped)
        pbx.rings_phone(MARIA, "102")
        await eventually(lambda: rows(site.database, Call))
        async with site.database.write() as connection:
            await connection.execute(update(PbxHeartbeat).values(owner="elsewhere/1/x", leased_until=1e12))
        pbx.rings_phone(JAN, "101").answers("101")
        await eventually(lambda: asyncio.sleep(0, lost))
        assert "another server" in lost[0].reason
        assert [fact.phone.extension for fact in stopped] == ["102"]  # nothing rings for ever on our screens
        (waiting,) = await rows(site.database, Call)
        assert (waiting.caller, waiting.ended_at) == (MARIA.number, None)
        async with site.database.write() as connection:
            await connection.execute(update(PbxHeartbeat).values(owner=None, leased_until=0.0))
        found = await eventually(lambda: rows(site.database, Call), lambda calls: len(calls) == 2)
    assert {call.caller for call in found} == {JAN.number, MARIA.number}
