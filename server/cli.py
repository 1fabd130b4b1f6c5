"""The `ringback` command: each subcommand parses words, calls one function and turns our errors into one sentence
and a non-zero exit. No work is done here."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from config.settings import BadSettingsError, Settings, load, settings_file
from core.accounts import Role
from core.errors import InvalidInputError, RingbackError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
user_app = typer.Typer(no_args_is_help=True, help="Add people, reset passwords, import a list.")
app.add_typer(user_app, name="user")
api_key_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys for programs.")
app.add_typer(api_key_app, name="api-key")
callbacks_app = typer.Typer(no_args_is_help=True, help="Call a list of people back.")
app.add_typer(callbacks_app, name="callbacks")
recordings_app = typer.Typer(no_args_is_help=True, help="Compare what should be recorded with what is.")
app.add_typer(recordings_app, name="recordings")
customers_app = typer.Typer(no_args_is_help=True, help="Bring a file of customers in, and more.")
app.add_typer(customers_app, name="customers")
connector_app = typer.Typer(no_args_is_help=True, help="Try the link to another CRM.")
app.add_typer(connector_app, name="connector")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file (default: ringback.toml)")
]

EXIT_FAILED = 1
EXIT_USAGE = 2

LARGEST_ID = 2**31 - 1
"""Of a database's INTEGER."""


def main() -> None:
    """Entry point. Our errors become one sentence on standard error and exit status 1 or 2."""
    if sys.stderr is None:  # closed (`2>&-`): there is no log, but the work can be done
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    try:
        app()
    except BadSettingsError as error:
        _give_up(str(error), EXIT_USAGE)
    except RingbackError as error:
        _give_up(str(error), EXIT_FAILED)


def _give_up(sentence: str, status: int) -> NoReturn:
    for line in sentence.splitlines():
        print(f"ringback: {line}", file=sys.stderr)
    raise SystemExit(status)


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run the server beside the PBXs named in the settings."""
    settings = _settings(config)
    from server.serve import (
        serve as run_server,  # takes its time: what is wrong with the settings is said before
    )

    run_server(settings, settings_file(config))


@app.command()
def demo() -> None:
    """Run with a simulated PBX, sample customers and a fresh login; loopback only, its own database."""
    from server.demo import run as run_demo

    run_demo()


@app.command()
def replay(
    files: Annotated[
        list[Path],
        typer.Argument(help="Captured AMI bytes; several files are one PBX's connections in order"),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
    trunk: Annotated[
        list[str] | None, typer.Option(help="Channel prefix of a trunk, e.g. PJSIP/trunk; repeatable")
    ] = None,
    region: Annotated[str, typer.Option(help="ISO country of the site")] = "PL",
) -> None:
    """Run captured AMI bytes through the same code as a live PBX and print the calls."""
    from pbx_bridge.replay import DEFAULT_TRUNKS, as_table, replay_files

    if not trunk:
        print(
            f"no --trunk given: taking {', '.join(DEFAULT_TRUNKS)} for the outside; with another trunk name the "
            "directions below are wrong",
            file=sys.stderr,
        )
    result = replay_files(
        files, tuple(trunk or ()), region, warn=lambda sentence: print(sentence, file=sys.stderr)
    )
    print(json.dumps(result, indent=2, ensure_ascii=False) if as_json else as_table(result))


@app.command()
def capture(
    out: Annotated[Path, typer.Argument(help="File to write; the times of arrival go to FILE.times")],
    pbx: Annotated[str | None, typer.Option(help="Which PBX of the settings, if there are several")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after so many seconds (else: Ctrl+C)")
    ] = None,
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="Take numbers and names of people out; for bug reports")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Record what a PBX says over AMI, for `ringback replay` and for bug reports."""
    from server.record import record

    _run(lambda: record(_settings(config), out, pbx, seconds, anonymise=anonymise))


@app.command()
def transcribe(
    file: Annotated[Path, typer.Argument(help="Sound file; in stereo the customer is left, our side right")],
    as_json: Annotated[bool, typer.Option("--json", help="Print words with speaker and times")] = False,
    engine: Annotated[str, typer.Option(help="vosk or faster-whisper")] = "vosk",
    model: Annotated[
        str | None, typer.Option(help="Folder or name of a model (else: the engine's own download)")
    ] = None,
    language: Annotated[str, typer.Option(help="As two letters")] = "en",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Of the engine")] = 1,
    keep_cards: Annotated[
        bool, typer.Option("--keep-cards", help="Do not take card numbers out of the text")
    ] = False,
) -> None:
    """Write down what was said in a sound file."""
    from recordings.transcribe.engine import Wanted
    from server.recordings.transcribe import print_transcript

    if not file.is_file():
        raise InvalidInputError(f"there is no file {file}")
    wanted = Wanted(engine, language, model, threads)
    print_transcript(file, wanted, redact_cards=not keep_cards, as_json=as_json)


@user_app.command("add")
def user_add(
    login: str,
    name: Annotated[str, typer.Option(help="Full name")] = "",
    role: Role = Role.AGENT,
    device: Annotated[list[str] | None, typer.Option(help="Phone, e.g. main:PJSIP/101; repeatable")] = None,
    config: ConfigOption = None,
) -> None:
    """Create a person and print a fresh password."""
    from server.people import command as people

    _run(lambda: people.add(_settings(config), login, name or login, role, device or []))


