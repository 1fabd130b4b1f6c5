"""What a page gets with an offer and hands back with a request: which website, which origin and when, signed
(itsdangerous). It says that the page is one of the website's, and how long somebody looked at it."""

from __future__ import annotations

from typing import Final

from itsdangerous import BadData, URLSafeSerializer

from callback.secret_keys import SecretKeys
from core.clock import Clock

KEY: Final = "page-tokens"
LIFE_S = 3600.0
MAX_LENGTH = 500


class PageTokens:
    """Makes and reads them for all websites."""

    def __init__(self, keys: SecretKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def make(self, site: str, origin: str) -> str:
        """`site` is its section in the settings, `origin` the page's."""
        return str((await self._signer()).dumps([site, origin, int(self._clock() * 1000)]))

    async def age_s(self, token: str, site: str, origin: str) -> float | None:
        """Seconds since the token was given to a page of this website and origin; None when it was not, or too long
        ago."""
        if not token or len(token) > MAX_LENGTH:
            return None
        try:
            made_for, made_to, made_at = (await self._signer()).loads(token)
        except (BadData, UnicodeError, ValueError, TypeError):
            return None
        age = self._clock() - float(made_at) / 1000
        return age if (made_for, made_to) == (site, origin) and age <= LIFE_S else None

    async def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(await self._keys.of(KEY), salt="page")
