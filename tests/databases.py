"""Databases for tests: every test that asks for `database` runs on SQLite and on a real PostgreSQL, each time on a
fresh copy of an empty schema. The PostgreSQL is a throw-away cluster on a socket folder of its own, started once per
run; as root it runs as user `postgres`, since PostgreSQL refuses root. Without an installation those tests are
skipped, unless `CI=true`: then they fail."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.db import Database
from server.schema import prepare

__all__ = [
    "Cluster",
    "database",
    "database_url",
    "fresh",
    "postgres_cluster",
    "sqlite_template",
    "throwaway_cluster",
]

TEMPLATE = "ringback_template"

FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB -c max_connections=80"
"""Durability is the server's business, not what these tests ask about."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL without a network address. `folder` holds its data and its socket."""

    programs: Path
    folder: Path

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def start(self) -> None:
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8")
        self.resume()

    def resume(self) -> None:
        """Run again after `stop`."""
        data = str(self.folder / "data")
        options = f"-k {self.folder} -c listen_addresses='' {FAST}"
        self.run("pg_ctl", "-D", data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """`fast` keeps what was committed; with `FAST` an immediate stop does not."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "stop")

    def sql(self, statement: str) -> None:
        self.run("psql", "-h", str(self.folder), "-U", "postgres", "-qc", statement, "postgres")

    def run(self, program: str, *arguments: str) -> None:
        # pg_ctl leaves the server behind: with pipes we would wait for its end of them too.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [self.programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                user="postgres" if os.geteuid() == 0 else None,
                check=False,
            )
            output.seek(0)
            said = output.read().decode(errors="replace")
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {said}")


def _programs() -> Path | None:
    """Where initdb lives: on the path, or the newest of Debian's versions."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return versions[-1].parent if versions else None


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    if _programs() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs a PostgreSQL server installation (Debian: apt install postgresql)")
        pytest.skip("no PostgreSQL server installation (Debian: apt install postgresql)")
    with throwaway_cluster() as cluster:
        cluster.sql(f"CREATE DATABASE {TEMPLATE}")
        _make_schema(cluster.url(TEMPLATE))
        yield cluster


@contextmanager
def throwaway_cluster() -> Iterator[Cluster]:
    """A cluster that is gone afterwards. Raises FileNotFoundError without an installation."""
    programs = _programs()
    if programs is None:
        raise FileNotFoundError("no PostgreSQL server installation (Debian: apt install postgresql)")
    # Not pytest's own folder: it is closed to user postgres, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="ringback-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    cluster = Cluster(programs, folder)
    try:
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "template.db"
    _make_schema(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database with our schema; for tests that open it more than once."""
    if request.param == "sqlite":
        path = tmp_path / "ringback.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    with fresh(request.getfixturevalue("postgres_cluster")) as url:
        yield url


@contextmanager
def fresh(cluster: Cluster) -> Iterator[str]:
    """The address of an empty PostgreSQL database with our schema."""
    name = f"test_{next(_numbers)}"
    cluster.sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield cluster.url(name)
    cluster.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open, empty database; the test runs once on SQLite and once on PostgreSQL."""
    database = Database(database_url)
    yield database
    await database.close()


def _make_schema(url: str) -> None:
    async def make() -> None:
        database = Database(url)
        await prepare(database)
        await database.close()

    # A thread, because the test runner's own event loop may be about to start in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, make()).result()


@pytest.fixture
async def postgres(postgres_cluster: Cluster) -> AsyncIterator[Database]:
    """For what cannot happen on SQLite, whose writers wait for each other. Mark such tests `postgres`."""
    with fresh(postgres_cluster) as url:
        database = Database(url)
        yield database
        await database.close()
