"""Tables as spreadsheets save them: what stands between the cells, and at which line each row begins."""

from __future__ import annotations

import io
from itertools import chain, repeat

import pytest

from core.csv_files import lines_of, read_rows
from core.errors import InvalidInputError


def rows(text: str) -> list[tuple[int, list[str]]]:
    return list(read_rows(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "text",
    [
        "name;phone\nEwa;501\n",
        "name,phone\r\nEwa,501\r\n",
        "name\tphone\nEwa\t501\n",
        '"name";phone\nEwa;501',
        "name;phone\n\nEwa;501\n",
    ],
)
def test_the_header_says_what_stands_between_cells(text: str) -> None:
    assert [cells for _, cells in rows(text)] == [["name", "phone"], ["Ewa", "501"]]


@pytest.mark.parametrize("head", ["sep=;", "SEP=;", '"sep=;"', "sep=|", "sep=\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_excels_own_line_is_obeyed_and_no_part_of_the_table(head: str, end: str) -> None:
    sign = head.strip('"')[-1]
    text = end.join([head, f"name{sign}phone, mobile", f"Ewa{sign}501", ""])
    assert rows(text) == [(2, ["name", "phone, mobile"]), (3, ["Ewa", "501"])]


def test_signs_within_quotation_marks_stand_between_nothing() -> None:
    assert rows('"Nazwa, pełna";Telefon\n"Nowak, Ewa";501\n') == [
        (1, ["Nazwa, pełna", "Telefon"]),
        (2, ["Nowak, Ewa", "501"]),
    ]
    assert rows('\n"a, b ""c, d"", e";f\n')[0] == (2, ['a, b "c, d", e', "f"])


def test_a_column_name_of_several_lines_is_read_whole() -> None:
    assert rows('"Name,\nin full";Phone\nEwa;501\n') == [
        (1, ["Name,\nin full", "Phone"]),
        (3, ["Ewa", "501"]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "name;phone\n" + "x" * 2_500_001,
        "name;phone\n" + "ab;" * 900_000,
        "name;phone\n" + '"a\n";' * 600_000,
        "ab;" * 900_000,
    ],
    ids=["one cell", "many cells", "many lines", "many columns"],
)
def test_no_row_is_longer_than_any_table_has(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is no line of a table"):
        rows(text)


def test_empty_lines_before_a_table_are_counted_and_not_kept() -> None:
    lines = chain(repeat("\n", 100_000), ["name;phone\n", "Ewa;501\n"])
    assert list(read_rows(lines)) == [(100_001, ["name", "phone"]), (100_002, ["Ewa", "501"])]


def test_a_line_without_an_end_comes_in_pieces() -> None:
    assert [len(one) for one in lines_of(io.StringIO("x" * 5_000_003))] == [2_500_001, 2_500_001, 1]


def test_a_quotation_mark_without_its_partner_is_said() -> None:
    with pytest.raises(InvalidInputError, match="quotation mark"):
        rows('"name;phone\n' + "Ewa;501\n" * 200)
    assert rows("") == []