@user_app.command("reset")
def user_reset(login: str, config: ConfigOption = None) -> None:
    """Give a person a fresh password, print it, and end their sessions."""
    from server.people import command as people

    _run(lambda: people.reset(_settings(config), login))


@user_app.command("import")
def user_import(file: Path, config: ConfigOption = None) -> None:
    """Create people from a CSV file with the columns login,name,role,password,devices.

    The exit status is 1 when a line was refused.
    """
    from server.people import command as people

    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {file}: {error}") from error
    _run(lambda: people.import_csv(_settings(config), raw))


@api_key_app.command("add")
def api_key_add(
    name: Annotated[str, typer.Argument(help="Which program it is for")],
    scope: Annotated[list[str], typer.Option(help="What it may do, e.g. calls:read; repeatable")],
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, this once."""
    from server.people import keys_command as api_keys

    _run(lambda: api_keys.add(_settings(config), name, scope))


@api_key_app.command("list")
def api_key_list(config: ConfigOption = None) -> None:
    """Every key, what it may do and when it was last used."""
    from server.people import keys_command as api_keys

    _run(lambda: api_keys.show(_settings(config)))


@api_key_app.command("revoke")
def api_key_revoke(
    key: Annotated[int, typer.Argument(min=1, max=LARGEST_ID, help="Number in `ringback api-key list`")],
    config: ConfigOption = None,
) -> None:
    """Make a key useless at once."""
    from server.people import keys_command as api_keys

    _run(lambda: api_keys.revoke(_settings(config), key))


@callbacks_app.command("import")
def callbacks_import(
    file: Path,
    department: Annotated[str, typer.Option(help="Who calls them: NAME of a [department.NAME]")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of each line")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Ask for a callback for each line of a CSV file with the columns number,name,message,when.

    The exit status is 1 when a line was refused. The same file is not sent twice within 30 days.
    """
    from server.callbacks.list_command import import_list

    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {file}: {error}") from error
    _run(lambda: import_list(_settings(config), raw, file.name, department, dry_run=dry_run))


@customers_app.command("import")
def customers_import(
    file: Path,
    existing: Annotated[
        str, typer.Option(help="Customers you have already: fill (their gaps), overwrite or skip")
    ] = "fill",
    tag: Annotated[str, typer.Option(help="Given to everybody in the file")] = "",
    ids_of: Annotated[str, typer.Option(help="The CRM in which they have their ids, e.g. odoo")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of each line")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Import customers from a CSV file; the first line names the columns, in one of a dozen languages.

    The exit status is 1 when a line was refused. An import can be taken back on the page /customers/import.
    """
    from server.imports.command import import_customers

    if not file.is_file():
        raise InvalidInputError(f"there is no file {file}")
    _run(lambda: import_customers(_settings(config), file, existing, tag, ids_of, dry_run=dry_run))


@recordings_app.command("audit")
def recordings_audit(
    since: Annotated[
        str | None, typer.Option(help="First day, as 2026-11-21 (else: recordings.audit.days back)")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
    config: ConfigOption = None,
) -> None:
    """Compare answered calls, recordings and stored files now, bring together what belongs together, and print the
    rest."""
    from server.recordings.coverage_command import audit

    _run(lambda: audit(_settings(config), since, as_json=as_json))


@connector_app.command("test")
def connector_test(
    name: Annotated[str, typer.Argument(help="NAME of a [connector.NAME]")],
    number: Annotated[str, typer.Argument(help="A telephone number, in any spelling")],
    config: ConfigOption = None,
) -> None:
    """Ask one CRM who has this number, and print what went over the line with the secrets hidden. Writes nothing."""
    from server.connectors.command import test_connector

    if not asyncio.run(test_connector(_settings(config), name, number)):
        raise SystemExit(EXIT_FAILED)


@app.command("check-pbx")
def check_pbx(config: ConfigOption = None) -> None:
    """Look at each PBX of the settings and say what is missing, with the lines to add. Changes nothing."""
    from server.check import check

    if not asyncio.run(check(_settings(config))):
        raise SystemExit(EXIT_FAILED)


@app.command("erase")
def erase_whole_person(
    customer: Annotated[int, typer.Argument(min=1, max=LARGEST_ID, help="Number in the customer's address")],
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Erase a person: everything we have of them, and print the certificate. Calls stay as anonymous facts."""
    from server.privacy.command import erase_person

    _run(lambda: erase_person(_settings(config), customer, lambda question: yes or typer.confirm(question)))


@app.command("erase-recordings")
def erase_recordings(
    customer: Annotated[int, typer.Argument(min=1, max=LARGEST_ID, help="Number in the customer's address")],
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Erase what was recorded of one customer, transcripts and notes of these calls too, and print what went."""
    from server.privacy.command import erase

    _run(lambda: erase(_settings(config), customer, lambda question: yes or typer.confirm(question)))


def _settings(path: Path | None) -> Settings:
    return load(path)
