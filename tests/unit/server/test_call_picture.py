"""A call's moments as lanes and spans: who waited, rang and talked, and where nothing may be drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.views.call_picture import OUTSIDE, Moment, Picture, SpanKind, draw


def moment(at: float, kind: str, extension: str | None = None, detail: str | None = None) -> Moment:
    return Moment(at, kind, extension, detail)


def spans(picture: Picture, key: str) -> list[tuple[SpanKind, float, float]]:
    lane = next(lane for lane in picture.lanes if lane.key == key)
    return [(span.kind, span.start, span.end) for span in lane.spans]


RING_ALL = [
    moment(0, "started"),
    moment(2, "queued", detail="sales"),
    moment(5, "ringing", "101"),
    moment(5, "ringing", "102"),
    moment(10, "answered", "101"),
    moment(10, "stopped", "102", "answered_elsewhere"),
    moment(10, "dequeued", detail="sales"),
]


def test_a_queue_call_waits_rings_and_is_talked() -> None:
    picture = draw([*RING_ALL, moment(100, "ended")], 0, 100)
    assert [lane.key for lane in picture.lanes] == [OUTSIDE, "queue:sales", "101", "102"]
    assert spans(picture, OUTSIDE) == [(SpanKind.WAITING, 0, 10), (SpanKind.TALKING, 10, 100)]
    assert spans(picture, "queue:sales") == [(SpanKind.WAITING, 2, 10)]
    assert spans(picture, "101") == [(SpanKind.RINGING, 5, 10), (SpanKind.TALKING, 10, 100)]
    assert spans(picture, "102") == [(SpanKind.RINGING, 5, 10)]
    talking = next(lane for lane in picture.lanes if lane.key == "101").spans[1]
    assert (talking.x, talking.width) == (10.0, 90.0)


def test_hold_and_a_blind_transfer_are_seen() -> None:
    story = [
        *RING_ALL,
        moment(40, "held", "101"),
        moment(50, "resumed", "101"),
        moment(60, "blind_transfer", "101", "103"),
        moment(60, "left", "101"),
        moment(60, "ringing", "103"),
        moment(70, "answered", "103"),
    ]
    picture = draw(story, 0, 100)
    assert spans(picture, OUTSIDE) == [
        (SpanKind.WAITING, 0, 10),
        (SpanKind.TALKING, 10, 40),
        (SpanKind.HELD, 40, 50),
        (SpanKind.TALKING, 50, 60),
        (SpanKind.WAITING, 60, 70),
        (SpanKind.TALKING, 70, 100),
    ]
    (mark,) = picture.marks
    assert (mark.x, mark.kind, mark.to) == (60.0, "blind_transfer", "103")
    assert (picture.lanes[mark.from_lane or 0].key, picture.lanes[mark.to_lane or 0].key) == ("101", "103")


def test_who_is_consulted_during_a_hold_talks_to_the_colleague_not_to_the_caller() -> None:
    story = [
        *RING_ALL,
        moment(40, "held", "101"),
        moment(41, "ringing", "103"),
        moment(50, "answered", "103"),
        moment(60, "resumed", "101"),
        moment(60, "attended_transfer", "101", "103"),
        moment(60, "left", "101"),
    ]
    assert spans(draw(story, 0, 100), OUTSIDE) == [
        (SpanKind.WAITING, 0, 10),
        (SpanKind.TALKING, 10, 40),
        (SpanKind.HELD, 40, 60),
        (SpanKind.TALKING, 60, 100),
    ]


def test_a_caller_on_hold_at_one_phone_still_talks_to_the_other() -> None:
    story = [moment(5, "answered", "101"), moment(6, "answered", "102"), moment(50, "held", "101")]
    assert spans(draw(story, 0, 100), OUTSIDE) == [(SpanKind.WAITING, 0, 5), (SpanKind.TALKING, 5, 100)]


def test_a_phone_that_stopped_after_it_answered_keeps_talking() -> None:
    """Ring-all queues say twice that a leg ended; the second time may come after an answer."""
    picture = draw(
        [moment(1, "ringing", "101"), moment(2, "answered", "101"), moment(3, "stopped", "101")], 0, 10
    )
    assert spans(picture, "101") == [(SpanKind.RINGING, 1, 2), (SpanKind.TALKING, 2, 10)]


def test_a_transfer_to_outside_has_no_lane_of_its_own() -> None:
    story = [moment(1, "answered", "101"), moment(2, "blind_transfer", "101", "+48226000001")]
    assert draw(story, 0, 10).marks[0].to_lane is None


def test_an_empty_and_an_instant_call_can_be_drawn() -> None:
    picture = draw([], 5, 5)
    assert [lane.key for lane in picture.lanes] == [OUTSIDE]
    assert len(picture.ticks) == 5


MOMENTS = st.lists(
    st.builds(
        Moment,
        st.floats(-50, 500),
        st.sampled_from(
            [
                "started",
                "queued",
                "dequeued",
                "ringing",
                "stopped",
                "answered",
                "held",
                "resumed",
                "left",
                "ended",
            ]
        ),
        st.sampled_from([None, "101", "102"]),
        st.sampled_from([None, "sales", "timeout"]),
    ),
    max_size=30,
)


@given(MOMENTS)
def test_whatever_the_story_says_the_picture_stays_inside_its_frame(story: list[Moment]) -> None:
    picture = draw(sorted(story, key=lambda one: one.at), 0, 100)
    for lane in picture.lanes:
        for span in lane.spans:
            assert 0 <= span.x <= 100
            assert span.x + span.width <= 101
