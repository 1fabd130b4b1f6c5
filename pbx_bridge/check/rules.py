"""What a PBX must be like for Ringback, rule by rule. Pure.

In: what `pbx.py` could see of one PBX. Out: findings in the order in which an administrator would mend them, each
one sentence, and under what is missing the exact lines to add. Nothing is asked of the PBX here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pbx_bridge.check.needs import (
    CDR_LINES,
    CDR_MANAGER_LINES,
    CONTEXTS,
    DIAL_READ,
    DIAL_WRITE,
    EVENTS_READ,
    EVENTS_WRITE,
    LEAST_WRITE_TIMEOUT_MS,
    MODULES,
    MOST_NAMED,
    MOST_SKEW_S,
    NEVER,
    OLDEST_ASTERISK,
    PATCHED_FOR_OPUS,
    REACHABLE,
    RECORDER,
    RELOAD_DIALPLAN,
    RELOAD_MANAGER,
    SOUNDS_LINES,
)


class Mark(StrEnum):
    """`NOTE`: could not be seen, or worth knowing; nothing has to be done for Ringback to work."""

    OK = "ok"
    MISSING = "missing"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` is one sentence; `lines` are what to add, and where, when something is missing."""

    pbx: str
    mark: Mark
    text: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserSeen:
    """One AMI user. `problem` says why it could not log in, `refused` that the PBX was there and said no. `may` are the
    actions it may do, each with the classes any one of which allows it. `options` are its lines in manager.conf ("" for
    one that is not there); None when the PBX does not show its files."""

    user: str
    problem: str | None = None
    refused: bool = False
    default_secret: bool = False
    may: Mapping[str, frozenset[str]] = field(default_factory=dict)
    options: Mapping[str, str] | None = None

    @property
    def write(self) -> frozenset[str]:
        """Classes this user surely has: some action is allowed by nothing else. CoreStatus is allowed by `system` and
        `reporting`; whoever may do it has the second (the first shows in actions of its own), who may not has none."""
        told = "CoreStatus" in self.may
        absent = frozenset[str]() if told else frozenset({"system", "reporting"})
        open_to = [classes - absent for classes in self.may.values()]
        sure = frozenset[str]().union(*(classes for classes in open_to if len(classes) == 1))
        return sure | {"reporting"} if told else sure

    @property
    def has_queues(self) -> bool:
        """Whether app_queue is loaded: QueueStatus is allowed to everybody. Without it no action needs `agent`."""
        return "QueueStatus" in self.may


@dataclass(frozen=True, slots=True)
class PbxSeen:
    """What could be seen of one PBX; None means that it does not show it. `modules` says of each whether it is loaded,
    `trunks` whether it exists, `devices` which devices do. `prompts_put` and `prompts_played` are folders: that of the
    settings, and the dialplan's. `skew_s` is its clock less ours."""

    name: str
    address: str
    is_local: bool
    tls: bool
    events: UserSeen
    dial: UserSeen | None
    has_dial: bool = False
    version: str | None = None
    timestamps: bool | None = None
    cdr: bool | None = None
    cdr_manager: bool | None = None
    contexts: frozenset[str] | None = None
    modules: Mapping[str, bool | None] = field(default_factory=dict)
    trunks: Mapping[str, bool | None] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    prompts_put: str | None = None
    prompts_played: str | None = None
    skew_s: float | None = None


def judge(seen: PbxSeen) -> list[Finding]:
    """All findings about one PBX."""
    if seen.events.problem is not None:
        told = [_no_login(seen, seen.events, EVENTS_READ, EVENTS_WRITE)]
    else:
        told = [_ok(seen, f"reached {seen.address}, Asterisk {seen.version or 'of unknown version'}")]
        told += [*_version(seen), *_events_user(seen), *_timestamps(seen), *_cdr(seen), *_dialplan(seen)]
        told += _modules(seen)
        told += _recording(seen)
        told += _prompts(seen)
        told += [*_trunks(seen), *_clock(seen)]
    return [*told, *_dial_user(seen), *_privacy(seen)]


