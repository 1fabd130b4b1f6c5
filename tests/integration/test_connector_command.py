"""`ringback connector test` as a person types it: what went over the line, without the secret, and the exit status."""

from __future__ import annotations

import pytest

from config.settings import Settings
from core.errors import NotFoundError
from server.connectors.command import test_connector as ask_it
from tests.scripted_odoo import DATABASE, KEY, USER, scripted_odoo


def settings(url: str) -> Settings:
    odoo = {"kind": "odoo", "url": url, "database": DATABASE, "user": USER, "secret": KEY}
    return Settings.model_validate(
        {"connector": {"odoo": odoo}, "outside": {"allow_networks": ["127.0.0.1"]}}
    )


async def test_it_prints_what_went_over_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone="22 123 45 67")
    async with peer:
        assert await ask_it(settings(peer.url), "odoo", "0048 221234567")
    said = capsys.readouterr().out
    assert f"> POST {peer.url}/jsonrpc" in said
    assert "search_read" in said
    assert f"Jan Nowak · {peer.url}/web#id=40" in said
    assert KEY not in said


async def test_it_says_that_the_crm_is_away(capsys: pytest.CaptureFixture[str], unused_tcp_port: int) -> None:
    assert not await ask_it(settings(f"http://127.0.0.1:{unused_tcp_port}"), "odoo", "+48221234567")
    assert "failed: cannot connect to 127.0.0.1" in capsys.readouterr().out


async def test_it_names_the_connectors_there_are() -> None:
    with pytest.raises(NotFoundError, match=r"no \[connector\.crm\]: odoo"):
        await ask_it(settings("http://127.0.0.1:1"), "crm", "+48221234567")
