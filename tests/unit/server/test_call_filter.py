"""Query parameters to a filter and back; days are the site's own, also where a clock change makes them odd."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

from core.errors import InvalidInputError
from core.facts import Direction, Verdict
from server.views.call_filter import When, read_filter

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = datetime(2026, 11, 21, 22, 30, tzinfo=UTC).timestamp()


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_without_parameters_it_is_the_last_seven_days() -> None:
    wanted = read_filter({}, NOW, WARSAW)
    assert (wanted.when, wanted.since, wanted.until) == (When.WEEK, at("2026-11-15T00:00+01:00"), None)
    assert not wanted.is_narrowed


def test_today_is_the_sites_day_not_utcs() -> None:
    just_after_midnight = at("2026-11-22T00:30+01:00")
    assert read_filter({"when": "today"}, just_after_midnight, WARSAW).since == at("2026-11-22T00:00+01:00")


def test_days_with_a_clock_change_are_23_or_25_hours_long() -> None:
    spring = read_filter({"from": "2026-03-29", "to": "2026-03-29"}, NOW, WARSAW)
    autumn = read_filter({"from": "2026-10-25", "to": "2026-10-25"}, NOW, WARSAW)
    assert spring.until is not None
    assert spring.since is not None
    assert autumn.until is not None
    assert autumn.since is not None
    assert spring.until - spring.since == 23 * 3600
    assert autumn.until - autumn.since == 25 * 3600


def test_what_is_asked_survives_the_way_into_a_link_and_back() -> None:
    query = {
        "when": "custom", "from": "2026-11-01", "to": "2026-11-03", "direction": "inbound", "verdict": "missed",
        "agent": "4", "queue": "sales & more", "number": "+48 22 600 00 01",
    }  # fmt: skip
    wanted = read_filter(query, NOW, WARSAW)
    assert read_filter(dict(parse_qsl(wanted.query())), NOW, WARSAW) == wanted
    assert (wanted.direction, wanted.verdict, wanted.agent) == (Direction.INBOUND, Verdict.MISSED, 4)


def test_a_link_may_change_one_part_or_take_it_away() -> None:
    wanted = read_filter({"when": "today", "verdict": "missed", "queue": "sales"}, NOW, WARSAW)
    assert dict(parse_qsl(wanted.query(verdict=None))) == {"when": "today", "queue": "sales"}
    assert dict(parse_qsl(wanted.query(verdict="busy")))["verdict"] == "busy"


def test_empty_parameters_are_as_if_absent() -> None:
    empty = dict.fromkeys(("direction", "verdict", "agent", "queue", "number", "from", "to"), "")
    assert read_filter({"when": "today"} | empty, NOW, WARSAW) == read_filter({"when": "today"}, NOW, WARSAW)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"when": "soon"}, "when"),
        ({"direction": "sideways"}, "direction"),
        ({"verdict": "fine"}, "verdict"),
        ({"agent": "anna"}, "agent"),
        ({"agent": "٣"}, "agent"),
        ({"from": "yesterday"}, "from"),
        ({"from": "0001-01-01"}, "from"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to"),
    ],
)
def test_what_cannot_be_used_is_named(query: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        read_filter(query, NOW, WARSAW)
    assert refusal.value.field == field