def _no_login(seen: PbxSeen, user: UserSeen, read: frozenset[str], write: frozenset[str]) -> Finding:
    lines = _user_lines(user.user, read, write) if user.refused else REACHABLE
    return _missing(seen, user.problem or "", lines)


def _ok(seen: PbxSeen, text: str) -> Finding:
    return Finding(seen.name, Mark.OK, text)


def _note(seen: PbxSeen, text: str) -> Finding:
    return Finding(seen.name, Mark.NOTE, text)


def _missing(seen: PbxSeen, text: str, lines: Iterable[str]) -> Finding:
    return Finding(seen.name, Mark.MISSING, text, tuple(lines))


# ---- the PBX itself


def _version(seen: PbxSeen) -> Iterator[Finding]:
    major = (seen.version or "").partition(".")[0]
    if major.isdecimal() and int(major) < OLDEST_ASTERISK:
        lines = (f"upgrade Asterisk to {OLDEST_ASTERISK} or later",)
        yield _missing(seen, f"Asterisk {seen.version} is older than Ringback understands", lines)


def _timestamps(seen: PbxSeen) -> Iterator[Finding]:
    lines = (
        "in manager.conf, section [general] (FreePBX: [general](+) in manager_custom.conf):",
        "timestampevents = yes",
        RELOAD_MANAGER,
    )
    if seen.timestamps is None:
        yield _note(
            seen,
            "no event came meanwhile and the PBX does not show manager.conf: see that it says timestampevents = yes",
        )
    elif seen.timestamps:
        yield _ok(seen, "events carry the PBX's own time (timestampevents)")
    else:
        yield _missing(
            seen, "events do not carry the PBX's own time: seconds in the log would be ours", lines
        )


def _cdr(seen: PbxSeen) -> Iterator[Finding]:
    if seen.cdr is False:
        text = "call detail records are switched off: calls that end in a mailbox would look missed"
        yield _missing(seen, text, CDR_LINES)
    elif seen.cdr_manager is None:
        yield _note(
            seen, "the PBX does not show cdr_manager.conf: see that it is loaded and says enabled = yes"
        )
    elif seen.cdr_manager:
        yield _ok(seen, "Cdr events are on (cdr_manager)")
    else:
        text = "Cdr events are off: calls that end in a mailbox would look missed"
        yield _missing(seen, text, CDR_MANAGER_LINES)


def _dialplan(seen: PbxSeen) -> Iterator[Finding]:
    if seen.contexts is None:
        yield _note(seen, "the dialplan could not be seen (it needs write = reporting)")
        return
    absent = [context for context in CONTEXTS if context not in seen.contexts]
    if not absent:
        yield _ok(seen, "the shipped dialplan is there")
        return
    lines = (
        "copy config/asterisk/extensions_ringback.conf to /etc/asterisk/, and at the end of extensions.conf",
        "(FreePBX: append the file to extensions_custom.conf instead):",
        "#include extensions_ringback.conf",
        RELOAD_DIALPLAN,
    )
    if len(absent) == len(CONTEXTS):
        yield _missing(seen, "the shipped dialplan is not there: none of its contexts exists", lines)
    else:
        text = (
            f"the shipped dialplan is not all there, or of an earlier release: no context {', '.join(absent)}"
        )
        yield _missing(seen, text, ("keep your [ringback-settings], and for the rest:", *lines))


def _modules(seen: PbxSeen) -> Iterator[Finding]:
    absent = [name for name in MODULES if seen.modules.get(name) is False]
    if absent:
        lines = ("in modules.conf no noload for these, then:", *(_load(name) for name in absent))
        yield _missing(seen, f"callbacks need modules that are not loaded: {', '.join(absent)}", lines)


