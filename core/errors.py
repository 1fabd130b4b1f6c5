"""The error family. Every error a user can meet has a stable `code`, one sentence that names the cause, and
the fix where there is one. HTTP shapes (RFC 9457) are made from these in `server/web/replies.py`, exit codes in
`server/cli.py`; nothing here knows about either."""

from __future__ import annotations


class RingbackError(Exception):
    """Base of all errors we raise on purpose.

    `code` is stable and documented; `str(error)` is a sentence fit for a person.
    """

    code = "error"


class SettingsError(RingbackError):
    """A setting is missing, misspelt or invalid. The sentence names the key and the fix."""

    code = "settings-invalid"


class DatabaseError(RingbackError):
    """The database cannot be used: unreadable, locked by another server, or of a newer schema."""

    code = "database-unusable"


class NotFoundError(RingbackError):
    """The thing asked for does not exist, or the asker may not know that it does."""

    code = "not-found"


class InvalidInputError(RingbackError):
    """What a person or program sent cannot be used. `field` names the part, when there is one."""

    code = "invalid-input"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ConflictError(RingbackError):
    """The request was sound but the world has moved on (edited meanwhile, already done)."""

    code = "conflict"


class StaleError(ConflictError):
    """Somebody else changed it since the asker read it."""

    code = "stale"


class ForbiddenError(RingbackError):
    """The person is known but may not do this."""

    code = "forbidden"


class UnauthenticatedError(RingbackError):
    """Nobody is logged in, or the key is unknown, revoked or expired."""

    code = "unauthenticated"


class TooManyRequestsError(RingbackError):
    """A limit was reached. `retry_after` is in seconds."""

    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PbxError(RingbackError):
    """The PBX refused, did not answer, or is not what the settings say it is."""

    code = "pbx-error"


class PbxUncertainError(PbxError):
    """An action was sent and no reply came: it has perhaps been executed. Never send it again by itself."""

    code = "pbx-perhaps-executed"
