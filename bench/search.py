"""How long it takes to find a conversation by what was said in it, among 20,000 and 200,000 transcripts.

In: nothing; databases with our own schema are made in a temporary folder: SQLite, and PostgreSQL where its programs are
installed. Out: rows, in milliseconds of wall time for one page of twenty hits as the page shows them: found, with their
calls, customers and highlighted stretches. A call has about 200 words here, drawn like those of a language (the most
common one in every call, most of them in few), so that questions can be of every kind; each is asked for many words.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from bench.row import Row
from config.recordings import RecordingSettings
from core.db import Base, Database
from pbx_bridge.tables import Call, CallPerson
from recordings.access import Asker
from recordings.search.index import DocumentKind, place_of
from recordings.search.tables import OWN_INDEX, SearchDocument, create_index
from recordings.search.words import mark, pairs, spaced
from recordings.tables import Recording, Transcript
from server.schema import prepare
from server.search.documents import kind_mark
from server.views.call_filter import CallFilter, When
from server.views.search import Wanted, read_search
from tests.databases import Cluster, throwaway_cluster

SIZES = (20_000, 200_000)
GOAL_MS = 50.0
VOCABULARY = 20_000
SENTENCES = 20_000
PER_SENTENCE = 10
PER_CALL = 20
BATCH = 2_000
NOBODY = "a word nobody said"
ASKED = 60
"""Words per kind of question; each is asked once unmeasured, as a page is looked at more than once."""

BEGAN = 1_700_000_000.0
APART_S = 300.0
RARE_EVERY = 1_000
AGENTS = 200
EVERYBODY = Asker("bench", None, frozenset({"recordings:read"}))


class Speech:
    """Invented words by how common they are: `words[0]` is said in every call, the last ones hardly ever."""

    def __init__(self, chance: random.Random) -> None:
        syllables = [
            first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an")
        ]
        made: dict[str, None] = {}
        while len(made) < VOCABULARY:
            made["".join(chance.choices(syllables, k=chance.randint(1, 4)))] = None
        self.words = tuple(made)
        weights = list(accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
        self.sentences = [
            tuple(chance.choices(self.words, cum_weights=weights, k=PER_SENTENCE)) for _ in range(SENTENCES)
        ]

    def call(self, chance: random.Random, number: int) -> list[str]:
        """What is said in one call, with a word that is said in a thousandth of all."""
        said = [word for sentence in chance.choices(self.sentences, k=PER_CALL) for word in sentence]
        said[len(said) // 2] = f"rare{number % RARE_EVERY}"
        return said


async def fill(database: Database, speech: Speech, first: int, count: int) -> None:
    """`count` calls with a transcript each, five minutes apart."""
    chance = random.Random(first)
    if not database.is_sqlite:  # an index over what is there already is made in a tenth of the time
        async with database.write() as connection:
            await connection.execute(text(f"DROP INDEX {OWN_INDEX}"))
    for begin in range(first, first + count, BATCH):
        rows: dict[type[Base], list[dict[str, Any]]] = {
            table: [] for table in (Call, CallPerson, Recording, Transcript, SearchDocument)
        }
        for number in range(begin, min(begin + BATCH, first + count)):
            _call(rows, number, speech.call(chance, number), with_pairs=not database.is_sqlite)
        async with database.write() as connection:
            for table, values in rows.items():
                await connection.execute(insert(table), values)
    async with database.write() as connection:
        await connection.run_sync(create_index)
        await connection.execute(text("ANALYZE"))


def _call(
    rows: dict[type[Base], list[dict[str, Any]]], number: int, said: Sequence[str], *, with_pairs: bool
) -> None:
    at, call_id, recording = BEGAN + number * APART_S, f"bench-{number}", f"{number:032x}"
    agent, customer = str(100 + number % AGENTS), f"+48{600_000_000 + number % 50_000}"
    rows[Call].append(
        {
            "id": call_id, "pbx": "main", "direction": "inbound", "caller": customer, "callee": "500",
            "customer_number": customer, "queue": "sales", "result": "answered", "started_at": at,
            "answered_at": at + 9, "ended_at": at + 99, "wait_s": 9.0, "talk_s": 90.0, "ended_by": "caller",
            "why": "", "linkedids": call_id,
        }
    )  # fmt: skip
    rows[CallPerson].append({"call_id": call_id, "role": "talked", "position": 0, "extension": agent})
    rows[Recording].append(
        {
            "id": recording, "call_id": call_id, "pbx": "main", "linkedid": call_id, "source": "mixmonitor",
            "channels": 2, "started_at": at, "duration_s": 90.0, "stored_at": at + 100,
        }
    )  # fmt: skip
    text_of = " ".join(said)
    rows[Transcript].append(
        {
            "id": number + 1, "recording_id": recording, "version": 1, "is_current": True, "engine": "bench",
            "language": "xx", "made_at": at + 200, "text": text_of, "words": "[]",
        }
    )  # fmt: skip
    source = f"transcript:{recording}"
    marks = [
        kind_mark(DocumentKind.TRANSCRIPT),
        mark("direction", "inbound"),
        mark("queue", "sales"),
        mark("number", customer),
    ]
    rows[SearchDocument].append(
        {
            "id": place_of(at, source), "kind": DocumentKind.TRANSCRIPT.value, "source": source, "at": at,
            "call_id": call_id, "recording_id": recording, "transcript_id": number + 1,
            "folded": spaced(said), "names": spaced([customer.removeprefix("+")]), "marks": spaced(sorted(marks)),
            "pairs": spaced(pairs(said)) if with_pairs else "",
        }
    )  # fmt: skip


EVER = CallFilter(When.ALL)


def questions(speech: Speech, chance: random.Random, calls: int) -> dict[str, Callable[[], Wanted]]:
    """By kind, a way to make up one more of them."""

    def word(common: int, rare: int) -> str:
        return chance.choice(speech.words[common:rare])

    def ask(typed: str, wanted: CallFilter = EVER) -> Wanted:
        return Wanted(typed, wanted)

    def phrase() -> str:
        sentence = chance.choice(speech.sentences)
        start = chance.randrange(PER_SENTENCE - 2)
        return '"' + " ".join(sentence[start : start + 3]) + '"'

    return {
        "a word of every call": lambda: ask(word(0, 10)),
        "a word of some calls": lambda: ask(word(100, 2_000)),
        "a word of few calls": lambda: ask(word(5_000, VOCABULARY)),
        "a word of a thousandth of calls": lambda: ask(f"rare{chance.randrange(RARE_EVERY)}"),
        "common and rare": lambda: ask(f"{word(0, 10)} rare{chance.randrange(RARE_EVERY)}"),
        "a phrase": lambda: ask(phrase()),
        "a beginning": lambda: ask(f"{word(100, 2_000)[:4]}*"),
        "common, of one number": lambda: ask(
            word(0, 10),
            CallFilter(When.ALL, number=f"+48{600_000_000 + chance.randrange(min(calls, 50_000))}"),
        ),
        "common, of one day long ago": lambda: ask(
            word(0, 10), CallFilter(When.CUSTOM, since=BEGAN + 86_400, until=BEGAN + 2 * 86_400)
        ),
        NOBODY: lambda: ask("unsaidword"),
    }


async def times(
    database: Database, question: Callable[[], Wanted], *, hits_none: bool = False
) -> list[float]:
    """Milliseconds of each page that shows something. Raises AssertionError when hardly any does."""
    taken, empty = [], 0
    for _ in range(ASKED):
        wanted = question()
        for is_measured in (False, True):
            begin = time.perf_counter()
            async with database.read() as connection:
                page = await read_search(connection, wanted, EVERYBODY, RecordingSettings(), region="PL")
            if is_measured:
                taken.append((time.perf_counter() - begin) * 1000)
                empty += not page.found
    assert hits_none or empty < ASKED / 2, "the questions are not about these texts"
    return taken


async def measure(url: str, name: str, sizes: Sequence[int], tell: Callable[[str], None]) -> list[Row]:
    database, chance = Database(url), random.Random(20261121)
    speech = Speech(chance)
    rows, filled = [], 0
    try:
        await prepare(database)
        for size in sizes:
            tell(f"{name}: making {size:,} transcripts")
            await fill(database, speech, filled, size - filled)
            filled = size
            for kind, question in questions(speech, chance, size).items():
                cuts = statistics.quantiles(await times(database, question, hits_none=kind == NOBODY), n=20)
                rows.append(Row(f"{name}, {size:,}: {kind}, p95", cuts[18], "ms", "goal", GOAL_MS))
    finally:
        await database.close()
    return rows


def rows(quick: bool, tell: Callable[[str], None]) -> Iterator[Row]:
    sizes = SIZES[:1] if quick else SIZES
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder:
        yield from asyncio.run(
            measure(f"sqlite:///{Path(folder) / 'search.db'}", "search on SQLite", sizes, tell)
        )
    try:
        with throwaway_cluster() as cluster:
            yield from asyncio.run(measure(_new(cluster), "search on PostgreSQL", sizes, tell))
    except FileNotFoundError as error:
        tell(f"left out: {error}")


def _new(cluster: Cluster) -> str:
    cluster.sql("CREATE DATABASE bench")
    return cluster.url("bench")


if __name__ == "__main__":
    for row in rows("--quick" in sys.argv, print):
        sys.stdout.write(f"{row}\n")
