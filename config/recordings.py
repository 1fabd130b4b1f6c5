"""The part of the settings that speaks of recordings: where they come from, where they are kept and how long, who may
hear them, and which engine writes them down. Only shapes and complaints live here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from config.part import Part

Listener = Literal["agent", "manager", "administrator"]
Engine = Literal["vosk", "faster-whisper", "none"]
NEVER = "never"


class S3(Part):
    """An object store that speaks S3, in the place of the local folder."""

    bucket: str
    endpoint: str | None = Field(None, description="its address; else Amazon's")
    region: str = "us-east-1"
    prefix: str = Field("ringback/", max_length=200)
    access_key: SecretStr | None = Field(None, description="else what the environment offers")
    secret_key: SecretStr | None = None


class Retention(Part):
    """How long audio and transcripts are kept, in days; the most special rule wins, 0 keeps for ever."""

    days: int = Field(180, ge=0, le=36500)
    queue: dict[str, int] = Field({}, description="by queue")
    verdict: dict[str, int] = Field({}, description="by verdict, where no queue is named")


class Transcription(Part):
    """How recordings become text."""

    engine: Engine = "none"
    language: str = Field("en", description="of calls, as two letters")
    queue_language: dict[str, str] = Field({}, description="by queue")
    model: dict[str, str] = Field(
        {}, description="by language: a model's folder or name; else the engine's own download"
    )
    threads: int = Field(1, ge=1, le=64, description="of one worker")
    redact_cards: bool = True
    redact: dict[str, tuple[str, ...]] = Field(
        {}, description="by language: regular expressions over the text"
    )
    keep_unredacted_audio: bool = False

    @field_validator("redact")
    @classmethod
    def _patterns(cls, given: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for pattern in (one for some in given.values() for one in some):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return given


class Audit(Part):
    """The nightly comparison of answered calls, recordings and files."""

    at: str = Field("03:30", description="time of day, of the site; `never`: only when somebody asks")
    days: int = Field(7, ge=1, le=3660, description="days looked back at")
    read_mb: int = Field(10_000, ge=0, description="MB of audio that one run reads to compare checksums")

    @field_validator("at")
    @classmethod
    def _time_of_day(cls, given: str) -> str:
        if given != NEVER and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", given):
            raise ValueError(f"{given!r} is no time of day: write it as 03:30, or {NEVER}")
        return given


class RecordingSettings(Part):
    """`[recordings]`. A PBX's folder is `pbx.<name>.recordings`."""

    folder: Path | None = Field(None, description="of the audio; else recordings/ beside the database")
    s3: S3 | None = None
    off_queues: tuple[str, ...] = Field((), description="queues that are not recorded, on purpose")
    workers: int = Field(1, ge=0, le=16, description="processes for copies and transcripts; 0: none here")
    late_minutes: int = Field(15, ge=1, le=1440, description="a file that comes later is still taken")
    hear: tuple[Listener, ...] = Field(("manager", "administrator"), description="may hear every recording")
    agents_hear_own: bool = Field(True, description="an agent may hear the calls they were on")
    download: tuple[Listener, ...] = ("manager", "administrator")
    export: tuple[Listener, ...] = ("administrator",)
    resume_after_seconds: int = Field(120, ge=10, le=3600, description="a forgotten pause ends itself")
    retention: Retention = Retention()
    transcription: Transcription = Transcription()
    audit: Audit = Audit()
