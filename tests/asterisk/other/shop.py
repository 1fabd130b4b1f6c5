"""Four shops beside the lab's own site: who works there, who calls, and how a story of theirs is told.

In: a ``Lab``. Out: the phones, carriers and customers of a German practice, an American depot, a British yard and a
French workshop, and ``OTHER_STORIES``. Their dialplans are ``etc/extensions_other.conf``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tests.asterisk.ami_tap import AmiTap
from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.phone import Phone
from tests.asterisk.sip import token
from tests.asterisk.stories.story import Play, Story
from tests.asterisk.truth import Customer, Moved, Truth, moment

OTHER_STORIES: dict[str, Story] = {}

HEINZ = Customer("01701234567", "+491701234567", "Heinz Müller")
GRETA = Customer("+493055501234", "+493055501234", "Greta")
UWE = Customer("004915112345678", "+4915112345678")
VIENNA = Customer("+4315880012345", "+4315880012345", "Büro Wien")
WITHHELD = Customer("anonymous", "", None, '"Anonymous"')
MARY = Customer("2125550147", "+12125550147", "MARY SMITH")
JOHN = Customer("+13105550162", "+13105550162", "John")
TOM = Customer("07400123456", "+447400123456", "Tom")
LUC = Customer("0612345678", "+33612345678", "Luc")
ZOE = Customer("+33478001122", "+33478001122", "Zoé Martin")


def story(
    trunks: Sequence[str], region: str, *, everything: bool = False, only_on: tuple[str, ...] = ("22", "16")
) -> Callable[[Play], Play]:
    """Register an async function as a story of a shop."""

    def keep(play: Play) -> Play:
        name = getattr(play, "__name__", "")
        OTHER_STORIES[name] = Story(name, (), play, everything, only_on, tuple(trunks), region)
        return play

    return keep


german = partial(story, ("PJSIP/carrier-a", "PJSIP/carrier-b"), "DE")
american = partial(story, ("PJSIP/gw",), "US")
british = partial(story, ("PJSIP/bt",), "GB")
french = partial(story, ("PJSIP/ovh", "PJSIP/ovh-2"), "FR")

DEVICES = {
    "anna": ("anna-desk", "231", 21),
    "bernd": ("bernd-desk", "232", 22),
    "dect": ("bernd-dect", "232", 23),
    "clara": ("clara-desk", "233", 24),
    "dora": ("dora-desk", "234", 25),
    "2101": ("2101", "2101", 31),
    "2102": ("2102", "2102", 32),
    "2103": ("2103", "2103", 33),
    "2104": ("2104", "2104", 34),
    "31": ("0004f2aa0131", "31", 41),
    "32": ("0004f2aa0132", "32", 42),
    "601": ("601", "601", 51),
    "602": ("602", "602", 52),
    "603": ("603", "603", 53),
    "605": ("605", "605", 55),
    "605 at home": ("605", "605", 56),
}
CARRIERS = {"carrier-a": 4, "carrier-b": 5, "gw": 6, "bt": 7, "ovh": 8, "ovh-2": 9}
NAMES = {
    "231": "Anna Berg", "232": "Bernd Busch", "233": "Clara Curth", "234": "Dora Dahl", "2101": "Alice Adams",
    "2102": "Bob Brown", "2103": "Carol Clark", "2104": "Dave Davis", "31": "Office", "32": "Gate",
    "601": "Alain", "602": "Brigitte", "603": "Claude", "605": "Denis",
}  # fmt: skip


async def phone(lab: Lab, who: str) -> Phone:
    """Somebody's phone."""
    return await lab.device(*DEVICES[who])


async def phones(lab: Lab, *who: str) -> list[Phone]:
    """Several, in that order."""
    return [await phone(lab, one) for one in who]


async def carrier(lab: Lab, name: str) -> Phone:
    """A carrier, with all its customers behind it."""
    return await lab.device(name, name, CARRIERS[name], registers=False)


async def from_outside(lab: Lab, line: str, number: str, who: Customer) -> Call:
    """A customer dials one of the shop's numbers."""
    return await (await carrier(lab, line)).dial(number, caller=who.raw, name=who.display)


def ours(
    call: Call, direction: str, result: str, ended_by: str, *, human_at: float | None = None,
    rang: Sequence[str] = (), talked: Sequence[str] = (), talks: Sequence[tuple[float, float]] = (),
    queue: str | None = None, transfers: Sequence[Moved] = (), ended_at: float | None = None,
) -> Truth:  # fmt: skip
    """A call that one of the shop's phones made."""
    end = ended_at or moment(call.ended_at)
    spoken = talks or ([(human_at, end)] if human_at and result == "answered" else [])
    me = call.phone.extension
    return Truth(
        direction, me, call.number, result, call.started_at, end, ended_by, NAMES[me], queue, human_at, rang,
        talked, spoken, transfers,
    )  # fmt: skip


async def operate(lab: Lab, action: str, **headers: str) -> None:
    """An AMI action of another program."""
    async with AmiTap(lab.pbx, "operator") as hand:
        await hand.say(action, headers, token())


async def channel_of(lab: Lab, device: str, *, oldest: bool = True) -> str:
    """The name of a device's channel that lives now."""
    lines = (await lab.pbx.cli("core show channels concise")).splitlines()
    names = sorted(line.split("!")[0] for line in lines if line.startswith(device + "-"))
    return names[0 if oldest else -1]
