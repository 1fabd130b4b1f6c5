"""Notes through `/api/v1/customers/{id}/notes` on both databases: written, read, rewritten, pinned and removed by whom
the page lets do it, and nobody's edit overwritten unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.accounts import Role
from core.db import Database
from tests.integration.api_server import ApiServer, Json, api_server

CUSTOMERS = "/api/v1/customers"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def _anna(api: ApiServer) -> str:
    return f"{CUSTOMERS}/{(await api.send('POST', CUSTOMERS, {'name': 'Anna'}, 201))['id']}"


async def test_a_note_is_rewritten_pinned_and_removed(api: ApiServer) -> None:
    anna = await _anna(api)
    made = await api.ask("POST", f"{anna}/notes", json={"text": "prefers mornings"})
    note, place = await made.json(), made.headers["Location"]
    assert (made.status, place) == (201, f"{anna}/notes/{note['id']}")
    await api.send("POST", f"{anna}/notes", {"text": "later"}, 201)
    pinned = await api.send("PATCH", place, {"is_pinned": True})
    assert (pinned["text"], pinned["is_pinned"], pinned["edited_at"]) == ("prefers mornings", True, None)
    assert (await api.get(f"{anna}/notes?limit=1"))["notes"] == [pinned]
    edited = await api.send("PATCH", place, {"text": "prefers e-mail", "is_pinned": False})
    assert (edited["text"], edited["is_pinned"]) == ("prefers e-mail", False)
    assert edited == await api.get(place)
    assert edited["edited_at"] is not None
    await api.send("DELETE", place, status=204)
    await api.get(place, 404)
    assert [one["text"] for one in (await api.get(f"{anna}/notes"))["notes"]] == ["later"]


async def test_an_edit_of_a_note_overwrites_nobody_unseen(api: ApiServer) -> None:
    anna = await _anna(api)
    made = await api.ask("POST", f"{anna}/notes", json={"text": "one"})
    place, seen = made.headers["Location"], made.headers["ETag"]
    second = await api.ask("PATCH", place, json={"text": "two"}, headers={"If-Match": seen})
    assert second.status == 200
    await api.send("PATCH", place, {"text": "three"}, 412, headers={"If-Match": seen})
    assert (await api.get(place))["text"] == "two"
    await api.send("PATCH", place, {"text": "three"}, headers={"If-Match": second.headers["ETag"]})
    await api.send("PATCH", place, {"text": "four"}, headers={"If-Match": "*"})
    assert (await api.get(place))["text"] == "four"


async def test_an_edit_of_a_note_that_makes_no_sense_is_refused(api: ApiServer) -> None:
    place = f"{await _anna(api)}/notes"
    place += f"/{(await api.send('POST', place, {'text': 'stays'}, 201))['id']}"
    refused: list[Json] = [{}, {"text": ""}, {"text": None}, {"is_pinned": None}, {"text": "\u200b"}]
    for body in refused:
        await api.send("PATCH", place, body, 422)
    assert (await api.get(place))["text"] == "stays"


async def test_a_note_is_found_with_its_own_customer_alone(api: ApiServer) -> None:
    anna, other = await _anna(api), await _anna(api)
    note = await api.send("POST", f"{anna}/notes", {"text": "hers"}, 201)
    for method, body in (("GET", None), ("PATCH", {"is_pinned": True}), ("DELETE", None)):
        await api.send(method, f"{other}/notes/{note['id']}", body, 404)
    assert await api.get(f"{anna}/notes/{note['id']}") == note


async def test_authors_rewrite_and_remove_their_own_and_everybody_pins(api: ApiServer) -> None:
    await api.add_person("anna", "101")
    await api.add_person("boss", "109", Role.ADMINISTRATOR)
    notes = f"{await _anna(api)}/notes"
    of_program = f"{notes}/{(await api.send('POST', notes, {'text': 'by a program'}, 201))['id']}"
    hers: Json = {"key": "", "headers": {"Origin": str(api.client.make_url("/")).rstrip("/")}}
    await api.log_in("anna")
    of_anna = f"{notes}/{(await api.send('POST', notes, {'text': 'by Anna'}, 201, **hers))['id']}"
    await api.send("PATCH", of_program, {"text": "changed"}, 403, **hers)
    await api.send("DELETE", of_program, status=403, **hers)
    await api.send("PATCH", of_program, {"is_pinned": True}, **hers)
    await api.log_in("boss")
    await api.send("PATCH", of_anna, {"text": "changed"}, 403, **hers)
    await api.send("DELETE", of_anna, status=403)
    await api.send("PATCH", of_anna, {"is_pinned": True, "text": "changed"}, 403)
    assert [(one["text"], one["is_pinned"]) for one in (await api.get(notes))["notes"]] == [
        ("by a program", True),
        ("by Anna", False),
    ]
    reading = await api.make_key("customers:read")
    await api.send("PATCH", of_program, {"is_pinned": False}, 403, key=reading)
    await api.log_in("anna")
    await api.send("DELETE", of_anna, status=204, **hers)
