"""`ringback check-pbx`: looks at one PBX through the two users Ringback will have, and says what is missing.

It only asks: nothing is dialled, changed or reloaded. With `reporting` the PBX shows its actions, its dialplan, its
devices and, by `Getvar` and `AST_CONFIG`, its files (measured on 16.28 and 22.10; where `func_config.so` is not loaded
it does not). What the answers mean is `rules.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

from core.clock import Clock
from pbx_bridge.ami.link import AmiLink, LinkLost, LinkOptions, LinkRefused, LinkUp, Received
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.ami.target import AmiTarget
from pbx_bridge.check.needs import CONTEXTS, MODULES, PATCHED_FOR_OPUS, RECORDER
from pbx_bridge.check.rules import Finding, PbxSeen, UserSeen, judge

OPTIONS = ("read", "permit", "writetimeout", "eventfilter")
"""Lines of a user's section that matter to us."""

EXAMPLE_SECRETS = frozenset({"change-me", "change-me-too", "change-me-events", "change-me-dial"})
"""What config/example.toml and config/asterisk/manager_ringback.conf are shipped with."""

ASKED_OF = ("PJSIP", "SIP", "IAX2")
"""Technologies whose device state says INVALID for a name that does not exist."""

TRUE = frozenset({"yes", "true", "y", "t", "1", "on"})

ASTERISK_DATA = "${ASTDATADIR}"

_SOUNDS = re.compile(r"\s*RINGBACK_SOUNDS\s*=\s*(\S+)\s*")
_PRIVILEGES = re.compile(r"\(Priv: ([^)]*)\)\s*$")


async def check_pbx(
    events: AmiTarget,
    dial: AmiTarget | None,
    trunks: tuple[str, ...],
    *,
    clock: Clock,
    sounds: str | None = None,
) -> list[Finding]:
    """Log in as both users and look. `sounds` is the folder that prompts are put into. Everything that can go wrong is
    a finding; nothing is raised for it."""
    async with AmiLink(events, clock=clock) as link:
        user = await _log_in(link)
        seen = PbxSeen(
            events.name,
            events.address,
            is_local=_is_local(events.host),
            tls=events.tls,
            events=user,
            dial=None,
            has_dial=dial is not None,
            prompts_put=sounds,
        )
        if user.problem is None:
            seen = await _look(link, seen, trunks, clock)
    if dial is None or (user.problem is not None and not user.refused):
        return judge(seen)  # an address that cannot be reached is said once
    # The dial user's one event may come at any time: nobody reads it here.
    async with AmiLink(dial, clock=clock, options=LinkOptions(wanted=frozenset())) as link:
        return judge(replace(seen, dial=await _log_in(link)))


async def _log_in(link: AmiLink) -> UserSeen:
    """The user after its first login or the first reason why there is none."""
    credentials, key = link.target.credentials, f"{link.target.key}: "
    user = UserSeen(credentials.user, default_secret=credentials.secret in EXAMPLE_SECRETS)
    async for item in link:
        match item:
            case LinkUp():
                return replace(user, may=await _actions(link), options=await _options(link))
            case LinkLost(reason=reason):
                return replace(user, problem=reason.removeprefix(key))
            case LinkRefused(reason=reason):
                return replace(user, problem=reason.removeprefix(key), refused=True)
            case _:
                continue
    return replace(user, problem="the connection was closed")


async def _actions(link: AmiLink) -> dict[str, frozenset[str]]:
    """What this user may do. Asterisk leaves out what it may not."""
    reply = await _reply(link, {"Action": "ListCommands"})
    found = ((name, _PRIVILEGES.search(text or "")) for name, text in reply.items()) if reply else ()
    return {
        name: frozenset(part.strip() for part in told[1].split(",")) - {"all", "<none>"}
        for name, told in found
        if told is not None
    }


async def _options(link: AmiLink) -> dict[str, str] | None:
    """The user's own lines in manager.conf, None when the PBX does not show its files: AMI itself could not be
    enabled without this one."""
    if not await _setting(link, "manager.conf", "general", "enabled"):
        return None
    user = link.target.credentials.user
    return {name: await _setting(link, "manager.conf", user, name) or "" for name in OPTIONS}


