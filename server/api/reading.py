"""The OpenAPI document arranged for reading. *Pure.* The document in; sections, operations, parameters, fields and an
example for each out, as the page of `/api/docs` shows them. Nothing is added that the document does not say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")

DEEPEST = 3
"""Levels of nested fields shown; deeper ones are a click away in the document."""

EXAMPLE_FIELDS = 3
TRIED = frozenset({"application/json", "application/vnd.oai.openapi+json", "text/plain"})
KEY = '-H "Authorization: Bearer $RINGBACK_KEY"'


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter or field. `depth` is how far it is nested, `kind` its type in words."""

    name: str
    kind: str
    text: str
    depth: int = 0
    required: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """Fields of a body or answer; several named ones when it is one of several kinds."""

    name: str
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """One method of one path. `scope` is None where no key is needed; `sample` is a body to begin with, "" where none
    is sent; `can_be_tried`: question and answer are words that a page can show."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    scope: str | None
    role: str | None
    parameters: tuple[Field, ...]
    body: tuple[Shape, ...]
    status: str
    media: str
    answer: tuple[Shape, ...]
    problems: tuple[str, ...]
    example: str
    sample: str
    can_be_tried: bool


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    text: str
    actions: tuple[Action, ...]


def sections(document: Document, base: str) -> tuple[Section, ...]:
    """Tags in the document's order; `base` is where this server is reached, for the examples."""
    actions: dict[str, list[Action]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                actions[item[method]["tags"][0]].append(_action(document, base, method, path, item[method]))
    told = ((tag["name"], tag["description"]) for tag in document["tags"])
    return tuple(Section(name, text, tuple(actions[name])) for name, text in told if actions[name])


def _action(document: Document, base: str, method: str, path: str, one: Mapping[str, Any]) -> Action:
    needs = {name: scopes[0] for need in one.get("security", ()) for name, scopes in need.items()}
    status, answer = next((code, told) for code, told in one["responses"].items() if code < "300")
    media, content = next(iter(answer.get("content", {"": {}}).items()))
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return Action(
        id=one["operationId"],
        method=method.upper(),
        path=path,
        summary=one["summary"],
        text=one.get("description", ""),
        scope=needs.get("apiKey"),
        role=needs.get("session"),
        parameters=tuple(_parameter(document, parameter) for parameter in one.get("parameters", ())),
        body=_shapes(document, body),
        status=status,
        media=media,
        answer=_shapes(document, content.get("schema")),
        problems=tuple(code for code in one["responses"] if code >= "400"),
        example=_example(document, base, method, path, needs.get("apiKey"), body),
        sample=_body(document, body, indent=2),
        can_be_tried=(not media or media in TRIED) and not (method == "put" and body is None),
    )


def _parameter(document: Document, one: Mapping[str, Any]) -> Field:
    text = one.get("description", "")
    default = one["schema"].get("default")
    if default not in (None, ""):
        text = f"{text} Default: `{default}`.".strip()
    kind = _kind(document, one["schema"])
    return Field(one["name"], kind, text, required=one.get("required", False), place=one["in"])


def _shapes(document: Document, schema: Mapping[str, Any] | None) -> tuple[Shape, ...]:
    if schema is None:
        return ()
    schema = _resolved(document, schema)
    choices = schema.get("oneOf") or [schema]
    resolved = [_resolved(document, choice) for choice in choices]
    return tuple(
        Shape(one.get("title", ""), one.get("description", ""), tuple(_fields(document, one, 0)))
        for one in resolved
        if one.get("properties")
    )


def _fields(document: Document, schema: Mapping[str, Any], depth: int) -> Iterable[Field]:
    required = schema.get("required", ())
    for name, shape in schema.get("properties", {}).items():
        yield Field(name, _kind(document, shape), shape.get("description", ""), depth, name in required)
        inner = _inner(document, shape)
        if inner is not None and depth + 1 < DEEPEST:
            yield from _fields(document, inner, depth + 1)


def _inner(document: Document, shape: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object a field holds, itself or as the items of its list."""
    for choice in _choices(shape):
        one = _resolved(document, choice)
        if one.get("type") == "array":
            return _inner(document, one["items"])
        if "properties" in one:
            return one
    return None


def _choices(shape: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = shape.get("anyOf") or shape.get("oneOf") or [shape]
    return found


def _kind(document: Document, shape: Mapping[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_one_kind(document, choice) for choice in _choices(shape)))


def _one_kind(document: Document, choice: Mapping[str, Any]) -> str:
    one = _resolved(document, choice)
    if "enum" in one:
        return " | ".join(str(value) for value in one["enum"])
    if "const" in one:
        return f'"{one["const"]}"'
    if one.get("type") == "array":
        return f"list of {_kind(document, one['items'])}"
    if "properties" in one:
        return str(one.get("title", "object"))
    if one.get("format") == "date-time":
        return "instant"
    return str(one.get("type", "any"))


def _resolved(document: Document, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


# ---- an example to copy


def _example(
    document: Document,
    base: str,
    method: str,
    path: str,
    scope: str | None,
    body: Mapping[str, Any] | None,
) -> str:
    words = ["curl"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if scope is not None:
        words.append(KEY)
    if body is not None:
        words.append(f"-H 'Content-Type: application/json' -d '{_body(document, body)}'")
    url = f"{base}{path}"
    words.append(f"'{url}'" if "{" in url else url)
    return " ".join(words)


def _body(document: Document, body: Mapping[str, Any] | None, indent: int | None = None) -> str:
    if body is None:
        return ""
    return json.dumps(_sample(document, _resolved(document, body)), ensure_ascii=False, indent=indent)


def _sample(document: Document, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The required fields, else the first few."""
    fields = schema["properties"]
    names = schema.get("required") or list(fields)[:EXAMPLE_FIELDS]
    return {name: _value(document, fields[name]) for name in names}


def _value(document: Document, shape: Mapping[str, Any]) -> Any:
    one = _resolved(document, _choices(shape)[0])
    if "enum" in one:
        return one["enum"][0]
    return {"integer": 1, "boolean": False, "array": []}.get(one.get("type", ""), "…")
