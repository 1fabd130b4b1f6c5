"""Customers as a table: a customer in, cells out; and a workbook that spreadsheets open, written row by row to a file
so that its length costs no memory. The columns' names are those that an import recognises. Reading customers and
sending the file is done elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import xlsxwriter

from core.clock import iso
from core.csv_files import guard_cell
from crm_link.directory import CustomerView
from crm_link.fields.values import words_of
from crm_link.imports.cells import put_together
from crm_link.imports.columns import recognise
from crm_link.imports.fields import NONE, Declared, word_of
from crm_link.kinds import IdentityKind

COLUMNS = (
    "ringback id",
    "name",
    "company",
    "phone",
    "email",
    "external id",
    "chat",
    "tags",
    "owner",
    "created_at",
    "created_from",
    "last_contact_at",
    "unknown caller",
)
WIDTHS = (10, 28, 28, 34, 34, 16, 16, 20, 20, 24, 12, 24, 14)
OWN_WIDTH = 24
MOST_ROWS = 1_048_575
"""What a sheet holds under its header."""


def columns_of(declared: Declared) -> list[str]:
    """The names of the columns: of the site's own fields as people call them, where that says which is meant."""
    titles = [one.title for one in declared.values()]
    words = [word_of(key) for key in declared]
    meant = recognise([*COLUMNS, *titles], declared)[len(COLUMNS) :]
    named = [title if word == mine else mine for title, word, mine in zip(titles, meant, words, strict=True)]
    return [*COLUMNS, *named]


def cells_of(customer: CustomerView, owners: Mapping[int, str], declared: Declared = NONE) -> list[str]:
    """The customer's line; `owners` are the names of users."""
    last = customer.last_contact_at
    return [
        str(customer.id),
        customer.name,
        customer.company,
        *(_values(customer, kind) for kind in (IdentityKind.PHONE, IdentityKind.EMAIL)),
        *(_values(customer, kind) for kind in (IdentityKind.EXTERNAL, IdentityKind.CHAT)),
        put_together(customer.tags),
        owners.get(customer.owner_id, "") if customer.owner_id is not None else "",
        iso(customer.created_at) or "",
        customer.created_from.value,
        iso(last) or "",
        "yes" if customer.is_provisional else "",
        *(words_of(customer.fields.get(key)) for key in declared),
    ]


def _values(customer: CustomerView, kind: IdentityKind) -> str:
    whole = kind in (IdentityKind.EXTERNAL, IdentityKind.CHAT)
    return put_together([one.value for one in customer.identities if one.kind is kind], whole=whole)


class Workbook:
    """An XLSX file at `path`, to be used as a context manager. Cells are text and nothing else: what would be a formula
    gets the spreadsheet's own mark for text, so that it stays text when somebody edits the cell or saves it as CSV."""

    def __init__(self, path: Path, columns: Sequence[str] = COLUMNS) -> None:
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._sheet = self._book.add_worksheet("Customers")
        self._plain = self._book.add_format({"num_format": "@"})
        self._guarded = self._book.add_format({"num_format": "@", "quote_prefix": True})
        for place in range(len(columns)):
            self._sheet.set_column(place, place, WIDTHS[place] if place < len(WIDTHS) else OWN_WIDTH)
        self._sheet.freeze_panes(1, 0)
        self._rows = 0
        self._write(columns, self._book.add_format({"bold": True}))

    def __enter__(self) -> Workbook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.close()

    def add(self, rows: Iterable[Iterable[str]]) -> None:
        """Write these rows under the ones before."""
        for row in rows:
            self._write(row, None)

    def _write(self, row: Iterable[str], form: object | None) -> None:
        for place, cell in enumerate(row):
            if cell:
                guarded = self._plain if guard_cell(cell) == cell else self._guarded
                self._sheet.write_string(self._rows, place, cell, form or guarded)
        self._rows += 1
