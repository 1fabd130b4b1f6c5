"""The bounded stream: order, shedding of noise, and gaps that are told at their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.queue import LinkGap, LinkItem, LinkLost, LinkQueue, LinkUp, QueueLimits, Received

LIMITS = QueueLimits(messages=8)


def event(name: str, number: int = 0) -> AmiMessage:
    return AmiMessage.of({"Event": name, "Number": number})


def filled(names: list[str], limits: QueueLimits = LIMITS) -> LinkQueue:
    queue = LinkQueue(limits)
    for number, name in enumerate(names):
        queue.put(event(name, number), float(number))
    return queue


def drain(queue: LinkQueue) -> list[LinkItem]:
    items = []
    while (item := queue.pop()) is not None:
        items.append(item)
    return items


def numbers(items: list[LinkItem]) -> list[int]:
    return [int(item.message.get("Number") or -1) for item in items if isinstance(item, Received)]


def test_what_goes_in_comes_out_in_order_with_its_arrival() -> None:
    queue = filled(["Newchannel", "VarSet", "Hangup"])
    up, lost = LinkUp(3.0, 0.0, "11.0.0"), LinkLost(4.0, 3.5, "cut")
    queue.put_change(up)
    queue.put_change(lost)
    items = drain(queue)
    assert numbers(items) == [0, 1, 2]
    assert [item.at for item in items] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert items[3:] == [up, lost]
    assert queue.pop() is None


@pytest.mark.parametrize("noise", ["VarSet", "Newexten", "RTCPSent", "RTCPReceived"])
def test_noise_goes_first_and_needs_no_gap(noise: str) -> None:
    queue = filled(["Newchannel", noise] * 4 + ["Hangup"] * 3 + [noise])
    assert queue.noise_dropped == 5
    items = drain(queue)
    assert numbers(items) == [0, 2, 4, 6, 8, 9, 10]
    assert not any(isinstance(item, LinkGap) for item in items)


def test_when_noise_is_not_enough_a_gap_stands_where_messages_are_missing() -> None:
    queue = filled(["Newchannel"] * 8 + ["Hangup"] * 3)
    items = drain(queue)
    assert numbers(items) == list(range(8))
    assert items[8] == LinkGap(at=10.0, since=8.0, dropped=3)
    assert queue.messages_dropped == 3


def test_once_one_is_missing_all_are_until_there_is_room_and_then_the_gap_comes_first() -> None:
    queue = filled(["Newchannel"] * 9)
    assert numbers([item for item in (queue.pop(), queue.pop()) if item]) == [0, 1]
    queue.put(event("Hangup", 9), 9.0)
    rest = drain(queue)
    assert rest[-1] == LinkGap(at=9.0, since=8.0, dropped=2)
    queue.put(event("Hangup", 10), 10.0)
    assert numbers(drain(queue)) == [10]


def test_a_lost_connection_closes_an_open_gap_before_it_is_told() -> None:
    queue = filled(["Newchannel"] * 9)
    queue.put_change(LinkLost(11.0, 10.0, "cut"))
    assert [type(item) for item in drain(queue)[-2:]] == [LinkGap, LinkLost]


def test_bytes_are_bounded_as_well() -> None:
    queue = LinkQueue(QueueLimits(messages=1_000, size=400))
    for number in range(50):
        queue.put(event("Newchannel" + "x" * 60, number), 0.0)
    assert len(queue) < 10
    assert queue.messages_dropped > 40


def test_reading_stops_at_half_and_goes_on_below_a_quarter() -> None:
    queue = filled(["Newchannel"] * 3)
    assert (queue.is_crowded, queue.has_room) == (False, False)
    queue.put(event("Newchannel"), 0.0)
    assert queue.is_crowded
    for _ in range(3):
        queue.pop()
    assert queue.has_room


@given(st.lists(st.sampled_from(["Newchannel", "VarSet", "pop", "pop", "lost"]), max_size=200))
def test_nothing_that_matters_is_ever_missing_without_a_gap(steps: list[str]) -> None:
    """Replay any mix of arrivals and reads: numbers rise, and each jump has a gap of exactly its size."""
    queue, seen, number = LinkQueue(LIMITS), [], 0
    for step in steps:
        if step == "pop":
            item = queue.pop()
            seen += [item] if item else []
        elif step == "lost":
            queue.put_change(LinkLost(0.0, 0.0, "cut"))
        elif step == "VarSet":
            queue.put(event("VarSet", -2), 0.0)
        else:
            queue.put(event("Newchannel", number), 0.0)
            number += 1
        assert sum(isinstance(item, Received) for item in queue._items) <= LIMITS.messages
    expected = 0
    for item in [*seen, *drain(queue)]:
        if isinstance(item, LinkGap):
            expected += item.dropped
        elif isinstance(item, Received) and item.message.event == "Newchannel":
            assert item.message.get("Number") == str(expected)
            expected += 1
    assert expected == number
