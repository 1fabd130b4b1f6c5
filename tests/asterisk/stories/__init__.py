"""Every story, by name: importing this package fills ``STORIES``."""

from __future__ import annotations

from tests.asterisk.stories import direct, queues
from tests.asterisk.stories.story import STORIES, Story

__all__ = ["STORIES", "Story", "direct", "queues"]
