"""The receivers of docs/webhooks.md, as a reader would copy them: they take what we send, and nothing else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import system_clock
from core.outside import Outside
from crm_link.webhooks.endpoints import new_secret
from crm_link.webhooks.kinds import Outcome
from crm_link.webhooks.sender import Message, send
from tests.receiver import HOME, receiver

PAGE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
MESSAGE = Message(
    "msg_1", '{"type":"call.ended","timestamp":"2026-11-21T22:27:42.500Z","data":{"name":"Żaneta"}}'
)


def example(language: str, holding: str) -> str:
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return next(block for block in blocks if holding in block)


async def test_the_python_example_takes_what_is_genuine() -> None:
    secret = new_secret()
    names: dict[str, Any] = {}
    exec(example("python", "WebhookVerificationError").replace("whsec_…", secret), names)
    app = web.Application()
    app.router.add_post("/ringback", names["receive"])
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    url = str(server.make_url("/ringback"))
    async with Outside(HOME) as outside:
        genuine = await send(outside, url, [secret], MESSAGE, system_clock)
        rotated = await send(outside, url, [new_secret(), secret], MESSAGE, system_clock)
        forged = await send(outside, url, [new_secret()], MESSAGE, system_clock)
        old = await send(outside, url, [secret], MESSAGE, lambda: system_clock() - 3600)
    await server.close()
    assert (genuine.status, rotated.status, forged.status, old.status) == (204, 204, 401, 401)
    assert names["seen"] == {"msg_1"}


async def test_the_shell_example_takes_what_is_genuine(tmp_path: Path) -> None:
    secret = new_secret()
    async with receiver() as crm, Outside(HOME) as outside:
        sent = await send(outside, crm.url, [secret], MESSAGE, system_clock)
    assert sent.outcome is Outcome.DELIVERED
    (got,) = crm.got
    (tmp_path / "body.json").write_text(got.text, encoding="utf-8")
    given = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "ID": got.id,
        "TIMESTAMP": got.headers["webhook-timestamp"],
        "SIGNATURE_HEADER": got.headers["webhook-signature"],
    }

    def said(key: str) -> str:
        script, environment = example("sh", "openssl"), given | {"SECRET": key}
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    assert said(secret) == "genuine"
    assert said(new_secret()) == ""
