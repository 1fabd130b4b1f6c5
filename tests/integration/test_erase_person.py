"""A person's rights: everything we have of them in one file, and nothing of them left afterwards. The person is put
into every table that can hold one; then the whole database is read for traces."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from callback.tables import Attempt, Callback, CallbackStep, InboxDismissal, Submission
from config.settings import DatabaseSettings, Settings
from core import fact_log
from core.api_keys import SCOPES
from core.bus import Bus
from core.db import Base, Database
from core.errors import NotFoundError
from core.fact_log import FactConsumer, FactCursor
from core.facts import CallbackChanged, CallbackClosed
from crm_link.annotations import Annotations
from crm_link.blocked_tables import BlockedCall, BlockedCaller
from crm_link.connectors.tables import ConnectorContacts, ConnectorLog
from crm_link.customers import Customers, NewCustomer
from crm_link.imports_tables import CustomerImport, CustomerImportRow
from crm_link.merge import Merges, Wanted
from crm_link.merge_views import MergeView
from crm_link.tables import CallCustomer, CallMatch, Customer
from crm_link.webhooks.intake import Intake
from crm_link.webhooks.kinds import EVENTS
from crm_link.webhooks.tables import WebhookDelivery, WebhookEndpoint
from pbx_bridge.tables import Call, CallMoment, CallTransfer, CallWrapUp
from recordings.search import Document, DocumentKind, Labels, fold, put
from server.access_request_parts import PARTS, WITHOUT
from server.erase import erase_person
from server.erase_person import read_person
from server.erase_tables import DataRequest
from server.erase_told import clean_again, read_reached
from server.people import open_database
from server.schema import TABLES
from server.tables import ApiAnswerRow
from server.webhook_parts import body_of
from tests.recorded import log_call, record
from tests.seed import NOW
from tests.sound_site import ANNAS, FIRST, SECOND, SoundSite, sound_site

NUMBER, NATIONAL = "+48509876543", "509 876 543"
TWIN = "+5491123456789"
SECRETS = (
    "Zuzanna",
    "Unikalska",
    "zuzanna@unikalska.example",
    "509876543",
    "509 876 543",
    "Secretfirm",
    "likes otters",
)
LINKED = "1790000000.1"


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path) as running:
        yield running


async def seed(site: SoundSite) -> int:
    """Zuzanna in every table that can hold her; returns her id."""
    customers = Customers(site.database, site.bus, lambda: NOW, "PL")
    new = NewCustomer("Zuzanna Unikalska", "Secretfirm", (NATIONAL,), ("zuzanna@unikalska.example",))
    customer_id = (await customers.create(new, None)).id
    notes = Annotations(site.database, site.bus, lambda: NOW)
    note = await notes.add_note(customer_id, "She likes otters", None, call_id=ANNAS)
    await notes.add_tag(customer_id, "likes otters", None)
    call = replace(record((LINKED,)), caller=NUMBER, caller_name="Zuzanna", customer_number=NUMBER)
    await log_call(site.database, call)
    async with site.database.write() as connection:
        await connection.execute(delete(CallCustomer))
        for call_id in (ANNAS, call.call_id):
            await connection.execute(
                update(Call)
                .where(Call.id == call_id)
                .values(
                    direction="inbound",
                    caller=NUMBER,
                    caller_name="Zuzanna",
                    callee="226000100",
                    customer_number=NUMBER,
                )
            )
            linked = {
                "call_id": call_id,
                "customer_id": customer_id,
                "how": "matched",
                "rank": 1,
                "call_at": NOW,
            }
            await connection.execute(insert(CallCustomer).values(**linked))
            await connection.execute(insert(CallMatch).values(call_id=call_id, number=NUMBER, call_at=NOW))
            moment = {"call_id": call_id, "at": NOW, "kind": "transferred", "detail": f"to {NATIONAL}"}
            await connection.execute(insert(CallMoment).values(**moment))
        transfer = {"position": 0, "kind": "blind", "from_extension": "101", "to": NUMBER, "at": NOW}
        await connection.execute(insert(CallTransfer).values(call_id=call.call_id, **transfer))
        wrap_up = {"call_id": call.call_id, "user_id": site.users["anna"].id, "note": "likes otters"}
        await connection.execute(insert(CallWrapUp).values(**wrap_up, opened_at=NOW))
        for place, text in enumerate(("She likes otters", "Zuzanna")):
            document = Document(
                DocumentKind.NOTE,
                f"note:{place}",
                NOW,
                text,
                Labels(("zuzanna",), customer_id=customer_id),
                note_id=note.id,
            )
            await put(connection, await fold(connection, document))
        await _callback(connection, customer_id)
        await _told(connection, call.call_id)
    await owe(site)
    return customer_id


async def _callback(connection: Any, customer_id: int) -> None:
    promise = {
        "number": NUMBER,
        "department": "sales",
        "state": "waiting",
        "created_at": NOW,
        "arrived_at": NOW,
    }
    made = await connection.execute(
        insert(Callback).values(**promise, due_at=NOW, expires_at=NOW + 9).returning(Callback.id)
    )
    callback_id = made.scalar_one()
    request = {
        "callback_id": callback_id,
        "source": "web",
        "at": NOW,
        "name": "Zuzanna",
        "message": "likes otters",
    }
    address = {"page_url": "https://x.example/?name=Zuzanna", "address": "203.0.113.9", "visitor": "v"}
    await connection.execute(
        insert(Submission).values(**request, **address, arrived_at=NOW, link_expires_at=NOW)
    )
    attempt = {
        "id": "a" * 32,
        "callback_id": callback_id,
        "kind": "callback",
        "state": "ended",
        "pbx": "office",
    }
    await connection.execute(insert(Attempt).values(**attempt, number=NUMBER, made_at=NOW, ended_at=NOW))
    step = {"callback_id": callback_id, "at": NOW, "kind": "postponed", "detail": "Zuzanna is away"}
    await connection.execute(insert(CallbackStep).values(**step))
    await connection.execute(insert(InboxDismissal).values(number=NUMBER, at=NOW, reason="Zuzanna wrote"))
    fact = CallbackClosed(callback_id, NOW, NUMBER, "sales", "reached")
    await fact_log.append(connection, fact, subject=f"callback-{callback_id}", at=NOW)
    file = {
        "name": "people.csv",
        "digest": "0",
        "header": "[]",
        "columns": "[]",
        "existing": "fill",
        "step": "done",
    }
    made = await connection.execute(
        insert(CustomerImport).values(**file, at=NOW).returning(CustomerImport.id)
    )
    line = {"line": 2, "cells": '["Zuzanna"]', "person": '{"name": "Zuzanna"}', "customer_id": customer_id}
    await connection.execute(insert(CustomerImportRow).values(import_id=made.scalar_one(), **line))


async def _told(connection: Any, call_id: str) -> None:
    contacts = {"connector": "odoo", "number": NUMBER, "contacts": '[{"name": "Zuzanna"}]', "seen_at": NOW}
    await connection.execute(insert(ConnectorContacts).values(**contacts))
    told = {"connector": "odoo", "call_id": call_id, "record": f'{{"caller": "{NUMBER}"}}', "state": "done"}
    await connection.execute(
        insert(ConnectorLog).values(**told, contact_name="Zuzanna", due_at=NOW, made_at=NOW)
    )
    events = " ".join(EVENTS.values())
    endpoint = {"name": "x", "url": "https://x.example", "events": events, "state": "active", "secret": "s"}
    await connection.execute(insert(WebhookEndpoint).values(**endpoint, after_fact=0, created_at=NOW))


async def owe(site: SoundSite) -> None:
    """Every fact there is becomes a delivery, as the server makes them."""
    intake = Intake(site.database, lambda: NOW, body_of, lambda _endpoint: None)
    await FactConsumer(site.database, "webhooks", tuple(EVENTS), intake.owe).deliver_batch()


async def deliveries(site: SoundSite) -> set[str]:
    """Whose stories other servers were told."""
    async with site.database.read() as connection:
        return set(await connection.scalars(select(WebhookDelivery.subject)))


async def traces(database: Database) -> list[str]:
    """Where in the whole database one of the secrets still stands."""
    found = []
    async with database.read() as connection:
        for table in Base.metadata.tables.values():
            for row in await connection.execute(select(table)):
                text = json.dumps(dict(row._mapping), default=str, ensure_ascii=False)
                found += [f"{table.name}: {text}" for secret in SECRETS if secret.lower() in text.lower()]
        if database.is_sqlite:
            rows = await connection.exec_driver_sql(
                "SELECT count(*) FROM search_index WHERE search_index MATCH 'otters'"
            )
            found += ["search_index"] * rows.scalar_one()
    return found


async def erase(site: SoundSite, customer_id: int) -> dict[str, Any]:
    """On the page; the certificate as JSON."""
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data={"word": "Erase"})
    assert answer.status == 303, answer.text
    certificate: dict[str, Any] = (await site.ask(f"{answer.headers['Location']}.json", "admin")).json
    return certificate


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
        "Calls of several customers": 1,
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


async def test_nobody_is_erased_while_they_are_on_the_line(site: SoundSite) -> None:
    customer_id = await seed(site)
    async with site.database.write() as connection:
        await connection.execute(update(Call).where(Call.id == ANNAS).values(ended_at=None))
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data={"word": "erase"})
    assert answer.status == 409
    assert "call of theirs is going on: erase them when it is over" in answer.text
    key = await site.key("customers:erase")
    path, named = f"/api/v1/customers/{customer_id}/erase", {"customer_id": customer_id}
    told = await site.ask(path, method="POST", key=key, json=named)
    assert told.status == 409
    assert "erase them when it is over" in told.text
    async with site.database.read() as connection:
        assert await connection.scalar(select(Callback.number)) == NUMBER, "nothing was begun"


@pytest.mark.parametrize("into_them", [True, False])
async def test_a_merge_meanwhile_is_met_and_nothing_of_the_customer_is_gone(
    site: SoundSite, into_them: bool
) -> None:
    customer_id = await seed(site)
    customers = Customers(site.database, site.bus, lambda: NOW, "PL")
    other_id = (await customers.create(NewCustomer("Zuzanna U.", numbers=("22 987 65 43",)), None)).id
    kept = customer_id if into_them else other_id
    merges: list[MergeView] = []

    async def merge(_fact: CallbackChanged) -> None:
        if not merges:
            wanted = Wanted(customer_id, other_id, keep=kept)
            merges.append(await Merges(site.database, Bus(), lambda: NOW).merge(wanted, None))

    site.bus.subscribe(CallbackChanged, merge, name="merge meanwhile")
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data={"word": "erase"})
    assert answer.status == 409, answer.text
    assert "erase them again" in answer.text
    assert len(merges) == 1
    async with site.database.read() as connection:
        there = select(func.count()).where(Customer.id.in_((customer_id, other_id)))
        assert await connection.scalar(there) == 2
    await erase(site, kept)
    assert await traces(site.database) == []


async def test_a_delivery_that_was_made_late_goes_with_the_customer(site: SoundSite) -> None:
    customer_id = await seed(site)
    async with site.database.read() as connection:
        person, reached = await read_person(connection, customer_id), await read_reached(connection)
    async with site.database.write() as connection:
        for table in (WebhookDelivery, FactCursor):
            await connection.execute(delete(table))
    await owe(site)
    assert await deliveries(site)
    gone: Counter[str] = Counter()
    async with site.database.write() as connection:
        await clean_again(connection, person, reached, gone)
    assert await deliveries(site) == set()
    assert gone["What other servers were told"] > 0


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
