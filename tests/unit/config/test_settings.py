"""Settings: every complaint names the key and the fix; the example shows every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.callbacks import CallbackLimits, Department, Website
from config.connectors import ConnectorSettings
from config.crm import CustomField
from config.recordings import S3, VERDICTS, Retention, Transcription
from config.settings import AmiUser, BadSettingsError, Line, Pbx, Settings, load
from core.facts import Verdict

EXAMPLE = Path(__file__).parents[3] / "config" / "example.toml"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RINGBACK_CONFIG", raising=False)


def complaint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "ringback.toml"
    path.write_text(text)
    with pytest.raises(BadSettingsError) as raised:
        load(path)
    return str(raised.value)


PBX = """
[pbx.main]
host = "127.0.0.1"
trunks = ["PJSIP/trunk"]
events = {user = "u", secret = "s"}
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\nprot = 1", r"`server\.prot`: there is no such setting \(did you mean `port`\?\)"),
        ("[serverr]\nport = 1", r"`serverr`: there is no such setting \(did you mean `server`\?\)"),
        ("[server]\nport = 'x'", r"`server\.port`: .*integer"),
        ("[server]\nport = 70000", r"`server\.port`: .*65535"),
        ("[site]\nregion = 'Poland'", r"`site\.region`: write a two-letter ISO country code"),
        ("[site]\ntime_zone = 'Warsaw'", r"`site\.time_zone`: write an IANA time zone"),
        ("[log]\nlevel = 'loud'", r"`log\.level`: write DEBUG, INFO"),
        ("[server]\ntls_key = 'k'", r"server\.tls_certificate and server\.tls_key go together"),
        ("[pbx.main]\nhost = 'h'\ntrunks = ['PJSIP/t']", r"`pbx\.main\.events`: this setting is missing"),
        (PBX.replace("PJSIP/trunk", "trunk"), r"`pbx\.main\.trunks`: .*PJSIP/trunk"),
        (
            PBX.replace("host", "hots"),
            r"`pbx\.main\.hots`: there is no such setting \(did you mean `host`\?\)",
        ),
        (
            "[line.desk]\nhots = 'h'\nuser = '1'\nsecret = 's'",
            r"`line\.desk\.hots`: there is no such setting \(did you mean `host`\?\)",
        ),
        ("[line.main]\nhost = 'h'\nuser = '1'\nsecret = 's'" + PBX, r"pbx\.main and line\.main share a name"),
        (PBX.replace("main", "m" * 61), r"`pbx`: the name 'm+' must have between 1 and 60 characters"),
        ("[database]\nkeep_facts_days = 0", r"`database\.keep_facts_days`: .*greater than or equal to 1"),
        ("[server\nport=1", r"is not valid TOML"),
    ],
)
def test_a_complaint_names_the_key_and_the_fix(tmp_path: Path, text: str, says: str) -> None:
    assert re.search(says, complaint(tmp_path, text))


def test_every_complaint_at_once(tmp_path: Path) -> None:
    assert len(complaint(tmp_path, "[server]\nport = 0\nhots = 'x'").splitlines()) == 2


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettingsError, match=r"no settings file .*nowhere\.toml"):
        load(tmp_path / "nowhere.toml")


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ringback.toml"
    path.write_text("[server]\nport = 9001\nhost = '127.0.0.2'" + PBX)
    monkeypatch.setenv("RINGBACK_SERVER__PORT", "9002")
    monkeypatch.setenv("RINGBACK_PBX__MAIN__EVENTS__SECRET", "from the environment")
    settings = load(path)
    assert (settings.server.host, settings.server.port) == ("127.0.0.2", 9002)
    assert settings.pbx["main"].events.secret.get_secret_value() == "from the environment"
    assert settings.pbx["main"].events.user == "u"


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    path = tmp_path / "ringback.toml"
    path.write_text(PBX.replace('"s"', '"hunter2"'))
    assert "hunter2" not in repr(load(path))


def test_no_file_gives_the_defaults() -> None:
    assert load().server.port == 8080


NAMED: dict[str, type[BaseModel]] = {
    "pbx": Pbx,
    "line": Line,
    "department": Department,
    "website": Website,
    "connector": ConnectorSettings,
}
"""Sections of which there may be several."""


