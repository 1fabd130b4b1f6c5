"""What no page of ours sends, over real HTTP on both databases: it is refused in a sentence, and is never our fault."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from yarl import URL

from core.db import Database
from core.errors import TooManyRequestsError
from core.sessions import FREE_FAILURES, count_login_attempt
from tests.databases import Cluster, fresh
from tests.seed import seed_site
from tests.web import Visitor, open_site, visit


@pytest.fixture
async def visitor(database: Database) -> AsyncIterator[Visitor]:
    await seed_site(database, calls=5)
    async with open_site(database) as site, visit(site) as visitor:
        await visitor.enter("admin")
        yield visitor


@pytest.mark.parametrize("place", ["nan~x", "inf~x", "-inf~x", "1e300~x", "1e15~x", "-1e12~x", "1~%00"])
async def test_a_place_that_is_none_is_refused(visitor: Visitor, place: str) -> None:
    for page in ("/calls", "/api/v1/calls"):
        answer = await visitor.session.get(f"{visitor.site.origin}{page}?after={place}")
        assert answer.status == 422, f"{page}: {await answer.text()}"


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/%00",
        "/static/x/%2e%2e/%2e%2e/app.py",
        "/static/x//etc/passwd",
        "/calls/%00",
        "/calls?number=%00",
        "/calls?queue=a%00b",
        "/customers?q=%00",
        "/customers?q=%ED%A0%80",
    ],
)
async def test_an_odd_address_is_nobodys_fault(visitor: Visitor, path: str) -> None:
    address = URL(visitor.site.origin + path, encoded=True)
    async with visitor.session.get(address, allow_redirects=False) as answer:
        assert answer.status < 500, await answer.text()
        assert "root:" not in await answer.text()


async def test_letters_that_nobody_knows_are_refused(visitor: Visitor) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=bogus"}
    answer = await visitor.session.post(
        f"{visitor.site.origin}/login", data=b"login=a", headers={**kind, "Origin": visitor.site.origin}
    )
    assert answer.status == 415
    assert "UTF-8" in await answer.text()


@pytest.mark.parametrize("number", ["²", "9" * 100, "-1", "1e3"])
@pytest.mark.parametrize("field", ["owner", "version"])
async def test_an_odd_number_in_a_form_is_refused(visitor: Visitor, field: str, number: str) -> None:
    form = {"name": "Jan", "company": "", "owner": "", "version": "1"} | {field: number}
    assert (await visitor.post("/customers/1", form)).status == 422


async def test_a_zero_byte_is_refused_or_kept(visitor: Visitor) -> None:
    tries = [("/login", {"login": "a\0b", "password": "x"}), ("/customers", {"name": "a\0b"})]
    for path, form in tries:
        assert (await visitor.post(path, form)).status < 500, path


async def test_a_packed_body_is_not_unpacked(visitor: Visitor) -> None:
    headers = {"Origin": visitor.site.origin, "Content-Encoding": "deflate", "Accept": "text/html"}
    body = zlib.compress(b"login=" + b"x" * 3_000_000)
    async with visitor.session.post(visitor.site.origin + "/login", data=body, headers=headers) as answer:
        assert answer.status == 415, await answer.text()


@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "multipart/form-data", "multipart/mixed"]
)
async def test_a_body_in_parts_is_refused(visitor: Visitor, kind: str) -> None:
    headers = {"Origin": visitor.site.origin, "Content-Type": kind, "Accept": "text/html"}
    address = visitor.site.origin + "/login"
    async with visitor.session.post(address, data=b"--no boundary", headers=headers) as answer:
        assert answer.status == 415, await answer.text()


async def test_who_comes_in_and_who_may_not_is_written_down(visitor: Visitor) -> None:
    with structlog.testing.capture_logs() as said:
        await visitor.log_in("anna", "not the password")
        await visitor.log_in("anna")
        await visitor.get("/admin/users")
        await visitor.get("/api/v1/calls", Authorization="Bearer rb_wrong")
        await visitor.post("/logout")
    lines = [(line["log_level"], line["event"]) for line in said]
    assert lines == [
        ("warning", "login refused"),
        ("info", "logged in"),
        ("warning", "refused: role"),
        ("warning", "refused: API key"),
        ("info", "logged out"),
    ]
    assert "not the password" not in str(said)
    assert "rb_wrong" not in str(said)


async def test_a_burst_of_logins_counts_each_of_them(database: Database) -> None:
    async def attempt() -> bool:
        try:
            async with database.write() as connection:
                await count_login_attempt(connection, "anna", "10.0.0.9", 1000.0)
        except TooManyRequestsError:
            return False
        return True

    heard = await asyncio.gather(*(attempt() for _ in range(4 * FREE_FAILURES["pair"])))
    assert sum(heard) == FREE_FAILURES["pair"]


@pytest.mark.postgres
async def test_a_database_that_is_away_is_said(postgres_cluster: Cluster, tmp_path: Path) -> None:
    with fresh(postgres_cluster) as url:
        database = Database(url)
        name = database.url.database

        async def order(statement: str) -> None:
            await asyncio.to_thread(postgres_cluster.sql, statement)

        try:
            await seed_site(database, calls=1)
            async with open_site(database) as site, visit(site) as visitor:
                await visitor.enter("admin")
                assert (await visitor.get("/calls")).status == 200
                await order(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false CONNECTION LIMIT 0")
                await order(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                )
                answers = [await visitor.get("/calls") for _ in range(3)]
                assert {answer.status for answer in answers} == {503}
                assert "does not answer" in await answers[0].text()
                await order(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true CONNECTION LIMIT -1")
                assert (await visitor.get("/calls")).status == 200
        finally:
            await database.close()
