"""Logging in over real HTTP on both databases: sessions, cookies, throttling, origins, roles, error shapes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from config.settings import Server, Settings
from core.accounts import find_user_by_login, set_disabled
from core.db import Database
from core.errors import SettingsError
from core.facts import SessionsEnded
from core.sessions import FREE_FAILURES, IDLE_S, end_user_sessions
from server.routes import ROUTES
from server.web.guard import LOCAL_COOKIE, SECURE_COOKIE, check_listener
from tests.seed import PASSWORD, seed_people
from tests.web import Site, Visitor, open_site, visit


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    await seed_people(database)
    async with open_site(database) as site:
        yield site


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[Visitor]:
    async with visit(site) as visitor:
        yield visitor


async def test_somebody_unknown_is_sent_to_log_in_and_comes_back_to_where_they_wanted(
    visitor: Visitor,
) -> None:
    refused = await visitor.get("/customers?q=lis")
    assert (refused.status, refused.headers["Location"]) == (303, "/login?next=/customers%3Fq%3Dlis")
    form = {"login": "anna", "password": PASSWORD, "next": "/customers?q=lis"}
    logged_in = await visitor.post("/login", form)
    assert (logged_in.status, logged_in.headers["Location"]) == (303, "/customers?q=lis")
    assert (await visitor.get("/customers?q=lis")).status == 200


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/\n/x"]
)
async def test_a_login_never_leads_to_another_host(visitor: Visitor, target: str) -> None:
    form = {"login": "maria", "password": PASSWORD, "next": target}
    assert (await visitor.post("/login", form)).headers["Location"] == "/desk"


async def test_a_wrong_password_says_nothing_about_the_login(visitor: Visitor) -> None:
    wrong = await visitor.log_in("anna", "not the password")
    unknown = await visitor.log_in("nobody", "not the password")
    assert wrong.status == unknown.status == 401
    assert (await wrong.text()).replace('value="anna"', "") == (await unknown.text()).replace(
        'value="nobody"', ""
    )


async def test_the_token_is_fresh_at_each_login_and_the_old_one_dies(site: Site, visitor: Visitor) -> None:
    await visitor.log_in("anna")
    first = _token(visitor)
    await visitor.log_in("anna")
    assert _token(visitor) != first
    async with ClientSession(cookies={LOCAL_COOKIE: first}) as thief:
        answer = await thief.get(f"{site.origin}/customers", allow_redirects=False)
        assert answer.status == 401


async def test_a_cookie_on_loopback_is_http_only_and_lax(visitor: Visitor) -> None:
    cookie = (await visitor.log_in("anna")).headers["Set-Cookie"]
    assert cookie.startswith(f"{LOCAL_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


async def test_behind_a_trusted_tls_proxy_the_cookie_is_bound_to_host_and_tls(database: Database) -> None:
    await seed_people(database)
    settings = Settings(server=Server(trusted_proxies=("127.0.0.1",)))
    async with open_site(database, settings) as site, visit(site) as visitor:
        proxied = {
            "X_Forwarded_Proto": "https",
            "X_Forwarded_For": "203.0.113.7",
            "Host": "calls.example.com",
        }
        answer = await visitor.post(
            "/login", {"login": "anna", "password": PASSWORD}, Origin="https://calls.example.com", **proxied
        )
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"{SECURE_COOKIE}=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert "Strict-Transport-Security" in answer.headers
        plain = proxied | {"X_Forwarded_Proto": "http"}
        refused = await visitor.get("/customers", **plain)
        assert refused.status == 403
        assert "HTTPS only" in await refused.text()


async def test_forwarded_headers_of_strangers_are_not_believed(site: Site, visitor: Visitor) -> None:
    """Whoever could name their own address would never be slowed down."""
    for n in range(FREE_FAILURES["pair"]):
        await visitor.post("/login", {"login": "anna", "password": "x"}, X_Forwarded_For=f"198.51.100.{n}")
    assert (await visitor.log_in("anna")).status == 429


async def test_guessing_is_slowed_down_and_the_right_password_waits_too(site: Site, visitor: Visitor) -> None:
    for _ in range(FREE_FAILURES["pair"]):
        assert (await visitor.log_in("anna", "guess")).status == 401
    blocked = await visitor.log_in("anna")
    assert blocked.status == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= 60
    site.now += 60
    assert (await visitor.log_in("anna")).status == 303


async def test_a_session_ends_with_idleness(site: Site, visitor: Visitor) -> None:
    await visitor.enter("anna")
    site.now += IDLE_S - 1
    assert (await visitor.get("/customers")).status == 200
    site.now += IDLE_S - 1
    assert (await visitor.get("/customers")).status == 200, "use keeps it alive"
    site.now += IDLE_S + 1
    assert (await visitor.get("/customers")).status == 303


async def test_logging_out_ends_the_session_and_says_so(site: Site, visitor: Visitor) -> None:
    await visitor.enter("anna")
    token = _token(visitor)
    assert (await visitor.post("/logout")).headers["Location"] == "/login"
    assert isinstance(site.said[-1], SessionsEnded)
    async with ClientSession(cookies={LOCAL_COOKIE: token}) as thief:
        assert (await thief.get(f"{site.origin}/customers", allow_redirects=False)).status == 401


async def test_a_disabled_person_is_out_at_once_and_cannot_come_back(site: Site, visitor: Visitor) -> None:
    await visitor.log_in("anna")
    async with site.database.write() as connection:
        user = await find_user_by_login(connection, "anna")
        assert user is not None
        await set_disabled(connection, user.id, True, site.now)
        await end_user_sessions(connection, user.id)
    assert (await visitor.get("/customers")).status == 303
    assert (await visitor.log_in("anna")).status == 401


FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "", "Sec_Fetch_Site": "cross-site"},
    {"Origin": "", "Sec_Fetch_Site": "same-site"},
    {"Origin": "", "Sec_Fetch_Site": "none"},
    {"Sec_Fetch_Site": "cross-site"},
)


async def test_another_website_cannot_send_our_forms(visitor: Visitor) -> None:
    await visitor.enter("anna")
    for path in ("/login", "/logout", "/customers", "/theme"):
        for headers in FOREIGN:
            assert (await visitor.post(path, {"name": "x"}, **headers)).status == 403, (path, headers)
    assert (await visitor.get("/customers")).status == 200, "still logged in"


async def test_our_own_pages_are_recognised_by_either_header(visitor: Visitor) -> None:
    await visitor.enter("anna")
    assert (
        await visitor.post("/theme", {"theme": "dark"}, Origin="", Sec_Fetch_Site="same-origin")
    ).status == 303
    assert (await visitor.post("/theme", {"theme": "dark"})).status == 303


async def test_a_websocket_handshake_from_elsewhere_is_refused(visitor: Visitor) -> None:
    await visitor.enter("anna")
    shake = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert (await visitor.get("/live", Origin="https://evil.example", **shake)).status == 403
    assert (await visitor.get("/live", **shake)).status == 403


def an_example(part: re.Match[str]) -> str:
    """A text that this part of a route's path takes."""
    pattern: str = part[1] or "[^/]+"
    return next(text for text in ("1", "0" * 32, *pattern.split("|")) if re.fullmatch(pattern, text))


