"""Who the lines of a file that share numbers are about: joined when their names agree, apart when not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_link.imports.columns import Person
from crm_link.imports.names import agree, called
from crm_link.imports.people import MOST_SHARING, Shared, part

PHONE, MAIL = ("phone", "+48221112233"), ("email", "office@example.pl")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Anna Kowalska", "KOWALSKA, Anna", True),
        ("Anna Kowalska", "A. Kowalska", True),
        ("Kowalska", "Anna Kowalska", True),
        ("Anna M. Kowalska", "Anna Maria Kowalska", True),
        ("Łucja Żak", "lucja zak", True),
        ("Anna Kowalska", "", True),
        ("Anna Kowalska", "Jan Kowalski", False),
        ("Anna Kowalska", "Hanna Kowalska", False),
        ("Anna Kowalska", "J. Kowalska", False),
        ("Anna", "A", False),
        ("☎", "Anna", False),
        ("☎", "☎", True),
    ],
)
def test_names_agree_when_one_is_part_of_the_other(one: str, other: str, same: bool) -> None:
    assert agree(called(one, ""), called(other, "")) is same
    assert agree(called(other, ""), called(one, "")) is same


def test_a_company_is_the_name_of_who_has_no_other() -> None:
    assert agree(called("", "Lis sp. j."), called("Lis", "Other"))
    assert not agree(called("", "Lis sp. j."), called("Anna Nowak", "Lis sp. j."))


def parted(*people: Person) -> tuple[list[list[int]], dict[int, Shared], set[int]]:
    found = part(enumerate(people, start=2))
    lines = [[line for line, _ in one.lines] for one in found.people]
    return lines, found.shared, set(found.refused)


def test_different_people_share_a_number_and_are_not_joined_through_it() -> None:
    anna = Person("Anna Kowalska", keys=(PHONE,))
    piotr = Person("Piotr Nowak", keys=(PHONE, MAIL))
    ewa = Person("Ewa Lis", keys=(MAIL,))
    again = Person("A. Kowalska", keys=(PHONE,))
    lines, shared, refused = parted(anna, piotr, ewa, again)
    assert lines == [[2, 5], [3], [4]]
    assert shared == {3: Shared(PHONE[1], 2), 4: Shared(MAIL[1], 3)}
    assert refused == set()


def test_a_line_that_could_be_about_several_is_left_to_people() -> None:
    anna, piotr = Person("Anna Nowak", keys=(PHONE,)), Person("Piotr Nowak", keys=(PHONE,))
    nameless, half = Person(keys=(PHONE,)), Person("Nowak", keys=(PHONE,))
    assert parted(nameless, anna, half, piotr) == ([[3], [5]], {5: Shared(PHONE[1], 3)}, {2, 4})
    assert parted(nameless, anna, half) == ([[2, 3, 4]], {}, set())


def test_two_lines_are_joined_by_a_third_that_is_about_both() -> None:
    one, other = Person("Anna Lis", keys=(PHONE,)), Person("Anna Lis", keys=(MAIL,))
    assert parted(one, other, Person("Lis", keys=(MAIL, PHONE)))[0] == [[2, 3, 4]]


def test_what_a_network_said_of_an_unknown_caller_is_no_name() -> None:
    guess = Person("WARSZAWA", keys=(PHONE,), is_unknown=True)
    assert parted(guess, Person("Anna", keys=(PHONE,)))[0] == [[2, 3]]


def test_a_filler_is_refused_before_it_takes_long() -> None:
    people = (Person(f"Person{place} Lis", keys=(PHONE,)) for place in range(MOST_SHARING + 2))
    found = part(enumerate(people))
    assert (len(found.people), len(found.refused)) == (MOST_SHARING, 2)
    assert all("more than 1000 people" in why for _, why in found.refused.values())


NAMES = st.sampled_from(["", "Anna Lis", "Jan Lis", "Lis", "A. Lis", "Ewa Bak"])


@given(st.lists(st.tuples(NAMES, st.sets(st.sampled_from("abc"), min_size=1)), max_size=9))
def test_every_line_is_somebodys_or_refused_and_nobody_has_two_names(
    given: list[tuple[str, set[str]]],
) -> None:
    people = [Person(name, keys=tuple(("email", key) for key in sorted(keys))) for name, keys in given]
    found = part(enumerate(people))
    lines = [line for one in found.people for line, _ in one.lines]
    assert sorted([*lines, *found.refused]) == list(range(len(people)))
    for one in found.people:
        full = {person.name for _, person in one.lines} & {"Anna Lis", "Jan Lis", "Ewa Bak"}
        assert len(full) <= 1
