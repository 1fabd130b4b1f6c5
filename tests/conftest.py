"""Fixtures for all tests. Each kind lives in a file of its own and is named here, so that tests find it."""

from __future__ import annotations

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
