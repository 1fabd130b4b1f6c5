"""Errors out of the house: whatever a handler raises becomes RFC 9457 JSON for programs and scripts, or one readable
page for people, both with the request id that stands in our log. Internals are logged and never shown."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote

import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from core.db import is_refusal
from core.errors import (
    ConflictError,
    DatabaseError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PbxError,
    RingbackError,
    StaleError,
    TooManyRequestsError,
    UnauthenticatedError,
)
from recordings.audio import AudioError
from recordings.store import NoAudioError, StoreError
from server.web.keys import REQUEST_ID
from server.web.network import refuse_unknown_charset
from server.web.pages import render
from server.web.routing import Handler

log = structlog.get_logger(__name__)

STATUS: tuple[tuple[type[RingbackError], int], ...] = (
    (NotFoundError, 404),
    (InvalidInputError, 422),
    (ConflictError, 409),
    (ForbiddenError, 403),
    (UnauthenticatedError, 401),
    (TooManyRequestsError, 429),
    (PbxError, 502),
    (DatabaseError, 503),
    (NoAudioError, 404),
    (StoreError, 503),
    (AudioError, 503),
)

HTTP_CODES = {
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    411: "length-required",
    413: "too-large",
    415: "packed",
}
TITLES = {
    403: "Not allowed",
    404: "Not found",
    409: "Changed meanwhile",
    412: "Changed meanwhile",
    422: "That cannot be used",
    429: "Too many tries",
    500: "Something went wrong",
    502: "The PBX did not answer",
    503: "Not available",
}
ZERO_BYTE = "22021"
"""SQLSTATE of a text with U+0000, the one character that PostgreSQL does not store."""

PREPARED = web.RequestKey("prepared", bool)


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as it is told: `code` is stable, `detail` one sentence for a person."""

    status: int
    code: str
    detail: str
    field: str | None = None

    @property
    def title(self) -> str:
        return TITLES.get(self.status, HTTPStatus(self.status).phrase)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id and turn what is raised inside into an answer."""
    request[REQUEST_ID] = secrets.token_hex(8)
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        try:
            refuse_unknown_charset(request)
            response = await handler(request)
        except RingbackError as error:
            response = tell(request, _in_answer_to(request, error))
            _add_error_headers(response, error)
        except web.HTTPException as error:
            response = _http_exception(request, error)
        except ConnectionResetError:
            raise
        except Exception as error:
            response = _unexpected(request, error)
    if not response.prepared:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
    return response


def problem_of(error: RingbackError) -> Problem:
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    return Problem(status, error.code, _sentence(str(error)), getattr(error, "field", None))


def _in_answer_to(request: web.Request, error: RingbackError) -> Problem:
    """RFC 9110 §13.1.1: a version that was named in `If-Match` is a precondition, and 412 says that it failed."""
    problem = problem_of(error)
    is_precondition = isinstance(error, StaleError) and "If-Match" in request.headers
    return replace(problem, status=412) if is_precondition else problem


def tell(request: web.Request, problem: Problem) -> web.Response:
    """The answer in the shape the caller understands."""
    if wants_json(request):
        response = _json(request, problem)
        if problem.status == 401 and request.headers.get("HX-Request"):
            response.headers["HX-Redirect"] = "/login"
        return response
    if problem.status == 401 and request.method in {"GET", "HEAD"}:
        location = "/login" if request.path == "/" else f"/login?next={quote(request.path_qs, safe='/')}"
        return web.Response(status=303, headers={"Location": location})
    return render(request, "error.html", status=problem.status, problem=problem)


def wants_json(request: web.Request) -> bool:
    """Programs, `fetch()` and htmx get JSON; a browser opening a page gets a page."""
    if request.path.startswith("/api/") or "HX-Request" in request.headers:
        return True
    if request.headers.get("Sec-Fetch-Dest") == "empty":
        return True
    return "text/html" not in request.headers.get("Accept", "")


def _json(request: web.Request, problem: Problem) -> web.Response:
    body: dict[str, object] = {
        "type": f"urn:ringback:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request[REQUEST_ID],
    }
    if problem.field is not None:
        body["field"] = problem.field
    return web.json_response(body, status=problem.status, content_type="application/problem+json")


def _add_error_headers(response: web.Response, error: RingbackError) -> None:
    if isinstance(error, TooManyRequestsError):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, UnauthenticatedError) and response.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="ringback"'


def _http_exception(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    sentences = {
        404: "There is nothing at this address.",
        405: f"This address does not take {request.method}.",
        408: "The body took too long to arrive.",
        411: "Say the length of the body in a Content-Length header.",
        413: "This is more than may be sent here.",
        415: "Send one plain body in UTF-8: neither packed (Content-Encoding) nor in parts (multipart).",
    }
    code = HTTP_CODES.get(error.status, "http-error")
    response = tell(request, Problem(error.status, code, sentences.get(error.status, error.reason)))
    if error.status == 408:  # what is left of the body would be read as the next request
        response.force_close()
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _unexpected(request: web.Request, error: Exception) -> web.Response:
    problem = _database_problem(error)
    if problem is None:
        log.exception("request failed", method=request.method, path=_one_line(request.path))
        problem = Problem(500, "internal", "Something went wrong on our side. It has been written down.")
    if request.get(PREPARED):  # a WebSocket or a stream: there is no status left to send
        raise ConnectionResetError
    return tell(request, problem)


def _database_problem(error: Exception) -> Problem | None:
    """What is no mistake of ours: a character that PostgreSQL does not store, or a database that is away."""
    if not isinstance(error, DBAPIError | ConnectionRefusedError):
        return None
    cause = getattr(error, "orig", error)
    if getattr(cause, "sqlstate", None) == ZERO_BYTE:
        return problem_of(InvalidInputError("a text must not contain a zero byte"))
    if is_refusal(error):
        return None
    log.warning("the database is away", error=type(getattr(cause, "__cause__", None) or cause).__name__)
    return problem_of(DatabaseError("the database does not answer: try again in a moment"))


async def remember_prepared(request: web.Request, _response: web.StreamResponse) -> None:
    """Signal handler: from here on no other answer can be given."""
    request[PREPARED] = True


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _one_line(text: str) -> str:
    """Control characters never reach a log line."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:200]
