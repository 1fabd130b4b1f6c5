"""Settings: a TOML file and the environment in, one frozen typed tree out. Every complaint names the key and the
fix. Environment variables win over the file: `RINGBACK_SERVER__PORT=9000` is `[server] port = 9000`.
`config/example.toml` shows every key (a test keeps it complete)."""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, get_args

from phonenumbers import SUPPORTED_REGIONS
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from config.callbacks import CallbackSettings, Department, Website
from config.connectors import ConnectorSettings
from config.crm import CrmSettings
from config.outside import OutsideSettings
from config.part import Part, known_zone
from config.recordings import RecordingSettings

DEFAULT_PATHS = (Path("ringback.toml"), Path("/etc/ringback/ringback.toml"))


LONGEST_NAME = 60
"""Characters of the name of a PBX or line: it stands in every call's id."""


class BadSettingsError(Exception):
    """The settings cannot be used; `str(error)` has one line per complaint."""


class Site(Part):
    """The business the PBX belongs to."""

    name: str = "Ringback"
    region: str = Field(
        "PL", description="ISO country of the site: numbers without a country code belong to it"
    )
    time_zone: str = Field("Europe/Warsaw", description="IANA name; times on screens are in it")

    @field_validator("region")
    @classmethod
    def _known_region(cls, value: str) -> str:
        if value.upper() not in SUPPORTED_REGIONS:
            raise ValueError("write a two-letter ISO country code such as PL, US or DE")
        return value.upper()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)


