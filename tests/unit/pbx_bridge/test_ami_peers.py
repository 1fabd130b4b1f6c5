"""On ordinary traffic our decoder, panoramisk and asterisk-ami see the same events and headers."""

from __future__ import annotations

import pytest

from bench.codec import CAPTURES, READERS, session_of


@pytest.mark.parametrize(
    "pattern", ["direct_answered.all.ami", "queue_ringall_answered.ami", "direct_*[!l].ami"]
)
def test_all_readers_agree_on_a_captured_session(pattern: str) -> None:
    stream = session_of(sorted(CAPTURES.glob(pattern)), size=0)
    results = {name: read(stream) for name, read in READERS.items()}
    assert len(set(results.values())) == 1, results
    assert results["ours"][0] > 50
