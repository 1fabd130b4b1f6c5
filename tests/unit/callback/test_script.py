"""The widget as one file: small enough, whole, and the same three languages everywhere."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from callback import script
from callback.guard import Refusal
from callback.languages import LANGUAGES, language_of, texts

LIMIT = 10_000
"""Bytes, packed, of what a page loads before anybody opens the form, and all the form needs but the proof of work."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_small(language: str) -> None:
    widget = script.widget()
    parts = (widget.script, widget.files[f"texts/{language}.json"])
    assert sum(len(gzip.compress(part, 9)) for part in parts) < LIMIT


def test_every_module_is_in_it_and_nothing_of_a_module_is_left() -> None:
    modules = {path.stem for path in script.FOLDER.glob("*.js")}
    assert modules == set(script.ORDER)
    text = script.widget().script.decode()
    assert not re.search(r"^\s*(import|export) ", text, re.MULTILINE)
    assert "@version" not in text
    assert script.widget().version in text


def test_top_level_names_exist_once() -> None:
    source = "\n".join((script.FOLDER / f"{name}.js").read_text() for name in script.ORDER)
    names = re.findall(r"^(?:export )?(?:const|let|class|(?:async )?function) (\w+)", source, re.MULTILINE)
    assert len(names) == len(set(names))


def test_texts_inside_strings_are_left_alone() -> None:
    source = (script.FOLDER / "dom.js").read_text()
    drawn = re.findall(r'"(M[^"]+)"', source)
    assert drawn
    for one in drawn:
        assert one in script.widget().script.decode()


@pytest.mark.parametrize("folder", ["widget/texts", "texts"])
def test_all_languages_say_the_same(folder: str) -> None:
    files = {
        language: json.loads((script.FOLDER.parent / folder / f"{language}.json").read_text())
        for language in LANGUAGES
    }
    placeholders = {
        language: {name: sorted(re.findall(r"\{\w+\}", str(text))) for name, text in file.items()}
        for language, file in files.items()
    }
    assert placeholders["pl"] == placeholders["en"]
    assert placeholders["es"] == placeholders["en"]


def test_the_widget_asks_for_no_text_that_is_not_there() -> None:
    source = "\n".join(path.read_text() for path in script.FOLDER.glob("*.js"))
    asked = set(re.findall(r'\.say\("(\w+)"[,)]', source))
    assert asked <= texts("en").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_refusal_has_a_sentence(language: str) -> None:
    assert {one.value for one in Refusal} | {"old_page"} <= texts(language)["errors"].keys()


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        (("pl-PL,pl;q=0.9",), "pl"),
        ((None, "es"), "es"),
        (("de, es;q=0.8",), "es"),
        (("",), "en"),
        (("xx" * 500,), "en"),
    ],
)
def test_the_first_language_we_speak(wanted: tuple[str | None, ...], spoken: str) -> None:
    assert language_of(*wanted) == spoken
