"""The OpenAPI 3.1 document, made from the routes and from what each operation says of itself (`api/operation.py`).
Nothing of it is written by hand, so it cannot drift from what the server does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from server.api import once
from server.api.operation import Header, Operation, has_key, operation_of
from server.api.shapes import Problem
from server.web.replies import TITLES
from server.web.routing import PUBLIC, Route

PREFIX = "/api/"
REF = "#/components/schemas/{model}"
PROBLEM_JSON = "application/problem+json"

ABOUT = """Everything Ringback knows, for programs.

Send `Authorization: Bearer rb_…`; an administrator makes a key on the page API keys. Pages of Ringback itself
use the session of whoever is logged in. Instants are ISO 8601 in UTC, telephone numbers E.164, lists are paged with
`limit` and `after`. Unknown parameters and fields are refused, so that a misspelt filter never answers with everything.
Errors follow RFC 9457. Fields may be added within `v1`; none is renamed or removed."""

NO_REQUEST = {
    "description": "Address or headers are longer than 8 kB, or this is no HTTP: said in plain text.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}

TAGS = {
    "Calls": "The call log: one entry per conversation.",
    "Callbacks": "Whom we owe a call, and who must never be called.",
    "Customers": "Who calls: people and firms, their numbers, notes and history.",
    "Imports": "Files of customers: looked at, imported, taken back.",
    "Tasks": "What is to be done for customers, until when and by whom.",
    "Deals": "Deals and orders: what customers buy, and which calls were about it.",
    "Recordings": "What was said, as sound.",
    "Prompts": "What telephones play of the site's own.",
    "Search": "What was said and written.",
    "Agents": "Who answers.",
    "PBX": "What could be seen of the telephone system.",
    "Live": "What happens now.",
    "Webhooks": "What happens, sent to other servers until they have it.",
    "Connectors": "Links to other CRMs: who is asked about callers and told of calls, and how that goes.",
    "About": "This description.",
}


def document(table: Mapping[Any, Route]) -> dict[str, Any]:
    """The description of every route below /api/ that is an operation. `table` is the application's ROUTE_TABLE."""
    described = list(_described(table))
    schemas, references = _schemas([known for _, _, known in described])
    paths: dict[str, dict[str, Any]] = {}
    for path, route, known in described:
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, known, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringback API",
            "version": version("ringback"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"Problem": _problem_response(), "NoRequest": NO_REQUEST},
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "A key such as `rb_…`"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-ringback"},
            },
        },
    }


def _described(table: Mapping[Any, Route]) -> Iterable[tuple[str, Route, Operation]]:
    seen = set()
    for registered, route in table.items():
        known = operation_of(route.handler)
        path = registered.resource.canonical
        if known is not None and path.startswith(PREFIX) and (route.method, path) not in seen:
            seen.add((route.method, path))
            yield path, route, known


def _schemas(operations: list[Operation]) -> tuple[dict[str, Any], Mapping[Any, dict[str, Any]]]:
    """All models' schemas by name, and where each (model, mode) is found among them. The models of queries are no
    schemas of their own: their fields are parameters."""
    taken = {model for known in operations for model in (known.query, known.body) if model is not None}
    given = {known.answer for known in operations if known.answer is not None} | {Problem}
    wanted = [(model, "validation") for model in taken] + [(model, "serialization") for model in given]
    ordered = sorted(wanted, key=lambda one: one[0].__name__)
    references, made = models_json_schema(ordered, ref_template=REF)  # type: ignore[arg-type]
    schemas = made.get("$defs", {})
    queries = {known.query for known in operations if known.query is not None}
    described = dict(references)
    for query in queries:
        name = described[query, "validation"]["$ref"].rpartition("/")[2]
        described[query, "validation"] = schemas.pop(name)
    return dict(sorted(schemas.items())), described


def _operation(route: Route, known: Operation, references: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": known.name,
        "summary": known.summary,
        "tags": [known.tag],
        "responses": _responses(route, known, references),
    }
    if known.description:
        described["description"] = known.description
    if parameters := _parameters(route, known, references):
        described["parameters"] = parameters
    if known.body is not None:
        schema = references[known.body, "validation"]
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.role is not PUBLIC:
        keys: list[dict[str, list[str]]] = [{"apiKey": [route.scope]}] if route.scope else []
        described["security"] = [*keys, {"session": [route.role.value]}]
    return described


def _parameters(
    route: Route, known: Operation, references: Mapping[Any, dict[str, Any]]
) -> list[dict[str, Any]]:
    kinds = {str: "string", int: "integer"}
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": kinds[kind]}}
        for name, kind in known.path.items()
    ]
    headers = list(known.headers.values()) + (
        [Header(once.NAME, once.ABOUT)] if has_key(route, known) else []
    )
    parameters += [
        {"name": one.name, "in": "header", "description": one.description, "schema": {"type": "string"}}
        for one in headers
    ]
    if known.query is None:
        return parameters
    schema = references[known.query, "validation"]
    for name, field in schema["properties"].items():
        shape = _without_null({key: value for key, value in field.items() if key not in {"title"}})
        text = shape.pop("description", None)
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": shape,
        }
        parameters.append(parameter | ({"description": text} if text else {}))
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is not given is absent, never null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    one: dict[str, Any] = choices[0]
    return one | rest


def _responses(route: Route, known: Operation, references: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "As asked." if known.status != 204 else "Done."}
    if known.answer is not None:
        success["content"] = {known.media: {"schema": references[known.answer, "serialization"]}}
    elif known.status != 204:
        success["content"] = {known.media: {}}
    statuses = set(known.problems) | {422}
    if route.role is not PUBLIC:
        statuses |= {401, 403}
    if route.scope is not None:
        statuses.add(429)
    if has_key(route, known):
        statuses.add(409)
    if known.path:
        statuses.add(404)
    if known.body is not None:
        statuses |= {408, 411, 413, 415}
    problems = {str(status): {"$ref": "#/components/responses/Problem"} for status in sorted(statuses)}
    return {str(known.status): success, "400": {"$ref": "#/components/responses/NoRequest"}} | problems


def _problem_response() -> dict[str, Any]:
    told = "; ".join(f"{status} {title.lower()}" for status, title in TITLES.items())
    return {
        "description": f"RFC 9457: {told}.",
        "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="Problem")}}},
    }