async def _look(link: AmiLink, seen: PbxSeen, trunks: tuple[str, ...], clock: Clock) -> PbxSeen:
    core = await _reply(link, {"Action": "CoreSettings"})
    shows_files = seen.events.options is not None
    exists = {trunk: await _exists(link, trunk) for trunk in trunks}
    return replace(
        seen,
        version=core.get("AsteriskVersion") if core else None,
        cdr=_truth(core.get("CoreCDRenabled")) if core else None,
        cdr_manager=await _cdr_manager(link, shows_files),
        contexts=await _contexts(link),
        modules={module: await _is_loaded(link, module) for module in (*MODULES, RECORDER, PATCHED_FOR_OPUS)},
        trunks=exists,
        devices=await _devices(link) if False in exists.values() else (),
        skew_s=await _skew(link, clock),
        prompts_played=await _prompts_played(link),
        timestamps=await _timestamps(link, shows_files),
    )


async def _cdr_manager(link: AmiLink, shows_files: bool) -> bool | None:
    if await _is_loaded(link, "cdr_manager") is False:
        return False
    if not shows_files:
        return None
    return _truth(await _setting(link, "cdr_manager.conf", "general", "enabled"))


async def _is_loaded(link: AmiLink, module: str) -> bool | None:
    return {"1": True, "0": False}.get(await _getvar(link, f"IFMODULE({module}.so)") or "")


async def _contexts(link: AmiLink) -> frozenset[str] | None:
    """Those of our contexts that exist; None when the PBX does not let us see its dialplan."""
    present = set()
    for context in CONTEXTS:
        try:
            await link.list_action({"Action": "ShowDialPlan", "Context": context})
        except AmiActionError as error:
            if "did not find" in str(error).lower():
                continue
            return None
        present.add(context)
    return frozenset(present)


async def _prompts_played(link: AmiLink) -> str | None:
    """The folder that the shipped dialplan plays prompts out of; None when it does not show it."""
    try:
        shown = await link.list_action({"Action": "ShowDialPlan", "Context": "ringback-settings"})
    except AmiActionError:
        return None
    lines = (_SOUNDS.fullmatch(item.get("AppData") or "") for item in shown.items)
    folder = next((line[1] for line in lines if line is not None), "")
    if ASTERISK_DATA in folder:
        folder = folder.replace(ASTERISK_DATA, await _getvar(link, "ASTDATADIR") or ASTERISK_DATA)
    return folder if folder and "$" not in folder else None


async def _exists(link: AmiLink, trunk: str) -> bool | None:
    technology, _, name = trunk.partition("/")
    if technology.upper() not in ASKED_OF or not re.fullmatch(r"[\w.@+-]+", name):
        return None
    state = await _getvar(link, f"DEVICE_STATE({trunk})")
    return state != "INVALID" if state else None


async def _devices(link: AmiLink) -> tuple[str, ...]:
    try:
        listed = await link.list_action({"Action": "DeviceStateList"})
    except AmiActionError:
        return ()
    names = {item.get("Device") or "" for item in listed.items}
    return tuple(sorted(name for name in names if name.partition("/")[0] in ASKED_OF))


async def _skew(link: AmiLink, clock: Clock) -> float | None:
    """The PBX's clock less ours, as exact as the round trip. Ping always says the time."""
    before = clock()
    pong = await _reply(link, {"Action": "Ping"})
    if pong is None or pong.timestamp is None:
        return None
    return pong.timestamp - (before + clock()) / 2


async def _timestamps(link: AmiLink, shows_files: bool) -> bool | None:
    """An event that came meanwhile knows best; else what the file says."""
    while (item := link.queue.pop()) is not None:
        # What has no Privilege is the answer to a list, and never has a time.
        if isinstance(item, Received) and item.message.get("Privilege"):
            return item.message.timestamp is not None
    return _truth(await _setting(link, "manager.conf", "general", "timestampevents")) if shows_files else None


async def _setting(link: AmiLink, file: str, section: str, name: str) -> str | None:
    """One line of a file of the PBX; None or "" when it is not there or not shown."""
    if not re.fullmatch(r"[\w.@+-]+", section):
        return None
    return await _getvar(link, f"AST_CONFIG({file},{section},{name})")


async def _getvar(link: AmiLink, expression: str) -> str | None:
    reply = await _reply(link, {"Action": "Getvar", "Variable": expression})
    return reply.get("Value") if reply else None


async def _reply(link: AmiLink, action: Mapping[str, str]) -> AmiMessage | None:
    """The answer, None when the PBX refuses or is silent: that is a finding, not a fault."""
    try:
        return await link.action(action)
    except AmiActionError:
        return None


def _truth(text: str | None) -> bool:
    return (text or "").strip().lower() in TRUE


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
