"""What the pages of the project say must exist: files they link to, headings, commands, make targets, source files and
metrics they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.models import CommandInfo

from server.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith((".", "node_modules")) for part in page.relative_to(ROOT).parts)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:`|^\$ |^)ringback ((?:[a-z][a-z-]*)(?: [a-z][a-z|-]*)?)", re.MULTILINE)
SOURCE = re.compile(r"`((?:core|config|pbx_bridge|crm_link|server|tests|bench|docs)/[\w./-]+\.\w+)`")


def words(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands() -> dict[str, bool]:
    """Every command by its words (`serve`, `user add`), and whether it only groups others."""
    found = {name_of(one): False for one in app.registered_commands}
    for group in app.registered_groups:
        assert group.name is not None
        assert group.typer_instance is not None
        found[group.name] = True
        found |= {f"{group.name} {name_of(one)}": False for one in group.typer_instance.registered_commands}
    return found


def name_of(command: CommandInfo) -> str:
    return command.name or getattr(command.callback, "__name__", "").replace("_", "-")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", words(page), flags=re.DOTALL)
    for target in LINK.findall(prose):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{named(page)} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", words(file), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
            assert heading in anchors, f"{named(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_named_exist(page: Path) -> None:
    missing = [path for path in SOURCE.findall(words(page)) if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_named_exist(page: Path) -> None:
    known = commands()
    for text in COMMAND.findall(words(page)):
        first, _, second = text.partition(" ")
        assert first in known, f"{named(page)} names `ringback {text}`"
        if second and known[first]:
            assert all(f"{first} {one}" in known for one in second.split("|")), f"{named(page)}: {text}"


def test_every_command_is_described_somewhere() -> None:
    everything = "\n".join(words(page) for page in PAGES)
    said = {text for found in COMMAND.findall(everything) for text in (found, found.partition(" ")[0])}
    groups = {
        f"{group} {one}"
        for text in said
        if "|" in text
        for group, _, rest in [text.partition(" ")]
        for one in rest.split("|")
    }
    leaves = {name for name, is_group in commands().items() if not is_group}
    assert leaves <= said | groups


def test_make_targets_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)`", words(page)):
            assert target in targets, f"{named(page)} names `make {target}`"


def test_metrics_named_exist() -> None:
    source = "\n".join(
        path.read_text()
        for room in ("core", "pbx_bridge", "crm_link", "server")
        for path in (ROOT / room).rglob("*.py")
    )
    for name in re.findall(r"`(ringback_[a-z_]+)", words(ROOT / "docs/api.md")):
        assert name.removesuffix("_total") in source, name
