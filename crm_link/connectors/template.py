"""*Pure.* Texts with `{names}` and what stands for each name go in, filled texts come out: addresses with every value
percent-encoded, JSON with every value as it is. A text that is nothing but one name keeps that value's type, so that a
number stays a number. Braces around anything that is no name stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

NAME = re.compile(r"\{([a-z][a-z_]*(?:\.[a-z_]+)?)\}")

Values = Mapping[str, str | int]
"""What stands for each name."""


def names_in(template: Any) -> Iterator[str]:
    """Every name in a text, or in all texts of a JSON value."""
    if isinstance(template, str):
        yield from NAME.findall(template)
    elif isinstance(template, Mapping):
        for key, value in template.items():
            yield from names_in(key)
            yield from names_in(value)
    elif isinstance(template, list | tuple):
        for one in template:
            yield from names_in(one)


def fill(template: str, values: Values) -> str:
    """Raises KeyError for a name that is not known."""
    return NAME.sub(lambda found: str(values[found[1]]), template)


def fill_url(template: str, values: Values, whole: frozenset[str] = frozenset({"url"})) -> str:
    """An address; values of the names in `whole` are addresses themselves and stay as they are."""

    def put(found: re.Match[str]) -> str:
        text = str(values[found[1]])
        return text if found[1] in whole else quote(text, safe="")

    return NAME.sub(put, template)


def fill_values(template: Any, values: Values) -> Any:
    """A JSON value with all its texts filled."""
    if isinstance(template, str):
        alone = NAME.fullmatch(template)
        return values[alone[1]] if alone else fill(template, values)
    if isinstance(template, Mapping):
        return {key: fill_values(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill_values(one, values) for one in template]
    return template
