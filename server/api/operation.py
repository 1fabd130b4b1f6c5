"""One operation of the API: `@operation` turns a function with typed parameters into an aiohttp handler and keeps what
its signature says for the OpenAPI document.

`query` and `body` are pydantic models, what is annotated with `Header` is a header, other parameters are parts of the
path, the return annotation is the answer. What does not fit becomes InvalidInputError, unknown query parameters
included. Every POST takes an `Idempotency-Key` (`once.py`) without a word of its own. Who may call it is
`routes.py`'s."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InvalidInputError, NotFoundError
from server.api.once import GIVEN, once
from server.api.once import NAME as ONCE
from server.web.routing import PUBLIC, ROUTE_TABLE, Handler, Route

T = TypeVar("T", bound=BaseModel)
ATTRIBUTE = "api_operation"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with headers of its own."""

    body: T
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """Annotates a parameter (`str | None`) that comes from a request header."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What a handler takes and gives. `problems` are the error statuses that are its own, beside the usual ones."""

    name: str
    summary: str
    tag: str
    description: str
    path: Mapping[str, type]
    headers: Mapping[str, Header]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int
    media: str
    problems: tuple[int, ...]


def operation(
    summary: str,
    *,
    tag: str,
    status: int = 200,
    media: str = JSON,
    answer: type[BaseModel] | None = None,
    problems: tuple[int, ...] = (),
) -> Callable[[Callable[..., Awaitable[Any]]], Handler]:
    """`answer` is only needed where the function itself returns a response (a stream, a page)."""

    def decorate(function: Callable[..., Awaitable[Any]]) -> Handler:
        hints = get_type_hints(function, include_extras=True)
        parts = {name: hints[name] for name in inspect.signature(function).parameters if name != "request"}
        headers = {
            name: hint.__metadata__[0] for name, hint in parts.items() if get_origin(hint) is Annotated
        }
        known = Operation(
            name=function.__name__,
            summary=summary,
            tag=tag,
            description=inspect.getdoc(function) or "",
            query=parts.pop("query", None),
            body=parts.pop("body", None),
            path={name: hint for name, hint in parts.items() if name not in headers},
            headers=headers,
            answer=answer or _answer_of(hints["return"]),
            status=status,
            media=media,
            problems=problems,
        )

        @functools.wraps(function)
        async def handle(request: web.Request) -> web.StreamResponse:
            async def answer() -> web.StreamResponse:
                given = await function(request, **await _read(known, request))
                return given if isinstance(given, web.StreamResponse) else _respond(known, given)

            route = request.app[ROUTE_TABLE][request.match_info.route]
            return await once(request, answer) if has_key(route, known) else await answer()

        setattr(handle, ATTRIBUTE, known)
        return handle

    return decorate


def has_key(route: Route, known: Operation) -> bool:
    """Whether an `Idempotency-Key` makes a repeated request harmless by `once.py`. Other methods are harmless by
    themselves; an operation with a header of its own keeps the key in its room."""
    is_own = any(one.name == ONCE for one in known.headers.values())
    return route.method == "POST" and route.role is not PUBLIC and not route.streams and not is_own


def operation_of(handler: Handler) -> Operation | None:
    """What is known of a handler made by `@operation`; None for any other."""
    found: Operation | None = getattr(handler, ATTRIBUTE, None)
    return found


def _answer_of(hint: Any) -> type[BaseModel] | None:
    if get_origin(hint) is Reply:
        hint = get_args(hint)[0]
    return hint if isinstance(hint, type) and issubclass(hint, BaseModel) else None


def _respond(known: Operation, given: Any) -> web.Response:
    if given is None:
        return web.Response(status=known.status)
    body, headers = (given.body, given.headers) if isinstance(given, Reply) else (given, {})
    text = body.model_dump_json(by_alias=True)
    answer = web.Response(text=text, status=known.status, content_type=known.media, headers=headers)
    answer[GIVEN] = body
    return answer


async def _read(known: Operation, request: web.Request) -> dict[str, Any]:
    values: dict[str, Any] = {name: kind(request.match_info[name]) for name, kind in known.path.items()}
    if any("\0" in value for value in values.values() if isinstance(value, str)):
        raise NotFoundError("there is nothing of this name")
    values |= {name: request.headers.get(header.name) for name, header in known.headers.items()}
    query = _read_query(known.query, request)
    if known.query is not None:
        values["query"] = query
    if known.body is not None:
        values["body"] = await _read_body(known.body, request)
    return values


def _read_query(model: type[BaseModel] | None, request: web.Request) -> BaseModel | None:
    fields = _names(model) if model is not None else []
    for name in request.query:
        if name not in fields:
            close = difflib.get_close_matches(name, fields, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(fields) or 'none'}"
            raise InvalidInputError(f"there is no parameter {name[:60]!r}; {hint}", field=name[:60])
        if len(request.query.getall(name)) > 1:
            raise InvalidInputError(f"{name} is given more than once", field=name)
    if model is None:
        return None
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _invalid(error) from error


async def _read_body(model: type[BaseModel], request: web.Request) -> BaseModel:
    if request.content_type != JSON:
        raise InvalidInputError(f"send the body as JSON, with Content-Type: {JSON}")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise _invalid(error) from error


def _names(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _invalid(error: ValidationError) -> InvalidInputError:
    """The first complaint as a sentence that names the field."""
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"])[:120]
    return InvalidInputError(_complaint(where, detail), field=where or None)


def _complaint(where: str, detail: ErrorDetails) -> str:
    kind, message = detail["type"], detail["msg"].removeprefix("Value error, ")
    if kind == "json_invalid":
        return f"the body is not JSON: {message.removeprefix('Invalid JSON: ')}"
    if kind == "missing":
        return f"{where} is missing"
    if kind == "extra_forbidden":
        return f"there is no field {where!r} here"
    return f"{where}: {message[:1].lower()}{message[1:]}" if where else message
