"""What an administrator can get wrong, tried on the real command: each gives one sentence that names the key and the
fix, and a non-zero exit, or goes on trying where that fits."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pbx_bridge.simulator import Simulator
from tests.databases import Cluster
from tests.process import Server
from tests.site import eventually

ROOT = Path(__file__).parents[2]
PBX = """
[pbx.main]
host = "127.0.0.1"
port = 1
trunks = ["PJSIP/trunk"]
events = { user = "u", secret = "s" }
"""


def refused(folder: Path, text: str, *words: str, database: str | None = None) -> tuple[int, str]:
    """Exit status and standard error of the command with these settings."""
    path = folder / "ringback.toml"
    path.write_text(text)
    path.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "server", *(words or ("serve",)), "--config", str(path)],
        cwd=ROOT,
        env=os.environ | {"RINGBACK_DATABASE__URL": database or f"sqlite:///{folder}/ringback.db"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ("[server]\nprot = 8080\n" + PBX, 2, r"^ringback: `server\.prot`: .*did you mean `port`\?"),
        ("[server]\nport = 'many'\n" + PBX, 2, r"^ringback: `server\.port`: "),
        ("[server\n", 2, r"^ringback: .*is not valid TOML"),
        ("[server]\npublic_url = 'calls'\n" + PBX, 2, r"^ringback: `server\.public_url`: write scheme"),
        ("[site]\nregion = 'XX'\n" + PBX, 2, r"^ringback: `site\.region`: write a two-letter"),
        (
            "[server]\nhost = 'no.such.invalid'\ntrusted_proxies = ['127.0.0.1']\n[log]\nlevel='ERROR'\n"
            + PBX,
            1,
            r"^ringback: cannot listen on no\.such\.invalid:8080 .*set `server\.port` or `server\.host`",
        ),
        ("", 1, r"^ringback: no PBX is set: add a section \[pbx\.main\]"),
        ("[server]\nhost = '0.0.0.0'\n" + PBX, 1, r"^ringback: .*server\.(tls_certificate|host)"),
        (
            "[server]\ntls_certificate='c'\ntls_key='k'\n" + PBX,
            1,
            r"^ringback: cannot load `server\.tls_cert",
        ),
    ],
)
def test_settings(tmp_path: Path, text: str, status: int, says: str) -> None:
    code, said = refused(tmp_path, text)
    assert code == status
    assert re.search(says, said), said
    assert len(said.splitlines()) == 1


def test_a_settings_file_that_is_not_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "serve", "--config", "/nowhere/ringback.toml"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert re.match(r"ringback: there is no settings file /nowhere/ringback\.toml: copy", done.stderr)


def said(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The whole of what the command prints, with these variables."""
    return subprocess.run(
        [sys.executable, "-m", "server", *words],
        cwd=ROOT, env=os.environ | variables, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_settings_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "ringback.toml").write_bytes(b"\xff\xfe[server]")
    done = said("serve", "--config", str(tmp_path / "ringback.toml"))
    assert done.returncode == 2
    assert re.fullmatch(r"ringback: \S+ringback\.toml is not valid TOML: .*\n", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RINGBACK_SREVER__PORT", "1", r"RINGBACK_SREVER__PORT: there is no section `srever` \(.*`SERVER`"),
        ("RINGBACK_SERVER__PROT", "1", r"`server\.prot`: there is no such setting"),
        ("RINGBACK_SERVER__TRUSTED_PROXIES", "10.0.0.1", r"RINGBACK_SERVER… in the environment .*as JSON"),
        ("RINGBACK_PBX", "x", r"RINGBACK_PBX… in the environment cannot be read: .*as JSON"),
    ],
)
def test_a_variable_that_is_wrong(name: str, value: str, says: str) -> None:
    done = said("serve", **{name: value})
    assert done.returncode == 2
    assert re.match(f"ringback: {says}", done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_settings_that_may_not_be_read(tmp_path: Path) -> None:
    path = Path(tempfile.mkdtemp(prefix="ringback-test-")) / "ringback.toml"
    path.parent.chmod(0o755)
    try:
        path.write_text(PBX)
        path.chmod(0o600)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c",
             "from config.settings import load; load()"],
            cwd=ROOT, env=os.environ | {"RINGBACK_CONFIG": str(path)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(path.parent)
    assert re.search(r"BadSettingsError: cannot read \S+: Permission denied; let this user", done.stderr)


@pytest.mark.parametrize(
    ("mode", "warns"), [(0o644, True), (0o640, False)], ids=["everybody may read", "its group may"]
)
def test_settings_that_everybody_may_read(tmp_path: Path, busy_port: int, mode: int, warns: bool) -> None:
    path = tmp_path / "ringback.toml"
    path.write_text(f"[server]\nport = {busy_port}\n[database]\nurl = 'sqlite:///{tmp_path}/r.db'\n" + PBX)
    path.chmod(mode)
    done = said("serve", "--config", str(path))
    assert done.returncode == 1
    assert ("everybody on this machine can read the secrets" in done.stderr) is warns


def tls_files(folder: Path) -> None:
    for line in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout key.pem -out cert.pem",
        "genrsa -out other.pem 2048",
        "rsa -aes128 -passout pass:abcd -in key.pem -out locked.pem",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)
    (folder / "junk.pem").write_text("junk")


def test_tls_files(tmp_path: Path) -> None:
    tls_files(tmp_path)
    for key, says in {
        "other": r"cannot load `server\.tls_certificate` .* with `server\.tls_key` .*mismatch",
        "junk": r"cannot load .*both as PEM files",
        "nowhere": r"cannot load .*No such file",
        "locked": r"`server\.tls_key` is encrypted, .*openssl pkey",
    }.items():
        files = f"tls_certificate = '{tmp_path}/cert.pem'\ntls_key = '{tmp_path}/{key}.pem'\n"
        code, text = refused(tmp_path, f"[server]\n{files}" + PBX)
        assert code == 1
        assert re.match(f"ringback: {says}", text), text
        assert len(text.splitlines()) == 1


