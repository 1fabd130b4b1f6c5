"""Fixtures for all tests. Each kind lives in a file of its own and is named here, so that tests find it."""

from __future__ import annotations

import pytest

from tests.databases import database, database_url, postgres_cluster, sqlite_template
from tests.speech import card_call, service_call, service_lines, whisper_model

__all__ = [
    "card_call",
    "database",
    "database_url",
    "postgres_cluster",
    "service_call",
    "service_lines",
    "sqlite_template",
    "whisper_model",
]

OF_THE_WORLD = ("asterisk", "browser", "odoo")
"""Marks of tests in which programs that are not ours take part, each with time-outs of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A telephone that rang too late because the machine did something else is no fault of ours: such a test is asked
    once more, and the summary names it (RERUN). What fails twice has failed."""
    for item in items:
        if any(item.get_closest_marker(mark) for mark in OF_THE_WORLD):
            item.add_marker(pytest.mark.flaky(reruns=1))
