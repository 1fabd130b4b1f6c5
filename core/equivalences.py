"""E.164 in; the telephone's current number, its key for matching, and its other valid spellings out. *Pure*: the facts
are `equivalences.toml`, read once. Rules are about whole numbers of one country's plan: nothing is ever guessed from
last digits (P7).

Reading what people write is `phone.py`, which asks `renumbered` where a number exists in no plan; keeping one customer
per key is the customers' room."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_name("equivalences.toml")


@dataclass(frozen=True, slots=True)
class Step:
    """Numbers that match `pattern` whole are written as `template` says. `begins` is what all of them begin with."""

    begins: str
    pattern: re.Pattern[str]
    template: str

    def apply(self, number: str) -> str | None:
        found = self.pattern.fullmatch(number) if number.startswith(self.begins) else None
        return found.expand(self.template) if found else None


@dataclass(frozen=True, slots=True)
class Plan:
    """All rules: `current` for what is no longer dialled, `switched_off` those of them that libphonenumber does not
    know of yet, `keys` from a twin to its key, `twins` back again."""

    current: tuple[Step, ...]
    switched_off: tuple[Step, ...]
    keys: tuple[Step, ...]
    twins: tuple[Step, ...]


def plan_of(facts: Mapping[str, Any]) -> Plan:
    """The rules of a parsed `equivalences.toml`. Raises KeyError and re.error for one that is none."""
    current = [step for rule in facts["renumbered"] for step in _renumbering(rule)]
    off = [step for rule in facts["renumbered"] if rule.get("switched_off") for step in _renumbering(rule)]
    keys = [_step(rule["spelling"], rule["key"]) for rule in facts["twins"]]
    twins = [_step(rule["other"], rule["back"]) for rule in facts["twins"]]
    return Plan(tuple(current), tuple(off), tuple(keys), tuple(twins))


def _renumbering(rule: Mapping[str, Any]) -> list[Step]:
    if "old" in rule:
        return [_step(rule["old"], rule["new"])]
    return [
        Step(old, re.compile(f"{re.escape(old)}({rule['rest']})"), rf"{new}\g<1>")
        for old, new in rule["prefixes"].items()
    ]


def _step(pattern: str, template: str) -> Step:
    begins = re.match(r"\\(\+[0-9]+)", pattern)
    return Step(begins[1] if begins else "", re.compile(pattern), template)


PLAN = plan_of(tomllib.loads(FACTS.read_text(encoding="utf-8")))


def renumbered(number: str) -> str | None:
    """Today's number of a telephone that is written as before its country changed the plan; None for all others."""
    return _first(PLAN.current, number)


def is_switched_off(number: str) -> bool:
    """Whether libphonenumber takes for a number of today what its country no longer has."""
    return _first(PLAN.switched_off, number) is not None


@lru_cache(maxsize=8192)
def key_of(number: str) -> str:
    """What all spellings of one telephone have in common: the number itself, but for the few with a twin. E.164, yet
    not always the spelling to dial."""
    current = renumbered(number) or number
    return _first(PLAN.keys, current) or current


def spellings(number: str) -> tuple[str, ...]:
    """The key and its valid twin, if it has one; what is stored anywhere of this telephone is spelled so."""
    key = key_of(number)
    twin = _first(PLAN.twins, key)
    return (key,) if twin is None else (key, twin)


def _first(steps: Sequence[Step], number: str) -> str | None:
    return next((found for step in steps if (found := step.apply(number)) is not None), None)
