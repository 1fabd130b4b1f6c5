"""Who is asking, through proxies of every habit: only what a trusted proxy wrote itself is believed."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from config.settings import Server, Settings
from server.web.keys import SETTINGS
from server.web.network import address_used, client_address, is_secure

PROXY = "10.0.0.5"


class _Socket:
    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._address, 40000) if name == "peername" else default


def asked(*headers: tuple[str, str], remote: str = PROXY) -> web.Request:
    app = web.Application()
    app[SETTINGS] = Settings(server=Server(trusted_proxies=("10.0.0.0/8",)))
    request = make_mocked_request(
        "GET",
        "/",
        CIMultiDict([("Host", "office.example.com"), *headers]),
        app=app,
        transport=_Socket(remote),
    )
    assert request.remote == remote
    return request


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([], PROXY),
        (["203.0.113.9"], "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9"], "203.0.113.9"),  # HAProxy adds a line of its own
        (["203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        (["203.0.113.9:4455"], "203.0.113.9"),
        (["[2001:db8::1]:4455"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, unknown"], PROXY),
        (["[::"], PROXY),
    ],
)
def test_the_address_is_what_the_trusted_proxy_wrote(lines: list[str], address: str) -> None:
    assert client_address(asked(*(("X-Forwarded-For", line) for line in lines))) == address


def test_a_stranger_is_not_believed() -> None:
    request = asked(
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        remote="203.0.113.9",
    )
    assert client_address(request) == "203.0.113.9"
    assert address_used(request) == "http://office.example.com"


def test_a_proxy_on_an_ipv6_socket_is_known_by_its_ipv4_address() -> None:
    request = asked(("X-Forwarded-For", "203.0.113.9"), remote=f"::ffff:{PROXY}")
    assert client_address(request) == "203.0.113.9"


@pytest.mark.parametrize(
    ("lines", "secure"),
    [(["https"], True), (["https", "http"], False), (["https, http"], False), ([], False)],
)
def test_tls_is_the_proxys_word_and_not_the_browsers(lines: list[str], secure: bool) -> None:
    assert is_secure(asked(*(("X-Forwarded-Proto", line) for line in lines))) is secure
