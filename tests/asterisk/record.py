"""Plays stories on a real Asterisk and writes captures: AMI bytes and, beside them, what really happened.

In: ``python -m tests.asterisk.record [--set asterisk|other] [--pbx 22|16] [--story NAME]… [--out DIR] [--jobs N]``.
Out: ``NAME.ami`` (every byte one AMI connection received, from the banner on), ``NAME.json`` (the expected result),
``NAME.all.ami`` for stories that also record a connection with all rights. A story whose times the PBX's own log
contradicts is not written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.asterisk.ami_tap import AmiTap
from tests.asterisk.lab import Lab
from tests.asterisk.other import OTHER_STORIES
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Seen
from tests.asterisk.stories import STORIES, Story
from tests.asterisk.truth import Truth, check

CAPTURES = Path(__file__).parents[1] / "captures"
SETTLE_SECONDS = 0.4
"""Cdr events come some time after the last channel is gone."""
STORY_SECONDS = 90.0
SETS = {"asterisk": STORIES, "other": OTHER_STORIES}
"""The lab's own site, and other shops whose dialplans know nothing of us."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One story played once."""

    story: Story
    pbx: str
    streams: Sequence[bytes]
    everything: bytes
    truths: Sequence[Truth]
    seen: Sequence[Seen]

    def expected(self) -> dict[str, object]:
        """The content of NAME.json."""
        calls = [truth.as_json() for truth in sorted(self.truths, key=lambda truth: truth.started_at)]
        return {
            "pbx": self.pbx,
            "trunks": list(self.story.trunks),
            "region": self.story.region,
            "calls": calls,
            "notes": self.story.notes,
        }

    def write(self, folder: Path) -> None:
        """Write the capture's files."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, stream in enumerate(self.streams, start=1):
            part = f".{number}" if len(self.streams) > 1 else ""
            (folder / f"{self.story.name}{part}.ami").write_bytes(stream)
        if self.everything:
            (folder / f"{self.story.name}.all.ami").write_bytes(self.everything)
        text = json.dumps(self.expected(), indent=2, ensure_ascii=False)
        (folder / f"{self.story.name}.json").write_text(text + "\n")


async def play(pbx: Pbx, story: Story) -> Recording:
    """Play one story from silence to silence. Raises what the story, the phones or the check raise."""
    first_row = len(pbx.cel())
    async with Lab(pbx) as lab, AsyncExitStack() as stack:
        await lab.phones(*story.phones)
        everything = (
            await stack.enter_async_context(AmiTap(pbx, "recorder")) if story.records_everything else None
        )
        await stack.enter_async_context(lab.watch())
        async with asyncio.timeout(STORY_SECONDS):
            truths = await story.play(lab)
            await pbx.idle()
        await asyncio.sleep(SETTLE_SECONDS)
        check(truths, pbx.cel()[first_row:], lab.seen())
        streams = [bytes(tap.received) for tap in lab.taps]
        whole = bytes(everything.received) if everything else b""
        return Recording(story, await pbx.release(), streams, whole, truths, lab.seen())


async def record(version: str, stories: Sequence[Story], folder: Path, jobs: int) -> list[str]:
    """Record stories on several PBXs at once; returns the names of those that failed."""
    waiting, failed = list(reversed(stories)), list[str]()

    async def work() -> None:
        async with Pbx(version) as pbx:
            while waiting:
                await _record_one(pbx, waiting.pop(), folder, failed)

    await asyncio.gather(*(work() for _ in range(min(jobs, len(stories)))))
    return failed


async def _record_one(pbx: Pbx, story: Story, folder: Path, failed: list[str]) -> None:
    try:
        recording = await play(pbx, story)
    except Exception as error:
        # One bad story must not cost the others; the command ends with 1 and names it.
        print(f"FAILED {story.name}: {type(error).__name__}: {error}", flush=True)
        failed.append(story.name)
        await pbx.hang_up_all()
        return
    recording.write(folder)
    print(
        f"ok {story.name}: {sum(map(len, recording.streams))} bytes, {len(recording.truths)} calls",
        flush=True,
    )


def main() -> int:
    """Command line; exit code 1 when a story failed."""
    parser = argparse.ArgumentParser(description="Record AMI captures of stories played on a real Asterisk.")
    parser.add_argument("--pbx", choices=["22", "16"], default="22")
    parser.add_argument(
        "--story", action="append", default=[], help="a story's name, or its beginning with *"
    )
    parser.add_argument("--set", choices=sorted(SETS), default="asterisk", help="whose stories")
    parser.add_argument("--out", type=Path, default=CAPTURES)
    parser.add_argument("--jobs", type=int, default=2, help="PBXs at once")
    given = parser.parse_args()
    chosen = [
        story
        for story in SETS[given.set].values()
        if given.pbx in story.only_on and _wanted(story.name, given.story)
    ]
    failed = asyncio.run(record(given.pbx, chosen, given.out / f"{given.set}-{given.pbx}", given.jobs))
    print(f"{len(chosen) - len(failed)} recorded, {len(failed)} failed: {' '.join(failed)}")
    return 1 if failed else 0


def _wanted(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns
    )


if __name__ == "__main__":
    sys.exit(main())
