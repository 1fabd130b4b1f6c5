"""Pure. Chances of the demo: who calls, which of our phones, how long things take. A die goes in, people and seconds
come out, so that the sample history is the same at every start and the live script never is."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pbx_bridge.simulator import Layout, Party, QueuePlan
from server.demo.people import (
    CUSTOMERS,
    FAMILY,
    PEOPLE,
    RECEPTION,
    STRANGERS,
    SWITCHBOARD,
    WITHHELD,
    SampleCustomer,
)

AGENTS = tuple(person.extension for person in PEOPLE)

ALONE = tuple(one for one in CUSTOMERS if not {SWITCHBOARD, FAMILY}.intersection(one.numbers))
"""Customers whose numbers are theirs only."""


def layout() -> Layout:
    """The demo's office."""
    phones = {person.extension: person.name for person in PEOPLE} | {RECEPTION[0]: RECEPTION[1]}
    return Layout(
        phones=phones,
        queues={
            "sales": QueuePlan("48221000400", AGENTS),
            "support": QueuePlan("48221000401", (AGENTS[1], AGENTS[2], RECEPTION[0])),
        },
    )


@dataclass(frozen=True, slots=True)
class Cast:
    """Draws people and durations from one die."""

    dice: Random

    def caller(self) -> Party:
        """Mostly customers, some strangers, now and then somebody who withholds the number."""
        draw = self.dice.random()
        if draw < 0.04:
            return Party(*WITHHELD)
        if draw < 0.22:
            return Party(*self.dice.choice(STRANGERS))
        return self.customer()

    def customer(self) -> Party:
        return _party(self.dice.choice(ALONE), self.dice)

    def shared(self) -> Party:
        """A number that belongs to several customers."""
        return Party(SWITCHBOARD if self.dice.random() < 0.7 else FAMILY, "")

    def number_to_call(self) -> str:
        """A customer's number as an agent dials it: nine digits, or 00 and the country."""
        number = self.customer().number.removeprefix("+").removeprefix("00")
        if len(number) == 9:
            return number
        return number[2:] if number.startswith("48") else f"00{number}"

    def seconds(self, least: float, most: float) -> float:
        return self.dice.uniform(least, most)


def _party(customer: SampleCustomer, dice: Random) -> Party:
    number = customer.numbers[0] if dice.random() < 0.8 else dice.choice(customer.numbers)
    # Carriers pass a name on sometimes, and then in capitals or cut short.
    name = customer.name.upper() if dice.random() < 0.15 else ""
    return Party(number, name)
