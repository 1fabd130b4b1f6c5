"""Requests that leave the house: which addresses they may reach, on real sockets, with name servers that lie."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from config.outside import OutsideSettings
from core.outside import (
    AT_ONCE_PER_HOST,
    LARGEST_ANSWER,
    Outside,
    OutsideError,
    OutsideRefusedError,
    OutsideRequest,
    may_reach,
)

SEEN: web.AppKey[list[Any]] = web.AppKey("seen")
HOME = OutsideSettings(allow_networks=("127.0.0.1",))


class Names(AbstractResolver):
    """A name server that gives the next of its answers each time it is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        kind = socket.AF_INET6 if ":" in answer else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=answer, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        return None


@pytest.fixture
async def peer() -> AsyncIterator[TestServer]:
    app = web.Application()
    app[SEEN] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        app[SEEN].append((request.method, request.path_qs, dict(request.headers), await request.read()))
        match request.path:
            case "/moved":
                return web.Response(status=302, headers={"Location": "/"})
            case "/long":
                return web.Response(body=b"x" * (LARGEST_ANSWER + 10))
            case "/never":
                await asyncio.sleep(600)
        return web.json_response({"fine": True}, headers={"Set-Cookie": "a=b"})

    app.router.add_route("*", "/{rest:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield server
    await server.close()


def seen(peer: TestServer) -> list[Any]:
    return peer.app[SEEN]


def ask(url: object) -> OutsideRequest:
    return OutsideRequest("GET", str(url))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1",
        "::ffff:192.168.1.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::1", "ff02::1", "fec0::1",
        "64:ff9b:1::7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "::1.1.1.1", "5f00::1", "100::1", "4000::1",
        "2001:0:7f00:1::", "2001:0:102:304::f5ff:fffe", "2001:db8::1", "3fff::1", "fd00:ec2::254",
        "192.0.0.8", "198.18.0.1", "203.0.113.7", "240.0.0.1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_not_reached(address: str) -> None:
    assert not may_reach(address, ())


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:1.1.1.1", "64:ff9b::101:101",
        "2002:101:101::1",
    ],
)  # fmt: skip
def test_public_addresses_are_reached(address: str) -> None:
    assert may_reach(address, ())


def test_an_allowed_network_opens_itself_and_nothing_else() -> None:
    networks = OutsideSettings(allow_networks=("192.168.1.0/24", "fd00::/8")).networks
    assert may_reach("192.168.1.20", networks)
    assert may_reach("::ffff:192.168.1.20", networks)
    assert may_reach("fd00::7", networks)
    assert not may_reach("192.168.2.20", networks)
    assert not may_reach("127.0.0.1", networks)


def test_settings_say_what_is_wrong_with_a_network() -> None:
    with pytest.raises(ValidationError, match=r"is no network: write 192\.168\.1\.0/24"):
        OutsideSettings(allow_networks=("home",))


async def test_an_allowed_peer_answers(peer: TestServer) -> None:
    async with Outside(HOME) as outside:
        url = str(peer.make_url("/a?b=c"))
        answer = await outside.send(OutsideRequest("POST", url, {"X-Key": "k"}, b"body"))
        await outside.send(ask(url))
    assert (answer.status, answer.body, answer.is_whole) == (200, b'{"fine": true}', True)
    method, path, headers, body = seen(peer)[0]
    assert (method, path, headers["X-Key"], body) == ("POST", "/a?b=c", "k", b"body")
    assert "Cookie" not in seen(peer)[1][2]


async def test_loopback_is_refused_by_default(peer: TestServer) -> None:
    async with Outside(OutsideSettings()) as outside:
        with pytest.raises(OutsideRefusedError, match=r"127\.0\.0\.1 is not a public address"):
            await outside.send(ask(peer.make_url("/")))
    assert seen(peer) == []


async def test_a_name_that_leads_home_is_refused(peer: TestServer) -> None:
    async with Outside(OutsideSettings(), resolver=Names("127.0.0.1")) as outside:
        with pytest.raises(OutsideRefusedError):
            await outside.send(ask(f"http://crm.example.com:{peer.port}/"))
    assert seen(peer) == []


async def test_a_name_whose_answers_change_leads_where_the_checked_one_led(peer: TestServer) -> None:
    """The first answer is checked and used; the second, which would be refused or lead elsewhere, is never asked."""
    names = Names("127.0.0.1", "10.0.0.1")
    async with Outside(HOME, resolver=names) as outside:
        answer = await outside.send(ask(f"http://crm.example.com:{peer.port}/"))
    assert (answer.status, names.asked) == (200, 1)


async def test_a_name_rebound_to_our_network_is_checked_again(peer: TestServer) -> None:
    """A new connection resolves again and is judged by that very answer, whatever an earlier one was."""
    names = Names("203.0.113.1", "127.0.0.1")
    async with Outside(OutsideSettings(), resolver=names) as outside:
        for _ in range(2):
            with pytest.raises(OutsideRefusedError):
                await outside.send(ask(f"http://crm.example.com:{peer.port}/"))
            await outside.close()
    assert seen(peer) == []


async def test_no_redirect_is_followed(peer: TestServer) -> None:
    async with Outside(HOME) as outside:
        assert (await outside.send(ask(peer.make_url("/moved")))).status == 302
    assert len(seen(peer)) == 1


async def test_a_long_answer_is_cut(peer: TestServer) -> None:
    async with Outside(HOME) as outside:
        answer = await outside.send(ask(peer.make_url("/long")))
    assert (len(answer.body), answer.is_whole) == (LARGEST_ANSWER, False)


async def test_a_peer_that_never_answers_is_left(peer: TestServer) -> None:
    async with Outside(HOME) as outside:
        with pytest.raises(OutsideError, match=r"did not answer within 0\.2 s"):
            await outside.send(ask(peer.make_url("/never")), seconds=0.2)


async def test_a_peer_that_is_away_is_said(unused_tcp_port: int) -> None:
    async with Outside(HOME) as outside:
        with pytest.raises(
            OutsideError, match=r"^cannot connect to 127\.0\.0\.1: Connection refused$"
        ) as raised:
            await outside.send(ask(f"http://127.0.0.1:{unused_tcp_port}/?key=secret"))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "file:///etc/passwd", "https://a:b@example.com/", "x", ""]
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    async with Outside(OutsideSettings()) as outside:
        with pytest.raises(OutsideRefusedError):
            await outside.send(ask(url))


async def test_what_never_got_a_connection_was_surely_not_done(peer: TestServer) -> None:
    """Six requests hold all connections to one host; the seventh waits for one in vain."""
    async with Outside(HOME) as outside:
        busy = [
            asyncio.create_task(outside.send(ask(peer.make_url("/never")), seconds=1.0))
            for _ in range(AT_ONCE_PER_HOST)
        ]
        while len(seen(peer)) < AT_ONCE_PER_HOST:
            await asyncio.sleep(0.01)
        with pytest.raises(OutsideError) as waiting:
            await outside.send(ask(peer.make_url("/never")), seconds=0.1)
        hung = await asyncio.gather(*busy, return_exceptions=True)
    assert not waiting.value.perhaps_done
    assert [isinstance(one, OutsideError) and one.perhaps_done for one in hung] == [True] * AT_ONCE_PER_HOST
