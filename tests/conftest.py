"""Fixtures for all tests. Each kind lives in a file of its own and is named here, so that tests find it."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from tests.databases import database, database_url, postgres, postgres_cluster, sqlite_template
from tests.speech import card_call, service_call, service_lines, whisper_model

__all__ = [
    "card_call",
    "database",
    "database_url",
    "postgres",
    "postgres_cluster",
    "service_call",
    "service_lines",
    "sqlite_template",
    "whisper_model",
]

structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        # Its own would draw every frame's variables, seconds of work in the loop that a test waits for.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

ALONE = Path(__file__).parent / "unit"
"""Tests in which no other program takes part."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A telephone, browser, database or server that answered too late because the machine did something else is no
    fault of ours: such a test is asked once more, and the summary names it (RERUN). What fails twice has failed."""
    for item in items:
        if not item.path.is_relative_to(ALONE):
            item.add_marker(pytest.mark.flaky(reruns=1))
