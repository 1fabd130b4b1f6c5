"""The widget as it is served: the modules of `callback/widget/` in, one classic script out, and a version that changes
with any of the files. Only comments, imports and spaces are left out: no bundler, and what runs can be read.

The modules keep rules that make this possible: each top-level name exists once, imports are static and stand one to a
statement, nothing is exported under another name, comments stand on lines of their own, a template holds no other
template, and a pattern no quote."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "widget"

ORDER = (
    "address", "dom", "api", "visit", "words", "style", "proof", "when", "state", "follow", "form", "panel", "element",
)  # fmt: skip
"""Each after those it needs while the script is read."""

FILES = ("texts/en.json", "texts/pl.json", "texts/es.json", "vendor/altcha/pbkdf2.js")
"""What the script asks for later, under its version."""

_LEFT_OUT = re.compile(
    r"^import [^;]*;\n|^ *//[^\n]*\n|^ */\*\*.*?\*/\n|^export (?=\w)|^ +|^\n", re.MULTILINE | re.DOTALL
)
_CSS = re.compile(r"(?<=const CSS = `).*?(?=`;)", re.DOTALL)
_CSS_SPACE = re.compile(r"\n|(?<=[:;,{}]) +| +(?=[{}])")

_SPACE = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|`[^`]*`)"""
    r"""| *(?P<sign>=>|&&|\|\||\?\?|[=!]==|[={}(),:;?]) *(?:(?<=[{,;(])\n)?"""
)
"""A text, which stays as it is, or a sign with the spaces around it; where no statement can end, the line's end too."""


@dataclass(frozen=True, slots=True)
class Widget:
    """`script` is what a website embeds; `files` are by their path under the version."""

    version: str
    script: bytes
    files: dict[str, bytes]


@cache
def widget() -> Widget:
    """Read once per process."""
    modules = "".join(_plain((FOLDER / f"{name}.js").read_text("utf-8")) for name in ORDER)
    files = {name: _file(FOLDER / name) for name in FILES}
    version = hashlib.sha256(b"\0".join((modules.encode(), *files.values()))).hexdigest()[:12]
    script = "(() => {\n" + modules.replace("@version", version) + "})();\n"
    return Widget(version, script.encode(), files)


def _file(path: Path) -> bytes:
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def _plain(module: str) -> str:
    without = _LEFT_OUT.sub("", module)
    squeezed = _CSS.sub(lambda css: _CSS_SPACE.sub("", css[0]), without)
    return _SPACE.sub(lambda found: found["sign"] or found["text"], squeezed)
