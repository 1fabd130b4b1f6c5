"""What hostile callers send never makes a log line of its own, on a terminal or in JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from config.logging import set_up
from config.settings import Log

HOSTILE = "Jan\r\n2026-11-21 [error] PBX stolen\x1b[2J\u2028\x00"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield
    structlog.configure(**before)
    logging.basicConfig(handlers=handlers, level=level, force=True)


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_callers_name_stays_on_its_line(capsys: pytest.CaptureFixture[str], form: str) -> None:
    set_up(Log(format=form))
    structlog.get_logger("ringback.test").warning("odd name", shown=HOSTILE)
    logging.getLogger("ringback.other").warning("odd name %s", HOSTILE)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("stolen" in line and "\x00" not in line and "\x1b[2J" not in line for line in lines)


def test_an_error_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Log(format="json"))
    try:
        json.loads("\x07")
    except json.JSONDecodeError:
        structlog.get_logger("ringback.test").exception("failed")
    said = json.loads(capsys.readouterr().err)
    assert said["exception"].startswith("Traceback (most recent call last):\n")
    assert "\x07" not in said["exception"]


def test_what_turns_text_round_is_seen_also_inside_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Log(format="json"))
    hostile = "gnp\u202eexe\u2028\u200b\x85"
    structlog.get_logger("ringback.test").warning("odd", names=[hostile], by={hostile: (hostile,)})
    (line,) = capsys.readouterr().err.split("\n")[:-1]
    said = json.loads(line)
    assert said["names"] == ["gnp�exe���"]
    assert said["by"] == {"gnp�exe���": ["gnp�exe���"]}
