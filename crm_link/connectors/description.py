"""A CRM described in a TOML file: which requests find somebody, make somebody and write a call, and where in the
answers things stand (JMESPath). A path or the name of a shipped description goes in, a checked `Description` comes
out; a mistake in it is said when the server starts, with its place. `described.py` speaks as it says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import Field, ValidationError, field_validator, model_validator

from config.part import Part
from core.errors import SettingsError
from crm_link.connectors.template import names_in

SHIPPED = Path(__file__).parent / "descriptions"

LONGEST_S = 120.0
"""That one request may take: two of them, and a token's, fit into a worker's lease (`logs.py`)."""

SITE_NAMES = frozenset({"url", "secret", "user", "token"})
NUMBER_NAMES = frozenset(
    {
        "number", "number.digits", "number.national", "number.spaced", "number.local", "number.local_digits",
    }
)  # fmt: skip
CONTACT_NAMES = frozenset({"id", "name"})
BEGINNING_NAMES = frozenset(
    {
        "call.started", "call.started_local", "call.started_ms", "call.marker", "call.direction", "call.ours",
        "call.from", "call.to", "person",
    }
)  # fmt: skip
"""What is known from a call's beginning; `person` is the CRM's id of whoever of us it is with."""

CALL_NAMES = BEGINNING_NAMES | {
    "call.summary", "call.text", "call.ended", "call.seconds", "call.ms", "call.minutes", "call.hours",
    "call.rest_minutes", "call.clock", "call.result", "call.people", "call.extension", "call.queue",
    "call.disposition", "call.note", "call.url",
}  # fmt: skip


def _path(text: str) -> str:
    """A JMESPath expression as it came. Raises ValueError, for a person."""
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(f"{text!r} is no JMESPath: {error}") from error
    return text


class Ask(Part):
    """One request. `body` goes as JSON, `form` as a form; `keep` names parts of the answer for what follows. `success`
    is the path of what an answer has when it worked, for CRMs that say an error with status 200. `timeout` is in
    seconds, where the answer takes longer than the site's settings wait for others."""

    method: Literal["GET", "POST", "PUT", "PATCH"] = "GET"
    url: str
    query: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    form: dict[str, str] = Field(default_factory=dict)
    keep: dict[str, str] = Field(default_factory=dict)
    success: str = ""
    timeout: float | None = Field(None, gt=0, le=LONGEST_S)

    @field_validator("success")
    @classmethod
    def _path_of_success(cls, given: str) -> str:
        return _path(given) if given else given

    @field_validator("keep")
    @classmethod
    def _paths(cls, given: dict[str, str]) -> dict[str, str]:
        for name, path in given.items():
            if not re.fullmatch(r"[a-z_]+", name):
                raise ValueError(f"{name!r} must be lower-case letters")
            _path(path)
        return given

    def names(self) -> set[str]:
        return set(names_in([self.url, self.query, self.headers, self.body, self.form]))


class Find(Ask):
    """`each` gives the list of what was found, the other paths are of one of them. With `numbers`, whoever has none of
    these (a list of texts, or one text) as the number asked for is left out, however the CRM searched. A CRM that finds
    one spelling only is asked for each of `spellings`, at the same time; the request has it as `{spelling}`."""

    each: str
    id: str = "id"
    name: str = "name"
    company: str = ""
    owner: str = ""
    numbers: str = ""
    spellings: tuple[str, ...] = ()

    @field_validator("each", "id", "name", "company", "owner", "numbers")
    @classmethod
    def _is_path(cls, given: str) -> str:
        return _path(given) if given else given


class Make(Ask):
    """`id` is the path of the new contact's id."""

    id: str = "id"

    @field_validator("id")
    @classmethod
    def _is_path(cls, given: str) -> str:
        return _path(given)


class Refer(Ask):
    """`reference` is the path of the CRM's id of a call, or of what was written of it; null when there is nothing."""

    reference: str

    @field_validator("reference")
    @classmethod
    def _is_path(cls, given: str) -> str:
        return _path(given)


RECORDING_NAMES = frozenset({"reference", "recording.name", "recording.content"})


class Token(Ask):
    """Asked for before anything else; `value` is the path of what `{token}` then is, for `seconds`."""

    value: str = "access_token"
    seconds: int = Field(600, ge=10)


