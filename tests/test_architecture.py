"""The house keeps its walls: the import rule by import-linter, purity of the pure files by their own imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IMPURE = {"asyncio", "aiohttp", "sqlalchemy", "os", "time", "socket", "threading", "random"}
PURE = (
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "core/facts").glob("*.py"))),
    "core/phone.py",
    "callback/hours.py",
    "callback/policy.py",
    "callback/quiet.py",
    "pbx_bridge/ami/codec.py",
    "pbx_bridge/ami/message.py",
    "pbx_bridge/ami/queue.py",
    "pbx_bridge/ami/session.py",
    "pbx_bridge/ami/events.py",
    "pbx_bridge/ami/parsing.py",
    "pbx_bridge/agents.py",
    "pbx_bridge/ami/channel.py",
    "pbx_bridge/ami/mending.py",
    "pbx_bridge/anonymise.py",
    "pbx_bridge/call_state.py",
    "pbx_bridge/calls.py",
    "pbx_bridge/check/needs.py",
    "pbx_bridge/check/rules.py",
    "pbx_bridge/conversation.py",
    "pbx_bridge/directory.py",
    "pbx_bridge/inferred.py",
    "pbx_bridge/legs.py",
    "pbx_bridge/markers.py",
    "pbx_bridge/orders.py",
    "pbx_bridge/parties.py",
    "pbx_bridge/reconcile.py",
    "pbx_bridge/rooms.py",
    "pbx_bridge/status.py",
    "pbx_bridge/talks.py",
    "pbx_bridge/times.py",
    "pbx_bridge/transfers.py",
    "pbx_bridge/verdict.py",
    "pbx_bridge/views.py",
    "pbx_bridge/why.py",
    "crm_link/connectors/words.py",
    "crm_link/match.py",
    "crm_link/webhooks/kinds.py",
    "crm_link/webhooks/ladder.py",
    "recordings/coverage/findings.py",
    "recordings/search/query.py",
    "recordings/search/words.py",
    "recordings/search/snippets.py",
    "recordings/names.py",
    "server/api/reading.py",
    "server/live/snapshot.py",
)


def test_rooms_do_not_know_each_other() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", PURE)
def test_pure_files_ask_nobody(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text())
    assert imported(tree).isdisjoint(IMPURE)


def test_only_one_file_opens_an_ami_socket() -> None:
    opening = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "pbx_bridge").rglob("*.py")
        if "create_connection" in path.read_text() or "open_connection" in path.read_text()
    ]
    assert opening == ["pbx_bridge/ami/link.py"]


def imported(tree: ast.Module) -> set[str]:
    """Top-level names of everything a file imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
