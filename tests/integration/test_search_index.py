"""The index over texts on both databases: what is found, in which order, and that it follows its sources."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database
from crm_link.tables import Customer, Note
from recordings.search.index import (
    Document,
    DocumentKind,
    Labels,
    Question,
    changed_of,
    find,
    fold,
    mislabelled,
    put,
    relabel,
    remove,
)
from recordings.search.query import read_query
from recordings.search.sql import NEWEST
from recordings.search.words import mark

NONE = Labels()
SALES, SUPPORT = mark("queue", "Sales team"), mark("queue", "sales team")


async def seed(
    connection: AsyncConnection, *texts: str, at: float = 1000.0, labels: Labels = NONE
) -> list[Document]:
    """A note for each text, a second apart, the last one newest."""
    customer = {"name": "", "company": "", "is_provisional": False, "version": 1, "created_at": 1.0}
    made = (
        insert(Customer).values(**customer, created_from="call", last_contact_at=0.0).returning(Customer.id)
    )
    customer_id = (await connection.execute(made)).scalar_one()
    documents = []
    for number, said in enumerate(texts):
        note = {"customer_id": customer_id, "text": said, "created_at": at + number, "is_pinned": False}
        note_id = (await connection.execute(insert(Note).values(**note).returning(Note.id))).scalar_one()
        own = replace(labels, customer_id=customer_id)
        documents.append(
            Document(DocumentKind.NOTE, f"note:{note_id}", at + number, said, own, note_id=note_id)
        )
        await put(connection, await fold(connection, documents[-1]))
    return documents


async def found(connection: AsyncConnection, typed: str, **more: object) -> list[int]:
    """The seconds of what is found."""
    question = replace(Question(read_query(typed, "PL")), **more)  # type: ignore[arg-type]
    return [round(hit.at) - 1000 for hit in await find(connection, question)]


TEXTS = (
    "The refund for order 4711 was promised",
    "Łódź, ulica Piotrkowska; call back about the refund",
    "No refund: the order was never paid",
    "order the refund form",
    "e-mail: jan@example.com, snake_case",
    "환불을 받고 싶어요",
    "我想要退款",
)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("refund", [3, 2, 1, 0]),
        ("REFUND order", [3, 2, 0]),
        ('"the refund"', [3, 1, 0]),
        ('"the order"', [2]),
        ("lodz", [1]),
        ("łódź", [1]),
        ("piotr*", [1]),
        ("piotr", []),
        ("example.com", [4]),
        ("snake_case", [4]),
        ("snake", []),
        ("4711", [0]),
        ("환불", [5]),
        ("退款", [6]),
        ("款退", []),
        ("refund nothing", []),
        ('order" OR "lodz', []),
        ("refund' | 'lodz", [1]),
        ("NEAR(refund order) folded:", []),
        ("", []),
        ("\"' * :* & | ! <->", []),
        ("\x00", []),
    ],
)
async def test_what_is_found(database: Database, typed: str, seconds: list[int]) -> None:
    async with database.write() as connection:
        await seed(connection, *TEXTS)
    async with database.read() as connection:
        assert await found(connection, typed) == seconds


async def test_names_and_numbers_are_found_like_the_text_and_together_with_it(database: Database) -> None:
    async with database.write() as connection:
        await seed(connection, "about the refund", labels=Labels(("Żaneta Ćwiek", "+48226000123")))
    async with database.read() as connection:
        for typed in ("zaneta", '"żaneta ćwiek"', "refund cwiek", "022 600 01 23"):
            assert await found(connection, typed) == [0]
        assert await found(connection, '"ćwiek żaneta"') == []


async def test_pages_follow_each_other_without_gaps_or_doubles(database: Database) -> None:
    async with database.write() as connection:
        await seed(connection, *["same words"] * 23)
        await seed(connection, *["same words"] * 20, at=1005.0)  # some at the very same instants
    seen: list[str | int] = []
    before = None
    async with database.read() as connection:
        while hits := await find(connection, Question(read_query("same", "PL"), before=before, limit=5)):
            seen += [hit.note_id or 0 for hit in hits]
            assert [hit.at for hit in hits] == sorted((hit.at for hit in hits), reverse=True)
            before = hits[-1].place
    assert len(seen) == len(set(seen)) == 43


async def test_time_and_marks_narrow(database: Database) -> None:
    async with database.write() as connection:
        await seed(
            connection,
            "refund one",
            "refund two",
            labels=Labels(marks=frozenset({SALES, mark("kind", "open")})),
        )
        await seed(connection, "refund three", at=1002.0, labels=Labels(marks=frozenset({SUPPORT})))
    async with database.read() as connection:
        assert await found(connection, "refund", since=1001.0) == [2, 1]
        assert await found(connection, "refund", until=1001.0) == [0]
        assert await found(connection, "refund", since=1001.0, until=1002.0) == [1]
        assert await found(connection, "refund", marks=(frozenset({SALES}),)) == [1, 0]
        assert await found(connection, "refund", marks=(frozenset({SALES, SUPPORT}),)) == [2, 1, 0]
        assert await found(connection, "two", marks=(frozenset({SALES}), frozenset({SUPPORT}))) == []
        assert await found(connection, "refund", marks=(frozenset(),)) == []
        assert await found(connection, '"queue:sales team"') == []
        assert await found(connection, SALES) == []


async def test_putting_twice_changes_nothing_and_a_new_text_takes_the_place_of_the_old(
    database: Database,
) -> None:
    async with database.write() as connection:
        (first,) = await seed(connection, "the old words")
        assert await changed_of(connection, [await fold(connection, first)]) == []
        await put(connection, await fold(connection, first))
        changed = replace(first, text="the new words", labels=Labels(("Nowak",)))
        assert len(await changed_of(connection, [await fold(connection, changed)])) == 1
        await put(connection, await fold(connection, changed))
    async with database.read() as connection:
        assert await found(connection, "old") == []
        assert await found(connection, "new nowak") == [0]
    async with database.write() as connection:
        await put(connection, await fold(connection, replace(changed, at=1050.0)))
        assert await found(connection, "words") == [50]
        assert await remove(connection, [changed.source, "note:999"]) == 1
        assert await found(connection, "words") == []


async def test_old_texts_are_found_behind_many_newer_ones(database: Database) -> None:
    """PostgreSQL looks at the newest one by one and asks its index for what lies before them."""
    async with database.write() as connection:
        labels = Labels(("Olga Lis",), frozenset({SALES}))
        await seed(connection, *TEXTS, "the refund of the order refund form", labels=labels)
        await seed(connection, *["the order is here, the refund is not"] * (NEWEST + 20), at=2000.0)
    async with database.read() as connection:
        assert await found(connection, "piotr* refund") == [1]
        assert await found(connection, '"order the refund form"') == [3]
        assert await found(connection, '"the refund" paid') == []
        assert await found(connection, '"the order refund"') == [7]
        assert await found(connection, '"the order ref*"') == []
        assert await found(connection, '"olga lis" order') == [7, 3, 2, 0]
        assert await found(connection, "order", marks=(frozenset({SALES}),)) == [7, 3, 2, 0]
        assert await found(connection, "order", marks=(frozenset({SUPPORT}),)) == []
        everything = await found(connection, '"the refund"', limit=NEWEST + 100)
        assert everything[NEWEST + 20 :] == [7, 3, 1, 0]
        assert len(everything) == NEWEST + 24


async def test_other_names_and_marks_without_the_text(database: Database) -> None:
    async with database.write() as connection:
        first, second = await seed(connection, "one text", "another text", labels=Labels(("Nowak",)))
        labels = Labels(("Kowalska",), frozenset({SALES}), first.labels.customer_id)
        wanted = {first.source: labels, second.source: second.labels, "note:999": labels}
        assert await mislabelled(connection, wanted) == {first.source: labels}
        await relabel(connection, wanted)
        assert await mislabelled(connection, wanted) == {}
    async with database.read() as connection:
        assert await found(connection, "text nowak") == [1]
        assert await found(connection, "text kowalska", marks=(frozenset({SALES}),)) == [0]


async def test_what_is_erased_cannot_be_found(database: Database) -> None:
    async with database.write() as connection:
        first, _second = await seed(connection, "secret words", "other words")
    async with database.write() as connection:
        await connection.execute(delete(Note).where(Note.id == first.note_id))
    async with database.read() as connection:
        assert await found(connection, "words") == [1]
        assert await found(connection, "secret") == []
        assert await connection.scalar(text("SELECT count(*) FROM search_documents")) == 1
    if database.is_sqlite:
        async with database.write() as connection:  # raises when the index and its table disagree
            await connection.execute(
                text("INSERT INTO search_index(search_index, rank) VALUES ('integrity-check', 1)")
            )


async def test_a_rolled_back_text_cannot_be_found(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as connection:
            await seed(connection, "never said")
            raise RuntimeError
    async with database.read() as connection:
        assert await found(connection, "said") == []
