"""A POST that is sent twice happens once: what came with an `Idempotency-Key` is written down before it is worked on,
and its answer afterwards. The same key with the same request gets the same answer again; nothing is done a second time.
Secrets are not kept: in the answer given again they are null.

Every POST of the API has this by itself (`operation.py`), except those that read a stream, and those whose room keeps
the key together with its own rows (callbacks, click-to-call). What was refused, or found the database away before it
had written anything, may be sent again under its key. What was begun and never answered, because we died in between, is
refused from then on: it perhaps happened, and only the sender can look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database, Kept, watched
from core.errors import ConflictError, InvalidInputError, RingbackError
from server.api.shapes import Given
from server.tables import ApiAnswerRow
from server.web.guard import API_KEY, current_user
from server.web.keys import CLOCK, DATABASE
from server.web.replies import problem_of

NAME = "Idempotency-Key"
ABOUT = (
    "The same key with the same request within a day gets the same answer, and nothing happens twice. At most 120 "
    "printable characters, such as a UUID of yours."
)
LONGEST = 120
KEPT_S = 86_400.0
"""A program that was not answered asks again within minutes; a day covers a night's outage."""

REPLAYED = "Idempotent-Replayed"
KEPT_HEADERS = ("ETag", "Location")
GIVEN = web.ResponseKey("given", Given)
"""The model a response's body was made of, which knows what of it is a secret and must not be kept."""

BATCH = 500
MOST_FREED = 1000

DATABASE_ERRORS = (SQLAlchemyError, OSError)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request with a key. `fingerprint` is of everything that decides what it does."""

    sender: str
    key: str
    fingerprint: str


FREED = web.AppKey("freed_requests", set[_Asked])
"""Those that did nothing, and whose rows could not be thrown away, the database being away."""


def sender_of(request: web.Request) -> str:
    """Whose keys they are: two programs never meet in one."""
    if API_KEY in request:
        return f"key {request[API_KEY].id}"
    return f"user {current_user(request).id}"


async def once(
    request: web.Request, answer: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What `answer` gives, or what it gave when this was sent before. Raises InvalidInputError and ConflictError."""
    if NAME not in request.headers:
        return await answer()
    asked, database = await _asked(request), request.app[DATABASE]
    if not await _is_first(request, asked):
        return await _again(database, asked)
    with watched() as kept:
        try:
            given = await answer()
        except Exception as error:
            if _did_nothing(error, kept):
                await _free(request, asked)
            raise
    if isinstance(given, web.Response):
        await _keep(database, asked, given)
    else:  # a stream is told once: who asks again gets another one
        await _free(request, asked)
    return given


async def forget_answers(connection: AsyncConnection, now: float) -> int:
    """Throw away some that are older than a day; returns how many."""
    some = select(ApiAnswerRow.sender, ApiAnswerRow.key).where(ApiAnswerRow.at < now - KEPT_S).limit(BATCH)
    gone = 0
    for sender, key in (await connection.execute(some)).all():
        mine = ApiAnswerRow.sender == sender, ApiAnswerRow.key == key
        gone += (await connection.execute(delete(ApiAnswerRow).where(*mine))).rowcount
    return gone


async def _asked(request: web.Request) -> _Asked:
    key = request.headers[NAME]
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        raise InvalidInputError(f"an {NAME} has 1 to {LONGEST} printable characters", field=NAME)
    head = f"{request.method} {request.path_qs} {request.headers.get('If-Match', '')}\n"
    fingerprint = hashlib.sha256(head.encode() + await request.read()).hexdigest()
    return _Asked(sender_of(request), key, fingerprint)


async def _is_first(request: web.Request, asked: _Asked) -> bool:
    """Whether it is the first of its key, which is written down with that."""
    freed = request.app[FREED]
    is_freed = asked in freed
    freed.discard(asked)
    try:
        async with request.app[DATABASE].write() as connection:
            if is_freed:
                await connection.execute(delete(ApiAnswerRow).where(*_mine(asked)))
            return await _begin(connection, asked, request.app[CLOCK]())
    except DATABASE_ERRORS:
        if is_freed:
            freed.add(asked)
        raise


async def _begin(connection: AsyncConnection, asked: _Asked, now: float) -> bool:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"sender": asked.sender, "key": asked.key, "fingerprint": asked.fingerprint, "at": now}
    done = await connection.execute(dialect.insert(ApiAnswerRow).values(values).on_conflict_do_nothing())
    return done.rowcount == 1


async def _again(database: Database, asked: _Asked) -> web.Response:
    async with database.read() as connection:
        found = await connection.execute(
            select(
                ApiAnswerRow.fingerprint, ApiAnswerRow.status, ApiAnswerRow.headers, ApiAnswerRow.body
            ).where(*_mine(asked))
        )
        row = found.one_or_none()
    if row is None:  # the first one has just been refused
        raise ConflictError("the same request is being answered: send it again in a moment")
    if row.fingerprint != asked.fingerprint:
        raise ConflictError(
            "this Idempotency-Key was used for another request: use a new key for each request"
        )
    if row.status is None:
        raise ConflictError(
            "this request was begun and not answered yet, or its answer was lost: ask again in a moment; if this "
            "goes on, look whether it happened, and use a new key"
        )
    headers = {**json.loads(row.headers), REPLAYED: "true"}
    return web.Response(body=(row.body or "").encode(), status=row.status, headers=headers)


async def _keep(database: Database, asked: _Asked, given: web.Response) -> None:
    headers = {name: given.headers[name] for name in KEPT_HEADERS if name in given.headers}
    body = None
    if isinstance(given.body, bytes):
        body = given[GIVEN].to_keep().model_dump_json(by_alias=True)
        headers["Content-Type"] = given.headers["Content-Type"]
    values = {"status": given.status, "headers": json.dumps(headers), "body": body}
    async with database.write() as connection:
        await connection.execute(update(ApiAnswerRow).where(*_mine(asked)).values(values))


def _did_nothing(error: Exception, kept: Kept) -> bool:
    """Refused, or not available before anything was written. A PBX or a mistake of ours may have done something that
    is in no database."""
    status = problem_of(error).status if isinstance(error, RingbackError) else 500
    is_away = status == 503 or isinstance(error, DATABASE_ERRORS)
    return status < 500 or (is_away and not kept.perhaps)


async def _free(request: web.Request, asked: _Asked) -> None:
    """It may be sent again under the same key."""
    try:
        async with request.app[DATABASE].write() as connection:
            await connection.execute(delete(ApiAnswerRow).where(*_mine(asked)))
    except DATABASE_ERRORS:
        if len(request.app[FREED]) < MOST_FREED:
            request.app[FREED].add(asked)


def _mine(asked: _Asked) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ApiAnswerRow.sender == asked.sender, ApiAnswerRow.key == asked.key
