"""What people take for a sound, made ready for telephones in a process of its own; what is no sound, never ends, or was
made to do harm is refused with one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from core.errors import InvalidInputError
from recordings.prompts.names import PromptName, Purpose, notice_of, parse
from recordings.prompts.process import prepare
from recordings.prompts.sound import LONGEST_S, Prepared
from tests.recorded import tone, wav
from tests.sounds import as_file, hertz_of, sound


async def prepared(folder: Path, body: bytes) -> Prepared:
    (folder / "given").write_bytes(body)
    return await prepare(folder / "given", folder / "made.wav")


@pytest.mark.parametrize("kind", ["wav", "ogg", "mp4", "flac"])
async def test_whatever_a_sound_comes_in(tmp_path: Path, kind: str) -> None:
    made = await prepared(tmp_path, as_file(sound(500, 1.0), kind))
    assert 0.9 < made.seconds < 1.2
    assert abs(hertz_of(tmp_path / "made.wav") - 500) < 10


def hostile() -> Mapping[str, tuple[bytes, str]]:
    """What people and enemies send, and what they are told."""
    second = as_file(sound(500, 1.044).set_frame_rate(8000).set_channels(1), "mp3")
    no_sound = "no sound file that can be read"
    return {
        "empty": (b"", no_sound),
        "text": (b"Dear Sir or Madam,\n" * 100, no_sound),
        "zeros": (bytes(4 << 20), no_sound),
        "a list of other files": (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n",
            no_sound,
        ),
        "another list": (b"ffconcat version 1.0\nfile /etc/passwd\n", no_sound),
        "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(200), no_sound),
        "three hours": (second * (3 * 3600), f"longer than {LONGEST_S:.0f} seconds"),
        "silence": (wav(bytes(16_000)), "nothing to be heard"),
        "a click": (wav(tone(500, 0.1)), "less than 0.3 seconds"),
        "four gigabytes, as it says": (wav(tone(500, 0.1), says=0xFFFFFFF0 - 36), "less than 0.3 seconds"),
        "a lying rate": (wav(tone(500, 1), rate=0x7FFFFFFF), ""),
    }


@pytest.mark.parametrize("what", hostile())
async def test_what_cannot_be_a_prompt_is_refused_with_one_sentence(tmp_path: Path, what: str) -> None:
    body, words = hostile()[what]
    with pytest.raises(InvalidInputError) as caught:
        await prepared(tmp_path, body)
    said = str(caught.value)
    assert words in said
    assert "\n" not in said
    assert str(tmp_path) not in said
    assert {path.name for path in tmp_path.iterdir()} <= {"given", "made.wav"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "notice-",
        "notice-../x",
        "../callback-agent",
        "notice",
        "notice-a b",
        "notice-.x",
        "callback-agent/",
    ],
)
def test_names_are_ours(text: str) -> None:
    assert parse(text) is None


def test_a_name_reads_as_it_was_made() -> None:
    for name in (PromptName(Purpose.AGENT), notice_of("sales"), notice_of("400"), notice_of("de-sales.2")):
        assert name is not None
        assert parse(str(name)) == name
    assert PromptName(Purpose.CUSTOMER).file == "callback-customer.wav"
