"""What a prompt is for, and its name: a site's own sound in the place of a tone, or the recording notice of a queue.
*Pure.* The name is made here and nowhere else; it is the name of the file on the PBX (`<name>.wav`), where the shipped
dialplan looks for it, so nothing of it ever comes from the name of a file that somebody uploads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """Where the shipped dialplan (`config/asterisk/extensions_ringback.conf`) plays it."""

    AGENT = "callback-agent"
    CUSTOMER = "callback-customer"
    PROMISED = "callback-promised"
    NOTICE = "notice"


LONGEST_NAME = 100

_QUEUE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,79}")
"""What the dialplan leaves of a queue's name in the name of a file; a queue with other characters has no notice."""


@dataclass(frozen=True, slots=True)
class PromptName:
    """`queue` is set for a recording notice, and only there."""

    purpose: Purpose
    queue: str | None = None

    def __str__(self) -> str:
        return self.purpose.value if self.queue is None else f"{self.purpose}-{self.queue}"

    @property
    def file(self) -> str:
        """Of the sound, in the PBX's folder."""
        return f"{self}.wav"


ONE_EACH = (Purpose.AGENT, Purpose.CUSTOMER, Purpose.PROMISED)
"""Prompts of the whole site; notices are one for each queue."""


def parse(text: str) -> PromptName | None:
    """The name that reads so; None for every other text."""
    if text in ONE_EACH:
        return PromptName(Purpose(text))
    purpose, _, queue = text.partition("-")
    return notice_of(queue) if purpose == Purpose.NOTICE else None


def notice_of(queue: str) -> PromptName | None:
    """The recording notice of a queue; None when its name cannot be a file's."""
    return PromptName(Purpose.NOTICE, queue) if _QUEUE.fullmatch(queue) else None