async def test_each_route_is_closed_to_lesser_roles(site: Site, visitor: Visitor) -> None:
    """Every line of routes.py that needs a role refuses strangers, and each role what is above it."""
    logins = (None, "anna", "maria", "admin")
    roles = (None, "agent", "manager", "administrator")
    for login, has in zip(logins, roles, strict=True):
        if login is not None:
            assert (await visitor.log_in(login)).status == 303
        for route in ROUTES:
            if route.role is None or roles.index(route.role) <= roles.index(has) or route.websocket:
                continue
            path = re.sub(r"\{\w+(?::((?:[^{}]|\{[^{}]*\})*))?\}", an_example, route.path)
            answer = await visitor.ask(route.method, path, None if route.method == "GET" else {})
            expected = {403} if has else {303, 401}
            assert answer.status in expected, f"{route.method} {route.path} as {has}: {answer.status}"


async def test_every_answer_carries_the_security_headers(visitor: Visitor) -> None:
    for path in ("/login", "/no-such-page", "/static/x/app.js"):
        answer = await visitor.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Server"] == "Ringback"
    assert (await visitor.get("/login")).headers["Cache-Control"] == "no-store"


async def test_an_error_is_json_for_programs_and_a_page_for_people(visitor: Visitor) -> None:
    await visitor.enter("anna")
    page = await visitor.get("/customers/999")
    assert (page.status, page.content_type) == (404, "text/html")
    assert page.headers["X-Request-Id"] in await page.text()
    problem = await visitor.get("/customers/999", Accept="application/json")
    assert (problem.status, problem.content_type) == (404, "application/problem+json")
    body = await problem.json()
    assert body["code"] == "not-found"
    assert body["status"] == 404
    assert body["request_id"] == problem.headers["X-Request-Id"]
    assert body["type"] == "urn:ringback:problem:not-found"


async def test_a_large_or_endless_body_is_refused_unread(site: Site, visitor: Visitor) -> None:
    assert (await visitor.post("/login", {"login": "x" * 70_000})).status == 413

    async def endless() -> AsyncIterator[bytes]:
        yield b"login=x"

    headers = {"Origin": site.origin, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await visitor.session.post(f"{site.origin}/login", data=endless(), headers=headers)
    assert answer.status == 411


async def test_static_files_cannot_lead_out_of_their_folder(visitor: Visitor) -> None:
    for path in (
        "/static/x/../web.py",
        "/static/x/%2e%2e/web.py",
        "/static/x/..%2fweb.py",
        "/static/x//etc/passwd",
    ):
        assert (await visitor.get(path)).status == 404
    assert (await visitor.get("/static/x/app.js")).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("server", "fine"),
    [
        (Server(), True),
        (Server(host="::1"), True),
        (Server(host="localhost"), True),
        (Server(host="0.0.0.0"), False),
        (Server(host="192.168.1.5"), False),
        (Server(host="pbx.example.com"), False),
        (Server(host="0.0.0.0", trusted_proxies=("10.0.0.0/8",)), True),
        (Server(host="127.0.0.1", trusted_proxies=("nonsense",)), False),
    ],
)
def test_plain_http_on_a_network_is_refused_at_start(server: Server, fine: bool) -> None:
    settings = Settings(server=server)
    if fine:
        check_listener(settings)
        return
    with pytest.raises(SettingsError, match=r"`server\.(host|trusted_proxies)`"):
        check_listener(settings)


def _token(visitor: Visitor) -> str:
    return next(cookie.value for cookie in visitor.session.cookie_jar if cookie.key == LOCAL_COOKIE)
