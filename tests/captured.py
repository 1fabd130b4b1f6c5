"""The captures in `tests/captures/` for tests: which there are, their bytes cut into messages, their expected calls.

In: the capture folder. Out: `CAPTURES`, and their messages for tests that change them. Nothing is replayed here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "captures"
END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Captured:
    """One capture: its connections in order and the truth beside them."""

    name: str
    files: tuple[Path, ...]
    truth: Path

    def expected(self) -> dict[str, Any]:
        """`calls`, `trunks`, `region` and more."""
        loaded: dict[str, Any] = json.loads(self.truth.read_text(encoding="utf-8"))
        return loaded


def _all() -> list[Captured]:
    found: list[Captured] = []
    for truth in sorted(FOLDER.glob("*/*.json")):
        stem = truth.with_suffix("")
        name = f"{stem.parent.name}/{stem.name}"
        parts = tuple(sorted(stem.parent.glob(f"{stem.name}.[0-9].ami")))
        single = stem.parent / f"{stem.name}.ami"
        everything = stem.parent / f"{stem.name}.all.ami"
        if parts or single.exists():
            found.append(Captured(name, parts or (single,), truth))
        if everything.exists():
            found.append(Captured(f"{name}.all", (everything,), truth))
    return found


CAPTURES = _all()


def messages(file: Path) -> tuple[bytes, list[bytes]]:
    """The greeting line, and every message without the empty line that ends it."""
    data = file.read_bytes()
    greeting, rest = data[: data.index(b"\r\n") + 2], data[data.index(b"\r\n") + 2 :]
    return greeting, [block for block in rest.split(END) if block]


def write(file: Path, greeting: bytes, blocks: Sequence[bytes]) -> Path:
    """A capture made of these messages."""
    file.write_bytes(greeting + b"".join(block + END for block in blocks))
    return file


def header(block: bytes, key: bytes) -> bytes | None:
    """First value of a header, spelled as Asterisk does."""
    for line in block.split(b"\r\n"):
        if line.startswith(key + b": "):
            return line[len(key) + 2 :]
    return None
