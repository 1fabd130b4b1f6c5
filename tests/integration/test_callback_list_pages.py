"""Lists from the page and from the command line: looked at first, sent once, refused lines given back."""

from __future__ import annotations

import sys
from asyncio import create_subprocess_exec, subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from callback.tables import Callback
from config.settings import load
from core.db import Database
from core.errors import InvalidInputError
from server.callbacks.list_command import import_list
from server.desk.callback_parts import LISTS
from tests.integration.callback_pages import Pages, callback_pages
from tests.process import ROOT
from tests.site import eventually

LIST = """number;name;message
501 234 567;Ewa <b>Lis</b>;price
'=1+1;Jan;
+33142685300;Uwe;
501 234 567;Ewa again;
"""


@pytest.fixture
async def pages(database: Database) -> AsyncIterator[Pages]:
    async with callback_pages(database) as pages:
        yield pages


async def hand_in(pages: Pages, text: bytes, status: int = 201, department: str = "sales") -> str:
    origin = {"Origin": str(pages.client.make_url("/")).rstrip("/"), "Content-Type": "text/csv"}
    response = await pages.client.post(
        "/callbacks/lists",
        params={"department": department, "name": "people.csv"},
        data=text,
        headers=origin | await pages._cookie(),
    )
    said = await response.json()
    assert response.status == status, said
    return str(said.get("path") or said["detail"])


async def test_a_list_is_looked_at_sent_and_mended(pages: Pages) -> None:
    path = await hand_in(pages, LIST.encode())
    text = await pages.get(path)
    assert "Nobody has been promised a call yet" in text
    assert "Ewa &lt;b&gt;Lis&lt;/b&gt;" in text
    assert "Ask for 1 new callback<" in text
    assert "1 line joins a callback that is open already." in text
    assert "add FR to `countries`" in text
    assert "Uwe" not in await pages.get(f"{path}?show=joins")
    await pages.form(f"{path}/submit", {})

    async def done() -> bool:
        return not (await pages.app[LISTS].state(1)).is_running

    await eventually(done)
    text = await pages.get(path)
    assert "1 joined an open callback" in text
    assert "every 1s" not in text
    refused = await pages.get(f"{path}/refused.csv")
    assert refused.splitlines()[1:] == ["'=1+1,Jan,", "'+33142685300,Uwe,"]
    assert "2 accepted" in await pages.get("/callbacks/lists")
    assert await hand_in(pages, LIST.encode()) == path, "the same file leads to what became of it"
    assert await hand_in(pages, LIST.encode(), department="support") != path


async def test_a_file_that_is_no_list_is_told_why(pages: Pages) -> None:
    assert "Choose a department" in await hand_in(pages, b"number\n1\n", 422, department="")
    assert "Here it says 'colour'" in await hand_in(pages, b"colour\n1\n", 422)
    assert "CSV UTF-8" in await hand_in(pages, "number,name\n1,Łucja".encode("cp1250"), 422)


async def test_a_list_can_be_thrown_away_and_agents_have_none(pages: Pages) -> None:
    path = await hand_in(pages, b"number\n501234567\n")
    await pages.form(f"{path}/drop", {})
    await pages.get(path, 404)
    pages.who = "anna"
    await pages.get("/callbacks/lists", 403)


SETTINGS = """
[database]
url = "sqlite:///{folder}/ringback.db"
[department.sales]
queue = "sales"
[pbx.main]
host = "127.0.0.1"
trunks = ["PJSIP/trunk"]
events = {{ user = "u", secret = "s" }}
"""


async def run(folder: Path, *words: str) -> tuple[int, str, str]:
    command = (
        sys.executable,
        "-m",
        "server",
        "callbacks",
        "import",
        *words,
        "--config",
        str(folder / "r.toml"),
    )
    process = await create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(SETTINGS.format(folder=tmp_path))
    file = tmp_path / "people.csv"
    file.write_text(LIST)
    status, out, _ = await run(tmp_path, str(file), "--department", "sales", "--dry-run")
    assert status == 1
    assert "line 3: refused: '=1+1' is no number that can be dialled" in out
    assert (
        "nothing was done. 1 would be new, 1 would join an open callback, 0 would be held, 2 refused" in out
    )
    for said in (
        "line 4: refused: '+33142685300' is a number of FR",
        "was sent before: nobody was asked for again",
    ):
        status, out, _ = await run(tmp_path, str(file), "--department", "sales")
        assert status == 1
        assert said in out
        assert "2 accepted (1 joined an open callback), 0 held, 2 refused" in out
    database = Database(f"sqlite:///{tmp_path}/ringback.db")
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Callback)) == 1
    await database.close()
    with pytest.raises(InvalidInputError, match="no department of the settings: sales"):
        await import_list(load(tmp_path / "r.toml"), LIST.encode(), "x.csv", "nowhere", dry_run=True)
