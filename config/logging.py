"""Logs as data: one structlog set-up for the whole process. JSON lines for machines, coloured lines on a terminal.
Control characters never reach a log line (hostile caller names are input); full phone numbers, names and digits
are kept out by those who log (`core/phone.py` masks numbers)."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from config.settings import Log

_TURNING = r"\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
"""Line separators, and what hides or turns round the text that a reader of the log sees."""

_CONTROL = re.compile(rf"[\x00-\x1f\x7f-\x9f{_TURNING}]")
_CONTROL_BUT_BREAKS = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_TURNING}]")

_MANY_LINES = frozenset({"exception", "stack"})
"""Ours, not a caller's: they keep their line breaks to be readable on a terminal."""


def set_up(settings: Log) -> None:
    """Configure structlog and route the standard library's logging through it. Output goes to standard error."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _without_control_characters,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.level, force=True)
    # It tells of each look at the schema; changes of it are told by `server/schema.py`.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # One line per request is the proxy's job; ours are the calls.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _without_control_characters(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        event[key] = _clean(value, _CONTROL_BUT_BREAKS if key in _MANY_LINES else _CONTROL)
    return event


def _clean(value: Any, unwanted: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return unwanted.sub("�", value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one, unwanted) for one in value]
    if isinstance(value, dict):
        return {_clean(key, unwanted): _clean(one, unwanted) for key, one in value.items()}
    return value
