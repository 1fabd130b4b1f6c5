"""The part of the settings that says what this site keeps of its customers beside names and numbers: fields of its own,
each with a type. Values are checked where they are entered (`crm_link/fields/edit.py`); only shapes and complaints
here."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import Field, field_validator, model_validator

from config.part import Part

MOST_FIELDS = 40
"""More is a form nobody fills in."""

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    YES_NO = "yes-no"
    LINK = "link"


class CustomField(Part):
    """One `[[crm.fields]]`. Values stand under `key` in the API; renaming it leaves them behind."""

    key: str = Field(description="small letters, digits and _; how programs name it")
    label: str = Field("", max_length=60, description="how people read it; else made from the key")
    type: FieldType = FieldType.TEXT
    choices: tuple[str, ...] = Field((), max_length=100, description="of type choice")
    on_card: bool = Field(False, description="show it on the card when they call")

    @property
    def title(self) -> str:
        return self.label or self.key.replace("_", " ").capitalize()

    @field_validator("key")
    @classmethod
    def _plain(cls, given: str) -> str:
        if KEY.fullmatch(given) is None:
            raise ValueError(f"{given!r} is no key: write small letters, digits and _, such as contract_no")
        return given

    @field_validator("choices")
    @classmethod
    def _short_words(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for word in given:
            if word != word.strip() or not 1 <= len(word) <= 80:
                raise ValueError(f"{word!r} must have between 1 and 80 characters, and no space around it")
        if len(set(given)) != len(given):
            raise ValueError("a choice is named twice")
        return given

    @model_validator(mode="after")
    def _choices_where_they_belong(self) -> CustomField:
        if (self.type is FieldType.CHOICE) is not bool(self.choices):
            raise ValueError(f"field {self.key!r}: `choices` go with type choice, and type choice needs them")
        return self


class CrmSettings(Part):
    """`[crm]`."""

    fields: tuple[CustomField, ...] = Field((), max_length=MOST_FIELDS)
    provisional_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="unknown callers whom nothing identifies are forgotten so long after their last call, "
        "their calls are not; 0: never",
    )

    @field_validator("fields")
    @classmethod
    def _each_key_once(cls, given: tuple[CustomField, ...]) -> tuple[CustomField, ...]:
        keys = [one.key for one in given]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"the key {twice!r} stands twice: each field has its own")
        return given
