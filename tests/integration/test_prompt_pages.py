"""Prompts over real HTTP: the administrator's page, the API, the shipped script with the real curl, and what
`check-pbx` says. The sound itself is looked at in `test_prompts.py`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from core.accounts import Role
from core.api_keys import create_key
from pbx_bridge.check.rules import Mark
from recordings.prompts.book import LARGEST
from server.check import prompt_findings
from tests.process import ROOT
from tests.site import PASSWORD, Site, eventually, running, settings_for
from tests.sounds import as_file, sound

SCRIPT = ROOT / "config" / "asterisk" / "ringback-prompts.sh"
API = "/api/v1/prompts"


@asynccontextmanager
async def site_at(folder: Path, sounds: Path | None) -> AsyncIterator[Site]:
    """Its PBX cannot be reached: that is none of the prompts' business."""
    async with running(settings_for(("127.0.0.1", 1), "secret", folder, sounds=sounds)) as site:
        yield site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_at(tmp_path, tmp_path / "sounds") as site:
        yield site


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Site]:
    """A site whose PBX shares no folder with it."""
    async with site_at(tmp_path, None) as site:
        yield site


@pytest.fixture
def hello() -> bytes:
    return as_file(sound(700, 0.6))


async def key_of(site: Site, *scopes: str) -> str:
    async with site.database.write() as connection:
        _, text = await create_key(connection, "test", scopes, 0.0)
        return text


