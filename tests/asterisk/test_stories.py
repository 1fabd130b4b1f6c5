"""Stories played live: the real PBX speaks, Ringback's own reading of it agrees with what the phones saw.

Six stories always run; all of them, on Asterisk 22 and 16, in ``make test-full``. The stored captures of all stories
are replayed elsewhere, without a PBX.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbx_bridge.replay import replay_files
from tests.asterisk.agree import differences
from tests.asterisk.install import is_installed
from tests.asterisk.pbx import Pbx
from tests.asterisk.record import play, record
from tests.asterisk.stories import STORIES

pytestmark = pytest.mark.asterisk

LIVE = (
    "direct_answered",
    "direct_missed",
    "queue_ringall_answered",
    "queue_abandoned",
    "blind_transfer",
    "attended_transfer",
)


def wrong_in(folder: Path, name: str) -> list[str]:
    """What replay says differently from the truth of one recorded story."""
    single = folder / f"{name}.ami"
    streams = [single] if single.exists() else sorted(folder.glob(f"{name}.[0-9].ami"))
    expected = json.loads((folder / f"{name}.json").read_text())
    got = replay_files(streams, expected["trunks"], expected["region"])
    return [f"{name}: {difference}" for difference in differences(got["calls"], expected["calls"])]


@pytest.mark.parametrize("name", LIVE)
async def test_live_story_is_read_as_it_happened(pbx: Pbx, tmp_path: Path, name: str) -> None:
    (await play(pbx, STORIES[name])).write(tmp_path)
    assert wrong_in(tmp_path, name) == []


@pytest.mark.full
@pytest.mark.parametrize("version", ["22", "16"])
async def test_every_story_is_read_as_it_happened(version: str, tmp_path: Path) -> None:
    if not is_installed(version):
        pytest.skip(f"Asterisk {version} is not installed")
    stories = [story for story in STORIES.values() if version in story.only_on]
    failed = await record(version, stories, tmp_path, jobs=2)
    played = [story.name for story in stories if story.name not in failed]
    assert (failed, [line for name in played for line in wrong_in(tmp_path, name)]) == ([], [])
