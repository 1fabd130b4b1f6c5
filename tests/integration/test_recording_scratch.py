"""Nothing of anybody's voice stays on a disk because a process was killed: neither half a file in the store nor what
was being worked on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.db import Database
from recordings import scratch
from recordings.leftovers import Sweeper
from recordings.store import UNFINISHED_S, LocalStore
from tests.process import ROOT

KEY = f"{'a' * 32}/original.wav"

WORKING = """
import sys
from recordings import scratch
with scratch.folder() as place:
    (place / "original.wav").write_text("somebody's voice")
    print(place, flush=True)
    sys.stdin.read()
"""


class Working:
    """A process that has audio in its hands."""

    def __init__(self, temporary: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKING],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(temporary)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.place = Path(self.process.stdout.readline().strip())

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_what_a_killed_process_worked_on_goes_and_what_a_living_one_does_stays(temporary: Path) -> None:
    killed, living = Working(temporary), Working(temporary)
    try:
        killed.end(signal.SIGKILL)
        assert scratch.clear() == 0  # it may just be locking it
        assert scratch.clear(young_s=-1) == 1
        assert not killed.place.exists()
        assert (living.place / "original.wav").read_text() == "somebody's voice"
    finally:
        living.end(signal.SIGKILL)


def test_only_folders_of_ours_are_cleared(temporary: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (temporary / f"{scratch.PREFIX}link").symlink_to(precious)
    (temporary / f"{scratch.PREFIX}file").touch()
    (temporary / "other").mkdir()
    assert scratch.clear(young_s=-1) == 0
    assert (precious / "file").exists()
    assert (temporary / "other").exists()


async def test_half_a_file_in_the_store_goes_when_nobody_can_be_writing_it(
    database: Database, tmp_path: Path, temporary: Path
) -> None:
    store = LocalStore(tmp_path / "audio")
    source = tmp_path / "source"
    source.write_bytes(b"sound")
    await store.put(KEY, source)
    whole = store.folder / "aa" / KEY
    old, young = (whole.with_name(f".{name}.tmp") for name in ("old", "young"))
    alone = store.folder / "bb" / ("b" * 32) / ".alone.tmp"
    alone.parent.mkdir(parents=True)
    for path in (old, young, alone):
        path.write_bytes(b"half")
    long_ago = time.time() - UNFINISHED_S - 60
    for path in (old, alone):
        os.utime(path, (long_ago, long_ago))
    assert await Sweeper(database, store, time.time).tidy() == 2
    assert sorted(path.name for path in store.folder.rglob("*") if path.is_file()) == [
        ".young.tmp",
        "original.wav",
    ]
    assert not alone.parent.exists()
