"""Fixtures for tests against a real Odoo: ``odoo`` is one for all tests of a run. Without an installed Odoo they are
skipped with one line; with CI=true they fail instead."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.asterisk.conftest import lab, pbx
from tests.browser.conftest import chromium
from tests.odoo.install import is_installed
from tests.odoo.server import OdooServer

__all__ = ["chromium", "lab", "odoo", "pbx"]


@pytest.fixture(scope="session")
def odoo() -> Iterator[OdooServer]:
    """Running, with one user and no contacts but its own; what a test stops it starts again."""
    if not is_installed() and os.environ.get("CI") != "true":
        pytest.skip("no Odoo: run python -m tests.odoo.install as root on Debian")
    server = OdooServer()
    try:
        asyncio.run(server.start_all())
        yield server
    finally:
        server.close()
