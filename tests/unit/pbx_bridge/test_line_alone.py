"""pyVoIP is GPL-3 and threaded: one file loads it, in a process of its own, and nobody loads that file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROOMS = ("core", "config", "pbx_bridge", "crm_link", "callback", "recordings", "server")
ALONE = ROOT / "pbx_bridge" / "line" / "sip_line.py"


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_one_file_imports_pyvoip_and_nobody_imports_that_file() -> None:
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        names = imported(path)
        assert any(name.startswith("pyVoIP") for name in names) is (path == ALONE), path
        assert "pbx_bridge.line.sip_line" not in names, path


def test_the_whole_server_is_imported_without_it() -> None:
    program = "import server.cli, server.serve, server.app, sys; print('pyVoIP' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "False"
