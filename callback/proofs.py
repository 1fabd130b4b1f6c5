"""The proof of work of a visitor's browser (ALTCHA, version 2). Out: a challenge, signed and short-lived. In: what the
browser made of it, and the `Proof` it amounts to. That a proof is used once only is kept by `guard.py`.

Making a challenge costs us a signature, checking an answer one derivation (a millisecond); finding it costs the browser
256 derivations on average, while its owner types. The library's own expiry asks the machine's clock, so ours stands in
the signed data."""

from __future__ import annotations

from typing import Any, Final

from altcha import Challenge, Payload, create_challenge, verify_solution

from callback.ask import Proof
from callback.secret_keys import SecretKeys
from core.clock import Clock

KEY: Final = "proofs"
ALGORITHM: Final = "PBKDF2/SHA-256"
COST: Final = 2000
PREFIX: Final = "00"
LIFE_S = 3600.0
MAX_LENGTH = 4000
"""A payload has about 700 characters."""


class Proofs:
    """Makes challenges and checks answers for all websites."""

    def __init__(self, keys: SecretKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def challenge(self) -> dict[str, Any]:
        """A challenge as ALTCHA's workers read it."""
        made = create_challenge(
            ALGORITHM,
            COST,
            key_prefix=PREFIX,
            data={"until": int(self._clock() + LIFE_S)},
            hmac_secret=await self._keys.of(KEY),
        )
        return dict(made.to_dict())

    async def read(self, text: str) -> Proof | None:
        """What this payload (base64) proves: None when it is none, was tampered with, or is too old."""
        payload = _payload(text)
        if payload is None or not verify_solution(payload, await self._keys.of(KEY)).verified:
            return None
        until = float((payload.challenge.parameters.data or {}).get("until", 0))
        if until <= self._clock() or payload.challenge.signature is None:
            return None
        return Proof(payload.challenge.signature, until)


def _payload(text: str) -> Payload | None:
    """Only challenges of our own strength are looked into: others would make us work."""
    if not text or len(text) > MAX_LENGTH:
        return None
    try:
        payload = Payload.from_base64(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return payload if _is_ours(payload.challenge) else None


def _is_ours(challenge: Challenge) -> bool:
    asked = challenge.parameters
    return (asked.algorithm, asked.cost, asked.key_prefix) == (ALGORITHM, COST, PREFIX)
