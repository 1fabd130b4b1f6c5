"""Passwords in, argon2id hashes out, and the check of one against the other. Hashing takes about 175 ms and 64 MiB,
so it runs in two threads and a bounded line waits for them. Nothing is stored or logged here."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import InvalidInputError, TooManyRequestsError

MIN_LENGTH, MAX_LENGTH = 10, 200
"""ASVS 5.0 6.2.1 asks for at least 8 and 6.2.9 for at least 64 allowed; the upper bound keeps hashing cheap."""

AT_ONCE = 2
"""Two cores are the common machine: logins must not starve the event loop of both."""

MAX_WAITING = 16
"""About a second and a half of work. Whoever comes later is asked to try again, not made to wait for a time-out."""

_HASHER = PasswordHasher()
_THREADS = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="argon2")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no l, o, i, 0, 1: people read these out on the phone


T = TypeVar("T")


class _Line:
    """How many hashings are under way or waiting, in this process."""

    waiting = 0


def check_password_rules(text: str) -> str:
    """The password itself. Raises InvalidInputError when it is too short or too long; nothing else is demanded."""
    if len(text) < MIN_LENGTH:
        raise InvalidInputError(f"a password has at least {MIN_LENGTH} characters", field="password")
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(f"a password has at most {MAX_LENGTH} characters", field="password")
    return text


def new_password() -> str:
    """Four groups of four characters, 79 bits, easy to read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


async def hash_password(text: str) -> str:
    """The argon2id hash with its salt and parameters. Raises TooManyRequestsError when the line is full."""
    return await _in_thread(lambda: _HASHER.hash(text))


async def verify_password(stored: str | None, text: str) -> bool:
    """Whether `text` belongs to `stored`. With None it takes the same time and says no, so that nobody learns from
    the delay which logins exist. Raises TooManyRequestsError when the line is full."""
    return await _in_thread(lambda: _matches(stored or _nobody(), text) and stored is not None)


def _matches(stored: str, text: str) -> bool:
    try:
        return _HASHER.verify(stored, text[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


async def _in_thread(work: Callable[[], T]) -> T:
    if _Line.waiting >= MAX_WAITING:
        raise TooManyRequestsError(
            "too many logins at this moment: try again in a few seconds", retry_after=5
        )
    _Line.waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
    finally:
        _Line.waiting -= 1
