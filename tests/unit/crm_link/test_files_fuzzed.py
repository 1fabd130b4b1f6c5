"""Whatever a file holds, it is read or refused with a sentence; nothing else comes of it, and it can be stored."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callback.lists import decode, read_lines
from config.crm import CrmSettings
from core.errors import InvalidInputError
from crm_link.imports.columns import Person, read_person, recognise
from crm_link.imports.fields import by_key
from crm_link.imports.files import inspect, opened

FIELDS = [
    {"key": "seats", "type": "number"},
    {"key": "since", "type": "date"},
    {"key": "url", "type": "link"},
]
DECLARED = by_key(CrmSettings.model_validate({"fields": FIELDS}).fields)

TABLE = [
    "name;phone;id;seats\n",
    "sep=;",
    ";",
    ",",
    "\t",
    '"',
    "\n",
    "\r",
    "\0",
    "\ufeff",
    "\u202e",
    "\u2028",
]
CELLS = [
    "name",
    "number",
    "+48501234567",
    "1E+9",
    "tel:",
    "a@b.pl",
    ":::",
    "'=1",
    "x" * 300,
    "2026-02-30",
    "٣",
]
CARD = r"""BEGIN:VCARD
END:VCARD
FN:Ewa
N:Lis;Ewa
N:
TEL:501234567
TEL;TYPE="a
TEL;VALUE=uri:tel:+48;ext=1
EMAIL:a@b.pl
 folded
NOTE;ENCODING=QUOTED-PRINTABLE:=C4=
NOTE;ENCODING=b:!
FN;CHARSET=utf-7;ENCODING=QUOTED-PRINTABLE:+2AA-
PHOTO:
AGENT:
ORG:a;b
CATEGORIES:a,b\,
VERSION:4.0
:
item1.TEL:1
X-RINGBACK-SEATS:many
BEGIN:VEVENT
FN;A=B;=x""".splitlines()

texts = st.lists(st.one_of(st.sampled_from([*TABLE, *CELLS]), st.text(max_size=4)), max_size=25).map("".join)
cards = st.lists(st.one_of(st.sampled_from(CARD), st.text(max_size=6)), max_size=25).map("\n".join)
written = st.tuples(
    st.one_of(texts, cards.map("BEGIN:VCARD\n".__add__)), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
)
files = st.one_of(st.binary(max_size=100), written.map(lambda one: one[0].encode(one[1])))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files)
def test_a_file_of_customers(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(raw)
        try:
            _, encoding = inspect(path)
            with opened(path, encoding, DECLARED) as (header, rows):
                columns = recognise(header, DECLARED)
                for _, cells, fault in rows:
                    assert json.dumps(cells, ensure_ascii=False).encode()
                    check_person(columns, cells, fault)
        except InvalidInputError as error:
            str(error).encode()


def check_person(columns: list[str], cells: list[str], fault: str) -> None:
    try:
        person = read_person(columns, cells, "PL", DECLARED, "odoo")
    except InvalidInputError as error:
        fault += str(error)
    else:
        assert Person.from_json(person.as_json()) == person
        assert person.as_json().encode()
    fault.encode()


@settings(max_examples=300, deadline=None)
@given(files)
def test_a_list_of_people_to_call(raw: bytes) -> None:
    try:
        for line in read_lines(decode(raw)):
            assert line.fault or line.number
    except InvalidInputError as error:
        str(error).encode()
