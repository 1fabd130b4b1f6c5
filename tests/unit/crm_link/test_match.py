"""The pure match: exact, several, unknown, and the ranking of several."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from core.facts import MatchKind
from crm_link.match import (
    MAX_CANDIDATES,
    Candidate,
    Exact,
    Several,
    Unknown,
    ids_of,
    is_by_block,
    kind_of,
    match,
)

NUMBER = "+48221234567"

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        customer_id=st.integers(1, 50),
        is_provisional=st.booleans(),
        was_picked=st.booleans(),
        last_contact_at=st.floats(0, 2e9),
        owner_id=st.none() | st.integers(1, 5),
    ),
    max_size=30,
    unique_by=lambda candidate: candidate.customer_id,
)


def test_nobody_holds_the_number() -> None:
    assert match(NUMBER, []) == Unknown()


def test_one_holder_is_exact() -> None:
    assert match(NUMBER, [Candidate(7)]) == Exact(7)


def test_p10_a_withheld_number_matches_nobody_even_with_candidates() -> None:
    assert match(None, [Candidate(7)]) == Unknown()


def test_p8_several_holders_are_never_reduced_to_one() -> None:
    assert match(NUMBER, [Candidate(7), Candidate(3)]) == Several((3, 7))


def test_the_earlier_pick_ranks_above_a_later_contact() -> None:
    picked = Candidate(1, was_picked=True, last_contact_at=10.0)
    assert match(NUMBER, [Candidate(2, last_contact_at=900.0), picked]) == Several((1, 2))


def test_people_rank_above_provisional_records() -> None:
    provisional = Candidate(1, is_provisional=True, last_contact_at=900.0)
    assert match(NUMBER, [provisional, Candidate(2)]) == Several((2, 1))


def test_the_latest_contact_ranks_first_then_those_with_an_owner() -> None:
    long_ago, lately = Candidate(1, last_contact_at=10.0), Candidate(2, last_contact_at=20.0)
    assert match(NUMBER, [long_ago, lately]) == Several((2, 1))
    assert match(NUMBER, [Candidate(1), Candidate(2, owner_id=4)]) == Several((2, 1))


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(
    candidates: list[Candidate], chance: random.Random
) -> None:
    shuffled = chance.sample(candidates, len(candidates))
    assert match(NUMBER, shuffled) == match(NUMBER, candidates)


@given(CANDIDATES)
def test_p8_the_kind_says_how_many_hold_the_number(candidates: list[Candidate]) -> None:
    result = match(NUMBER, candidates)
    expected = (MatchKind.UNKNOWN, MatchKind.EXACT, MatchKind.SEVERAL)[min(len(candidates), 2)]
    assert kind_of(result) is expected
    assert len(ids_of(result)) == min(len(candidates), MAX_CANDIDATES)
    assert set(ids_of(result)) <= {candidate.customer_id for candidate in candidates}


def test_p8_whom_we_owe_a_call_comes_before_who_called_last() -> None:
    lately, owed = Candidate(1, last_contact_at=500.0), Candidate(2, last_contact_at=10.0, is_owed=True)
    assert match("+48221234567", [lately, owed]) == Several((2, 1))
    picked = Candidate(3, was_picked=True)
    assert match("+48221234567", [lately, owed, picked]) == Several((3, 2, 1))


def test_a_block_is_a_weaker_match_of_the_same_kind() -> None:
    only = match("+48221234567", [Candidate(1)], by_block=True)
    assert (only, is_by_block(only), ids_of(only)) == (Exact(1, by_block=True), True, (1,))
    assert not is_by_block(match("+48221234567", [Candidate(1)]))
    assert not is_by_block(match(None, [Candidate(1)], by_block=True))
