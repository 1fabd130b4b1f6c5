"""One measured figure, beside a peer's if there is one: the shape of a line in `bench/results.json`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`peer` is another product, or `goal` for a figure we promised. `ratio` is ours divided by the peer's: above 1
    is better where more is better, below 1 where less is (milliseconds)."""

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.peer_value if self.peer_value else None

    def as_json(self) -> dict[str, str | float | None]:
        ratio = None if self.ratio is None else round(self.ratio, 3)
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": None if self.peer_value is None else round(self.peer_value, 3),
            "ratio": ratio,
        }

    def __str__(self) -> str:
        line = f"{self.name:52} {_figure(self.value):>9} {self.unit:10}"
        if self.peer_value is None or self.ratio is None:
            return line.rstrip()
        return f"{line} {self.peer} {_figure(self.peer_value)}, ratio {self.ratio:.2f}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"
