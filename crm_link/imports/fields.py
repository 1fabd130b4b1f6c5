"""*Pure.* A site's own fields in files of customers: how a column names one, what its cells say, and where that differs
from what we have. Values are checked by the rules of every form (`fields/values.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from config.crm import CustomField
from core.folding import WORD, fold
from crm_link.fields.values import FieldValue, checked, words_of

Declared = Mapping[str, CustomField]
"""The fields of the settings by key, in their order."""

Values = tuple[tuple[str, FieldValue], ...]

NONE: Declared = {}
PREFIX = "field:"


def by_key(fields: Iterable[CustomField]) -> Declared:
    return {one.key: one for one in fields}


def word_of(key: str) -> str:
    """What a mapping says of a column that holds this field."""
    return PREFIX + key


def field_of(word: str, declared: Declared) -> CustomField | None:
    return declared.get(word.removeprefix(PREFIX)) if word.startswith(PREFIX) else None


def recognised(name: str, declared: Declared) -> CustomField | None:
    """The field a column's name means: the word above, the field's key, or what people call it."""
    exact = field_of(name.strip().casefold(), declared)
    wanted = _plain(name)
    return exact or next(
        (one for one in declared.values() if wanted and wanted in (_plain(one.key), _plain(one.title))), None
    )


def read_values(by_field: Mapping[str, Sequence[str]], declared: Declared) -> Values:
    """What a line's cells say of the fields. Raises InvalidInputError, which names the field and says what it takes."""
    found = [
        (key, checked(field, text))
        for key, field in declared.items()
        for text in by_field.get(word_of(key), ())
    ]
    return tuple((key, value) for key, value in found if value is not None)


def conflict(given: Values, held: Mapping[str, FieldValue], declared: Declared) -> str:
    """Where a line says something else than those before it; empty when nowhere."""
    return "; ".join(
        f"{declared[key].title} stays “{words_of(held[key])}”, not “{words_of(value)}”"
        for key, value in given
        if key in declared and key in held and held[key] != value
    )


def _plain(name: str) -> str:
    return " ".join(WORD.findall(fold(name.replace("_", " "))))
