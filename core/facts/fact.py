"""What every fact is."""

from __future__ import annotations


class Fact:
    """Base of all facts."""

    __slots__ = ()
