"""The screens through every captured story of a real Asterisk: whoever's phone rang had the card, whoever talked kept
it, everybody's card went away, and no browser ever had another screen than a fresh page would have had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.facts import CallAnswered, CallEnded, Direction, Fact, PhoneRinging, Verdict
from pbx_bridge.replay import Replay
from server.live.board import LiveBoard
from server.live.cards import CardState, GoneReason, Owner
from server.live.recent import Outcome
from server.live.snapshot import CardGone, CardSet, OwnersChanged, diff, patch

CAPTURES = Path(__file__).parents[2] / "captures"
PBX = "capture"
EXTENSIONS = tuple(str(number) for number in (*range(101, 113), 201, 202, 301, 302))

STORIES = sorted({path.with_suffix("") for path in CAPTURES.glob("asterisk-*/*.json")})


def files_of(story: Path) -> list[Path]:
    whole = story.with_name(f"{story.name}.ami")
    return [whole] if whole.exists() else sorted(story.parent.glob(f"{story.name}.[0-9].ami"))


class Watcher:
    """One person per extension, each with a browser; remembers what every one of them was ever shown."""

    def __init__(self) -> None:
        self.board = LiveBoard([PBX])
        owners = tuple(
            Owner(int(one), f"Agent {one}", frozenset({(PBX, f"PJSIP/{one}")}), frozenset({(PBX, one)}))
            for one in EXTENSIONS
        )
        self.board.apply(OwnersChanged(owners))
        self.screens = {owner.user_id: self.board.view(owner.user_id) for owner in owners}
        self.shown: dict[tuple[str, CardState], set[str]] = {}
        self.gone: list[tuple[float, str, CardGone]] = []
        self.answers: list[CallAnswered] = []

    def tell(self, fact: Fact) -> None:
        step = self.board.apply(fact)
        for user_id in tuple(self.screens) if step.everybody else sorted(step.touched):
            old = self.screens[user_id]
            new = self.board.look(old, step, user_id)
            changes = diff(old, new, lambda card, user=user_id: self.board.gone(card, step, user))  # type: ignore[misc]
            self.screens[user_id] = patch(old, changes)
            for change in changes:
                if isinstance(change, CardSet):
                    key = (str(user_id), change.card.state)
                    self.shown.setdefault(key, set()).add(change.card.number or "")
                if isinstance(change, CardGone):
                    self.gone.append((getattr(fact, "at", 0.0), str(user_id), change))
        if isinstance(fact, CallAnswered):
            self.answers.append(fact)
        assert all(self.screens[user] == self.board.view(user) for user in self.screens), fact

    def was_shown(self, extension: str, *states: CardState) -> set[str]:
        return set().union(*(self.shown.get((extension, state), set()) for state in states))


def watch(story: Path) -> tuple[Watcher, list[Fact], dict[str, Any]]:
    expected = json.loads(story.with_name(f"{story.name}.json").read_text())
    watcher, facts = Watcher(), []
    for fact in Replay(expected["trunks"], expected["region"]).play(files_of(story)):
        watcher.tell(fact)
        facts.append(fact)
    return watcher, facts, expected


@pytest.fixture(params=STORIES, ids=lambda path: f"{path.parent.name}-{path.name}")
def story(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_through_a_real_story(story: Path) -> None:
    watcher, facts, expected = watch(story)
    assert any(isinstance(fact, CallEnded) for fact in facts) or not expected["calls"]
    for call in expected["calls"]:
        everybody_rang_or_talked_had_the_card(watcher, call)
    only_wrap_ups_are_left(watcher, facts)
    nobody_was_told_of_a_time_out_and_then_answered(watcher)
    nobody_missed_an_answered_call(watcher, facts)


def everybody_rang_or_talked_had_the_card(watcher: Watcher, call: dict[str, Any]) -> None:
    outside = call["caller"] if call["direction"] == "inbound" else None
    for extension in set(call["rang"]) & set(EXTENSIONS):
        seen = watcher.was_shown(extension, CardState.RINGING)
        assert seen, f"{extension} rang and saw nothing"
        assert outside is None or outside in seen, f"{extension} rang and saw {seen}"
    for extension in set(call["talked"]) & set(EXTENSIONS):
        seen = watcher.was_shown(extension, CardState.TALKING)
        assert seen, f"{extension} talked and saw nothing"
        assert outside is None or outside in seen, f"{extension} talked and saw {seen}"


def only_wrap_ups_are_left(watcher: Watcher, facts: list[Fact]) -> None:
    talked = {
        (fact.call_id, extension)
        for fact in facts
        if isinstance(fact, CallEnded) and fact.record.direction is not Direction.INTERNAL
        for extension in fact.record.talked
    }
    left = {
        (card.call_id, str(user)): card.state for user, view in watcher.screens.items() for card in view.cards
    }
    assert set(left.values()) <= {CardState.WRAP_UP}
    owed = {key for key in talked if key[1] in EXTENSIONS}
    assert owed <= set(left), f"no wrap-up for {owed - set(left)}"


def nobody_was_told_of_a_time_out_and_then_answered(watcher: Watcher) -> None:
    for at, extension, gone in watcher.gone:
        flickers = [
            one
            for one in watcher.answers
            if (one.call_id, one.phone.extension) == (gone.call_id, extension) and 0 <= one.at - at < 1
        ]
        assert not (flickers and gone.reason is GoneReason.TIMEOUT), (extension, gone, flickers)


def nobody_missed_an_answered_call(watcher: Watcher, facts: list[Fact]) -> None:
    answered = {
        fact.call_id
        for fact in facts
        if isinstance(fact, CallEnded) and fact.record.result is Verdict.ANSWERED
    }
    for view in watcher.screens.values():
        missed = {line.call_id for line in view.recent if line.outcome is Outcome.MISSED}
        assert not missed & answered


def test_ringing_is_told_before_anything_else_of_a_phone() -> None:
    """The stories cover rings at all: otherwise the tests above would say nothing."""
    rings = 0
    for story in STORIES[:20]:
        _, facts, _ = watch(story)
        rings += sum(isinstance(fact, PhoneRinging) for fact in facts)
    assert rings > 20
