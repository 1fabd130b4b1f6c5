"""schemathesis reads the OpenAPI document of a running server and asks whatever it allows, and what it does not: never
an error of ours, never a status, type or shape that the document does not name, nothing accepted that it forbids.
The server has rows to be found, edited and removed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import Server, Settings
from core.accounts import Role
from core.db import Database
from recordings.store import LocalStore
from tests.integration.api_server import NOW, ApiServer, answered_call, api_server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
NEVER_ENDS = "stream"
GOES_OUT = "test_webhook"
"""It would send requests to addresses that a machine made up."""

IDS = (
    "customer",
    "note",
    "task",
    "deal",
    "webhook",
    "callback",
    "agent",
    "identity",
    "suppression",
    "merge",
    "block",
)
ROWS = 4

SETTINGS = """
[dictionaries.ids]
values = [{ids}]
[dictionaries.calls]
values = ["main-1.1", "main-1.2"]
[parameters]
"path.call_id" = {{ dictionary = "calls" }}
{parameters}
"""


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[ApiServer]:
    settings, store = Settings(server=Server(api_requests_per_minute=0)), LocalStore(tmp_path / "audio")
    async with api_server(database, store, settings) as server:
        await fill(server)
        yield server


async def fill(api: ApiServer) -> None:
    """Some of everything that has an id in a path."""
    for number in range(ROWS):
        await api.add_person(f"agent{number}", f"10{number}", Role.AGENT)
        await api.send(
            "POST", "/api/v1/customers", {"name": f"Firm {number}", "emails": ["a@example.com"]}, 201
        )
        await api.send("POST", f"/api/v1/customers/{number + 1}/notes", {"text": "prefers e-mail"}, 201)
        title = {"title": "Send the offer", "customer_id": number + 1}
        await api.send("POST", "/api/v1/tasks", {**title, "due_at": "2026-12-01T10:00:00Z"}, 201)
        await api.send("POST", "/api/v1/deals", {**title, "kind": "deal", "state": "open"}, 201)
        hook = {"name": f"Hook {number}", "url": "https://example.com/", "events": ["call.ended"]}
        await api.send("POST", "/api/v1/webhooks", hook, 201)
        await api.send("POST", "/api/v1/suppressions", {"number": f"+4822600000{number}", "reason": "x"}, 204)
    for place in (1, 2):
        await api.tell(*answered_call(f"main-1.{place}", NOW - 1000 * place))


def settings_of(folder: Path) -> Path:
    bindings = [f'"path.{name}_id" = {{ dictionary = "ids" }}' for name in IDS]
    file = folder / "schemathesis.toml"
    ids = ", ".join(str(one + 1) for one in range(ROWS))
    file.write_text(SETTINGS.format(ids=ids, parameters="\n".join(bindings)))
    return file


async def ask_everything(api: ApiServer, folder: Path, *words: str) -> None:
    """In a process of its own: the server answers from this one."""
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--no-color",
        "--config-file",
        str(settings_of(folder)),
    ]
    command += ["run", str(api.client.make_url("/api/v1/openapi.json"))]
    command += ["-H", f"Authorization: Bearer {api.key}", "--checks", ",".join(CHECKS)]
    command += ["--continue-on-failure", "--no-shrink", "--warnings", "off", "--generation-deterministic"]
    command += ["--exclude-operation-id", NEVER_ENDS, "--exclude-operation-id", GOES_OUT, *words]
    asking = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder
    )
    said, _ = await asking.communicate()
    assert asking.returncode == 0, said.decode(errors="replace")
    assert b"No test cases" not in said


async def test_a_little_of_everything(api: ApiServer, tmp_path: Path) -> None:
    await ask_everything(api, tmp_path, "--phases", "examples,fuzzing", "--max-examples", "3")


@pytest.mark.full
async def test_very_much_of_everything(api: ApiServer, tmp_path: Path) -> None:
    await ask_everything(
        api, tmp_path, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "20"
    )
