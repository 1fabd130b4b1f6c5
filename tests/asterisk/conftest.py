"""Fixtures for tests against a real Asterisk: ``pbx`` (shared by the session), ``own_pbx`` and ``lab``.

Without an installed Asterisk the tests that use them are skipped with one line; with CI=true they fail instead.
``RINGBACK_TEST_PBX=16`` runs them on the oldest supported version.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.asterisk.install import installed_version
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx


def wanted_version() -> str:
    """The Asterisk version to test on."""
    return os.environ.get("RINGBACK_TEST_PBX", "22")


def _new_pbx() -> Pbx:
    if installed_version(wanted_version()) is None and os.environ.get("CI") != "true":
        pytest.skip("no Asterisk: run python -m tests.asterisk.install as root on Debian")
    return Pbx(wanted_version())


@pytest.fixture(scope="session")
def pbx() -> Iterator[Pbx]:
    """One running PBX for all tests; do not stop it."""
    pbx = _new_pbx()
    asyncio.run(pbx.start())
    yield pbx
    asyncio.run(pbx.close())


@pytest.fixture
async def own_pbx() -> AsyncIterator[Pbx]:
    """A PBX of this test's own, to be stopped, killed and restarted."""
    async with _new_pbx() as pbx:
        yield pbx


@pytest.fixture
async def lab(pbx: Pbx) -> AsyncIterator[Lab]:
    """The shared PBX with phones and carriers; whatever calls the test leaves are ended."""
    async with Lab(pbx) as lab:
        yield lab
        await pbx.hang_up_all()
