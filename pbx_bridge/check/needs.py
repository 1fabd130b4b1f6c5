"""What Ringback needs of a PBX: rights, contexts, modules, and the lines an administrator adds for them. *Pure*, and
only words: whether a PBX has them is judged in `rules.py`."""

from __future__ import annotations

OLDEST_ASTERISK = 16
MOST_SKEW_S = 2.0
"""Times in the log are the PBX's; beyond this people would notice that its clock is not theirs."""

LEAST_WRITE_TIMEOUT_MS = 5000
"""Asterisk's own 100 ms cuts us off in the first burst we do not read at once."""

EVENTS_READ = frozenset({"call", "agent", "user", "cdr"})
EVENTS_WRITE = frozenset({"reporting"})
DIAL_READ = frozenset({"call"})
DIAL_WRITE = frozenset({"originate", "call", "agent"})
NEVER = frozenset({"system", "command", "config", "all"})
"""With any of these a stolen secret is a shell, or another user's secret."""

MOST_NAMED = 6
"""Devices named in one line."""

CONTEXTS = (
    "ringback-settings",
    "ringback-agent",
    "ringback-place",
    "ringback-customer",
    "ringback-callback",
    "ringback-then-agent",
    "ringback-then-queue",
    "ringback-begin",
    "ringback-allowed",
    "ringback-marker",
    "ringback-shown",
    "ringback-announcement",
    "ringback-greeting",
    "ringback-callme",
    "ringback-caller",
    "ringback-blocked",
    "ringback-from-trunk",
    "ringback-voicemail",
    "ringback-record",
    "ringback-notice",
    "ringback-pause",
    "ringback-resume",
    "ringback-switch",
    "ringback-recorded-queue",
)
"""The contexts of config/asterisk/extensions_ringback.conf."""

MODULES = (
    "app_playtones",
    "app_read",
    "app_senddtmf",
    "app_system",
    "app_userevent",
    "func_env",
    "func_groupcount",
    "func_timeout",
    "func_version",
)
"""What these contexts, and "connect now", use and a PBX could have been slimmed of."""

RECORDER = "app_mixmonitor"

PATCHED_FOR_OPUS = "codec_opus_open_source"
"""Debian's build with this codec carries a patch for lost packets that takes a talker whose RTP begins at a lower
number than the one before for late, for up to eleven minutes (22.10.1): after a transfer, every other time, the new
colleague is heard by the customer and is not in the recording. Builds without it are not affected (16.28)."""

RELOAD_MANAGER = 'then: asterisk -rx "manager reload"'
RELOAD_DIALPLAN = 'then: asterisk -rx "dialplan reload"'
RELOAD_CDR = 'then: asterisk -rx "module load cdr_manager.so" and "module reload cdr_manager.so"'


CDR_LINES = ("in cdr.conf, section [general]:", "enable = yes", 'then: asterisk -rx "module reload cdr"')
CDR_MANAGER_LINES = (
    "in cdr_manager.conf (on FreePBX too: it does not generate this file), section [general]:",
    "enabled = yes",
    RELOAD_CDR,
)
SOUNDS_LINES = (
    "or in [ringback-settings] of extensions_ringback.conf (FreePBX: extensions_custom.conf) its line RINGBACK_SOUNDS",
    RELOAD_DIALPLAN,
)
REACHABLE = (
    "in manager.conf, section [general]:",
    "enabled = yes",
    "bindaddr = <an address of the PBX that this server reaches>",
    "port = 5038",
    RELOAD_MANAGER,
)
