"""The part of the settings that speaks of recordings: where they come from, where they are kept and how long, who may
hear them, and which engine writes them down. Only shapes and complaints live here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from config.part import Part

Listener = Literal["agent", "manager", "administrator"]
Engine = Literal["vosk", "faster-whisper", "none"]

VERDICTS = ("answered", "voicemail", "abandoned", "missed", "busy", "failed")
"""As `docs/verdicts.md` has them."""

LONGEST_DAYS = 36_500
"""A hundred years."""

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

    days: int = Field(180, ge=0, le=LONGEST_DAYS)
    queue: dict[str, int] = Field({}, description="by queue")
    verdict: dict[str, int] = Field({}, description="by verdict, where no queue is named")

    @field_validator("verdict")
    @classmethod
    def _verdicts(cls, given: dict[str, int]) -> dict[str, int]:
        for verdict in given:
            if verdict not in VERDICTS:
                raise ValueError(f"{verdict!r} is no verdict: write one of {', '.join(VERDICTS)}")
        return given

    @field_validator("queue", "verdict")
    @classmethod
    def _days(cls, given: dict[str, int]) -> dict[str, int]:
        for name, days in given.items():
            if not 0 <= days <= LONGEST_DAYS:
                raise ValueError(f"{name}: write days, 0 for ever, {LONGEST_DAYS} at most")
        return given


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

    @field_validator("language")
    @classmethod
    def _language(cls, given: str) -> str:
        return given.lower()

    @field_validator("queue_language")
    @classmethod
    def _languages(cls, given: dict[str, str]) -> dict[str, str]:
        return {queue: language.lower() for queue, language in given.items()}

    @field_validator("model", "redact")
    @classmethod
    def _by_language(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {language.lower(): value for language, value in given.items()}

    @model_validator(mode="after")
    def _every_pattern_is_used(self) -> Self:
        spoken = {self.language, *self.queue_language.values()}
        for language in self.redact:
            if language not in spoken:
                raise ValueError(
                    f"redact.{language}: calls are in {' and '.join(sorted(spoken))}, so it would never be applied"
                )
        return self

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
