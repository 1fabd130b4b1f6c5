"""Puts a real Asterisk into ``~/.cache/ringback/asterisk-<version>`` for the tests.

In: nothing, or ``--all`` for both versions. Out: one folder per version, whole or absent (it is built under
another name and renamed at the end), and one line per version on standard output.
Needs root on a Debian system. Starting an Asterisk is ``pbx.py``'s work, not done here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("RINGBACK_ASTERISK_CACHE", Path.home() / ".cache" / "ringback"))
HOST_NAME = "ringback-pbx"
SUITES = {"22": "sid", "16": "bullseye"}
"""The Debian release that carries each Asterisk version (Debian 12 has none)."""
PACKAGES = {
    "22": "asterisk,asterisk-core-sounds-en-wav",
    "16": "asterisk,asterisk-core-sounds-en-wav,asterisk-voicemail",
}
"""In bullseye the mailboxes are a package of their own."""
LAST_PIECE = {"22": "usr/sbin/asterisk", "16": "usr/lib/asterisk/modules/app_voicemail.so"}
"""A folder without it was made by an older list of packages and is made anew."""
TOOLS = {"debootstrap": "debootstrap", "sipp": "sip-tester"}


class InstallError(Exception):
    """Asterisk or a tool around it cannot be installed here; the text says why in one sentence."""


def root_of(version: str) -> Path:
    """The folder that holds, or will hold, this version's whole file system."""
    return CACHE / f"asterisk-{version}"


def is_installed(version: str) -> bool:
    """Whether this version can be started."""
    return (root_of(version) / LAST_PIECE[version]).exists()


def installed_version(wanted: str = "22") -> str | None:
    """The wanted version when it is there, else the other one, else None."""
    return next((version for version in (wanted, "22", "16") if is_installed(version)), None)


def install(version: str) -> Path:
    """Make the folder of one version when it is absent. Raises InstallError."""
    root = root_of(version)
    if not is_installed(version):
        _require_root()
        _install_tools()
        _bootstrap(version, root)
    _name_host(root)
    return root


def install_wanted(everything: bool = False) -> list[str]:
    """Install 22, or 16 in its place where 22 cannot be had; both with ``everything``. Returns what is there."""
    there: list[str] = []
    for version in ("22", "16"):
        if there and not everything:
            break
        try:
            print(f"asterisk {version}: {install(version)}")
            there.append(version)
        except InstallError as error:
            print(f"asterisk {version}: not installed: {error}")
    return there


def _require_root() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise InstallError("a file system of its own for Asterisk needs root on a Debian system")


def _install_tools() -> None:
    missing = [package for command, package in TOOLS.items() if not shutil.which(command)]
    if missing:
        _run(["apt-get", "update", "-q"])
        _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing])


def _bootstrap(version: str, root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    building = root.with_name(f"{root.name}.building-{os.getpid()}")
    packages = f"--include={PACKAGES[version]}"
    try:
        _run(["debootstrap", "--variant=minbase", packages, SUITES[version], str(building)])
        if root.exists() and not is_installed(version):
            root.rename(building.with_suffix(".old"))
        if not root.exists():
            building.rename(root)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(building.with_suffix(".old"), ignore_errors=True)


def _name_host(root: Path) -> None:
    # Without this line every INVITE waits for DNS: 1 call a second in the place of 100.
    hosts, line = root / "etc/hosts", f"127.0.0.1 localhost {HOST_NAME}\n"
    if not hosts.exists() or hosts.read_text() != line:
        hosts.write_text(line)
    (root / "etc/resolv.conf").write_text("")


def _run(command: list[str]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise InstallError(f"{command[0]} failed: {last}")


def main() -> int:
    """Command line; exit code 1 when no Asterisk at all is there at the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--all", action="store_true", help="both Asterisk 22 and 16")
    there = install_wanted(everything=parser.parse_args().all)
    if "22" not in there and "16" in there:
        print("asterisk 22 could not be installed: the tests run on 16")
    return 0 if there else 1


if __name__ == "__main__":
    sys.exit(main())
