"""Who may be one person, decided without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_link.kinds import IdentityKind
from crm_link.merging.duplicates import CompanyScan, Held, IdentityScan, Pair, Reason, Who, alike, together

PHONE, EMAIL = IdentityKind.PHONE, IdentityKind.EMAIL


def identities(*held: Held) -> list[Pair]:
    scan = IdentityScan()
    return scan.feed(sorted(held, key=lambda one: (one.kind, one.value, one.who.id))) + scan.finish()


def companies(*people: Who) -> list[Pair]:
    scan = CompanyScan()
    words = sorted({(word, one.id, one) for one in people for word in (*one.firm, *one.sorted_name.split())})
    return scan.feed((word, who) for word, _id, who in words) + scan.finish()


@pytest.mark.parametrize(
    ("one", "other"),
    [("Anna Kowalska", "Kowalska Anna"), ("Anna Kowalska", "Ana Kowalska"), ("Łukasz Żak", "LUKASZ ZAK")],
)
def test_names_that_are_near_equal(one: str, other: str) -> None:
    assert alike(Who(1, one, ""), Who(2, other, "")) >= 90


def test_the_same_address_is_one_person_more_likely_when_the_names_agree() -> None:
    same = identities(
        Held(EMAIL, "a@example.com", Who(1, "Anna Kowalska", "")),
        Held(EMAIL, "a@example.com", Who(2, "Ana Kowalska", "")),
        Held(EMAIL, "b@example.com", Who(3, "Jan Zych", "")),
        Held(EMAIL, "b@example.com", Who(4, "", "")),
    )
    assert [(pair.first_id, pair.second_id, pair.reason) for pair in same] == [
        (1, 2, Reason.EMAIL),
        (3, 4, Reason.EMAIL),
    ]
    assert same[0].score > same[1].score


def test_a_household_is_proposed_last_and_an_office_not_at_all() -> None:
    names = ("Anna Kowalska", "Piotr Zych", "Ewa Lis", "Marek Baran")
    home = identities(*(Held(PHONE, "+48221234567", Who(n, name, "")) for n, name in enumerate(names[:2])))
    office = identities(*(Held(PHONE, "+48221234567", Who(n, name, "")) for n, name in enumerate(names)))
    assert [pair.score for pair in home] == [40]
    assert office == []


def test_neighbouring_numbers_need_near_equal_names() -> None:
    pairs = identities(
        Held(PHONE, "+48221234567", Who(1, "Anna Kowalska", "")),
        Held(PHONE, "+48221234580", Who(2, "Anna Kowalsky", "")),
        Held(PHONE, "+48221234590", Who(3, "Piotr Zych", "")),
        Held(PHONE, "+48221239999", Who(4, "Anna Kowalska", "")),
    )
    assert [(pair.first_id, pair.second_id, pair.reason) for pair in pairs] == [(1, 2, Reason.NEIGHBOURS)]


def test_one_company_in_two_spellings() -> None:
    pairs = companies(
        Who(1, "Anna Kowalska", "Acme Sp. z o.o."),
        Who(2, "Kowalska Ana", "ACME"),
        Who(3, "Anna Kowalska", "Other GmbH"),
        Who(4, "Piotr Zych", "Acme"),
    )
    assert {(pair.first_id, pair.second_id) for pair in pairs} == {(1, 2)}


def test_a_difference_at_the_beginning_of_a_name_parts_nobody() -> None:
    crowd = [Who(n, f"Bb{n:03} Nowak", "Acme") for n in range(100)]
    pairs = companies(Who(901, "Aatalia Wisniewska", "Acme"), *crowd, Who(902, "Zatalia Wisniewska", "Acme"))
    assert (901, 902) in {(pair.first_id, pair.second_id) for pair in pairs}


@given(st.lists(st.tuples(st.sampled_from(["+48221234567", "+48221234568"]), st.integers(1, 6)), max_size=12))
def test_pairs_are_two_people_in_order_with_a_score(rows: list[tuple[str, int]]) -> None:
    pairs = identities(*(Held(PHONE, value, Who(one, "Anna", "")) for value, one in set(rows)))
    assert all(pair.first_id < pair.second_id and 0 <= pair.score <= 100 for pair in pairs)


def test_a_family_on_one_number_is_less_likely_one_than_near_namesakes_in_one_firm() -> None:
    family = identities(
        Held(PHONE, "+48221234567", Who(1, "Danuta Wspólna", "")),
        Held(PHONE, "+48221234567", Who(2, "Roman Wspólny", "")),
    )
    typing_error = companies(Who(3, "Tadeusz Szprycha", "Rower"), Who(4, "Tadeusz Szprych", "Rower"))
    same_name = identities(
        Held(PHONE, "+48221234567", Who(1, "Danuta Wspólna", "")),
        Held(PHONE, "+48221234567", Who(2, "Danuta Wspólny", "")),
    )
    scores = [pairs[0].score for pairs in (family, typing_error, same_name)]
    assert scores == sorted(set(scores))


def test_two_reasons_count_for_more_than_either() -> None:
    assert max(74, 64) < together([74, 64]) < 100
    assert together([74]) == 74
    assert together([99, 99]) <= 100
