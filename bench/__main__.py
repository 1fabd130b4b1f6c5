"""`make bench`: every measurement in turn, a line as soon as each figure is known, all of them in `bench/results.json`.

In: `--quick` for a look in under two minutes (smaller rounds, no million customers), `--only codec,delay` for parts.
Out: one JSON object per figure: name, value, unit, the peer's name and value, and the ratio of ours to the peer's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import calls, codec, collector, delay, imports, match, search, transcribe
from bench.row import Row

RESULTS = Path(__file__).parent / "results.json"

Part = Callable[[bool, Callable[[str], None]], Iterator[Row]]


def _match(quick: bool, tell: Callable[[str], None]) -> Iterator[Row]:
    if quick:
        tell("left out with --quick")
        return
    tell(f"making {match.CUSTOMERS:,} customers")
    yield from match.rows()


PARTS: dict[str, Part] = {
    "codec": codec.rows,
    "calls": calls.rows,
    "match": _match,
    "import": imports.rows,
    "delay": delay.rows,
    "collector": collector.rows,
    "search": search.rows,
    "transcribe": transcribe.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Ringback on this machine.")
    parser.add_argument("--quick", action="store_true", help="smaller rounds, under two minutes")
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run, comma-separated")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts: {', '.join(PARTS)}")
    rows: list[Row] = []
    for part in wanted:
        rows += _run(part, options.quick)
    RESULTS.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")
    print(f"\n{len(rows)} figures are in {RESULTS}")


def _run(part: str, quick: bool) -> Iterator[Row]:
    began = time.monotonic()
    print(f"\n{part}")

    def tell(words: str) -> None:
        print(f"  · {words} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)

    for row in PARTS[part](quick, tell):
        print(f"  {row}", flush=True)
        yield row


if __name__ == "__main__":
    main()
