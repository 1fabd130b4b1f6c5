"""One line's words become one truthful call each, and nothing rings for ever."""

from __future__ import annotations

from collections.abc import Iterable

from core.facts import (
    CallEnded,
    CallRecord,
    CallStarted,
    Direction,
    EndedBy,
    Fact,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Verdict,
)
from pbx_bridge.line.book import AGAIN_S, LONGEST_RING_S, LineBook
from pbx_bridge.line.wire import How, Rings, Stopped

CUSTOMER = "+48226011111"


def book() -> LineBook:
    return LineBook("reception", "201", "PL")


def kinds(facts: Iterable[Fact]) -> list[type[Fact]]:
    return [type(fact) for fact in facts]


def ended(facts: Iterable[Fact]) -> CallRecord:
    (record,) = [fact.record for fact in facts if isinstance(fact, CallEnded)]
    return record


def ring(one: LineBook, at: float = 100.0, call: str = "a", number: str | None = CUSTOMER) -> list[Fact]:
    return list(one.rings(Rings(at, call, number, "Jan")))


def stop(one: LineBook, at: float, how: How, call: str = "a") -> list[Fact]:
    return list(one.stopped(Stopped(at, call, how)))


def test_it_rings_and_the_caller_hangs_up() -> None:
    line = book()
    assert kinds(ring(line)) == [CallStarted, PhoneRinging]
    facts = stop(line, 104.0, How.CALLER)
    record = ended(facts)
    assert kinds(facts) == [PhoneStopped, CallEnded]
    assert (record.result, record.ended_by, record.wait_s) == (Verdict.ABANDONED, EndedBy.CALLER, 4.0)
    assert (record.caller, record.customer_number, record.callee) == (CUSTOMER, CUSTOMER, "201")
    assert record.rang == ("201",)
    assert record.why == "Seen from one line only (201): it rang 4 s, then the caller hung up."
    assert line.open_calls == 0


def test_an_answer_elsewhere_is_an_answer_by_nobody_we_know() -> None:
    line = book()
    ring(line)
    facts = stop(line, 103.0, How.ELSEWHERE)
    record = ended(facts)
    assert isinstance(facts[0], PhoneStopped)
    assert facts[0].reason is StopReason.ANSWERED_ELSEWHERE
    assert (record.result, record.answered_at, record.talk_s) == (Verdict.ANSWERED, 103.0, 0.0)
    assert record.talked == ()
    assert "cannot be seen from here" in record.why


def test_what_the_pbx_does_not_say_is_missed_after_a_pause() -> None:
    line = book()
    ring(line)
    assert kinds(stop(line, 104.0, How.UNSAID)) == [PhoneStopped]
    assert not list(line.tick(104.0 + AGAIN_S))
    record = ended(line.tick(104.1 + AGAIN_S))
    assert (record.result, record.ended_at, record.ended_by) == (Verdict.MISSED, 104.0, EndedBy.UNKNOWN)


def test_the_rounds_of_a_queue_are_one_call() -> None:
    line = book()
    (started, _) = ring(line)
    stop(line, 103.0, How.UNSAID)
    again = ring(line, 105.0, "b")
    assert kinds(again) == [PhoneRinging]
    record = ended(stop(line, 107.0, How.ELSEWHERE, "b"))
    assert isinstance(started, CallStarted)
    assert record.call_id == started.call_id
    assert "rang 7 s in 2 rounds" in record.why


def test_another_caller_in_the_pause_is_another_call() -> None:
    line = book()
    ring(line)
    stop(line, 103.0, How.UNSAID)
    assert kinds(ring(line, 104.0, "b", "+48226012222")) == [CallStarted, PhoneRinging]


def test_two_who_withhold_their_number_are_never_one() -> None:
    line = book()
    (started, _) = ring(line, number="anonymous")
    assert isinstance(started, CallStarted)
    assert (started.parties.caller, started.parties.customer_number) == (None, None)
    stop(line, 103.0, How.UNSAID)
    assert kinds(ring(line, 104.0, "b", "anonymous")) == [CallStarted, PhoneRinging]


def test_a_colleague_is_internal_and_no_customer() -> None:
    (started, _) = ring(book(), number="105")
    assert isinstance(started, CallStarted)
    assert started.parties.direction is Direction.INTERNAL
    assert (started.parties.caller, started.parties.customer_number) == ("105", None)


def test_any_spelling_is_one_customer() -> None:
    (started, _) = ring(book(), number="0048226011111")
    assert isinstance(started, CallStarted)
    assert started.parties.customer_number == CUSTOMER


def test_words_that_come_twice_or_late_change_nothing() -> None:
    line = book()
    ring(line)
    assert ring(line) == []
    stop(line, 104.0, How.CALLER)
    assert stop(line, 105.0, How.CALLER) == []
    assert stop(line, 105.0, How.ELSEWHERE, "never heard of") == []


def test_nothing_rings_for_ever() -> None:
    line = book()
    ring(line)
    facts = list(line.tick(100.1 + LONGEST_RING_S))
    assert kinds(facts) == [PhoneStopped, CallEnded]
    assert (ended(facts).result, ended(facts).ended_by) == (Verdict.MISSED, EndedBy.UNKNOWN)


def test_a_lost_line_ends_what_rang_and_what_paused() -> None:
    line = book()
    ring(line)
    stop(line, 102.0, How.UNSAID)
    ring(line, 103.0, "b", "+48226012222")
    facts = list(line.lost(110.0, "the PBX does not answer"))
    records = {fact.record.caller: fact.record for fact in facts if isinstance(fact, CallEnded)}
    assert records[CUSTOMER].ended_at == 102.0
    assert "it rang when the PBX does not answer" in records["+48226012222"].why
    assert line.open_calls == 0
