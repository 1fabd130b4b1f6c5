"""*Pure.* What the columns of a file of customers hold, by their names in the languages of the spreadsheets and address
books people have, and what one line says about a person. Cells in, a `Person` or sentences for a person out; who that
is among our customers is decided in `match.py`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeVar

from core.column_words import NOTE, NUMBER, PERSON, heading, names_in, without_digits
from core.csv_files import SHORTENED, bare_cell, too_many_cells
from core.errors import InvalidInputError
from core.folding import clean_line
from crm_link.fields.values import YES
from crm_link.imports.cells import put_together, taken_apart
from crm_link.imports.fields import NONE, PREFIX, Declared, Values, read_values, recognised, word_of
from crm_link.kinds import IdentityKind
from crm_link.spelling import LONGEST_NOTE, normal_tag, normal_value, note_text, spelling_beside

LONGEST_CELL = 10_000
"""Characters: a long note. A longer cell is refused, not cut."""

LONGEST_CRM = 60
MOST_TAGS = 50
MOST_KEYS = 100
"""Numbers and addresses of one person, as everywhere."""


class Field(StrEnum):
    """What a column holds. A file may have several of all but the names."""

    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    COMPANY = "company"
    PHONE = "phone"
    EMAIL = "email"
    EXTERNAL = "external"
    CHAT = "chat"
    TAGS = "tags"
    NOTE = "note"
    UNKNOWN = "unknown"


NAMING = frozenset({Field.NAME, Field.FIRST_NAME, Field.LAST_NAME, Field.COMPANY})
SINGLE = NAMING | {Field.UNKNOWN}

KINDS = {
    Field.PHONE: IdentityKind.PHONE,
    Field.EMAIL: IdentityKind.EMAIL,
    Field.EXTERNAL: IdentityKind.EXTERNAL,
    Field.CHAT: IdentityKind.CHAT,
}
WHOLE = frozenset({Field.EXTERNAL, Field.CHAT})
"""Ids of others, who may put commas into them."""

NAMES: dict[Field, str] = {
    Field.NAME: PERSON,
    Field.FIRST_NAME: "first name; firstname; given name; forename; imie; vorname; prenom; nombre; nombre de pila; "
    "nome; primo nome; voornaam; jmeno; krestni jmeno; имя; імʼя; імя; im я; fornamn; fornavn; keresztnev",
    Field.LAST_NAME: "last name; lastname; surname; family name; nazwisko; nachname; familienname; nom; "
    "nom de famille; apellido; apellidos; cognome; sobrenome; apelido; achternaam; prijmeni; фамилия; прізвище; "
    "efternamn; etternavn; efternavn; vezeteknev",
    Field.COMPANY: "company; company name; organization; organisation; organization name; organisation name; "
    "account name; account; employer; firm; firma; nazwa firmy; organizacja; przedsiebiorstwo; firmenname; "
    "unternehmen; entreprise; societe; raison sociale; empresa; compania; azienda; societa; ragione sociale; "
    "bedrijf; bedrijfsnaam; spolecnost; компания; организация; компанія; організація; foretag; virksomhed; ceg",
    Field.PHONE: NUMBER,
    Field.EMAIL: "e mail; email; mail; e mail address; email address; e mail value; adres e mail; adres email; poczta; "
    "e mail adresse; email adresse; mailadresse; courriel; adresse e mail; adresse email; adresse de messagerie; "
    "correo; correo electronico; indirizzo e mail; posta elettronica; e mailadres; emailadres; "
    "электронная почта; почта; эл почта; електронна пошта; пошта; epost; e post",
    Field.EXTERNAL: "id; external id; customer id; customer number; customer no; client id; account number; crm id; "
    "kundennummer; kundennr; kunden nr; id klienta; numer klienta; nr klienta; identyfikator; numero client; "
    "numero de cliente; codigo de cliente; codice cliente; klantnummer; cislo zakaznika; код клиента; код клієнта",
    Field.CHAT: "chat; chat id",
    Field.UNKNOWN: "unknown caller",
    Field.TAGS: "tags; tag; labels; categories; category; groups; group membership; etykiety; tagi; kategorie; "
    "kategoria; grupa; grupy; schlagworter; kategorien; gruppe; gruppen; etiquettes; categories; groupe; etiquetas; "
    "categorias; etichette; categorie; stitky; метки; теги; категории; мітки; категорії",
    Field.NOTE: NOTE,
}
"""Names of columns, folded (without case and accents). Each stands for one field only."""

BY_NAME = {name: field for field, names in NAMES.items() for name in names_in(names)}

Key = tuple[str, str]
Pairs = tuple[Key, ...]
Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class Person:
    """What a line, or several about one person, say. `keys` are (kind, value) as we store them; `spelled` are (value,
    how it was written) of the few telephones whose key is another than their number; `values` are those of the site's
    own fields; `is_unknown`: the name is what a telephone network said; `shared_ids` are ids that the file gives to
    people by other names as well."""

    name: str = ""
    company: str = ""
    keys: Pairs = ()
    tags: tuple[str, ...] = ()
    note: str = ""
    spelled: Pairs = ()
    values: Values = ()
    is_unknown: bool = False
    shared_ids: tuple[str, ...] = ()

    @property
    def own_ids(self) -> list[Key]:
        """The keys that are nobody else's: numbers of this person in other CRMs."""
        external = IdentityKind.EXTERNAL.value
        return [key for key in self.keys if key[0] == external and key[1] not in self.shared_ids]

    def tagged(self, tag: str) -> Person:
        """With what everybody in the file is given."""
        return self if not tag or tag in self.tags else replace(self, tags=(*self.tags, tag))

    def as_json(self) -> str:
        # Not asdict, which copies every string of a hundred thousand lines.
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps(given, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Person:
        given = json.loads(text)
        for name in ("keys", "spelled", "values"):
            given[name] = tuple((one, other) for one, other in given[name])
        for name in ("tags", "shared_ids"):
            given[name] = tuple(given[name])
        return Person(**given)


def recognise(header: Sequence[str], declared: Declared = NONE) -> list[str]:
    """The field of each column by its name, "" where we do not know it."""
    found: list[str] = []
    for name in header:
        word = _word_of(name, declared)
        found.append("" if _is_single(word) and word in found else word)
    if Field.LAST_NAME in found and Field.FIRST_NAME not in found and Field.NAME not in found:
        found[found.index(Field.LAST_NAME)] = Field.NAME.value
    if Field.FIRST_NAME in found and Field.LAST_NAME not in found and Field.NAME not in found:
        found[found.index(Field.FIRST_NAME)] = Field.NAME.value  # "nome" alone is a whole name
    return found


def check_columns(columns: Sequence[str], header: Sequence[str], declared: Declared = NONE) -> list[str]:
    """A mapping somebody chose, one word per column. Raises InvalidInputError."""
    if len(columns) != len(header):
        raise InvalidInputError(f"say for each of the {len(header)} columns what it holds", field="columns")
    known = [*Field, *map(word_of, declared)]
    if any(one and one not in known for one in columns):
        raise InvalidInputError(f"a column holds one of: {', '.join(known)}, or nothing", field="columns")
    twice = next((one for one in known if _is_single(one) and list(columns).count(one) > 1), None)
    if twice is not None:
        raise InvalidInputError(f"two columns cannot both be {twice.replace('_', ' ')}", field="columns")
    if not NAMING & set(columns):
        raise InvalidInputError("choose which column holds the name or the company", field="columns")
    return list(columns)


def looks_like_people(header: Sequence[str]) -> bool:
    """Whether a first line is somebody already, and no names of columns."""
    return any("@" in cell or sum(letter.isdigit() for letter in cell) >= 7 for cell in header)


def read_person(
    columns: Sequence[str], cells: Sequence[str], region: str, declared: Declared = NONE, ids_of: str = ""
) -> Person:
    """What a line says; `ids_of` is the CRM in which the people have their ids. Raises InvalidInputError, whose
    sentence says what to mend in it."""
    if fault := too_many_cells(cells, columns):
        raise InvalidInputError(fault)
    if any(len(cell) > LONGEST_CELL for cell in cells):
        raise InvalidInputError(f"a cell has more than {LONGEST_CELL} characters")
    by_field: dict[str, list[str]] = {}
    for field, cell in zip(columns, cells, strict=False):
        text = bare_cell(cell.strip())
        if field and text:
            by_field.setdefault(field, []).append(text)
    if ids_of and Field.EXTERNAL in by_field:
        by_field[Field.EXTERNAL] = [_id_of(ids_of, cell) for cell in by_field[Field.EXTERNAL]]
    keys, spelled = _keys(by_field, region)
    name = _name(by_field)
    person = Person(
        name="" if _is_key(name, keys, region) else name,
        company=clean_line(" ".join(by_field.get(Field.COMPANY, []))),
        keys=keys,
        spelled=spelled,
        tags=_tags(by_field.get(Field.TAGS, [])),
        note=_note(by_field.get(Field.NOTE, [])),
        values=read_values(by_field, declared),
        is_unknown=any(cell.casefold() in YES for cell in by_field.get(Field.UNKNOWN, [])),
    )
    if not (person.name or person.company or person.keys):
        raise InvalidInputError("it names nobody: neither a name, a company, a number nor an address")
    return person


def join(first: Person, others: Iterable[Person]) -> Person:
    """Several lines about one person: the first that says something is believed, numbers and tags are all kept. In one
    go, for an export of orders has thousands of lines about one."""
    lines = (first, *others)
    notes = dict.fromkeys(one.note for one in lines if one.note)
    return replace(
        first,
        name=next((one.name for one in lines if one.name), ""),
        company=next((one.company for one in lines if one.company), ""),
        keys=tuple(dict.fromkeys(key for one in lines for key in one.keys)),
        tags=tuple(dict.fromkeys(tag for one in lines for tag in one.tags))[:MOST_TAGS],
        note="\n".join(notes)[:LONGEST_NOTE].rstrip(),
        spelled=_firsts(one.spelled for one in lines),
        values=_firsts(one.values for one in lines),
        is_unknown=all(one.is_unknown for one in lines),
    )


def _firsts(said: Iterable[Iterable[tuple[str, Said]]]) -> tuple[tuple[str, Said], ...]:
    """Of each name what was said of it first."""
    found: dict[str, Said] = {}
    for pairs in said:
        for name, value in pairs:
            found.setdefault(name, value)
    return tuple(found.items())


def _word_of(name: str, declared: Declared) -> str:
    """Names of our own come first: they mean the same at every site."""
    field = _field_of(name)
    if field is not None:
        return field.value
    own = recognised(name, declared)
    return word_of(own.key) if own is not None else ""


def _is_single(word: str) -> bool:
    return word in SINGLE or word.startswith(PREFIX)


def _field_of(name: str) -> Field | None:
    whole = heading(name)
    return BY_NAME.get(whole) or BY_NAME.get(without_digits(whole))


def _name(by_field: dict[str, list[str]]) -> str:
    if Field.NAME in by_field:
        return clean_line(" ".join(by_field[Field.NAME]))
    parts = (*by_field.get(Field.FIRST_NAME, []), *by_field.get(Field.LAST_NAME, []))
    return clean_line(" ".join(parts))


def _is_key(name: str, keys: Pairs, region: str) -> bool:
    """Whether somebody without a name is called by their own number or address, as address books do."""
    if name.casefold() in (value.casefold() for _, value in keys):
        return True
    if not any(letter.isdigit() for letter in name) or any(letter.isalpha() for letter in name):
        return False
    try:
        return (IdentityKind.PHONE.value, normal_value(IdentityKind.PHONE, name, region)) in keys
    except InvalidInputError:
        return False


def _keys(by_field: dict[str, list[str]], region: str) -> tuple[Pairs, Pairs]:
    """The keys, and how those telephones were written whose key is another."""
    found: dict[tuple[str, str], None] = {}
    spelled: dict[str, str] = {}
    for field, kind in KINDS.items():
        for cell in by_field.get(field, []):
            if kind is IdentityKind.PHONE and SHORTENED.match(cell):
                raise InvalidInputError(
                    f"{cell} is what the spreadsheet made of the number: format the column as text and save again"
                )
            for text in map(bare_cell, taken_apart(cell, whole=field in WHOLE)):
                value = _value(kind, text, region)
                found[kind.value, value] = None
                beside = spelling_beside(kind, text, region)
                if beside is not None:
                    spelled.setdefault(value, beside)
    if len(found) > MOST_KEYS:
        raise InvalidInputError(f"a customer has at most {MOST_KEYS} numbers and addresses")
    return tuple(found), tuple(spelled.items())


def _id_of(crm: str, cell: str) -> str:
    """The ids of a cell with the CRM's name before each: two CRMs count their people alike."""
    bare = [bare_cell(one).removeprefix(f"{crm}:") for one in taken_apart(cell, whole=True)]
    return put_together([f"{crm}:{one}" for one in bare], whole=True)


def normal_ids_of(text: str) -> str:
    """The name of a CRM before its ids, as connectors have one. Raises InvalidInputError (field `ids_of`)."""
    name = clean_line(text, LONGEST_CRM + 1)
    if len(name) > LONGEST_CRM or ":" in name:
        raise InvalidInputError(
            f"the CRM's name has at most {LONGEST_CRM} characters, and no colon", field="ids_of"
        )
    return name


def _value(kind: IdentityKind, text: str, region: str) -> str:
    try:
        return normal_value(kind, text, region)
    except InvalidInputError as error:
        raise InvalidInputError(f"{text[:60]!r}: {error}") from error


def _note(cells: Iterable[str]) -> str:
    text = note_text("\n".join(cells))
    if len(text) > LONGEST_NOTE:
        raise InvalidInputError(f"its notes have more than {LONGEST_NOTE} characters together")
    return text


def _tags(cells: Iterable[str]) -> tuple[str, ...]:
    texts = [
        text.removeprefix("* ") for cell in cells for text in taken_apart(cell)
    ]  # as Google marks its own
    tags = tuple(dict.fromkeys(normal_tag(text) for text in texts if text.strip()))
    if len(tags) > MOST_TAGS:
        raise InvalidInputError(f"a customer has at most {MOST_TAGS} tags")
    return tags
