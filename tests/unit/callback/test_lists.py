"""Reading a list: spreadsheets' spellings of a table, and one sentence with the line for everything that is wrong."""

from __future__ import annotations

import pytest

from callback.lists import LARGEST, decode, read_lines, rows_at
from core.errors import InvalidInputError


def test_spreadsheets_separate_with_commas_semicolons_or_tabs() -> None:
    for mark in ",;\t":
        (line,) = read_lines(
            mark.join(("Number", " NAME ")) + "\r\n" + mark.join(("'+48 501", "Ewa")) + "\r\n"
        )
        assert (line.at, line.number, line.name) == (2, "+48 501", "Ewa")


@pytest.mark.parametrize(
    "header",
    [
        "Telefonnummer,Name,Bemerkung,Wann",
        "Numer telefonu,Nazwa,Uwagi,Kiedy",
        "ТЕЛЕФОН,Клиент,Комментарий,Дата",
    ],
)
def test_columns_are_known_by_their_names_in_other_languages(header: str) -> None:
    (line,) = read_lines(f"{header}\n1,Ewa,Price,2026-11-23T10:00+01:00\n")
    assert (line.number, line.name, line.message, line.fault) == ("1", "Ewa", "Price", "")
    assert line.wished_at is not None


def test_lines_are_those_of_the_file() -> None:
    lines = read_lines('\n\nnumber,message\n\n1,"two\nlines"\n,,\n2,\n')
    assert [(line.at, line.number) for line in lines] == [(5, "1"), (8, "2")]
    assert rows_at('number,message\n1,"two\nlines"\n2,x\n', {4}) == [["number", "message"], ["2", "x"]]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (",Ewa", "the number is missing"),
        ("4.85E+10,Ewa", "format the column as text"),
        (f"1,{'x' * 201}", "the name has 201 characters: at most 200"),
        ("1,Ewa,x", "it has 3 cells for 2 columns"),
    ],
)
def test_a_line_says_what_is_wrong_with_it(cells: str, sentence: str) -> None:
    (line,) = read_lines(f"number,name\n{cells}\n")
    assert sentence in line.fault


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("colour\n1\n", "Here it says 'colour'"),
        ("number,phone\n1,2\n", "none may come twice"),
        ("number,number\n1,2\n", "none may come twice"),
        ("number\n", "there is nobody in this list"),
        ('number,name\n1,Ewa\n2,"Jan\n3,Ola\n', "line 3 is no line of a table"),
        ("number\n" + "1\n" * 2001, "from line 2002, as another"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        read_lines(text)
    assert sentence in str(error.value)


def test_bytes_become_text() -> None:
    assert decode("\ufeffnumber\nŁ".encode()) == "number\nŁ"
    assert decode("number\nŁ".encode("utf-16")) == "number\nŁ"
    for raw, sentence in (
        ("number,name\n1,Łukasz".encode("cp1250"), "line 2 holds letters that are not UTF-8"),
        (b"PK\x03\x04\0\0", "save the sheet as CSV"),
        (b"x" * (LARGEST + 1), "in parts"),
    ):
        with pytest.raises(InvalidInputError) as error:
            decode(raw)
        assert sentence in str(error.value)