def keys_of(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


def test_the_example_is_valid_and_shows_every_key() -> None:
    load(EXAMPLE)
    text = EXAMPLE.read_text()
    shown = set(re.findall(r"^(?:# ?)?(\w+) =", text, re.M)) | set(re.findall(r"[{,] (\w+) =", text))
    shown |= set(re.findall(r"^(?:# )?\[{1,2}\w+\.(\w+)\]", text, re.M))
    sections = set(re.findall(r"^(?:# )?\[{1,2}(\w+)", text, re.M))
    assert sections == keys_of(Settings)
    for name, field in Settings.model_fields.items():
        part = NAMED.get(name) or field.annotation
        assert isinstance(part, type)
        assert keys_of(part) <= shown, name
    for part in (AmiUser, CallbackLimits, CustomField, Retention, Transcription, S3):
        assert keys_of(part) <= shown


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            '[department.sales]\nqueue = "sales"\nhours = ["monday 9-17"]',
            "`department.sales.hours`: 'monday",
        ),
        ('[department.sales]\nqueue = "sales"\nexceptions = ["24.12.2026 closed"]', "2026-12-27 closed"),
        ('[department.sales]\nqueue = "sales"\nhours = ["mon 22:00-06:00"]', "22:00-24:00 and 00:00-"),
        ('[department.sales]\nqueue = "sales"\nhours = ["mon 22:00-24:30"]', "at 24:00 at the latest"),
        ('[department.sales]\nqueue = "sales"\nexceptions = ["2026-02-30 closed"]', "no calendar has"),
        (
            '[department.sales]\nqueue = "sales"\nholidays = "DE-XX"',
            "public holidays of 'DE-XX' are not known",
        ),
        ('[department.sales]\nqueue = "sales"\ntime_zone = "Warsaw"', "department.sales.time_zone"),
        ('[department.sales]\nqueue = "sales"\nretry_minutes = [0]', "between 1 minute and a week"),
        ('[department.sales]\nqueue = "sales"\npbx = "other"', "no section [pbx.…]"),
        ('[website.shop]\norigins = ["https://shop.example.com/"]\ndepartment = "sales"', "is not an origin"),
        (
            '[website.shop]\norigins = ["https://shop.example.com"]\ndepartment = "sales"',
            "no section [department.…]",
        ),
        ("[callback.limits]\nmoney_a_day = 50", "`callback`: limits.money_a_day needs price_a_minute"),
        ('[callback.prices]\n"48" = 0.05', "'48' begins no number: write + and digits"),
        ('[callback.prices]\n"+48" = -1', "-1.0 is no price of a minute"),
        ("[public]\nport = 8081\ntls_key = 'k.pem'", "public.tls_certificate and public.tls_key go together"),
    ],
)
def test_complaints_about_callbacks_name_the_key_and_the_fix(
    tmp_path: Path, lines: str, complaint: str
) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(lines)
    with pytest.raises(BadSettingsError) as caught:
        load(file)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            "[recordings.retention]\nverdict = { answerd = 30 }",
            "'answerd' is no verdict: write one of answered",
        ),
        ("[recordings.retention]\nqueue = { sales = -1 }", "sales: write days, 0 for ever"),
        ("[recordings.transcription.redact]\neng = ['x']", "redact.eng: calls are in en"),
        ("[recordings.transcription.redact]\nen = ['(']", "is no regular expression"),
    ],
)
def test_a_rule_about_recordings_that_would_never_be_applied_is_refused(
    tmp_path: Path, lines: str, complaint: str
) -> None:
    """Somebody relies on it."""
    file = tmp_path / "ringback.toml"
    file.write_text(lines)
    with pytest.raises(BadSettingsError) as caught:
        load(file)
    assert complaint in str(caught.value)


def test_languages_are_the_same_in_either_case() -> None:
    given = {"language": "EN", "queue_language": {"warszawa": "PL"}, "redact": {"en": ("x",), "Pl": ("y",)}}
    read = Transcription.model_validate(given)
    assert (read.language, read.queue_language, set(read.redact)) == ("en", {"warszawa": "pl"}, {"en", "pl"})


def test_verdicts_of_retention_are_all_there_are() -> None:
    assert tuple(Verdict) == VERDICTS
