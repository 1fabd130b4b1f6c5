"""The part of the settings that speaks of other CRMs: which one, where, as whom, and what is done with it. What a CRM
understands is `crm_link/connectors/`; only shapes and complaints live here."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from config.part import Part

Kind = Literal["odoo", "zammad", "http"]


class ConnectorSettings(Part):
    """`[connector.<name>]`; the name stands on cards and in the log."""

    kind: Kind = Field(description="odoo, zammad, or http: a CRM described by a file")
    url: str = Field(description="where the CRM is, as people reach it")
    secret: SecretStr = Field(SecretStr(""), description="its API key or token")
    user: str = Field("", description="who we are there, where the CRM asks for it")
    database: str = Field("", description="of Odoo")
    description: str = Field("", description="of an http connector: a shipped name, or a TOML file")
    look_up: bool = Field(True, description="ask it who calls")
    log_calls: bool = Field(True, description="write finished calls there")
    send_notes: bool = Field(True, description="with disposition and note of the wrap-up")
    send_recordings: bool = Field(
        False,
        description="of an http connector that takes them: with the audio, once it is silenced where it must be",
    )
    caller_ids: bool = Field(
        False, description="of zammad: ask it which number of ours the customer of a callback sees"
    )
    create_contacts: bool = Field(False, description="an unknown number becomes a contact there")
    seconds: float = Field(5.0, ge=0.5, le=30, description="how long it may take to answer")
    fresh_minutes: int = Field(
        60, ge=0, le=10080, description="what it said is believed so long without asking"
    )

    people: dict[str, str] = Field(
        default_factory=dict,
        description="of an http connector that shows cards: its id of each person, by extension or device",
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may read: the key, and the token at the end of Zammad's address."""
        token = (self.url.rsplit("/", 1)[-1],) if self.kind == "zammad" else ()
        return (self.secret.get_secret_value(), *token)

    @property
    def shown_url(self) -> str:
        """The address as people may see it: Zammad's ends with a token."""
        return self.url.rsplit("/", 1)[0] + "/…" if self.kind == "zammad" else self.url

    @field_validator("url")
    @classmethod
    def _web_address(cls, given: str) -> str:
        if re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", given) is None:
            raise ValueError("write the CRM's address, such as https://crm.example.com")
        return given.rstrip("/")

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> ConnectorSettings:
        needed = {"odoo": ("database", "user", "secret"), "zammad": (), "http": ("description",)}[self.kind]
        given = {"database": self.database, "user": self.user, "description": self.description}
        given["secret"] = self.secret.get_secret_value()
        missing = [name for name in needed if not given[name]]
        if missing:
            raise ValueError(f"kind {self.kind!r} needs {' and '.join(missing)} too")
        return self

    @model_validator(mode="after")
    def _what_recordings_need(self) -> ConnectorSettings:
        if self.send_recordings and (self.kind != "http" or not self.log_calls):
            raise ValueError(
                "`send_recordings` goes with kind http and log_calls: audio is put to a call there"
            )
        return self

    @model_validator(mode="after")
    def _what_caller_ids_need(self) -> ConnectorSettings:
        if self.caller_ids and (self.kind != "zammad" or not self.log_calls):
            raise ValueError(
                "`caller_ids` goes with kind zammad and log_calls: it is asked by telling it of a call"
            )
        return self

    @model_validator(mode="after")
    def _what_cards_need(self) -> ConnectorSettings:
        if self.people and self.kind != "http":
            raise ValueError("`people` goes with kind http: no other is told who somebody is there")
        if self.people and not (self.look_up and self.log_calls):
            raise ValueError(
                "`people` needs look_up and log_calls: a card is about somebody, and is closed at the end"
            )
        return self
