"""Pure. What stands in the simulated office: phones, queues, the trunk and the numbers outside people dial. The
default is the office of the demo and of most tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """`number` is what outside people dial; `extensions` are its members, who all ring at once."""

    number: str
    extensions: tuple[str, ...]


def _phones() -> dict[str, str]:
    return {"101": "Anna Nowak", "102": "Marek Wilk", "103": "Ewa Lis", "104": "Piotr Zawada"}


def _queues() -> dict[str, QueuePlan]:
    return {
        "sales": QueuePlan("48221000400", ("101", "102", "103")),
        "support": QueuePlan("48221000401", ("103", "104")),
    }


@dataclass(frozen=True, slots=True)
class Layout:
    """`phones` maps extensions to the names they show. `prefix` followed by an extension is its direct number."""

    phones: Mapping[str, str] = field(default_factory=_phones)
    queues: Mapping[str, QueuePlan] = field(default_factory=_queues)
    trunk: str = "PJSIP/trunk"
    prefix: str = "48221000"
    shown_number: str = "48221000101"
    country: str = "48"

    def device(self, extension: str) -> str:
        return f"PJSIP/{extension}"

    def direct_number(self, extension: str) -> str:
        return self.prefix + extension

    def dialled(self, number: str) -> str:
        """An outside number as the dialplan hands it to the carrier: nine digits are ours, 00 leads abroad."""
        return number[2:] if number.startswith("00") else self.country + number
