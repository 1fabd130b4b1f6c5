"""A person's rights: everything we have of them in one file, and nothing of them left afterwards. The person is put
into every table that can hold one; then the whole database is read for traces."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from callback.tables import Attempt, Callback, InboxDismissal
from config.settings import DatabaseSettings, Settings
from core.api_keys import SCOPES
from core.bus import Bus
from core.db import Base, Database
from core.errors import NotFoundError
from core.fact_log import FactLogRow
from crm_link.blocked.tables import BlockedCall, BlockedCaller
from crm_link.connectors.tables import ConnectorLog
from crm_link.customers import Customers, NewCustomer
from crm_link.imports.tables import CustomerImportRow
from crm_link.tables import CallCustomer, Customer
from pbx_bridge.tables import Call
from server.people.command import open_database
from server.privacy.access_request_parts import PARTS, WITHOUT
from server.privacy.command import erase_person
from server.privacy.erase_tables import DataRequest
from server.schema import TABLES
from server.tables import ApiAnswerRow
from tests.seed import NOW
from tests.sound_site import ANNAS, FIRST, SECOND, SoundSite, sound_site
from tests.zuzanna import LINKED, NATIONAL, NUMBER, deliveries, erase, seed, traces

TWIN = "+5491123456789"


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path) as running:
        yield running


def test_every_table_is_handed_out_and_erased_or_has_a_reason_not_to_be() -> None:
    assert TABLES
    known = {part.table.__tablename__ for part in PARTS}
    assert known & set(WITHOUT) == set()
    assert known | set(WITHOUT) == set(Base.metadata.tables)
    assert {"customers:import", "customers:export", "customers:erase"} <= set(SCOPES)


async def test_everything_of_a_person_goes_into_one_file(site: SoundSite) -> None:
    customer_id = await seed(site)
    page = (await site.ask(f"/customers/{customer_id}/data", "admin")).text
    assert "Zuzanna Unikalska" in page
    answer = await site.ask(f"/customers/{customer_id}/data", "admin", method="POST")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    rows = {name: json.loads(body) for name, body in files.items() if name.endswith(".json")}
    assert set(rows) == {f"{part.name}.json" for part in PARTS}
    empty = {name.removesuffix(".json") for name, found in rows.items() if not found}
    assert empty == {
        "number_blocks", "customer_fields", "tasks", "deals", "deal_calls", "customer_merges", "customer_merge_moves",
        "duplicate_pairs", "erasure_certificates", "blocked_calls", "blocked_callers", "recording_files",
        "recording_pauses", "recording_comments", "recording_uses",
    }  # fmt: skip
    assert rows["submissions.json"][0]["message"] == "likes otters"
    told = {one["subject"] for one in rows["webhook_deliveries.json"]}
    assert told == {f"customer_id:{customer_id}", "callback_id:1", f"call_id:main-{LINKED}"}
    assert rows["calls.json"][0]["started_at"].endswith("Z")
    assert len(files[f"audio/{FIRST}.mp3"]) > 10_000
    index = files["index.html"].decode()
    assert f"audio/{FIRST}.mp3" in index
    assert "Requests for callbacks" in index
    assert ("admin", "exported", FIRST) in await site.uses()
    async with site.database.read() as connection:
        noted = (await connection.execute(select(DataRequest.by, DataRequest.ended_at))).one()
    assert noted.by == "admin"
    assert noted.ended_at is not None


async def test_nothing_of_an_erased_person_is_left_and_a_certificate_says_so(site: SoundSite) -> None:
    customer_id = await seed(site)
    assert await traces(site.database)
    assert (await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST")).status == 422
    assert await deliveries(site)
    certificate = await erase(site, customer_id)
    assert await traces(site.database) == []
    assert await deliveries(site) == set()
    erased = {one["what"]: one["count"] for one in certificate["erased"]}
    assert erased["Customer records"] == erased["Recordings"] == erased["Open callbacks, closed"] == 1
    assert erased["Calls, made anonymous"] == 2
    assert certificate["kept"] == []
    assert "Zuzanna" not in json.dumps(certificate)
    async with site.database.read() as connection:
        calls = (await connection.execute(select(Call.caller, Call.callee, Call.result, Call.talk_s))).all()
        state = await connection.scalar(select(Callback.state))
        facts = (
            await connection.execute(select(FactLogRow.kind, FactLogRow.body).order_by(FactLogRow.id))
        ).all()
    assert facts[-1].kind == "CustomerRemoved", "whoever keeps a copy is told"
    assert json.loads(facts[-1].body).keys() == {"customer_id", "at", "reason"}
    assert len(calls) == 3, "the log keeps its calls"
    assert all(call.callee for call in calls)
    assert state == "closed"
    await site.sweeper.sweep()
    stored = site.store.keys()
    assert {key.partition("/")[0] async for key in stored} == {SECOND}
    assert (await site.ask(f"/customers/{customer_id}", "admin")).status == 404
    listed = (await site.ask("/admin/erasures", "admin")).text
    assert certificate["code"] in listed


async def test_what_is_on_hold_stays_with_its_call_and_nothing_else(site: SoundSite) -> None:
    customer_id = await seed(site)
    await site.ask(f"/recordings/{FIRST}/hold", "maria", method="POST", data={"why": "Complaint 118"})
    async with site.database.write() as connection:
        await connection.execute(update(Attempt).values(call_id=ANNAS))
        written = {"connector": "odoo", "call_id": ANNAS, "record": f'{{"caller": "{NUMBER}"}}'}
        work = {"state": "done", "due_at": NOW, "made_at": NOW}
        await connection.execute(insert(ConnectorLog).values(**written, **work))
    certificate = await erase(site, customer_id)
    (kept,) = certificate["kept"]
    assert (kept["what"], kept["count"]) == ("Calls on legal hold", 1)
    left = {one.partition(":")[0] for one in await traces(site.database)}
    assert left == {"attempts", "calls", "call_matches", "call_moments", "connector_logs", "notes"}
    async with site.database.read() as connection:
        customer = (await connection.execute(select(Customer).where(Customer.id == customer_id))).one()
        calls = await connection.scalar(select(func.count()).where(CallCustomer.customer_id == customer_id))
    assert (customer.name, customer.company, calls) == ("", "", 1)
    await site.ask(f"/recordings/{FIRST}/release", "maria", method="POST")
    await erase(site, customer_id)
    assert await traces(site.database) == []


async def test_what_another_customer_shares_is_left_to_them(site: SoundSite) -> None:
    customer_id = await seed(site)
    customers = Customers(site.database, site.bus, lambda: NOW, "PL")
    other = await customers.create(NewCustomer("Brother", numbers=(NATIONAL,)), None)
    async with site.database.write() as connection:
        shared = {"call_id": ANNAS, "customer_id": other.id, "how": "matched", "rank": 2, "call_at": NOW}
        await connection.execute(insert(CallCustomer).values(**shared))
    certificate = await erase(site, customer_id)
    assert {one["what"]: one["count"] for one in certificate["kept"]} == {
        "Calls and requests of several customers": 1,
        "Numbers and addresses": 1,
    }
    async with site.database.read() as connection:
        assert await connection.scalar(select(Call.customer_number).where(Call.id == ANNAS)) == NUMBER
        assert await connection.scalar(select(Callback.number)) == NUMBER


async def test_what_was_kept_under_the_other_spelling_of_their_number_goes_too(site: SoundSite) -> None:
    customers = Customers(site.database, site.bus, lambda: NOW, "PL")
    customer_id = (await customers.create(NewCustomer("Ana", numbers=("+54 11 2345 6789",)), None)).id
    async with site.database.write() as connection:
        await connection.execute(
            update(Call).where(Call.id == ANNAS).values(customer_number=TWIN, caller=TWIN)
        )
        await connection.execute(insert(InboxDismissal).values(number=TWIN, at=NOW, reason="Ana wrote"))
        await connection.execute(delete(CallCustomer))
    await erase(site, customer_id)
    async with site.database.read() as connection:
        assert await connection.scalar(select(Call.customer_number).where(Call.id == ANNAS)) is None
        assert await connection.scalar(select(func.count()).select_from(InboxDismissal)) == 0


async def test_a_block_protects_the_agents_and_outlives_who_was_blocked(site: SoundSite) -> None:
    customer_id = await seed(site)
    async with site.database.write() as connection:
        entry = {"kind": "number", "value": NUMBER, "reason": "Shouts at people", "added_at": NOW}
        made = await connection.execute(insert(BlockedCaller).values(**entry).returning(BlockedCaller.id))
        mark = {"call_id": ANNAS, "blocked_id": made.scalar_one(), "reason": "Shouts at people", "at": NOW}
        await connection.execute(insert(BlockedCall).values(**mark))
    page = (await site.ask(f"/customers/{customer_id}/data", "admin")).text
    assert "<dt>Entries of the block list</dt>" not in page
    assert "Entries of the block list: 1 stays" in page
    certificate = await erase(site, customer_id)
    kept = {one["what"]: one["count"] for one in certificate["kept"]}
    assert kept == {"Entries of the block list": 1, "Blocked calls": 1}
    async with site.database.read() as connection:
        assert await connection.scalar(select(BlockedCaller.value)) == NUMBER


async def test_what_programs_were_answered_about_them_goes_and_nothing_else(site: SoundSite) -> None:
    customer_id = await seed(site)
    answers: dict[str, dict[str, Any]] = {
        "named": {"title": "Call ZUZANNA UNIKALSKA back"},
        "by-id": {"id": 3, "title": "Call back", "customer_id": customer_id},
        "listed": {"customers": [{"id": customer_id}], "next": None},
        "numbered": {"dialled": f"({NATIONAL})"},
        "other": {"id": customer_id, "customer_id": 99, "open": True, "title": "Call Zuz"},
    }
    json_type = '{"Content-Type": "application/json; charset=utf-8"}'
    async with site.database.write() as connection:
        for key, body in answers.items():
            row = {"sender": "key 1", "key": key, "fingerprint": "0", "at": NOW, "status": 200}
            await connection.execute(
                insert(ApiAnswerRow).values(**row, headers=json_type, body=json.dumps(body))
            )
        begun = {"sender": "key 1", "key": "begun", "fingerprint": "0", "at": NOW}
        placed = {"status": 201, "headers": f'{{"Location": "/api/v1/customers/{customer_id}"}}'}
        await connection.execute(insert(ApiAnswerRow).values(**begun))
        await connection.execute(insert(ApiAnswerRow).values(begun | placed | {"key": "placed"}))
    certificate = await erase(site, customer_id)
    assert {"what": "Answers to programs", "count": 5} in certificate["erased"]
    async with site.database.read() as connection:
        assert set(await connection.scalars(select(ApiAnswerRow.key))) == {"other", "begun"}


async def test_these_are_for_administrators_and_for_keys_that_may(site: SoundSite) -> None:
    customer_id = await seed(site)
    for method, path in (("GET", "data"), ("POST", "data"), ("POST", "erase")):
        assert (await site.ask(f"/customers/{customer_id}/{path}", "maria", method=method)).status == 403
    path = f"/api/v1/customers/{customer_id}"
    key = await site.key("customers:erase", "recordings:export")
    weak = await site.key("customers:write")
    assert (await site.ask(f"{path}/erase", method="POST", key=weak, json={})).status == 403
    archive = await site.ask(f"{path}/data", method="POST", key=key)
    assert archive.body.startswith(b"PK")
    wrong = await site.ask(f"{path}/erase", method="POST", key=key, json={"customer_id": 99})
    assert wrong.status == 422
    answer = await site.ask(f"{path}/erase", method="POST", key=key, json={"customer_id": customer_id})
    assert answer.status == 201, answer.text
    assert answer.json["by"].startswith("api:")
    listed = await site.ask("/api/v1/erasures", key=key)
    assert [one["code"] for one in listed.json["certificates"]] == [answer.json["code"]]
    assert await traces(site.database) == []


async def test_the_command_says_what_goes_asks_and_prints_the_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database=DatabaseSettings(url=f"sqlite:///{tmp_path}/ringback.db"))
    async with open_database(settings) as database:
        customers = Customers(database, Bus(), lambda: NOW, "PL")
        await customers.create(NewCustomer("Zuzanna Unikalska", numbers=(NATIONAL,)), None)
    await erase_person(settings, 1, lambda question: not question)
    assert "Nothing was erased" in capsys.readouterr().out
    await erase_person(settings, 1, lambda question: "for ever" in question)
    said = capsys.readouterr().out
    assert "Certificate " in said
    assert "by command line" in said
    assert "Customer records: 1" in said
    async with open_database(settings) as database:
        assert await traces(database) == []
    with pytest.raises(NotFoundError):
        await erase_person(settings, 1, lambda _question: True)


async def test_lines_of_files_go_with_the_person_by_their_number_too(site: SoundSite) -> None:
    customer_id = await seed(site)
    answer = await site.ask(f"/customers/{customer_id}/data", "admin", method="POST")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        lines = json.loads(archive.read("customer_import_rows.json"))
    assert [one["line"] for one in lines] == [2, 3, 4, 5, 6, 7]
    certificate = await erase(site, customer_id)
    assert {one["what"]: one["count"] for one in certificate["erased"]}["Lines of imported files"] == 6
    async with site.database.read() as connection:
        rows = (await connection.execute(select(CustomerImportRow).order_by(CustomerImportRow.line))).all()
    assert [(row.fate, row.cells) for row in rows] == [("refused", "[]")] * 6 + [
        ("", '["Zoe", "22 876 54 30"]')
    ]
