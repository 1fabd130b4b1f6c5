"""`ringback transcribe` on natural speech of telephone quality, both engines for real: who said what and when, words
right, and every way it can be refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jiwer
import pytest

from recordings.kinds import Channel
from tests.speech import SERVICE_CALL, words_of

WORST_WER = 0.08


def run(*arguments: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server", "transcribe", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


def spoken_by(found: dict[str, Any], channel: Channel) -> list[str]:
    return words_of(" ".join(word["w"] for word in found["words"] if word["channel"] == channel))


def test_each_side_is_written_down_with_few_errors(service_call: Path, whisper_model: str) -> None:
    done = run(service_call, "--json", "--engine", "faster-whisper", "--model", whisper_model)
    found = json.loads(done.stdout)
    assert (found["language"], found["engine"]) == ("en", "faster-whisper")
    for channel in (Channel.CUSTOMER, Channel.OURS):
        said = words_of(" ".join(line.text for line in SERVICE_CALL if line.channel is channel))
        wer = jiwer.wer(" ".join(said), " ".join(spoken_by(found, channel)))
        assert wer < WORST_WER, (channel, wer, spoken_by(found, channel))
    times = [(word["start"], word["end"]) for word in found["words"]]
    assert times == sorted(times)
    assert all(0 <= start <= end <= 40 for start, end in times)
    assert found["text"].splitlines()[0].startswith("Good morning")
    assert done.stderr == ""


def test_a_card_number_is_not_printed_unless_asked_for(card_call: Path, whisper_model: str) -> None:
    given = (card_call, "--engine", "faster-whisper", "--model", whisper_model)
    said = run(*given).stdout
    assert "it is [redacted]\n" in said.lower()
    assert not any(character.isdigit() for line in said.splitlines() for character in line[11:])
    assert "4532" in run(*given, "--keep-cards").stdout.replace(" ", "").replace(",", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--engine", "faster-whisper", "--language", "cy"),
            "card numbers spoken in 'cy' cannot be recognised",
        ),
        (
            ("--engine", "faster-whisper", "--model", "/nowhere/model"),
            "faster-whisper has no model /nowhere/model",
        ),
        (("--engine", "vosk", "--model", "/nowhere/model"), "vosk has no model /nowhere/model"),
        (
            (
                "--engine",
                "abacus",
            ),
            "there is no engine 'abacus'",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    card_call: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run(card_call, *arguments, status=1)
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_an_english_model_refuses_other_languages(card_call: Path, whisper_model: str) -> None:
    given = ("--engine", "faster-whisper", "--model", whisper_model, "--language", "pl")
    assert "knows only English, not 'pl'" in run(card_call, *given, status=1).stderr


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("hello")
    assert "x.wav" in run(tmp_path / "x.wav", status=1).stderr
    assert "there is no file" in run(tmp_path / "none.wav", status=1).stderr
