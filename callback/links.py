"""A visitor's link: the id of their submission and the end of its life, signed (itsdangerous). Out: a token fit for a
URL. In: a token, and the submission it names, or nothing. What may be seen or done with it is `requests.py`'s."""

from __future__ import annotations

from itsdangerous import BadData, URLSafeSerializer

from callback.secret_keys import SecretKeys

KEY = "links"
MAX_LENGTH = 200
"""A token has about 70 characters; longer text was not made here and is not looked at."""


class Links:
    """Makes and reads visitors' tokens. The same submission always gets the same token."""

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys

    async def prepare(self) -> None:
        """Have the key ready. Call it before a transaction in which tokens are made: it may have to be written."""
        await self._keys.of(KEY)

    async def token(self, submission_id: int, expires_at: float) -> str:
        """A token for this submission, good until `expires_at` (an instant; whole seconds)."""
        return str((await self._signer()).dumps([submission_id, int(expires_at)]))

    async def submission_of(self, token: str, now: float) -> int | None:
        """The submission that a token names; None when it was tampered with, made by somebody else, or is too old."""
        if len(token) > MAX_LENGTH:
            return None
        try:
            submission_id, expires_at = (await self._signer()).loads(token)
        except (BadData, UnicodeError, ValueError):
            return None
        return int(submission_id) if now < expires_at else None

    async def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(await self._keys.of(KEY), salt="visitor-link")