class Server(Part):
    """The staff listener: desk, log, API, metrics."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=1, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses whose X-Forwarded-* headers are believed"
    )
    public_url: str | None = Field(
        None, description="how people reach this server, e.g. https://calls.example.com"
    )
    max_connections: int = Field(
        2000,
        ge=10,
        le=100_000,
        description="at once, over all: 500 agents with a live line and three more while pages load",
    )
    max_connections_per_address: int = Field(
        400,
        ge=10,
        le=100_000,
        description="at once from one address (an office of 100 behind one router); "
        "trusted proxies and this machine may have all",
    )
    api_requests_per_minute: int = Field(
        600, ge=0, le=1_000_000, description="of one API key; more are told to wait; 0: no limit"
    )

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(r"https?://[^\s/@?#]+/?", value) is None:
            raise ValueError("write scheme and name only, such as https://calls.example.com")
        return value


class DatabaseSettings(Part):
    url: str = "sqlite:///ringback.db"
    keep_facts_days: int = Field(
        30, ge=1, le=3650, description="facts that everybody who owed work for them has had are kept so long"
    )
    keep_pops_days: int = Field(
        400, ge=1, le=3650, description="when each screen pop was shown: the figures reach back so far"
    )


class AmiUser(Part):
    user: str
    secret: SecretStr


class Pbx(Part):
    """One Asterisk. `trunks` are channel prefixes; whatever comes through them is outside."""

    host: str
    port: int = Field(5038, ge=1, le=65535)
    tls: bool = False
    tls_ca: Path | None = None
    events: AmiUser
    dial: AmiUser | None = None
    trunks: tuple[str, ...] = Field(min_length=1, description='channel prefixes, e.g. ["PJSIP/trunk"]')
    recordings: Path | None = Field(
        None, description="folder where this PBX's shipped dialplan leaves recordings"
    )
    own_recordings: Path | None = Field(
        None, description="folder of mixed recordings that the PBX makes itself; read, never emptied"
    )
    sounds: Path | None = Field(
        None, description="the PBX's RINGBACK_SOUNDS, where uploaded prompts are put for it"
    )

    @field_validator("trunks")
    @classmethod
    def _prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for trunk in value:
            if "/" not in trunk:
                raise ValueError(
                    f"{trunk!r} is not a channel prefix: write technology and name, e.g. PJSIP/{trunk}"
                )
        return value


class Line(Part):
    """One extension of a PBX without AMI, watched by registering as it. `extension` is what people call it."""

    host: str
    port: int = Field(5060, ge=1, le=65535)
    user: str
    secret: SecretStr
    extension: str | None = Field(None, description="when it is not the same as `user`")
    address: str | None = Field(None, description="our own address to use, when there are several")


class Desk(Part):
    """What agents choose from, and how long they may write after a call."""

    dispositions: tuple[str, ...] = Field(
        ("Solved", "Follow-up needed", "Passed on", "Wrong number", "No conversation"), max_length=20
    )
    pause_reasons: tuple[str, ...] = Field(("Break", "Lunch", "Meeting", "Paperwork"), max_length=20)
    wrap_up_seconds: int = Field(
        60,
        ge=0,
        le=3600,
        description="after a call an agent is paused until the wrap-up is saved, at most so long; 0: never",
    )

    @field_validator("dispositions", "pause_reasons")
    @classmethod
    def _short_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if not 1 <= len(word.strip()) <= 60:
                raise ValueError(f"{word!r} must have between 1 and 60 characters")
        return value


class Public(Part):
    """The public listener: widget, form and visitors' links, and nothing else. Off without a port."""

    host: str = "127.0.0.1"
    port: int | None = Field(None, ge=1, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    url: str | None = Field(None, description="how visitors reach it, e.g. https://callback.example.com")


class Log(Part):
    level: str = "INFO"
    format: str = Field("auto", pattern="^(auto|json|console)$")

    @field_validator("level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("write DEBUG, INFO, WARNING or ERROR")
        return value.upper()


class Settings(BaseSettings):
    """The whole tree. Build it with `load`."""

    model_config = SettingsConfigDict(
        env_prefix="RINGBACK_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    site: Site = Site()
    server: Server = Server()
    database: DatabaseSettings = DatabaseSettings()
    pbx: dict[str, Pbx] = {}
    line: dict[str, Line] = {}
    desk: Desk = Desk()
    department: dict[str, Department] = {}
    website: dict[str, Website] = {}
    callback: CallbackSettings = CallbackSettings()
    public: Public = Public()
    recordings: RecordingSettings = RecordingSettings()
    outside: OutsideSettings = OutsideSettings()
    connector: dict[str, ConnectorSettings] = {}
    crm: CrmSettings = CrmSettings()
    log: Log = Log()

    @property
    def sources(self) -> tuple[str, ...]:
        """Whatever calls come from: the names of all PBXs and lines."""
        return (*self.pbx, *self.line)

    @field_validator("pbx", "line", "connector")
    @classmethod
    def _short_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not 1 <= len(name) <= LONGEST_NAME:
                raise ValueError(f"the name {name!r} must have between 1 and {LONGEST_NAME} characters")
        return value

    @model_validator(mode="after")
    def _one_name_each(self) -> Settings:
        if both := self.pbx.keys() & self.line.keys():
            name = min(both)
            raise ValueError(
                f"pbx.{name} and line.{name} share a name, which tells their calls apart: change one"
            )
        return self

    @model_validator(mode="after")
    def _known_names(self) -> Settings:
        for key, department in self.department.items():
            self._check_pbx_of(key, department)
        for key, website in self.website.items():
            if website.department not in self.department:
                known = ", ".join(self.department) or "there is none yet"
                raise ValueError(
                    f"website.{key}.department is {website.department!r}, which is no section "
                    f"[department.…]: {known}"
                )
        return self

    def _check_pbx_of(self, key: str, department: Department) -> None:
        known = ", ".join(self.pbx) or "there is none yet"
        if department.pbx is not None and department.pbx not in self.pbx:
            raise ValueError(
                f"department.{key}.pbx is {department.pbx!r}, which is no section [pbx.…]: {known}"
            )
        if department.pbx is None and len(self.pbx) > 1:
            raise ValueError(
                f"department.{key}.pbx is missing, and there are several PBXs: write one of {known}"
            )

    def pbx_of(self, department: str) -> str | None:
        """The PBX where this department's queue is; None when there is none at all."""
        return self.department[department].pbx or next(iter(self.pbx), None)

    @model_validator(mode="after")
    def _two_tls_files(self) -> Settings:
        if (self.server.tls_certificate is None) != (self.server.tls_key is None):
            raise ValueError("server.tls_certificate and server.tls_key go together: set both or neither")
        if (self.public.tls_certificate is None) != (self.public.tls_key is None):
            raise ValueError("public.tls_certificate and public.tls_key go together: set both or neither")
        return self


def load(path: Path | None = None) -> Settings:
    """Read settings from `settings_file(path)` and the environment.

    Raises BadSettingsError with every complaint, each naming the key and the fix.
    """
    chosen = settings_file(path)
    if chosen is not None and not chosen.is_file():
        raise BadSettingsError(
            f"there is no settings file {chosen}: copy config/example.toml there, or name another with --config"
        )
    if unknown := _unknown_variables():
        raise BadSettingsError("\n".join(unknown))
    try:
        return _from_file(chosen)()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettingsError(f"{chosen} is not valid TOML: {error}") from error
    except OSError as error:
        raise BadSettingsError(
            f"cannot read {chosen}: {error.strerror}; let this user read it (chown, chmod 640)"
        ) from error
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        raise BadSettingsError(
            f"RINGBACK_{field[1].upper() if field else ''}… in the environment cannot be read: write lists and tables "
            """as JSON, such as RINGBACK_SERVER__TRUSTED_PROXIES='["10.0.0.5"]'"""
        ) from error
    except ValidationError as error:
        raise BadSettingsError("\n".join(_complaint(detail) for detail in error.errors())) from error


def settings_file(path: Path | None = None) -> Path | None:
    """`path`, else `$RINGBACK_CONFIG`, else the first of `DEFAULT_PATHS` that exists, else none."""
    return path or _default_path()


def is_open_to_all(path: Path | None) -> bool:
    """Whether everybody on this machine can read the file, and with it the secrets of the PBX."""
    return path is not None and bool(path.stat().st_mode & stat.S_IROTH)


def _unknown_variables() -> list[str]:
    """A misspelt section in a variable's name would otherwise be passed over in silence."""
    complaints = []
    for name in sorted(os.environ):
        section, nested, _ = name.removeprefix("RINGBACK_").lower().partition("__")
        if name.startswith("RINGBACK_") and nested and section not in Settings.model_fields:
            close = difflib.get_close_matches(section, list(Settings.model_fields), n=1)
            hint = f" (did you mean `{close[0].upper()}`?)" if close else ""
            complaints.append(f"{name}: there is no section `{section}`{hint}; see config/example.toml")
    return complaints


def _default_path() -> Path | None:
    if named := os.environ.get("RINGBACK_CONFIG"):
        return Path(named)
    return next((path for path in DEFAULT_PATHS if path.is_file()), None)


def _from_file(path: Path | None) -> type[Settings]:
    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            if path is None:
                return (env_settings,)
            return env_settings, TomlConfigSettingsSource(settings_cls, toml_file=path)

    return FromFile


def _complaint(detail: ErrorDetails) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"`{key}`: there is no such setting{_suggestion(detail['loc'])}; see config/example.toml"
    if detail["type"] == "missing":
        return f"`{key}`: this setting is missing; see config/example.toml"
    message = detail["msg"].removeprefix("Value error, ")
    return f"`{key}`: {message}" if key else message


def _suggestion(loc: tuple[int | str, ...]) -> str:
    model: Any = Settings
    for part in loc[:-1]:
        field = model.model_fields.get(part)
        annotation = field.annotation if field is not None else None
        # `dict[str, Pbx]` and `AmiUser | None` hold their model; a name of the user's own is no field at all.
        inner = (annotation, *get_args(annotation))
        model = next((one for one in inner if hasattr(one, "model_fields")), model)
    close = difflib.get_close_matches(str(loc[-1]), list(model.model_fields), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""