def _recording(seen: PbxSeen) -> Iterator[Finding]:
    if seen.modules.get(RECORDER) is False:
        yield _note(seen, f"this PBX cannot record: {RECORDER} is not loaded")
    if seen.modules.get(PATCHED_FOR_OPUS):
        text = (
            "this build of Asterisk is patched for Opus, and may leave a colleague who takes over after a "
            "transfer out of the recording (docs/recordings.md)"
        )
        yield _note(seen, text)


def _load(module: str) -> str:
    return f'asterisk -rx "module load {module}.so"'


def _trunks(seen: PbxSeen) -> Iterator[Finding]:
    for trunk, exists in seen.trunks.items():
        if exists:
            yield _ok(seen, f"trunk {trunk} exists")
        elif exists is None:
            yield _note(
                seen,
                f"whether {trunk} exists cannot be asked of this kind of channel; compare it with `core show channels`",
            )
        else:
            lines = (
                f"in the settings, pbx.{seen.name}.trunks: the channel prefixes of your carriers, as in",
                f"`core show channels` during an outside call; {_devices(seen.devices, trunk)}",
            )
            yield _missing(seen, f"there is no {trunk}: calls from outside would look internal", lines)


def _devices(devices: Sequence[str], trunk: str) -> str:
    """Those of the PBX's devices that were perhaps meant, else the first ones."""
    close = difflib.get_close_matches(trunk, devices, n=MOST_NAMED, cutoff=0.7)
    if close:
        return f"similar devices here: {', '.join(close)}"
    return f"devices here: {', '.join(devices[:MOST_NAMED]) or 'none it would name'}"


def _prompts(seen: PbxSeen) -> Iterator[Finding]:
    """On another machine the same folder may have another name."""
    put, played = seen.prompts_put, seen.prompts_played
    if put is None or played is None or put.rstrip("/") == played.rstrip("/"):
        return
    text = f"prompts are put into {put}, and the PBX plays them out of {played}"
    lines = (f'in the settings: pbx.{seen.name}.sounds = "{played}"', *SOUNDS_LINES)
    yield _missing(seen, text, lines) if seen.is_local else _note(seen, f"{text}: see that it is the same")


def _clock(seen: PbxSeen) -> Iterator[Finding]:
    if seen.skew_s is not None and abs(seen.skew_s) > MOST_SKEW_S:
        side = "ahead of" if seen.skew_s > 0 else "behind"
        yield _note(seen, f"the PBX's clock is {abs(seen.skew_s):.0f} s {side} ours: let both follow NTP")


def _privacy(seen: PbxSeen) -> Iterator[Finding]:
    if not seen.is_local and not seen.tls:
        yield _note(
            seen, "AMI crosses the network unencrypted, callers' numbers included: use tls = true or a tunnel"
        )


# ---- its users


def _events_user(seen: PbxSeen) -> Iterator[Finding]:
    yield from _rights(seen, seen.events, EVENTS_READ, EVENTS_WRITE, "events")
    lines = _lines_of(seen.events.user, f"writetimeout = {LEAST_WRITE_TIMEOUT_MS}")
    told = (seen.events.options or {}).get("writetimeout")
    if told is not None and _number(told) < LEAST_WRITE_TIMEOUT_MS:
        yield _missing(seen, "the PBX would cut us off in the first burst (writetimeout)", lines)


def _dial_user(seen: PbxSeen) -> Iterator[Finding]:
    if seen.dial is None and seen.has_dial:
        return  # the address could not be reached, which is said already
    if seen.dial is None:
        yield _note(
            seen, "no dial user is set: agents' pauses do not reach the queues, and Ringback cannot call"
        )
        return
    if seen.dial.problem is not None:
        yield _no_login(seen, seen.dial, DIAL_READ, DIAL_WRITE)
        return
    yield from _rights(seen, seen.dial, DIAL_READ, DIAL_WRITE, "dial")
    told = (seen.dial.options or {}).get("eventfilter")
    if told is not None and "originateresponse" not in told.lower():
        lines = _lines_of(seen.dial.user, "eventfilter = Event: OriginateResponse")
        yield _missing(seen, "the dial user is sent every call event, and needs one", lines)


