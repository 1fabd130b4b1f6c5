"""Zuzanna, put into every table that can hold a person, for tests of a person's rights: her in, and afterwards where in
the whole database something of her still stands."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, insert, select, update

from callback.tables import Attempt, Callback, CallbackStep, InboxDismissal, Submission
from core import fact_log
from core.db import Base, Database
from core.fact_log import FactConsumer
from core.facts import CallbackClosed
from crm_link.annotations import Annotations
from crm_link.connectors.tables import ConnectorBegun, ConnectorContacts, ConnectorLog, ConnectorPick
from crm_link.customers import Customers, NewCustomer
from crm_link.imports.columns import Person
from crm_link.imports.tables import CustomerImport, CustomerImportRow
from crm_link.tables import CallCustomer, CallMatch
from crm_link.webhooks.intake import Intake
from crm_link.webhooks.kinds import EVENTS
from crm_link.webhooks.tables import WebhookDelivery, WebhookEndpoint
from pbx_bridge.tables import Call, CallMoment, CallTransfer, CallWrapUp
from recordings.search.index import Document, DocumentKind, Labels, fold, put
from server.webhooks.parts import body_of
from tests.recorded import log_call, record
from tests.seed import NOW
from tests.sound_site import ANNAS, SoundSite

NUMBER, NATIONAL = "+48509876543", "509 876 543"
SECRETS = (
    "Zuzanna",
    "Unikalska",
    "zuzanna@unikalska.example",
    "509876543",
    "509 876 543",
    "Secretfirm",
    "likes otters",
)
IN_INDEX = (b"uzanna", b"nikalska", b"509876543", b"tters")
"""Ends of such words: FTS5 leaves out what a word's beginning shares with the one before."""

LINKED = "1790000000.1"


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
        "known_as": "request:1",
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
    line["differs"] = '[[], [["Name", "Zuzanna", "Zuza"]]]'
    import_id = made.scalar_one()
    await connection.execute(insert(CustomerImportRow).values(import_id=import_id, **line))
    waiting = Person(name="Z", keys=(("phone", NUMBER),)).as_json()
    for place, (cells, person, first_line) in enumerate(
        (
            (("Z", NATIONAL), waiting, None),
            (("Zuzanna", "likes otters"), Person(name="Zuzanna").as_json(), 3),
            (("Z", f"0048 {NATIONAL}"), "", None),
            (("Z", "", "Zuzanna@unikalska.example"), "", None),
            (("ZUZANNA UNIKALSKA", "12"), "", None),
        ),
        3,
    ):
        row = {"import_id": import_id, "line": place, "cells": json.dumps(cells), "first_line": first_line}
        await connection.execute(insert(CustomerImportRow).values(**row, person=person))
    others = {"import_id": import_id, "line": 8, "cells": '["Zoe", "22 876 54 30"]'}
    await connection.execute(insert(CustomerImportRow).values(**others))


async def _told(connection: Any, call_id: str) -> None:
    contacts = {"connector": "odoo", "number": NUMBER, "contacts": '[{"name": "Zuzanna"}]', "seen_at": NOW}
    await connection.execute(insert(ConnectorContacts).values(**contacts))
    told = {"connector": "odoo", "call_id": call_id, "record": f'{{"caller": "{NUMBER}"}}', "state": "done"}
    await connection.execute(
        insert(ConnectorLog).values(**told, contact_name="Zuzanna", due_at=NOW, made_at=NOW)
    )
    chosen = {"contact_id": "7", "name": "Zuzanna", "url": "", "made_claim": True, "picked_at": NOW}
    await connection.execute(insert(ConnectorPick).values(connector="odoo", call_id=call_id, **chosen))
    begun = {"contact_id": "7", "contact_name": "Zuzanna", "contact_url": "", "begun_at": NOW}
    await connection.execute(insert(ConnectorBegun).values(connector="odoo", call_id=call_id, **begun))
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
            blocks = (await connection.exec_driver_sql("SELECT block FROM search_index_data")).scalars().all()
            found += ["search_index" for block in blocks for words in IN_INDEX if words in block]
    return found


async def erase(site: SoundSite, customer_id: int) -> dict[str, Any]:
    """On the page; the certificate as JSON."""
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data={"word": "Erase"})
    assert answer.status == 303, answer.text
    certificate: dict[str, Any] = (await site.ask(f"{answer.headers['Location']}.json", "admin")).json
    return certificate
