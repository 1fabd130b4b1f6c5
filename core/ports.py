"""What one room offers another, as Protocols: the room that needs something imports the Protocol from here, the room
that has it implements it, and `server/app.py` brings them together. No code lives here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.accounts import UserDevice


class QueuePauser(Protocol):
    """Offered by the PBX room to the desk."""

    async def pause(self, devices: Sequence[UserDevice], paused: bool, reason: str | None) -> None:
        """Pause or unpause these phones in every queue they are members of; phones in no queue are passed over.

        `reason` is a few words for the PBX's own log and displays, None when unpausing. Returns when the PBX has
        agreed. Raises PbxError when it refused or did not answer.
        """
        ...