class Description(Part):
    """`tested` says against what. `log` and `update` are steps, done in order; the id of what was written is kept as
    `reference` by one of the steps of `log`. `words` turn direction and result into the CRM's own words, `*` for all
    others; `link` is a contact's page. Where `create` writes `{marker}`, `find_made` finds who has it.

    With `begin`, a call is begun there before anything else is said of it, and all that follows has its `{reference}`:
    `show` and `hide`, its card for one `{person}` while it goes on, and `log`.

    `attach` puts a recording to what `log` wrote. It may be done again, and must then replace the one before."""

    title: str
    tested: str
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    link: str = ""
    needs_contact: bool = True
    token: Token | None = None
    find: tuple[Find, ...] = ()
    create: Make | None = None
    find_made: Find | None = None
    begin: Refer | None = None
    show: tuple[Ask, ...] = ()
    hide: tuple[Ask, ...] = ()
    log: tuple[Ask, ...] = ()
    update: tuple[Ask, ...] = ()
    attach: tuple[Ask, ...] = ()
    find_log: Refer | None = None
    words: dict[str, dict[str, str | int]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_names(self) -> Description:
        words = {f"word.{name}" for name in self.words}
        site = SITE_NAMES
        call = site | NUMBER_NAMES | CONTACT_NAMES | CALL_NAMES | words
        _check("headers and query", [self.headers, self.query], site)
        _check("link", self.link, site | CONTACT_NAMES)
        if self.token:
            _check("token", list(self.token.names()), site, bare=True)
        for one in self.find:
            spelling = {"spelling"} if one.spellings else set()
            _check("find", list(one.names()), site | NUMBER_NAMES | spelling, bare=True)
            _check("spellings of find", list(one.spellings), NUMBER_NAMES)
        if self.create:
            _check("create", list(self.create.names()), site | NUMBER_NAMES | {"name", "marker"}, bare=True)
            if not self.find:
                raise ValueError("create needs find: without it every call would make another contact")
        if self.find_made:
            _check("find_made", list(self.find_made.names()), site | {"marker"}, bare=True)
        if self.find_log:
            _check("find_log", list(self.find_log.names()), call, bare=True)
        begun = self._check_life(site | NUMBER_NAMES | words)
        kept = _check_steps("log", self.log, call | begun)
        _check_steps("update", self.update, call | {"reference"} | kept)
        _check_steps("attach", self.attach, site | RECORDING_NAMES)
        return self

    def _check_life(self, known: set[str] | frozenset[str]) -> set[str]:
        """Returns what is known of a call by having begun it."""
        if self.begin is None:
            if self.show or self.hide:
                raise ValueError("show and hide need begin: there is no card of a call that was not begun")
            return set()
        if not self.log:
            raise ValueError("begin needs log: a call that was begun must end there too")
        _check("begin", list(self.begin.names()), known | CONTACT_NAMES | BEGINNING_NAMES, bare=True)
        for place, steps in (("show", self.show), ("hide", self.hide)):
            _check_steps(place, steps, known | {"reference", "person"})
        return {"reference"}


def _check(place: str, given: Any, known: Iterable[str], *, bare: bool = False) -> None:
    used = set(given) if bare else set(names_in(given))
    if unknown := used - set(known):
        raise ValueError(f"{place} names {{{min(unknown)}}}, which is not known there")


def _check_steps(place: str, steps: tuple[Ask, ...], known: set[str] | frozenset[str]) -> set[str]:
    kept: set[str] = set()
    for step in steps:
        _check(place, list(step.names()), known | kept, bare=True)
        kept |= set(step.keep)
    return kept


def shipped() -> tuple[str, ...]:
    """The names of the descriptions that come with the program."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def load_description(given: str) -> Description:
    """A shipped name, or the path of a TOML file. Raises SettingsError with what is wrong, and where."""
    path = SHIPPED / f"{given}.toml" if given in shipped() else Path(given)
    try:
        return read_description(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        known = ", ".join(shipped())
        raise SettingsError(
            f"cannot read the description {given}: {error}; shipped ones are {known}"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SettingsError(f"{path}: " + "; ".join(lines)) from error


def read_description(values: Mapping[str, Any]) -> Description:
    """Raises pydantic's ValidationError."""
    return Description.model_validate(values)