@asynccontextmanager
async def program(site: Site, *scopes: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {await key_of(site, *scopes)}"}
    async with aiohttp.ClientSession(site.url, headers=headers) as session:
        yield session


@asynccontextmanager
async def person(site: Site, role: Role) -> AsyncIterator[aiohttp.ClientSession]:
    await site.add_person("ada", role=role)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(site.url, cookie_jar=jar, headers={"Origin": site.url}) as session:
        answer = await session.post("/login", data={"login": "ada", "password": PASSWORD})
        assert answer.status == 200
        yield session


async def test_an_administrator_uploads_hears_and_removes_a_prompt(
    site: Site, tmp_path: Path, hello: bytes
) -> None:
    path = tmp_path / "sounds" / "notice-sales.wav"
    async with person(site, Role.ADMINISTRATOR) as ada:
        empty = await (await ada.get("/admin/prompts")).text()
        assert "No queue has a notice" in empty
        assert "Two tones" in empty
        answer = await ada.post("/admin/prompts/notice-sales?file=..%2F..%2Fhello%3Cb%3E.wav", data=hello)
        assert answer.status == 201
        assert await eventually(lambda: asyncio.to_thread(path.is_file))
        played = await ada.get("/admin/prompts/notice-sales/sound")
        assert (played.status, played.content_type) == (200, "audio/wav")
        assert await played.read() == path.read_bytes()
        assert played.headers["Cache-Control"] == "no-store"
        original = await ada.get("/admin/prompts/notice-sales/original")
        assert await original.read() == hello
        assert original.headers["Content-Disposition"] == 'attachment; filename="notice-sales-original.wav"'

        async def page() -> str:
            return await (await ada.get("/admin/prompts")).text()

        shown = await eventually(page, lambda text: "On the PBX since" in text)
        assert "hello&lt;b&gt;.wav" in shown
        assert "Ada" in shown
        assert "Queue sales" in shown
        assert (await ada.post("/admin/prompts/notice-sales/remove")).status == 200
        assert await eventually(lambda: asyncio.to_thread(lambda: not path.exists()))
        assert (await ada.post("/admin/prompts/notice-sales/remove")).status == 404


async def test_what_is_refused_is_said_in_a_sentence(site: Site, hello: bytes) -> None:
    async with person(site, Role.ADMINISTRATOR) as ada:
        json = {"Accept": "application/json"}
        answer = await ada.post("/admin/prompts/callback-agent?file=x", data=b"Dear Sir", headers=json)
        assert answer.status == 422
        assert (await answer.json())["detail"] == "This is no sound file that can be read."
        for name in ("..%2Fcallback-agent", "notice-..%2Fx", "notice-", "voicemail"):
            assert (await ada.post(f"/admin/prompts/{name}?file=x", data=hello)).status == 404


async def test_without_ffmpeg_the_page_says_what_to_install(
    site: Site, hello: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person(site, Role.ADMINISTRATOR) as ada:
        monkeypatch.setenv("PATH", "/nowhere")
        json = {"Accept": "application/json"}
        answer = await ada.post("/admin/prompts/callback-agent?file=x", data=hello, headers=json)
        assert answer.status == 503
        assert "apt install ffmpeg" in (await answer.json())["detail"]


async def test_what_is_too_large_is_refused_unread(site: Site) -> None:
    server = site.settings.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = (
        f"PUT {API}/callback-agent HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {LARGEST + 1}\r\n\r\n"
    )
    writer.write(head.encode())
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_only_administrators_see_them(site: Site, hello: bytes) -> None:
    async with person(site, Role.MANAGER) as maria:
        assert (await maria.get("/admin/prompts")).status == 403
        assert (await maria.post("/admin/prompts/callback-agent?file=x", data=hello)).status == 403
        assert (await maria.get(API)).status == 403


async def test_programs_upload_list_and_remove(site: Site, hello: bytes) -> None:
    async with program(site, "prompts:read") as reader:
        assert (await reader.put(f"{API}/callback-agent", data=hello)).status == 403
    async with program(site, "prompts:read", "prompts:write") as writer:
        assert (await writer.put(f"{API}/callback-agent?file=agent.wav", data=hello)).status == 204
        (prompt,) = (await (await writer.get(API)).json())["prompts"]
        assert (prompt["name"], prompt["queue"], prompt["file_name"]) == ("callback-agent", None, "agent.wav")
        assert prompt["uploaded_by"].startswith("api:")

        async def stands() -> str:
            (told,) = (await (await writer.get(API)).json())["prompts"]
            return str(told["on"][0]["stands"])

        assert await eventually(stands, lambda told: told == "there")
        heard = await (await writer.get(f"{API}/callback-agent/sound")).read()
        assert hashlib.sha256(heard).hexdigest() == prompt["sha256"]
        assert (await writer.put(f"{API}/callback-agent", data=b"no sound")).status == 422
        assert (await writer.put(f"{API}/callback%2Fagent", data=hello)).status == 404
        assert (await writer.get(f"{API}/manifest?pbx=other")).status == 422
        assert (await writer.delete(f"{API}/callback-agent")).status == 204
        assert (await (await writer.get(API)).json())["prompts"] == []


async def test_the_shipped_script_fetches_says_so_and_tidies_up(
    far: Site, tmp_path: Path, hello: bytes
) -> None:
    there, conf = tmp_path / "there", tmp_path / "prompts.conf"
    key = await key_of(far, "prompts:read")
    conf.write_text(f"URL={far.url}\nPBX=main\nKEY={key}\nFOLDER={there}\n")

    async def run() -> int:
        environment = {"RINGBACK_PROMPTS_CONF": str(conf), "PATH": "/usr/bin:/bin"}
        fetching = await asyncio.create_subprocess_exec("sh", str(SCRIPT), env=environment)
        return await fetching.wait()

    def lies() -> set[str]:
        return {path.name for path in there.iterdir() if not path.name.startswith(".")}

    async with program(far, "prompts:read", "prompts:write") as writer:

        async def stands() -> set[str]:
            told = (await (await writer.get(API)).json())["prompts"]
            return {f"{one['name']} {one['on'][0]['stands']}" for one in told}

        assert await run() == 0
        there.joinpath("callback-promised.wav").write_bytes(b"mine")
        for name in ("callback-agent", "notice-sales"):
            await writer.put(f"{API}/{name}", data=hello)
        assert await stands() == {"callback-agent missing", "notice-sales missing"}
        assert await run() == 0
        assert lies() == {"callback-agent.wav", "notice-sales.wav", "callback-promised.wav"}
        assert await stands() == {"callback-agent there", "notice-sales there"}
        before = there.joinpath("notice-sales.wav").stat()
        assert before.st_mode & 0o777 == 0o644
        assert await run() == 0
        assert there.joinpath("notice-sales.wav").stat() == before
        await writer.put(f"{API}/notice-sales", data=as_file(sound(500, 0.6)))
        assert await stands() == {"callback-agent there", "notice-sales elsewhere"}
        await writer.delete(f"{API}/callback-agent")
        assert await run() == 0
        assert lies() == {"notice-sales.wav", "callback-promised.wav"}
        assert await stands() == {"notice-sales there"}
        assert there.joinpath("notice-sales.wav").stat() != before
        await writer.put(f"{API}/callback-promised", data=hello)
        assert await run() == 0
        assert there.joinpath("callback-promised.wav.before").read_bytes() == b"mine"
    # Another page than the list, or a revoked key: nothing is taken away, and it says so.
    for changed in (f"URL={far.url}/login?", f"KEY={key[:-2]}xx"):
        conf.write_text(f"URL={far.url}\nPBX=main\nKEY={key}\nFOLDER={there}\n{changed}\n")
        assert await run() == 1
        assert {"notice-sales.wav", "callback-promised.wav"} <= lies()


async def test_check_pbx_says_what_has_not_come(far: Site, tmp_path: Path, hello: bytes) -> None:
    pbx = far.settings.pbx["main"]
    assert await prompt_findings(far.settings, "main", pbx) == []
    async with program(far, "prompts:write") as writer:
        await writer.put(f"{API}/notice-sales", data=hello)
    (lacking,) = await prompt_findings(far.settings, "main", pbx)
    assert lacking.mark is Mark.MISSING
    assert "notice-sales" in lacking.text
    assert any("ringback-prompts.sh" in line for line in lacking.lines)
    shared = pbx.model_copy(update={"sounds": tmp_path / "none"})
    missing, _ = await prompt_findings(far.settings, "main", shared)
    assert "no such folder" in missing.text
    (tmp_path / "none").mkdir()
    there, _ = await prompt_findings(far.settings, "main", shared)
    assert there.mark is Mark.OK
