"""How often an API key may ask: a bucket per key that fills evenly, in memory. In: a key's id and an instant; out:
nothing, or TooManyRequestsError with the seconds until there is room. Each process counts for itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from core.errors import TooManyRequestsError


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class KeyLimits:
    """`per_minute` requests of each key, all at once if it likes; 0: no limit. There are as many buckets as keys."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._buckets: dict[int, _Bucket] = {}

    def take(self, key_id: int) -> None:
        """One request. Raises TooManyRequestsError, which takes nothing."""
        if not self._per_minute:
            return
        now, pace = self._now(), self._per_minute / 60
        bucket = self._buckets.setdefault(key_id, _Bucket(self._per_minute, now))
        bucket.left = min(self._per_minute, bucket.left + (now - bucket.at) * pace)
        bucket.at = now
        if bucket.left < 1:
            wait = math.ceil((1 - bucket.left) / pace)
            raise TooManyRequestsError(
                f"this API key may ask {self._per_minute} times a minute", retry_after=max(wait, 1)
            )
        bucket.left -= 1


KEY_LIMITS = web.AppKey("key_limits", KeyLimits)