def _rights(
    seen: PbxSeen, user: UserSeen, read: frozenset[str], write: frozenset[str], role: str
) -> Iterator[Finding]:
    told = [*_write_rights(seen, user, write, role), *_read_rights(seen, user, read, role)]
    if not told:
        yield _ok(seen, f"{role} user {user.user} is logged in, with the rights it needs and no more")
    yield from told
    yield from _guards(seen, user, role)


def _write_rights(seen: PbxSeen, user: UserSeen, needed: frozenset[str], role: str) -> Iterator[Finding]:
    line = _lines_of(user.user, f"write = {','.join(_in_order(needed))}")
    asked = needed if user.has_queues else needed - {"agent"}
    if lacking := asked - user.write:
        yield _missing(
            seen, f"{role} user {user.user} may not do enough: write lacks {_listed(lacking)}", line
        )
    if spare := user.write - needed:
        danger = "; a stolen secret would command the PBX" if spare & NEVER else ""
        text = f"{role} user {user.user} may do more than it needs: write has {_listed(spare)}{danger}"
        yield _missing(seen, text, line)


def _read_rights(seen: PbxSeen, user: UserSeen, needed: frozenset[str], role: str) -> Iterator[Finding]:
    if user.options is None:
        yield _note(
            seen,
            f"the PBX does not show manager.conf: see that [{user.user}] says read = {','.join(_in_order(needed))}",
        )
        return
    has = frozenset(part.strip().lower() for part in user.options.get("read", "").split(",") if part.strip())
    line = _lines_of(user.user, f"read = {','.join(_in_order(needed))}")
    if (lacking := needed - has) and "all" not in has:
        yield _missing(
            seen, f"{role} user {user.user} does not hear enough: read lacks {_listed(lacking)}", line
        )
    if spare := has - needed:
        text = f"{role} user {user.user} hears more than it needs: read has {_listed(spare)}"
        yield _missing(seen, text, line)


def _guards(seen: PbxSeen, user: UserSeen, role: str) -> Iterator[Finding]:
    """What keeps others from being this user."""
    if user.default_secret:
        lines = _lines_of(
            user.user, "secret = <a long random one>", f"and the same in pbx.{seen.name}.{role}.secret"
        )
        yield _missing(
            seen, f"{role} user {user.user} has the secret of the example, which everybody knows", lines
        )
    if user.options is not None and not user.options.get("permit"):
        lines = _lines_of(
            user.user, "deny = 0.0.0.0/0.0.0.0", "permit = <address of this server>/255.255.255.255"
        )
        yield _missing(
            seen, f"{role} user {user.user} may log in from anywhere: it has no permit line", lines
        )


# ---- lines


def _user_lines(user: str, read: frozenset[str], write: frozenset[str]) -> tuple[str, ...]:
    """The whole section of a user that may be missing."""
    return _lines_of(
        user,
        "secret = <as in the settings>",
        "deny = 0.0.0.0/0.0.0.0",
        "permit = <address of this server>/255.255.255.255",
        f"read = {','.join(_in_order(read))}",
        f"write = {','.join(_in_order(write))}",
    )


def _lines_of(user: str, *lines: str) -> tuple[str, ...]:
    where = "in manager.conf (FreePBX: manager_custom.conf):"
    return (where, f"[{user}]", *lines, RELOAD_MANAGER)


ORDER = ("originate", "call", "agent", "user", "cdr", "reporting")
"""As in the shipped manager_ringback.conf."""


def _in_order(classes: frozenset[str]) -> list[str]:
    return [one for one in ORDER if one in classes]


def _listed(classes: frozenset[str]) -> str:
    return ", ".join(sorted(classes))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
