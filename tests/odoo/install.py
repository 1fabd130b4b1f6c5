"""Puts a real Odoo 14 with its PostgreSQL into ``~/.cache/ringback/odoo-14`` for the tests.

In: nothing. Out: one folder, whole or absent (it is built under another name and renamed at the end), with a database
that is copied for every run: contacts and CRM installed, one user with an API key. One line on standard output.
Needs root on a Debian system. Starting an Odoo is ``server.py``'s work, not done here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.asterisk.install import CACHE, InstallError

ROOT = CACHE / "odoo-14"
SUITE = "bullseye"
"""The last Debian release with an Odoo whose Python is its own."""

SNAPSHOT = "ringback"
"""Inside the folder: PostgreSQL's data, Odoo's files and the API key, as each run begins with them."""

DATABASE, USER = "firm", "ringback@example.com"

NO_SERVICES = "#!/bin/sh\nexit 101\n"
"""Of Debian's policy-rc.d: nothing is started while packages are installed."""

PACK = """
set -e
mount --bind /proc "$1/proc"
mount --rbind /dev "$1/dev"
export DEBIAN_FRONTEND=noninteractive
chroot "$1" apt-get -q -y install --no-install-recommends odoo-14 postgresql-13
chroot "$1" apt-get clean
"""

FILL = """
set -e
mount --bind /proc "$1/proc"
mount --rbind /dev "$1/dev"
cd /
inside() { root=$1; shift; chroot --userspec=postgres:postgres "$root" env HOME=/tmp LANG=C.UTF-8 "$@"; }
chroot "$1" install -d -o postgres -g postgres /ringback
pg=/usr/lib/postgresql/13/bin
inside "$1" $pg/initdb -D /ringback/data -U odoo --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8
inside "$1" $pg/pg_ctl -D /ringback/data -w -l /ringback/log \\
    -o "-k /ringback -c listen_addresses='' -c fsync=off" start
trap 'inside "$1" $pg/pg_ctl -D /ringback/data -m fast -w stop' EXIT
odoo="--db_host=/ringback --db_user=odoo --data-dir=/ringback/files -d firm --no-http --max-cron-threads=0"
inside "$1" odoo $odoo -i base,contacts,crm --without-demo=all --stop-after-init --log-level=warn
inside "$1" odoo shell $odoo --log-level=warn
"""

SEED = f"""
groups = [env.ref("base.group_user").id, env.ref("base.group_partner_manager").id]
who = {{"name": "Ringback", "login": "{USER}", "email": "{USER}"}}
user = env["res.users"].create({{**who, "groups_id": [(6, 0, groups)]}})
key = env["res.users.apikeys"].with_user(user)._generate(None, "Ringback")
open("/ringback/key", "w").write(key)
env.cr.commit()
"""
"""An employee who may also edit contacts, and nothing else. Without an e-mail address nobody may write notes."""

QUICKLY = "force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n"
"""Of dpkg: a folder that is only taken when it is whole needs no care for a power cut."""


def is_installed() -> bool:
    """Whether it can be started."""
    return (ROOT / SNAPSHOT / "key").exists()


def install() -> Path:
    """Make the folder when it is absent: three minutes. Raises InstallError."""
    if not is_installed():
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise InstallError(
                "a file system of its own for Odoo needs root and debootstrap on a Debian system"
            )
        _build()
    return ROOT


def _build() -> None:
    ROOT.parent.mkdir(parents=True, exist_ok=True)
    building = ROOT.with_name(f"{ROOT.name}.building-{os.getpid()}")
    try:
        _run(["debootstrap", "--variant=minbase", SUITE, str(building)])
        _prepare(building)
        _run(["unshare", "--mount", "sh", "-c", PACK, "sh", str(building)])
        _run(["unshare", "--mount", "sh", "-c", FILL, "sh", str(building)], SEED)
        if not (building / SNAPSHOT / "key").exists():
            raise InstallError("Odoo was installed but could not make an API key")
        shutil.rmtree(ROOT, ignore_errors=True)
        building.rename(ROOT)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _prepare(root: Path) -> None:
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text(NO_SERVICES)
    policy.chmod(0o755)
    (root / "etc/dpkg/dpkg.cfg.d/ringback").write_text(QUICKLY)
    settings = root / "etc/postgresql-common/createcluster.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("create_main_cluster = false\n")


def _run(command: list[str], given: str = "") -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise InstallError(f"{command[0]} failed: {last}")


def install_if_possible() -> bool:
    """Install, and say in one line what came of it."""
    try:
        print(f"odoo 14: {install()}", flush=True)
    except InstallError as error:
        print(f"skipped: odoo 14 not installed: {error}; its tests will be skipped")
    return is_installed()


if __name__ == "__main__":
    sys.exit(0 if install_if_possible() else 1)
