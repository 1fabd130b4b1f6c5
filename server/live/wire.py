"""Screens and changes in, the JSON text a browser gets out. What is sent when is decided in `hub.py`; the protocol is
described in `docs/live.md`. Numbers go out twice: as E.164 for links, and spelt for reading."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from server.live.cards import Card
from server.live.recent import RecentCall
from server.live.snapshot import CardGone, CardSet, Change, PartSet, UserView
from server.web.pages import phone

VERSION = 1
"""Of the protocol. A page of an older version reloads itself."""


def snapshot(view: UserView, epoch: str, seq: int, now: float) -> str:
    """Everything on one person's screen, as of `seq`."""
    body = asdict(view)
    body["cards"] = [card_body(card) for card in view.cards]
    body["recent"] = [recent_body(line) for line in view.recent]
    return _text({"t": "snapshot", "v": VERSION, "epoch": epoch, "seq": seq, "now": now, **body})


def resumed(epoch: str, seq: int, now: float) -> str:
    """The browser has everything up to `seq`; what it missed follows."""
    return _text({"t": "resumed", "v": VERSION, "epoch": epoch, "seq": seq, "now": now})


def changes(seq: int, made: Iterable[Change]) -> str:
    return _text({"t": "changes", "seq": seq, "changes": [_change(one) for one in made]})


def beat(seq: int, now: float) -> str:
    """Says that the line is alive, and up to where the browser should have heard."""
    return _text({"t": "beat", "seq": seq, "now": now})


def card_body(card: Card) -> dict[str, Any]:
    return {**asdict(card), "number_text": phone(card.number), "dialled_text": phone(card.dialled)}


def recent_body(line: RecentCall) -> dict[str, Any]:
    return {**asdict(line), "number_text": phone(line.number)}


def _change(change: Change) -> dict[str, Any]:
    match change:
        case CardSet(card):
            return {"c": "card", "card": card_body(card)}
        case CardGone():
            return {"c": "gone", **asdict(change)}
        case PartSet("recent", value):
            return {"c": "part", "part": "recent", "value": [recent_body(line) for line in value]}
        case PartSet(part, value):
            body = [asdict(one) for one in value] if isinstance(value, tuple) else asdict(value)
            return {"c": "part", "part": part, "value": body}


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
