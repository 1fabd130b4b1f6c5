"""Cells of the export, written by strangers and opened in a spreadsheet."""

from __future__ import annotations

import pytest

from core.csv_files import guard_cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+48221234567",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "a;=1+1",
        "a\n=1",
        "\r=1",
        "＝1+1",
        "a;b;@x",
        ";=1",
    ],
)
def test_no_cell_starts_a_formula(text: str) -> None:
    guarded = guard_cell(text)
    assert guarded.replace("'", "") == text
    # Nowhere a spreadsheet might begin a cell, whichever sign it takes for the end of one.
    for sign in ";\t\n\r":
        assert not any(cell.startswith(tuple("=+-@＝＋－＠")) for cell in guarded.split(sign))


@pytest.mark.parametrize("text", ["Jan Nowak", "101", "Anna; Marek", "a=b", "Kowalska-Nowak", "", "it's"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert guard_cell(text) == text
