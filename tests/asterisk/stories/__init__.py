"""Every story, by name: importing this package fills ``STORIES``."""

from __future__ import annotations

from tests.asterisk.stories import (
    attended,
    callbacks,
    direct,
    freepbx,
    menus,
    mobiles,
    names,
    outages,
    outbound,
    parking,
    places,
    queues,
    transfers,
)
from tests.asterisk.stories.story import STORIES, Story

__all__ = [
    "STORIES",
    "Story",
    "attended",
    "callbacks",
    "direct",
    "freepbx",
    "menus",
    "mobiles",
    "names",
    "outages",
    "outbound",
    "parking",
    "places",
    "queues",
    "transfers",
]
