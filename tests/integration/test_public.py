"""The public listener over real sockets: who may ask, what is answered, what a link shows, the pages without
JavaScript, and that nothing of the staff's side is there."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web
from altcha import Challenge, Payload, Solution, solve_challenge
from sqlalchemy import select

from callback.http import LEAST_S
from callback.kinds import State
from callback.tables import Callback, Submission
from config.settings import Public, Settings
from core.clock import from_iso
from core.db import Database
from core.errors import SettingsError
from server.routes import ROUTES as STAFF_ROUTES
from server.web.guard import check_listener
from server.web.keys import SETTINGS
from server.web.public import public_application
from tests.public_site import PBX, PublicSite, public_site

NUMBER = "512 345 678"
SUNDAY = from_iso("2026-11-22T12:00:00+01:00")


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite is enough: what differs between databases is tested with the rooms."""
    path = tmp_path / "public.db"
    shutil.copy(sqlite_template, path)
    found = Database(f"sqlite:///{path}")
    yield found
    await found.close()


@pytest.fixture
async def site(database: Database) -> AsyncIterator[PublicSite]:
    async with public_site(database) as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def offer(site: PublicSite, browser: ClientSession) -> dict[str, Any]:
    async with browser.get(site.url("/w/shop/offer"), headers={"Origin": site.origin}) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def proof(site: PublicSite, browser: ClientSession) -> str:
    async with browser.get(site.url("/w/shop/challenge"), headers={"Origin": site.origin}) as answer:
        challenge = Challenge.from_dict(await answer.json())
    solution = solve_challenge(challenge)
    assert isinstance(solution, Solution)
    return Payload(challenge, solution).to_base64()


async def ask(site: PublicSite, browser: ClientSession, **changes: Any) -> ClientResponse:
    """A request as the widget makes it, four seconds after the form was opened."""
    token = (await offer(site, browser))["token"]
    body: dict[str, Any] = {
        "number": NUMBER,
        "wish": "now",
        "token": token,
        "language": "en",
        "visitor": "v1",
    }
    body |= {"proof": await proof(site, browser), "page": f"{site.origin}/lamps", "utm": {"utm_source": "x"}}
    site.time.now += 4
    body |= changes
    return await post(site, browser, "/w/shop/requests", body)


async def post(site: PublicSite, browser: ClientSession, path: str, body: Any) -> ClientResponse:
    return await browser.post(site.url(path), json=body, headers={"Origin": site.origin})


async def rows(site: PublicSite, table: Any) -> list[Any]:
    async with site.database.read() as connection:
        return list(await connection.execute(select(table)))


# ---- what is offered


async def test_now_is_offered_only_when_an_agent_is_free(site: PublicSite, browser: ClientSession) -> None:
    nobody = await offer(site, browser)
    assert nobody["now"] == {"possible": False, "minutes": None}
    assert nobody["slots"][0]["from"] == "2026-11-23T11:00:00.000Z"
    assert (nobody["opens"], nobody["open"]) == (None, True)
    site.free_agent()
    assert (await offer(site, browser))["now"] == {"possible": True, "minutes": 1}
    site.dialer.away = "the PBX is away"
    assert (await offer(site, browser))["now"]["possible"] is False


async def test_closed_says_when_we_open(database: Database, browser: ClientSession) -> None:
    async with public_site(database, now=SUNDAY) as site:
        site.free_agent()
        found = await offer(site, browser)
    assert found["now"]["possible"] is False
    assert found["opens"] == "2026-11-23T08:00:00.000Z"
    assert found["countries"] == [{"code": "PL", "prefix": "48", "example": "512 345 678"}]


async def test_full_slots_are_not_offered(database: Database, browser: ClientSession) -> None:
    async with public_site(database, now=SUNDAY, department={"slot_capacity": 1}) as site:
        first = (await offer(site, browser))["slots"][0]["from"]
        assert (await ask(site, browser, wish=first)).status == 201
        assert (await offer(site, browser))["slots"][0]["from"] != first
        gone = await ask(site, browser, wish=first, number="512 345 679")
        assert gone.status == 422
        assert (await gone.json())["field"] == "wish"


