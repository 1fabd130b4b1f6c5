"""Installs what the tests need beside Python: Chromium, SIPp, PostgreSQL, a real Asterisk and a real Odoo. In: `--all`
for both Asterisk versions. Out: one line for each thing that could not be had, and why; the tests that need it then
skip (with CI=true they fail). As root on Debian only; elsewhere it says what to install and changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.asterisk.install import install_wanted
from tests.odoo.install import install_if_possible

PACKAGES = {
    "chromium": "chromium",
    "sipp": "sip-tester",
    "ffmpeg": "ffmpeg",
    "debootstrap": "debootstrap",
    "initdb": "postgresql",
}
"""Command → Debian package that brings it."""


def missing_packages() -> list[str]:
    """Debian packages whose command is not on this machine."""
    return [package for command, package in PACKAGES.items() if not _has(command)]


def _has(command: str) -> bool:
    if command == "initdb":  # Debian keeps it off the PATH, in one folder per version
        return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return shutil.which(command) is not None


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt(*words: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", "-qq", *words], env=environment, check=False).returncode == 0


def _install_side_by_side(everything: bool) -> None:
    """Both spend most of their minutes unpacking, on one core each."""
    with ThreadPoolExecutor() as side_by_side:
        for done in (
            side_by_side.submit(install_wanted, everything),
            side_by_side.submit(install_if_possible),
        ):
            done.result()


def main() -> int:
    """Install, report, and answer 0: a missing tool is the tests' business to skip or fail on."""
    missing = missing_packages()
    if missing and not _can_install():
        print(
            f"skipped: {', '.join(missing)} not installed (needs root on Debian); their tests will be skipped"
        )
    elif missing:
        print(f"installing {', '.join(missing)} …", flush=True)
        if not (_apt("update") and _apt("install", "-y", "--no-install-recommends", *missing)):
            print(f"skipped: apt-get could not install {', '.join(missing_packages())}")
    if _can_install():
        _install_side_by_side("--all" in sys.argv)
    else:
        print("skipped: Asterisk not installed (needs root on Debian); stories run from stored captures")
        print("skipped: Odoo not installed (needs root on Debian); its tests will be skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
