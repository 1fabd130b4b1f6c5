"""What is told while real callbacks go on: the facts of recorded stories, in the order they are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.facts import (
    CallAnswered,
    CallbackDeclined,
    CallerLeftByKey,
    CallStarted,
    CustomerDialled,
    Fact,
    Phone,
    PhoneRinging,
    attempt_of,
)
from tests.unit.pbx_bridge.test_calls_facts import facts_of

CAPTURES = Path(__file__).parents[2] / "captures"
BOTH = pytest.mark.parametrize("site", ["asterisk-22", "asterisk-16"])
ANNA = Phone("PJSIP/101", "101")

DIALLED = (
    "callback_answered",
    "callback_connect_now",
    "callback_customer_busy",
    "callback_customer_unanswered",
    "callback_declined",
    "callback_number_fails",
    "callback_blind_transfer",
    "customer_first_unanswered",
    "customer_first_to_queue",
    "place_answered",
)
NOT_DIALLED = (
    "callback_agent_not_registered",
    "callback_agent_refuses",
    "callback_agent_unanswered",
    "callback_not_now_at_the_desk",
    "callback_not_now_by_key",
    "callback_not_now_put_down",
    "callback_number_not_allowed",
    "place_that_nobody_takes",
    "place_with_nobody_there",
    "outbound_answered",
)


def told(site: str, story: str) -> list[Fact]:
    return facts_of(CAPTURES / site / f"{story}.ami")


@BOTH
@pytest.mark.parametrize("story", DIALLED)
def test_the_customers_leg_is_told_once(site: str, story: str) -> None:
    assert [type(fact) for fact in told(site, story)].count(CustomerDialled) == 1


@BOTH
@pytest.mark.parametrize("story", NOT_DIALLED)
def test_nothing_is_told_where_the_customer_was_not_disturbed(site: str, story: str) -> None:
    assert CustomerDialled not in [type(fact) for fact in told(site, story)]


@BOTH
@pytest.mark.parametrize("story", ["callback_answered", "place_answered"])
def test_an_agent_answers_before_the_customer_is_dialled(site: str, story: str) -> None:
    """The desk counts the announcement down from the one to the other."""
    facts = [
        fact for fact in told(site, story) if isinstance(fact, PhoneRinging | CallAnswered | CustomerDialled)
    ]
    assert [type(fact) for fact in facts] == [PhoneRinging, CallAnswered, CustomerDialled]
    rings, answers, dialled = facts
    assert isinstance(rings, PhoneRinging)
    assert isinstance(answers, CallAnswered)
    assert rings.phone == answers.phone == ANNA
    announced = dialled.at - answers.at
    assert (4.0 < announced < 6.5) if story == "callback_answered" else (0.3 < announced < 2.0)


@BOTH
def test_who_did_not_ask_for_the_call_is_told_with_our_attempt(site: str) -> None:
    facts = told(site, "callback_declined")
    declined = [fact for fact in facts if isinstance(fact, CallbackDeclined)]
    [started] = [fact for fact in facts if isinstance(fact, CallStarted)]
    assert [(one.attempt_id, one.pbx) for one in declined] == [(attempt_of(started.call_id), "main")]


@BOTH
def test_who_left_by_key_keeps_the_place_they_had(site: str) -> None:
    [left] = [fact for fact in told(site, "queue_call_me") if isinstance(fact, CallerLeftByKey)]
    assert (left.queue, left.number, left.position) == ("q-callme", "+48226012222", 2)
    assert left.since is not None
    assert 0.5 < left.at - left.since < 10.0
