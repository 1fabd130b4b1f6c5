"""Which of a person's phones rings first when they click to call."""

from __future__ import annotations

import pytest

from core.accounts import UserDevice
from core.errors import ConflictError, InvalidInputError
from server.live.phones import likeliest, named

DESK, SOFT, HOME = (UserDevice("office", f"PJSIP/{one}", one) for one in ("101", "201", "301"))
ALL = (DESK, SOFT, HOME)


@pytest.mark.parametrize(
    ("states", "last", "expected"),
    [
        ({}, None, DESK),
        ({}, SOFT, SOFT),
        ({DESK: "UNAVAILABLE", SOFT: "INVALID"}, DESK, HOME),
        ({DESK: "INUSE", SOFT: "INUSE"}, SOFT, HOME),
        ({DESK: "INUSE", SOFT: "NOT_INUSE"}, DESK, SOFT),
        ({DESK: "NOT_INUSE", SOFT: "NOT_INUSE", HOME: "NOT_INUSE"}, HOME, HOME),
        ({DESK: "NOT_INUSE"}, HOME, DESK),
        ({DESK: "UNAVAILABLE", SOFT: "RINGING", HOME: "INUSE"}, HOME, HOME),
    ],
    ids=[
        "the first",
        "the last used",
        "who is there",
        "who tells nothing",
        "idle",
        "idle, last",
        "surely",
        "busy",
    ],
)
def test_the_likeliest(states: dict[UserDevice, str], last: UserDevice | None, expected: UserDevice) -> None:
    told = {(one.pbx, one.device): state for one, state in states.items()}
    assert likeliest(ALL, told, None if last is None else (last.pbx, last.extension)) is expected


def test_nobody_is_rung_where_no_phone_is_registered() -> None:
    away = {(one.pbx, one.device): "UNAVAILABLE" for one in ALL}
    with pytest.raises(ConflictError, match=r"PJSIP/101, PJSIP/201, PJSIP/301 not registered"):
        likeliest(ALL, away, None)


def test_a_phone_is_named_by_device_or_extension() -> None:
    assert named(ALL, "PJSIP/201") is named(ALL, "201") is SOFT
    with pytest.raises(InvalidInputError, match=r"'102' is none of this person's phones: PJSIP/101"):
        named(ALL, "102")
