"""Where webhooks may go, and what survives a death: names that lead home, answers of name servers that change, a
process killed when the receiver has the event and nobody has written that down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from aiohttp import web
from yarl import URL

from config.outside import OutsideSettings
from core.clock import system_clock
from core.db import Database
from core.errors import InvalidInputError
from core.outside import Outside
from crm_link.webhooks.endpoints import Wanted
from crm_link.webhooks.kinds import Outcome
from crm_link.webhooks.sender import Message, send
from tests.receiver import ALL, HOME, Got, receiver, sending
from tests.site import eventually
from tests.unit.core.test_outside import Names

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = Message("msg_1", '{"type":"ringback.test"}')


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:8080/", "not a public address"),
        ("http://192.168.1.1/", "not a public address"),
        ("http://[::ffff:10.0.0.1]/", "not a public address"),
        ("http://[::1]/", "not a public address"),
        ("http://169.254.169.254/latest/meta-data/", "not a public address"),
        ("https://user:secret@crm.example.com/", "name and password"),
        ("ftp://crm.example.com/", "https://"),
        ("crm.example.com/hook", "https://"),
        ("https://crm.example.com/" + "x" * 500, "more than 500"),
    ],
)
def test_an_address_that_can_never_be_right_is_refused_when_it_is_typed(url: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as raised:
        Wanted("CRM", url, ALL).checked(())
    assert raised.value.field == "url"
    assert "secret" not in str(raised.value)


def test_listed_networks_and_public_names_are_taken() -> None:
    assert (
        Wanted("CRM", "http://127.0.0.1:8080/a#b", ALL).checked(HOME.networks).url
        == "http://127.0.0.1:8080/a"
    )
    assert Wanted("CRM", " https://crm.example.com/hook?key=1 ", ALL).checked(()).url.endswith("?key=1")


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f.0.0.1", "localhost", "017700000001"])
async def test_other_spellings_of_this_machine_are_not_reached(name: str) -> None:
    """They are no IP address by their looks; what they resolve to is."""
    async with receiver() as crm, Outside(OutsideSettings()) as outside:
        url = f"http://{name}:{URL(crm.url).port}/hook"
        attempt = await send(outside, url, [SECRET], MESSAGE, system_clock)
    assert attempt.outcome in {Outcome.FORBIDDEN, Outcome.NO_ANSWER}
    assert crm.got == []


async def test_a_name_server_that_answers_home_the_second_time_gains_nothing() -> None:
    names = Names("127.0.0.1", "127.0.0.2")
    async with receiver() as crm, Outside(HOME, resolver=names) as outside:
        url = f"http://crm.example.com:{URL(crm.url).port}/hook"
        first = await send(outside, url, [SECRET], MESSAGE, system_clock)
        await outside.close()
        second = await send(outside, url, [SECRET], MESSAGE, system_clock)
    assert (first.outcome, second.outcome) == (Outcome.DELIVERED, Outcome.FORBIDDEN)
    assert "127.0.0.2 is not a public address" in str(second.error)
    assert names.asked == 2, "each connection by the one answer it was judged by"
    assert len(crm.got) == 1


async def test_a_forbidden_target_is_written_down_and_nothing_is_sent(database: Database) -> None:
    async with receiver() as crm, sending(database, OutsideSettings()) as site:
        await site.add(crm.url)
        await site.end_call("c1")
        (attempt,) = await eventually(site.attempts)
        assert attempt.outcome == Outcome.FORBIDDEN
        assert "outside.allow_networks does not list it" in attempt.error
    assert crm.got == []


@pytest.fixture
def server(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.sending_webhooks", database_url])
    yield process
    process.kill()
    process.wait()


async def test_killed_between_the_receivers_yes_and_our_commit(
    database: Database, server: subprocess.Popen[bytes]
) -> None:
    """The receiver has the event; the sender dies before it can write that down."""

    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        if got.number == 1:
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
        return None

    async with receiver(script) as crm:
        async with sending(database) as site:
            # Rows only: this one's couriers are gone before anything is owed.
            await site.add(crm.url)
            await site.server.close()
            await site.end_call("c1")
            await site.transcribe("c1")
            await eventually(crm.has(1))
            assert await site.states() in (["waiting"], ["waiting", "waiting"])
        async with sending(database) as again:
            again.ahead += 60
            await again.stand("delivered", "delivered")
    assert [got.event for got in crm.got] == ["call.ended", "call.ended", "transcript.ready"]
    assert crm.got[0].id == crm.got[1].id, "the receiver can tell that it has it already"
