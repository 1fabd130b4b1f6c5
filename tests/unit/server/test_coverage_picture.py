"""The coverage of some days as columns: places and heights in percent, and the page's question."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import InvalidInputError
from recordings.coverage.findings import FindingKind
from recordings.kinds import AudioState
from server.views.coverage import Standing
from server.views.coverage_filter import Show, Span, read_coverage_filter
from server.views.coverage_picture import draw

DAY = date(2026, 11, 20)
ZONE = ZoneInfo("Europe/Warsaw")
NOW = 1_795_300_000.0


def standing(kept: int = 0, partly: int = 0, missing: int = 0, off: int = 0) -> Standing:
    states = {AudioState.KEPT: kept, AudioState.PARTLY: partly, AudioState.MISSING: missing}
    return Standing(Counter(states | {AudioState.OFF: off}))


def test_a_column_is_as_high_as_its_day_and_stands_on_the_ground() -> None:
    picture = draw({DAY: standing(kept=50), DAY + timedelta(days=1): standing(kept=90, missing=10)})
    low, high = picture.columns
    assert picture.most == 100
    assert [(part.state, part.y, part.height) for part in low.parts] == [(AudioState.KEPT, 50.0, 50.0)]
    assert [(part.state, part.y, part.height) for part in high.parts] == [
        (AudioState.KEPT, 10.0, 90.0),
        (AudioState.MISSING, 0.0, 10.0),
    ]
    assert (low.place, high.place) == (0.0, 50.0)


def test_one_missing_call_of_thousands_is_seen() -> None:
    (column,) = draw({DAY: standing(kept=4999, missing=1)}).columns
    assert column.parts[1].height == 1.5
    assert column.parts[1].y >= 0.0
    assert sum(part.height for part in column.parts) == pytest.approx(100.0)


def test_days_without_calls_are_empty() -> None:
    picture = draw({DAY: standing(off=5), DAY + timedelta(days=1): standing()})
    assert picture.most == 0
    assert [column.parts for column in picture.columns] == [(), ()]
    assert draw({}).columns == ()


def test_the_last_day_is_named_and_not_all_of_ninety() -> None:
    picture = draw({DAY + timedelta(days=number): standing(kept=1) for number in range(90)})
    assert picture.ticks[-1][0] == DAY + timedelta(days=89)
    assert len(picture.ticks) == 10


def test_what_is_left_out_on_purpose_does_not_count() -> None:
    assert standing(kept=3, missing=1, off=100).coverage == 0.75
    assert standing(off=100).coverage is None


def test_the_question_and_back() -> None:
    wanted = read_coverage_filter(
        {"when": "30d", "queue": "sales", "kind": "missing", "show": "closed"}, NOW, ZONE
    )
    assert (wanted.span, wanted.kind, wanted.show) == (Span.MONTH, FindingKind.MISSING, Show.CLOSED)
    assert (wanted.first, wanted.last) == (date(2026, 10, 23), date(2026, 11, 21))
    assert wanted.query(kind=None) == "when=30d&queue=sales&show=closed"
    assert wanted.calls_of(DAY) == "from=2026-11-20&to=2026-11-20&verdict=answered&queue=sales"
    with pytest.raises(InvalidInputError):
        read_coverage_filter({"kind": "odd"}, NOW, ZONE)
