"""Fixtures for all tests. Each kind lives in a file of its own and is named here, so that tests find it."""

from __future__ import annotations

from tests.databases import database, database_url, postgres_cluster, sqlite_template

__all__ = ["database", "database_url", "postgres_cluster", "sqlite_template"]
