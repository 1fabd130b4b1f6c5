"""A CRM that answers what no documentation says: nobody crashes, what came is shown, and each row comes to an end a
person can act on; on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.connectors import ConnectorSettings
from config.outside import OutsideSettings
from config.settings import Site
from core.db import Database
from core.outside import Outside
from crm_link.connectors import logs
from crm_link.connectors.attempt import try_out
from crm_link.connectors.log_worker import LogRules, LogWorker
from crm_link.connectors.make import make_connector
from crm_link.connectors.protocol import Connector, ConnectorError
from crm_link.connectors.tables import ConnectorLog, LogPart, LogState
from crm_link.connectors.words import CallWords
from tests.integration.test_connectors_described import HOME, NUMBER
from tests.scripted import Asked, Scripted
from tests.scripted_odoo import DATABASE, KEY, USER, scripted_odoo

WEEK_S = 7 * 86_400.0
DESCRIPTION = """
title = "X"
tested = "nothing"

[[find]]
url = "{url}/find"
each = "rows"
name = "join(' ', [first, last])"

[[log]]
method = "POST"
url = "{url}/log"
body = { text = "{call.text}" }
"""
RECORD = {
    "call_id": "office-1.1", "customer_number": NUMBER, "direction": "inbound", "result": "answered",
    "started_at": 1.0, "ended_at": 101.0, "talk_s": 50.0, "caller_name": None, "talked": ["101"], "callee": "500",
    "caller": NUMBER, "queue": None, "pbx": "office", "linkedids": ["1.1"],
}  # fmt: skip


@dataclass(slots=True)
class Crm:
    """What it answers: whom it has, and to what it is told of a call."""

    rows: Any = field(default_factory=lambda: [{"id": 1, "first": "Jan", "last": "Nowak"}])
    logged: Any = field(default_factory=dict)

    def answers(self, asked: Asked) -> Any:
        return {"rows": self.rows} if asked.path == "/find" else self.logged


@dataclass(slots=True)
class Work:
    """A worker that is stepped by hand."""

    worker: LogWorker
    database: Database
    peer: Scripted
    now: float = 2e9

    async def asks(self) -> None:
        async with self.database.write() as connection:
            await logs.ask(connection, ["x"], RECORD, self.now)

    async def row(self) -> Any:
        async with self.database.read() as connection:
            return (await connection.execute(select(*ConnectorLog.__table__.c))).one()

    def written(self) -> int:
        return len([one for one in self.peer.asked if one.path == "/log"])


@asynccontextmanager
async def described(
    tmp_path: Path, crm: Crm, text: str = DESCRIPTION
) -> AsyncIterator[tuple[Connector, Scripted, ConnectorSettings]]:
    path = tmp_path / "x.toml"
    path.write_text(text)
    async with Scripted(crm.answers) as peer, Outside(HOME) as outside:
        settings = ConnectorSettings(kind="http", url=peer.url, description=str(path))
        yield make_connector("x", settings, Site(), outside), peer, settings


@asynccontextmanager
async def working(
    database: Database, tmp_path: Path, crm: Crm, text: str = DESCRIPTION
) -> AsyncIterator[Work]:
    async def describe(_connection: AsyncConnection, _record: Mapping[str, Any]) -> CallWords:
        return CallWords({})

    async with described(tmp_path, crm, text) as (connector, peer, _settings):
        rules = LogRules(connector, send_notes=True, create_contacts=False)
        worker = LogWorker("x", rules, database, lambda: work.now, describe)
        work = Work(worker, database, peer)
        await work.asks()
        yield work


@pytest.mark.parametrize("status", [408, 500, 503, 524])
async def test_a_failure_after_the_fact_is_not_followed_by_a_second_call(
    database: Database, tmp_path: Path, status: int
) -> None:
    async with working(database, tmp_path, Crm(logged=(status, {"error": "a hook failed"}))) as work:
        await work.worker.work_one()
        work.now += 60
        await work.worker.work_one()
        row = await work.row()
    assert (row.state, work.written()) == (LogState.UNCERTAIN, 1)


async def test_what_a_crm_refuses_is_sent_again(database: Database, tmp_path: Path) -> None:
    crm = Crm(logged=(422, {"error": "no"}))
    async with working(database, tmp_path, crm) as work:
        await work.worker.work_one()
        crm.logged = {}
        work.now += 60
        await work.worker.work_one()
        assert ((await work.row()).state, work.written()) == (LogState.DONE, 2)


async def test_an_error_with_status_200_is_not_nobody(tmp_path: Path) -> None:
    """Else `create_contacts` would make a second contact of somebody who is there."""
    async with described(tmp_path, Crm()) as (connector, peer, _settings):
        peer.answers = lambda _asked: {"error": "rate limit"}
        with pytest.raises(ConnectorError, match="rate limit"):
            await connector.find_contact(NUMBER)


async def test_a_call_of_which_nothing_was_written_is_not_done(database: Database, tmp_path: Path) -> None:
    more = DESCRIPTION + 'keep = { reference = "id" }\n'
    async with working(database, tmp_path, Crm(logged={"success": False}), more) as work:
        await work.worker.work_one()
        row = await work.row()
        assert (row.state, row.reference, row.maybe_sent) == (LogState.WAITING, "", True)
        work.now += 60
        await work.worker.work_one()
        assert ((await work.row()).state, work.written()) == (LogState.UNCERTAIN, 1)


async def test_an_answer_without_its_word_of_success_is_none(database: Database, tmp_path: Path) -> None:
    more = DESCRIPTION + 'success = "ok"\n'
    async with working(database, tmp_path, Crm(logged={"ok": False, "why": "quota"}), more) as work:
        await work.worker.work_one()
        row = await work.row()
    assert (row.state, "quota" in row.error) == (LogState.WAITING, True)


SURPRISES: tuple[Any, ...] = (
    [{"id": 1, "first": "Jan", "last": None}],
    {"id": 1},
    [{"id": {}, "first": "Jan", "last": "Nowak"}],
    [None],
)


@pytest.mark.parametrize("rows", SURPRISES)
async def test_an_answer_of_another_shape_is_said(tmp_path: Path, rows: Any) -> None:
    async with described(tmp_path, Crm(rows)) as (connector, _peer, settings):
        with pytest.raises(ConnectorError):
            await connector.find_contact(NUMBER)
        async with Outside(HOME) as outside:
            tried = await try_out("x", settings, Site(), outside, NUMBER)
    assert tried.error
    assert '"rows"' in tried.exchanges[0].answer


@pytest.mark.parametrize("body", ["[" * 100_000, "{", '"text"', "[1, 2]", "null"])
async def test_whatever_a_crm_answers_is_an_error_of_its_own_or_nobody(tmp_path: Path, body: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(DESCRIPTION)
    async with Scripted(lambda _asked: body.encode()) as peer, Outside(HOME) as outside:
        settings = ConnectorSettings(kind="http", url=peer.url, description=str(path))
        tried = await try_out("x", settings, Site(), outside, NUMBER)
    assert (tried.contacts, len(tried.exchanges)) == ((), 1)


@pytest.mark.parametrize("version", [14, 19])
async def test_an_odoo_of_another_shape_is_said(version: int) -> None:
    book, peer = scripted_odoo(version=version)
    book.add("Jan Nowak", phone=NUMBER)
    for partner in book.partners.values():
        partner["user_id"] = 7
    async with peer, Outside(OutsideSettings(allow_networks=("127.0.0.1",))) as outside:
        account = {"kind": "odoo", "url": peer.url, "database": DATABASE, "user": USER, "secret": KEY}
        connector = make_connector("odoo", ConnectorSettings.model_validate(account), Site(), outside)
        with pytest.raises(ConnectorError, match="a contact cannot be read"):
            await connector.find_contact(NUMBER)


async def test_a_row_that_meets_a_surprise_says_it_and_ends_after_a_week(
    database: Database, tmp_path: Path
) -> None:
    async with working(database, tmp_path, Crm(SURPRISES[0])) as work:
        await work.worker.work_one()
        row = await work.row()
        assert (row.state, row.leased_until) == (LogState.WAITING, None)
        assert "what stands at \"join(' ', [first, last])\" cannot be read" in row.error
        work.now += WEEK_S + 60
        await work.worker.work_one()
        assert (await work.row()).state == LogState.FAILED


@pytest.mark.parametrize(("maybe_sent", "state"), [(False, LogState.FAILED), (True, LogState.UNCERTAIN)])
async def test_a_row_at_which_workers_die_ends_after_a_week(
    database: Database, tmp_path: Path, maybe_sent: bool, state: LogState
) -> None:
    async with working(database, tmp_path, Crm()) as work:
        dead = {
            "state": LogState.RUNNING,
            "leased_until": work.now + 300,
            "tries": 9,
            "maybe_sent": maybe_sent,
        }
        async with database.write() as connection:
            await connection.execute(update(ConnectorLog).values(**dead))
        work.now += WEEK_S + 60
        assert not await work.worker.work_one()
        row = await work.row()
    assert (row.state, bool(row.error), work.written()) == (state, True, 0)


async def test_a_call_that_was_given_no_id_is_not_written_again_after_its_wrap_up(
    database: Database, tmp_path: Path
) -> None:
    async with working(database, tmp_path, Crm()) as work:
        await work.worker.work_one()
        assert (await work.row()).state == LogState.DONE
        async with database.write() as connection:
            await logs.ask_again(connection, ["x"], "office-1.1", LogPart.CALL, work.now)
        await work.worker.work_one()
        row = await work.row()
    assert (row.state, row.reference, row.written, work.written()) == (LogState.DONE, "", 2, 1)
