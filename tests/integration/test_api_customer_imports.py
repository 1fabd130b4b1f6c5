"""A program sends a file of customers, looks at what would become of it, imports it, takes it back, and fetches all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.api_keys import create_key
from core.db import Database
from crm_link.paging import LARGEST_ID, cursor_of
from recordings.access import Asker
from server.privacy.erase_certificates import certify, list_certificates
from tests.customer_site import customer_site
from tests.site import eventually
from tests.web import Visitor, visit

FILE = "Name;Telefon\nEwa Lis;501 234 567\nJan;12\n"
PATH = "/api/v1/customer-imports"


class Program:
    """Somebody with a key."""

    def __init__(self, visitor: Visitor, key: str) -> None:
        self._visitor = visitor
        self._headers = {"Authorization": f"Bearer {key}"}

    async def ask(
        self, method: str, path: str, status: int, body: bytes | None = None, **options: Any
    ) -> Any:
        answer = await self._visitor.session.request(
            method, self._visitor.site.origin + path, data=body, headers=self._headers, **options
        )
        text = await answer.text()
        assert answer.status == status, text
        return await answer.json() if "json" in answer.content_type else text

    async def every(self, path: str, name: str, more: str = "") -> list[Any]:
        """All rows of a list, one a page."""
        found, after = [], ""
        while True:
            page = await self.ask("GET", f"{path}?limit=1{more}{after}", 200)
            found += page[name]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    async def step(self, import_id: int, wanted: str) -> Any:
        async def state() -> Any:
            return await self.ask("GET", f"{PATH}/{import_id}", 200)

        return await eventually(state, lambda one: one["step"] == wanted)


@pytest.fixture
async def program(database: Database) -> AsyncIterator[Program]:
    async with database.write() as connection:
        _, key = await create_key(connection, "CRM", ["customers:import", "customers:export"], 1.0)
    async with customer_site(database) as site, visit(site) as visitor:
        yield Program(visitor, key)


async def test_a_file_is_sent_imported_taken_back_and_everybody_fetched(program: Program) -> None:
    sent = await program.ask("POST", f"{PATH}?name=people.csv&tag=fair", 201, FILE.encode())
    assert (sent["columns"], sent["step"]) == (["name", "phone"], "check")
    one = f"{PATH}/{sent['id']}"
    looked = await program.step(sent["id"], "ready")
    assert looked["counts"] == {"new": 1, "refused": 1}
    lines = await program.ask("GET", f"{one}/lines?fate=refused", 200)
    assert [(line["line"], line["why"]) for line in lines["lines"]] == [
        (3, "'12': this telephone number is too short")
    ]
    assert "Reason,Line" in await program.ask("GET", f"{one}/refused.csv", 200)
    await program.ask("POST", f"{one}/start", 202)
    assert (await program.step(sent["id"], "done"))["counts"] == {"new": 1, "refused": 1}
    assert "+48501234567" in await program.ask("GET", "/api/v1/customers.csv?q=ewa", 200)
    assert "FN:Ewa Lis" in await program.ask("GET", "/api/v1/customers.vcf?version=3.0", 200)
    await program.ask("POST", f"{one}/start", 409)
    await program.ask("DELETE", one, 409)
    await program.ask("POST", f"{one}/undo", 202)
    await program.step(sent["id"], "undone")
    assert "Ewa" not in await program.ask("GET", "/api/v1/customers.csv", 200)
    listed = await program.ask("GET", PATH, 200)
    assert [item["step"] for item in listed["imports"]] == ["undone"]


async def test_a_file_is_looked_at_in_another_way(program: Program) -> None:
    sent = await program.ask("POST", PATH, 201, b"Name;Firma\nEwa Lis;501 234 567\n")
    one = f"{PATH}/{sent['id']}"
    assert (await program.step(sent["id"], "ready"))["columns"] == ["name", "company"]
    other: Any = {"json": {"columns": ["name", "phone"], "existing": "skip"}}
    again = await program.ask("POST", f"{one}/check", 202, **other)
    assert (again["columns"], again["existing"], again["tag"]) == (["name", "phone"], "skip", "")
    await program.step(sent["id"], "ready")
    await program.ask("POST", f"{one}/check", 202, json={"tag": "fair"})
    looked = await program.step(sent["id"], "ready")
    assert (looked["columns"], looked["existing"], looked["tag"]) == (["name", "phone"], "skip", "fair")
    for columns in ([], ["name"], ["phone", "phone"], ["name", "nonsense"]):
        await program.ask("POST", f"{one}/check", 422, json={"columns": columns})
    await program.ask("POST", f"{one}/start", 202)
    await program.step(sent["id"], "done")
    assert "+48501234567" in await program.ask("GET", "/api/v1/customers.csv", 200)
    await program.ask("POST", f"{one}/check", 409, **other)
    await program.ask("POST", f"{PATH}/99/check", 404, **other)


async def test_a_program_reads_what_each_choice_would_do(program: Program) -> None:
    first = await program.ask("POST", f"{PATH}?ids_of=odoo", 201, b"Id;Name\n7;Ewa Lis\n")
    assert (first["ids_of"], first["existing"]) == ("odoo", "fill")
    await program.step(first["id"], "ready")
    await program.ask("POST", f"{PATH}/{first['id']}/start", 202)
    await program.step(first["id"], "done")
    body = b"Id;Name;Phone\n7;Ewa Nowak;501 234 567\n"
    sent = await program.ask("POST", f"{PATH}?ids_of=odoo&existing=overwrite", 201, body)
    looked = await program.step(sent["id"], "ready")
    assert looked["outlooks"] == {
        "fill": {"customers": 1, "added": 1, "replaced": 0, "kept": 1},
        "overwrite": {"customers": 1, "added": 1, "replaced": 1, "kept": 0},
        "skip": {"customers": 0, "added": 0, "replaced": 0, "kept": 1},
    }
    found = await program.ask("GET", f"{PATH}/{sent['id']}/lines?conflicts=true", 200)
    assert [one["conflicts"] for one in found["lines"]] == [
        [{"what": "Name", "ours": "Ewa Lis", "theirs": "Ewa Nowak"}]
    ]
    await program.ask("POST", f"{PATH}/{sent['id']}/check", 202, json={"existing": "skip"})
    assert (await program.step(sent["id"], "ready"))["counts"] == {"skipped": 1}
    await program.ask("POST", f"{PATH}/{sent['id']}/check", 422, json={"ids_of": "a:b"})


async def test_lists_go_on_behind_their_cursors(program: Program) -> None:
    ids = [(await program.ask("POST", PATH, 201, FILE.encode()))["id"] for _ in range(3)]
    for one in ids:
        await program.step(one, "ready")
    assert [one["id"] for one in await program.every(PATH, "imports")] == ids[::-1]
    assert [one["line"] for one in await program.every(f"{PATH}/{ids[0]}/lines", "lines")] == [2, 3]
    refused = await program.every(f"{PATH}/{ids[0]}/lines", "lines", "&fate=refused")
    assert [one["line"] for one in refused] == [3]
    for wrong in ("x", cursor_of("x"), cursor_of(1, 2)):
        await program.ask("GET", f"{PATH}?after={wrong}", 422)
        await program.ask("GET", f"{PATH}/{ids[0]}/lines?after={wrong}", 422)
    last = await program.ask("GET", f"{PATH}/{ids[0]}/lines?after={cursor_of(LARGEST_ID)}", 200)
    assert last == {"lines": [], "next": None}


async def test_certificates_go_on_behind_their_cursors(database: Database) -> None:
    async with database.write() as connection:
        for customer_id in range(3):
            await certify(connection, Asker("admin", None), customer_id, 1.0, {}, [])
    async with database.read() as connection:
        first = await list_certificates(connection, limit=2)
        rest = await list_certificates(connection, limit=2, after=first.next)
    found = [one.customer_id for page in (first, rest) for one in page.certificates]
    assert (found, rest.next) == ([2, 1, 0], None)


async def test_what_cannot_be_is_refused_and_leaves_nothing(program: Program) -> None:
    await program.ask("POST", f"{PATH}?columns=name,nonsense", 422, FILE.encode())
    await program.ask("POST", PATH, 422, b"")
    await program.ask("POST", PATH, 422, b"\xff\xfe")
    await program.ask("POST", PATH, 422, b'name;phone\n"Ewa;1\n')
    assert (await program.ask("GET", PATH, 200))["imports"] == []
    await program.ask("GET", f"{PATH}/99", 404)
    await program.ask("GET", f"{PATH}/99/refused.csv", 404)
    await program.ask("GET", "/api/v1/customers.csv?ids=x", 422)
    await program.ask("GET", "/api/v1/customers", 403)