# ---- asking


async def test_a_request_is_accepted_and_its_link_follows_it(
    site: PublicSite, browser: ClientSession
) -> None:
    site.free_agent()
    answer = await ask(site, browser, name="Ola", message="A lamp")
    told = await answer.json()
    assert answer.status == 201, told
    assert told["outcome"] == "accepted"
    assert (told["status"], told["minutes"], told["number"]) == ("waiting", 1, "+48 512 345 678")
    (row,) = await rows(site, Submission)
    assert (row.name, row.message, row.page_url) == ("Ola", "A lamp", f"{site.origin}/lamps")
    assert json.loads(row.utm) == {"utm_source": "x"}
    assert row.address == "127.0.0.1"
    async with browser.get(told["link"] + "/state", headers={"Origin": site.origin}) as state:
        assert state.headers["Access-Control-Allow-Origin"] == site.origin
        assert (await state.json())["status"] == "waiting"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"proof": ""}, "no_proof"),
        ({"proof": base64.b64encode(b'{"challenge":{}}').decode()}, "no_proof"),
        ({"token": ""}, "no_page"),
        ({"website": "spam"}, "trapped"),
    ],
)
async def test_what_does_not_look_like_a_person_is_held(
    site: PublicSite, browser: ClientSession, changes: dict[str, str], reason: str
) -> None:
    site.free_agent()
    told = await (await ask(site, browser, **changes)).json()
    assert (told["outcome"], told["status"], told["minutes"]) == ("held", "held", None)
    (row,) = await rows(site, Callback)
    assert (row.state, row.reasons) == (State.HELD.value, reason)


async def test_a_proof_is_good_once(site: PublicSite, browser: ClientSession) -> None:
    used = await proof(site, browser)
    assert (await (await ask(site, browser, proof=used)).json())["outcome"] == "accepted"
    again = await ask(site, browser, proof=used, number="512 345 679", visitor="v2")
    assert (await again.json())["outcome"] == "held"


async def test_a_cheaper_challenge_is_not_taken(site: PublicSite, browser: ClientSession) -> None:
    """Its signature would not fit, but looking would cost us what its sender likes."""
    forged = json.loads(base64.b64decode(await proof(site, browser)))
    forged["challenge"]["parameters"]["cost"] = 1
    told = await (
        await ask(site, browser, proof=base64.b64encode(json.dumps(forged).encode()).decode())
    ).json()
    assert told["outcome"] == "held"


async def test_an_old_page_is_told_to_send_again(site: PublicSite, browser: ClientSession) -> None:
    token = (await offer(site, browser))["token"]
    site.time.now += 2 * 3600
    answer = await post(
        site, browser, "/w/shop/requests", {"number": NUMBER, "token": token, "language": "pl"}
    )
    assert answer.status == 409
    assert (await answer.json())["code"] == "old_page"
    assert "jeszcze raz" in (await answer.json())["detail"]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("12", "number_invalid"),
        ("hello", "number_invalid"),
        ("+44 20 7946 0958", "country"),
        ("700 123 456", "number_kind"),
    ],
)
async def test_a_number_that_cannot_be_called_is_said_beside_its_field(
    site: PublicSite, browser: ClientSession, number: str, code: str
) -> None:
    answer = await ask(site, browser, number=number)
    problem = await answer.json()
    assert answer.status == 422
    assert answer.content_type == "application/problem+json"
    assert (problem["code"], problem["field"]) == (code, "number")
    assert answer.headers["Access-Control-Allow-Origin"] == site.origin


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"[" * 20_000, b'{"number": 5}', b'{"number": "\\u0000"}', b'{"name": "' + b"x" * 9000 + b'"}',
     b'{"number": "512345678", "wish": "soon"}', b'{"number": "512345678", "wish": "2026-11-23T12:00:00"}'],
)  # fmt: skip
async def test_odd_bodies_are_refused_in_one_sentence(
    site: PublicSite, browser: ClientSession, body: bytes
) -> None:
    headers = {"Origin": site.origin, "Content-Type": "application/json"}
    answer = await browser.post(site.url("/w/shop/requests"), data=body, headers=headers)
    assert answer.status == 422, await answer.text()
    assert (await answer.json())["detail"].endswith(".")


