"""What columns are called, what a line says, and which lines are about one person."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInputError
from crm_link.imports.cells import SURE, put_together, taken_apart
from crm_link.imports.columns import NAMES, Person, join, read_person, recognise
from crm_link.imports.groups import Groups


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (
            "Imię|Nazwisko|Firma|Telefon komórkowy|E-mail|Uwagi|Cokolwiek",
            "first_name|last_name|company|phone|email|note|",
        ),
        (
            "Kundennummer|Vorname|Nachname|Telefon geschäftlich|E-Mail-Adresse",
            "external|first_name|last_name|phone|email",
        ),
        (
            "First Name|Last Name|Organization Name|E-mail 1 - Label|E-mail 1 - Value|Phone 1 - Value|Labels",
            "first_name|last_name|company||email|phone|tags",
        ),
        (
            "First Name|Last Name|Company|Business Phone|Mobile Phone|E-mail Address",
            "first_name|last_name|company|phone|phone|email",
        ),
        ("ФИО|Телефон|Электронная почта", "name|phone|email"),
        ("Nom|Prénom|Téléphone portable|Courriel", "last_name|first_name|phone|email"),
        ("Nombre|Apellidos|Móvil|Correo electrónico", "first_name|last_name|phone|email"),
        ("Nome|Cognome|Cellulare", "first_name|last_name|phone"),
        ("Nome|Telefono", "name|phone"),
        ("Naam|Telefoonnummer|Bedrijf", "name|phone|company"),
        ("full_name|phone_1|Phone2|Name", "name|phone|phone|"),
    ],
)
def test_columns_are_recognised_by_their_names(header: str, columns: str) -> None:
    assert recognise(header.split("|")) == columns.split("|")


def test_no_name_of_a_column_stands_for_two_fields() -> None:
    counted = Counter(name.strip() for names in NAMES.values() for name in set(names.split("; ")))
    assert [name for name, count in counted.items() if count > 1] == []


def test_a_line_says_who_somebody_is() -> None:
    columns = ["first_name", "last_name", "phone", "phone", "email", "tags", ""]
    cells = [
        " Anna",
        "Kowalska ",
        "501 234 567; '+48221234567",
        "0048 501234567",
        "A@B.pl ::: c@d.pl",
        "* vip, old",
        "x",
    ]
    person = read_person(columns, cells, "PL")
    assert person.name == "Anna Kowalska"
    assert person.keys == (
        ("phone", "+48501234567"),
        ("phone", "+48221234567"),
        ("email", "a@b.pl"),
        ("email", "c@d.pl"),
    )
    assert person.tags == ("vip", "old")
    assert Person.from_json(person.as_json()) == person


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("+48501234567", ""),
        ("501 234 567", ""),
        ("A@b.pl", ""),
        ("501 234 568", "501 234 568"),
        ("Anna 501 234 567", "Anna 501 234 567"),
        ("7", "7"),
    ],
)
def test_who_is_called_by_their_own_number_has_no_name(name: str, kept: str) -> None:
    assert read_person(["name", "phone", "email"], [name, "0501234567", "a@b.pl"], "PL").name == kept


def test_a_telephone_with_two_spellings_has_one_key_and_keeps_how_it_was_written() -> None:
    written = read_person(["name", "phone"], ["Ana", "+54 9 11 4567-8901"], "AR")
    other = read_person(["name", "phone"], ["Ana", "011 4567 8901"], "AR")
    assert written.keys == other.keys
    assert (written.spelled, other.spelled) == ((("+541145678901", "+5491145678901"),), ())
    assert join(other, [written]).spelled == written.spelled
    assert Person.from_json(written.as_json()) == written


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["", "", ""], "it names nobody"),
        (["Ewa", "hello", ""], "'hello': this is not a telephone number"),
        (["Ewa", "4,85012E+10", ""], "what the spreadsheet made of the number"),
        (["Ewa", "501234567", "not an address"], "not an e-mail address"),
        (["Ewa", "501234567", "", "x"], "put quotes around"),
        (["Ewa" * 5000, "", ""], "more than 10000 characters"),
    ],
)
def test_a_line_that_cannot_be_says_why(cells: list[str], why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        read_person(["name", "phone", "email"], cells, "PL")


def test_lines_about_one_person_are_joined() -> None:
    first = Person("Anna", "", (("phone", "+481"),), ("vip",), "tea")
    other = Person("Anna K.", "Firm", (("phone", "+481"), ("email", "a@b")), ("vip", "old"), "tea")
    assert join(first, [other]) == Person(
        "Anna", "Firm", (("phone", "+481"), ("email", "a@b")), ("vip", "old"), "tea"
    )


@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=25))
def test_lines_share_a_person_exactly_when_they_share_a_key(lines: list[set[int]]) -> None:
    groups = Groups()
    for line, keys in enumerate(lines, start=2):
        groups.add(line, [("phone", str(key)) for key in sorted(keys)])
    expected: dict[int, set[int]] = {}
    people: dict[int, set[int]] = {}
    for line, keys in enumerate(lines, start=2):  # by definition: merge whatever overlaps
        mine, held = {line}, set(keys)
        while overlapping := [one for one, has in expected.items() if has & held]:
            for one in overlapping:
                held |= expected.pop(one)
                mine |= people.pop(one)
        expected[min(mine)], people[min(mine)] = held, mine
    assert {line: first for first, mine in people.items() for line in mine} == {
        line: groups.first_of(line) for line in range(2, len(lines) + 2)
    }
    leading = set(people)
    assert {line for line, _ in groups.followers()} == set(range(2, len(lines) + 2)) - leading


@given(st.lists(st.text("ab ,;|:\n", min_size=1).map(str.strip).filter(bool), max_size=4), st.booleans())
def test_what_is_put_into_one_cell_comes_out_again(values: list[str], whole: bool) -> None:
    possible = [
        one for one in values if SURE not in one and not one.startswith(":") and not one.endswith(":")
    ]
    assert taken_apart(put_together(possible, whole=whole), whole=whole) == possible
