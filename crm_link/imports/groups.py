"""*Pure.* Which lines of a file may be about one person: those that share a number, an address or an id, directly or
through other lines. Lines with their keys in, for each line the first of its group out; who the people of a group are
is told by their names (`people.py`). Keys are kept as eight bytes each: a file has hundreds of thousands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b


class Groups:
    """Lines joined by what they share."""

    def __init__(self) -> None:
        self._by_key: dict[int, int] = {}
        self._leads: dict[int, int] = {}
        """Of lines that do not lead themselves: an earlier line of the group."""

    def add(self, line: int, keys: Iterable[tuple[str, str]]) -> None:
        """Lines come in the order of the file."""
        for kind, value in keys:
            digest = int.from_bytes(blake2b(f"{kind}:{value}".encode(), digest_size=8).digest())
            before = self._by_key.setdefault(digest, line)
            if before != line:
                self._join(before, line)

    def first_of(self, line: int) -> int:
        """The first line of the group: itself when there is none before."""
        path = []
        while line in self._leads:
            path.append(line)
            line = self._leads[line]
        for one in path[:-1]:
            self._leads[one] = line
        return line

    def followers(self) -> Iterator[tuple[int, int]]:
        """Every line that does not lead, with the one that does."""
        for line in sorted(self._leads):
            yield line, self.first_of(line)

    def _join(self, one: int, other: int) -> None:
        one, other = self.first_of(one), self.first_of(other)
        if one != other:
            self._leads[max(one, other)] = min(one, other)
