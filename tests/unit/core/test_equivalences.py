"""Equal spellings of one telephone, by the facts in tests/data/number_pack.csv, and what holds of every rule."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equivalences import FACTS, is_switched_off, key_of, renumbered, spellings
from core.phone import is_region, parse_number

PACK = Path(__file__).parents[2] / "data" / "number_pack.csv"


def pack() -> list[dict[str, str]]:
    with PACK.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("line", pack(), ids=lambda line: f"{line['country']} {line['one']} {line['other']}")
def test_p7_spellings_of_the_pack(line: dict[str, str]) -> None:
    one, other = (parse_number(line[name], line["country"]).e164 for name in ("one", "other"))
    assert one is not None, "what the pack calls a number is one"
    assert other is not None
    assert (key_of(one) == key_of(other)) == (line["same"] == "yes")
    assert (other in {one, *spellings(one)}) == (line["same"] == "yes")


def test_every_rule_has_its_source_and_its_proof() -> None:
    rules = [rule for kind in tomllib.loads(FACTS.read_text(encoding="utf-8")).values() for rule in kind]
    assert all(is_region(rule["country"]) and rule["what"] and rule["source"] for rule in rules)
    for answer in ("yes", "no"):
        proved = {line["country"] for line in pack() if line["same"] == answer}
        assert {rule["country"] for rule in rules} <= proved


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_example_numbers_of_all_countries_stay_what_they_are(region: str) -> None:
    for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        if is_switched_off(number):
            continue
        assert renumbered(number) is None, "a rule takes away a number that exists"
        assert parse_number(number, "PL").e164 == number
        if region != "AR":
            assert key_of(number) == number


def test_only_a_country_whose_old_plan_libphonenumber_keeps_is_overruled() -> None:
    rules = tomllib.loads(FACTS.read_text(encoding="utf-8"))["renumbered"]
    assert {rule["country"] for rule in rules if rule.get("switched_off")} == {"GA"}


@given(st.from_regex(r"\+(?:54|55|521?|57|84|225|229|241)[0-9]{7,11}", fullmatch=True))
def test_a_key_is_its_own_key_and_every_spelling_has_it(number: str) -> None:
    key = key_of(number)
    assert key_of(key) == key
    assert {key_of(one) for one in spellings(number)} == {key}


@given(
    st.from_regex(r"\+54[0-9]{10,11}", fullmatch=True),
    st.from_regex(r"\+54[0-9]{10,11}", fullmatch=True),
)
def test_only_a_nine_after_the_country_code_is_left_aside(one: str, other: str) -> None:
    if key_of(one) == key_of(other):
        assert one.removeprefix("+549").removeprefix("+54") == other.removeprefix("+549").removeprefix("+54")
