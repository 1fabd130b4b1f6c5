"""Clients that drip, stall or come in crowds, on real sockets: each loses its place, others are served."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from config.settings import Settings
from core.db import Database
from server.web import bounds
from server.web.application import bare_application
from server.web.bounds import BoundedSite, Bounds
from tests.process import Server
from tests.site import eventually

LOOPBACK = (ip_network("127.0.0.0/8"),)
QUICK = Bounds(most=6, most_per_address=4, handshake=0.3, head=0.3, keep_alive=0.3, linger=0.2, stalled=1.0)
"""Short times: what is tested is that they end, not how long they are."""

LONG_S = 60.0
"""Deadline of a wait for something that must happen."""


@dataclass(frozen=True, slots=True)
class Listener:
    port: int
    scheme: str

    async def status(self) -> int | None:
        """Of an ordinary request, or None when there is no place."""
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
                session.get(f"{self.scheme}://127.0.0.1:{self.port}/health/live") as answer,
            ):
                return answer.status
        except aiohttp.ClientError:
            return None

    async def is_open(self) -> bool:
        return await self.status() == 200


@asynccontextmanager
async def listening(
    database: Database, limits: Bounds, tls: ssl.SSLContext | None = None, *, unlimited: bool = False
) -> AsyncIterator[Listener]:
    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(64 * 1024 * 1024))

    app = bare_application(Settings(), database)
    app.router.add_get("/large", large)
    runner = web.AppRunner(app)
    await runner.setup()
    networks = LOOPBACK if unlimited else ()
    site = BoundedSite(runner, "127.0.0.1", 0, bounds=limits, unlimited=networks, tls=tls)
    await site.start()
    try:
        yield Listener(site.port, "https" if tls else "http")
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(
    port: int, address: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield reader, writer
    finally:
        writer.close()


async def drip(writer: asyncio.StreamWriter, text: bytes) -> None:
    """One byte at a time, until the other side has had enough."""
    for byte in text:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the connection was closed."""
    received = b""
    try:
        async with asyncio.timeout(LONG_S):
            while data := await reader.read(65536):
                received += data
    except ConnectionError:
        pass
    return received


HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 5000


async def test_a_head_that_drips_ends(database: Database) -> None:
    async with listening(database, QUICK) as listener, connected(listener.port) as (reader, writer):
        dripping = asyncio.create_task(drip(writer, HEAD))
        assert await ended(reader) == b""
        dripping.cancel()
        assert await listener.is_open()


async def test_nothing_at_all_ends_too(database: Database) -> None:
    async with listening(database, QUICK) as listener, connected(listener.port) as (reader, _writer):
        assert await ended(reader) == b""


async def test_the_head_of_a_second_request_that_drips_ends(database: Database) -> None:
    async with listening(database, QUICK) as listener, connected(listener.port) as (reader, writer):
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, HEAD))
        received = await ended(reader)
        dripping.cancel()
    assert received.count(b"HTTP/1.1 ") == 1


async def test_a_request_may_take_longer_than_its_head(database: Database) -> None:
    """The bound is on the head, not on the work: a connection that has spoken in time stays."""
    patient = Bounds(head=0.3, keep_alive=LONG_S)
    async with listening(database, patient) as listener, connected(listener.port) as (reader, writer):
        for _ in range(2):
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(3 * patient.head)


async def test_a_body_that_drips_is_told_so_and_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "BODY_S", 0.3)
    async with listening(database, QUICK) as listener, connected(listener.port) as (reader, writer):
        origin = f"http://127.0.0.1:{listener.port}"
        writer.write(
            f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{listener.port}\r\nOrigin: {origin}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n".encode()
        )
        dripping = asyncio.create_task(drip(writer, b"login=" + b"a" * 4000))
        received = await ended(reader)
        dripping.cancel()
        assert received.startswith(b"HTTP/1.1 408 ")
        assert b"The body took too long to arrive." in received
        assert await listener.is_open()


async def test_the_command_itself_keeps_these_bounds(tmp_path: Path) -> None:
    server = Server(tmp_path, ("127.0.0.1", 1), "secret")
    await server.launch()
    try:
        await eventually(Listener(server.port, "http").is_open)
        async with connected(server.port) as (reader, _writer):
            assert await ended(reader) == b""
    finally:
        await server.stop()


async def test_what_is_no_http_is_refused_without_a_traceback(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(database, QUICK) as listener:
        for rubbish in (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", b"\x16\x03\x01 hello\r\n\r\n"):
            async with connected(listener.port) as (reader, writer):
                writer.write(rubbish)
                assert (await ended(reader)).startswith(b"HTTP/1.0 400 ")
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]


async def test_who_does_not_read_the_answer_loses_the_connection(database: Database) -> None:
    one_place = Bounds(most=1, most_per_address=1, stalled=1.0)
    async with listening(database, one_place) as listener:
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.connect(("127.0.0.1", listener.port))
            greedy.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not await listener.is_open()
            await eventually(listener.is_open)


async def test_a_crowd_from_one_address_leaves_room_for_others(database: Database) -> None:
    patient = Bounds(most=6, most_per_address=4)
    async with listening(database, patient) as listener:
        first = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(4)]
        assert await listener.status() is None
        async with connected(listener.port, "127.0.0.2") as (reader, writer):
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        first[0][1].close()
        await eventually(listener.is_open)
        for _reader, writer in first[1:]:
            writer.close()


async def test_a_proxy_may_have_all_places_and_no_more(database: Database) -> None:
    patient = Bounds(most=6, most_per_address=4)
    async with listening(database, patient, unlimited=True) as listener:
        inside = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(5)]
        assert await listener.is_open()
        inside.append(await asyncio.open_connection("127.0.0.1", listener.port))
        assert await eventually(listener.status, lambda status: status is None) is None
        for _reader, writer in inside:
            writer.close()
        await eventually(listener.is_open)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


async def test_over_tls_it_serves_and_counts_from_the_first_byte(
    database: Database, tls: ssl.SSLContext
) -> None:
    limits = Bounds(most=2, most_per_address=2, handshake=1.0, head=LONG_S)
    async with listening(database, limits, tls) as listener:
        assert await eventually(listener.is_open)
        # Three who say nothing: two places are taken before any handshake.
        silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(3)]
        assert not await listener.is_open()
        for reader, _writer in silent:
            assert await ended(reader) == b""
        assert await eventually(listener.is_open)


async def test_over_tls_a_head_that_drips_ends(database: Database, tls: ssl.SSLContext) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with listening(database, QUICK, tls) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=trusting)
        dripping = asyncio.create_task(drip(writer, HEAD))
        assert await ended(reader) == b""
        dripping.cancel()
        writer.close()
        assert await eventually(listener.is_open)


async def test_no_handshake_but_rubbish_is_nobodys_fault(database: Database, tls: ssl.SSLContext) -> None:
    async with listening(database, QUICK, tls) as listener:
        for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 70_000, b"\r\n"):
            async with connected(listener.port) as (reader, writer):
                writer.write(rubbish)
                await ended(reader)
        assert await eventually(listener.is_open)