async def test_a_large_body_is_not_read(site: PublicSite, browser: ClientSession) -> None:
    answer = await post(site, browser, "/w/shop/requests", {"message": "x" * 40_000})
    assert answer.status == 413


# ---- whose pages


@pytest.mark.parametrize("path", ["/w/shop/offer", "/w/shop/challenge"])
async def test_pages_of_strangers_get_nothing(site: PublicSite, browser: ClientSession, path: str) -> None:
    for headers in ({"Origin": "https://evil.example"}, {}):
        answer = await browser.get(site.url(path), headers=headers)
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_token_of_another_origin_counts_for_nothing(site: PublicSite, browser: ClientSession) -> None:
    own = site.url("/").rstrip("/")
    async with browser.get(site.url("/w/shop/offer"), headers={"Origin": own}) as answer:
        token = (await answer.json())["token"]
    assert (await ask(site, browser, token=token)).status == 409


async def test_preflight_allows_json_of_the_websites_pages_only(
    site: PublicSite, browser: ClientSession
) -> None:
    for origin, allowed in ((site.origin, site.origin), ("https://evil.example", None)):
        for path in ("/w/shop/requests", "/r/x/move"):
            answer = await browser.options(site.url(path), headers={"Origin": origin})
            assert answer.status == 204
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed


async def test_nothing_of_the_staffs_side_is_there(site: PublicSite, browser: ClientSession) -> None:
    for route in STAFF_ROUTES:
        path = re.sub(r"\{[^}]*\}", "1", route.path)
        answer = await browser.request(route.method, site.url(path), allow_redirects=False)
        assert answer.status in (404, 405), (route.method, path, answer.status)


# ---- links


async def test_an_unknown_link_and_a_forged_one_look_the_same(
    site: PublicSite, browser: ClientSession
) -> None:
    link = (await (await ask(site, browser)).json())["link"]
    for bad in (site.url("/r/nothing"), link[:-1] + ("A" if link[-1] != "A" else "B")):
        answer = await browser.get(bad + "/state")
        assert (answer.status, (await answer.json())["code"]) == (404, "not-found")


async def test_answers_about_numbers_and_links_take_a_time_of_their_own(
    site: PublicSite, browser: ClientSession
) -> None:
    loop_time = asyncio.get_running_loop().time
    for path in ("/r/nothing/state", "/r/nothing"):
        began = loop_time()
        await browser.get(site.url(path))
        assert loop_time() - began >= LEAST_S
    began = loop_time()
    await post(site, browser, "/w/shop/requests", {"number": "12"})
    assert loop_time() - began >= LEAST_S


async def test_a_request_is_moved_added_to_and_withdrawn_by_its_link(
    site: PublicSite, browser: ClientSession
) -> None:
    link = (await (await ask(site, browser)).json())["link"].removeprefix(site.url("/").rstrip("/"))
    slot = (await offer(site, browser))["slots"][3]
    moved = await (await post(site, browser, f"{link}/move", {"wish": slot["from"]})).json()
    assert (moved["from"], moved["until"]) == (slot["from"], slot["until"])
    assert (await post(site, browser, f"{link}/word", {"message": "Ring twice"})).status == 200
    (row,) = await rows(site, Submission)
    assert row.message == "Ring twice"
    gone = await (await post(site, browser, f"{link}/withdraw", {})).json()
    assert (gone["status"], gone["may"]) == ("withdrawn", [])
    late = await post(site, browser, f"{link}/move", {"wish": "now"})
    assert late.status == 409


