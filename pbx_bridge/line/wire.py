"""What the line monitor's process and the server say to each other: one JSON object a line, over pipes.

*Pure.* The server says one thing, `Login`, as the first line, and closes the pipe to stop the monitor. Everything else
comes from the monitor. Texts in it come from callers: they are bounded and without control characters already."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

LONGEST_LINE = 4096
"""Bytes; the longest message has two texts of 80 characters."""


class How(StrEnum):
    """Why a ringing ended, as far as the PBX says."""

    ELSEWHERE = "elsewhere"
    CALLER = "caller"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Login:
    """Where to register and as whom. `address` is the local address to use, None for the one that routes there."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    address: str | None


@dataclass(frozen=True, slots=True)
class Registered:
    """The PBX accepts us; said again at each renewal."""

    at: float
    t: Literal["registered"] = "registered"


@dataclass(frozen=True, slots=True)
class Refused:
    """The PBX answered and does not accept us."""

    at: float
    reason: str
    t: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The PBX does not answer, or nothing that can be read."""

    at: float
    reason: str
    t: Literal["unreachable"] = "unreachable"


@dataclass(frozen=True, slots=True)
class Rings:
    """Our extension rings. `call` is a short id of this ringing, `number` what it shows of the caller."""

    at: float
    call: str
    number: str | None
    name: str | None
    t: Literal["rings"] = "rings"


@dataclass(frozen=True, slots=True)
class Stopped:
    at: float
    call: str
    how: How
    t: Literal["stopped"] = "stopped"


@dataclass(frozen=True, slots=True)
class Strangers:
    """`count` calls came from addresses that are not the PBX's, the last one from `address`; they were refused."""

    at: float
    address: str
    count: int
    t: Literal["strangers"] = "strangers"


Told = Registered | Refused | Unreachable | Rings | Stopped | Strangers

_TOLD: TypeAdapter[Told] = TypeAdapter(Annotated[Told, Field(discriminator="t")])
_LOGIN = TypeAdapter(Login)


def write_told(told: Told) -> bytes:
    """One line."""
    return _TOLD.dump_json(told) + b"\n"


def read_told(line: bytes) -> Told:
    """Raises ValueError for anything but a line of `write_told`."""
    return _TOLD.validate_json(line)


def write_login(login: Login) -> bytes:
    """One line. It holds the secret: a pipe is its only place, never an argument or the environment."""
    return _LOGIN.dump_json(login) + b"\n"


def read_login(line: bytes) -> Login:
    """Raises ValueError."""
    return _LOGIN.validate_json(line)