def test_a_list_of_people_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("login,name\n" + "a" * 200_000 + ",b\n")
    code, text = refused(tmp_path, PBX, "user", "import", str(tmp_path / "people.csv"))
    assert code == 1
    assert re.match(r"ringback: line 2 is no line of a table ", text), text


def test_a_list_with_a_bad_line_is_not_called_a_success(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("login,name,role\nanna,Anna,king\n")
    code, _ = refused(tmp_path, PBX, "user", "import", str(tmp_path / "people.csv"))
    assert code == 1


def test_the_demo_with_a_level_that_is_none() -> None:
    done = said("demo", RINGBACK_LOG__LEVEL="LOUD", RINGBACK_SERVER__PORT="1")
    assert (done.returncode, done.stderr) == (
        1, "ringback: RINGBACK_LOG__LEVEL is 'LOUD': write DEBUG, INFO, WARNING or ERROR\n",
    )  # fmt: skip


def test_a_closed_standard_error_is_no_reason_to_stop(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m server user add anna 2>&-"],
        cwd=ROOT, env=os.environ | {"RINGBACK_DATABASE__URL": f"sqlite:///{tmp_path}/r.db"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, "anna can log in now" in done.stdout) == (0, True)


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["nobody-made-it", "ringback_template&user=nobody"])
def test_a_postgresql_that_refuses(tmp_path: Path, postgres_cluster: Cluster, name: str) -> None:
    base = postgres_cluster.url(name.partition("&")[0])
    url = base.replace("postgres@", "nobody@") if "&" in name else base
    code, text = refused(tmp_path, PBX, "user", "add", "anna", database=url)
    assert code == 1
    assert re.match(r"ringback: cannot use the database .*check `database\.url`", text), text


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_in_use(tmp_path: Path, busy_port: int) -> None:
    code, said = refused(tmp_path, f"[server]\nport = {busy_port}\n" + PBX)
    assert code == 1
    assert re.search(rf"cannot listen on 127\.0\.0\.1:{busy_port} .*server\.port", said), said


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ringback.db").write_bytes(b"this is not a database" * 100)
    code, said = refused(tmp_path, PBX)
    assert code == 1
    assert re.search(r"cannot use the database .*database\.url", said), said


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "ringback.db")
    database.execute("CREATE TABLE alembic_version (version_num TEXT)")
    database.execute("INSERT INTO alembic_version VALUES ('9999')")
    database.commit()
    database.close()
    code, said = refused(tmp_path, PBX)
    assert code == 1
    assert re.search(r"was made by a newer Ringback", said), said


def test_a_phone_on_a_pbx_that_is_not_set(tmp_path: Path) -> None:
    code, said = refused(tmp_path, PBX, "user", "add", "anna", "--device", "branch:PJSIP/101")
    assert code == 1
    assert re.search(r"'branch:PJSIP/101' is not a phone: .*PBXs in the settings: main", said), said


# ---- a PBX that is wrong or away: the server stays up, says so, and goes on trying


@pytest.fixture
async def pbx() -> AsyncIterator[Simulator]:
    async with Simulator() as pbx:
        yield pbx


async def not_ready(server: Server) -> str:
    """What /health/ready says once the link has been tried."""

    async def ask() -> str:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{server.port}/health/ready") as reply,
            ):
                assert reply.status == 503
                return await reply.text()
        except aiohttp.ClientConnectionError:
            return ""

    return await eventually(ask, lambda text: "pbx.main" in text)


async def test_a_wrong_secret(tmp_path: Path, pbx: Simulator) -> None:
    server = Server(tmp_path, (pbx.host, pbx.port), "wrong")
    await server.launch()
    try:
        said = await not_ready(server)
        alarm = await eventually(lambda: _alarm(tmp_path))
    finally:
        await server.stop()
    assert "pbx.main.events.secret" in said
    assert "pbx.main.events.secret" in alarm[0]


async def _alarm(folder: Path) -> Any:
    def ask() -> Any:
        database = sqlite3.connect(folder / "ringback.db")
        try:
            return database.execute("SELECT text FROM alarms WHERE code = 'pbx-login-refused'").fetchone()
        except sqlite3.OperationalError:
            return None
        finally:
            database.close()

    return await asyncio.to_thread(ask)


async def test_a_pbx_that_is_not_there(tmp_path: Path) -> None:
    server = Server(tmp_path, ("127.0.0.1", 1), "secret")
    await server.launch()
    try:
        said = await not_ready(server)
    finally:
        await server.stop()
    assert "pbx.main.host" in said


async def test_it_says_where_it_listens_and_that_nobody_administers_it(tmp_path: Path) -> None:
    server = Server(tmp_path, ("127.0.0.1", 1), "secret")
    await server.launch()
    try:
        await not_ready(server)
    finally:
        await server.stop()
    said = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line["url"] for line in said if line["event"] == "listening"] == [
        f"http://127.0.0.1:{server.port}"
    ]
    assert any("ringback user add LOGIN --role administrator" in line["event"] for line in said)
    assert [line["schema"] for line in said if "schema" in line] == ["0001"]


async def test_a_port_that_is_not_ami(tmp_path: Path) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        server = Server(tmp_path, other.sockets[0].getsockname()[:2], "secret")
        await server.launch()
        try:
            said = await not_ready(server)
        finally:
            await server.stop()
    assert "pbx.main.port" in said