# ---- without JavaScript


async def test_the_form_works_without_javascript_and_is_held(
    site: PublicSite, browser: ClientSession
) -> None:
    async with browser.get(site.url("/w/shop/form?lang=pl")) as page:
        text = await page.text()
    assert '<html lang="pl">' in text
    assert "Numer telefonu" in text
    headers = {"Origin": site.url("/").rstrip("/")}
    form = {"number": "512345678", "wish": "", "name": "<b>Ola</b>", "message": "<script>alert(1)</script>"}
    async with browser.post(site.url("/w/shop/form"), data=form, headers=headers) as page:
        text = await page.text()
        assert page.status == 200
        assert page.url.path.startswith("/r/")
    assert "We have your request" in text
    assert "<script>alert" not in text
    (row,) = await rows(site, Callback)
    assert (row.state, row.reasons) == (State.HELD.value, "no_script")
    async with browser.post(str(page.url) + "/withdraw", data={"x": "1"}, headers=headers) as withdrawn:
        assert "Your request is withdrawn" in await withdrawn.text()


async def test_the_form_keeps_what_was_typed(site: PublicSite, browser: ClientSession) -> None:
    form = {"number": "12", "name": 'Ola "x"'}
    async with browser.post(site.url("/w/shop/form?lang=es"), data=form) as page:
        text = await page.text()
        assert page.status == 422
    assert 'value="Ola &#34;x&#34;"' in text
    assert "No podemos leer este número" in text


async def test_the_form_is_not_sent_from_elsewhere(site: PublicSite, browser: ClientSession) -> None:
    headers = {"Origin": "https://evil.example"}
    async with browser.post(site.url("/w/shop/form"), data={"number": NUMBER}, headers=headers) as page:
        assert page.status == 403
    assert await rows(site, Callback) == []


async def test_every_answer_has_its_headers(site: PublicSite, browser: ClientSession) -> None:
    for path in ("/w/shop/form", "/r/nothing", "/nothing"):
        answer = await browser.get(site.url(path), headers={"Accept": "text/html"})
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.content_type == "text/html"


async def test_the_widgets_files_are_cached_and_anybodys(site: PublicSite, browser: ClientSession) -> None:
    script = await browser.get(site.url("/widget/ringback-callback.js"))
    assert script.headers["Cache-Control"] == "public, max-age=300"
    assert script.headers["Content-Encoding"] in ("gzip", "deflate")
    known = await browser.get(
        site.url("/widget/ringback-callback.js"), headers={"If-None-Match": script.headers["ETag"]}
    )
    assert known.status == 304
    version = script.headers["ETag"].strip('"')
    part = await browser.get(site.url(f"/widget/{version}/vendor/altcha/pbkdf2.js"))
    assert "immutable" in part.headers["Cache-Control"]
    assert part.headers["Access-Control-Allow-Origin"] == "*"
    for wrong in ("../script.py", "%2e%2e/script.py", "texts/xx.json"):
        assert (await browser.get(site.url(f"/widget/{version}/{wrong}"))).status == 404


# ---- settings


def test_plain_http_beyond_this_machine_is_refused() -> None:
    settings = Settings(pbx={"main": PBX}, public=Public(host="0.0.0.0", port=8081))
    with pytest.raises(SettingsError, match=r"`public\.host` is 0\.0\.0\.0.*public\.tls_certificate"):
        check_listener(settings)


def test_a_listener_without_websites_is_refused() -> None:
    staff = web.Application()
    staff[SETTINGS] = Settings(pbx={"main": PBX}, public=Public(port=8081))
    with pytest.raises(SettingsError, match=r"`public\.port` is set.*\[website\.…\]"):
        public_application(staff)
