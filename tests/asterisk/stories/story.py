"""What a story is: a few people, one PBX, and the truth about the calls they made.

In: an async function that plays calls in a ``Lab`` and returns their ``Truth``. Out: the same function in ``STORIES``,
under its own name, with the phones that must be registered before the recording begins. Its docstring is the
capture's ``notes``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.truth import Customer, Truth

Play = Callable[[Lab], Awaitable[Sequence[Truth]]]


@dataclass(frozen=True, slots=True)
class Story:
    """One story and what it needs."""

    name: str
    phones: tuple[str, ...]
    play: Play
    records_everything: bool = False
    only_on: tuple[str, ...] = ("22", "16")
    trunks: tuple[str, ...] = ("PJSIP/trunk", "PJSIP/trunk2")
    region: str = "PL"

    @property
    def notes(self) -> str:
        """What happens, in a sentence or two."""
        return " ".join((self.play.__doc__ or "").split())


STORIES: dict[str, Story] = {}

JAN = Customer("+48226011111", "+48226011111", "Jan Kowalski")
MARIA = Customer("0048226012222", "+48226012222", "Maria Wójcik")
PIOTR = Customer("226013333", "+48226013333")
OLA = Customer("+48-22-601-44-44", "+48226014444", "Ola")
KAROL = Customer("48226015555", "+48226015555", "Karol Mazur")
EWA = Customer("+48/22/601-66-66", "+48226016666", "Ewa: Zając; & Synowie")
ADAM = Customer("(22)6017777", "+48226017777")
MOBILE = "48600100200"
"""The mobile of a colleague, as the dialplan dials it."""
MOBILE_NUMBER = "+48600100200"


def story(
    *phones: str, everything: bool = False, only_on: tuple[str, ...] = ("22", "16")
) -> Callable[[Play], Play]:
    """Register an async function as a story. ``everything`` also records a connection with all rights."""

    def keep(play: Play) -> Play:
        name = getattr(play, "__name__", "")
        STORIES[name] = Story(name, phones, play, everything, only_on)
        return play

    return keep


async def ring_in(lab: Lab, number: str, who: Customer = JAN) -> Call:
    """A customer dials one of our numbers."""
    return await lab.trunk.dial(number, caller=who.raw, name=who.display)


async def pause(seconds: float = 0.8) -> None:
    """People take their time."""
    await asyncio.sleep(seconds)
