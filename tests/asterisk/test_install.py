"""A folder that was only partly built is never taken for an installed Asterisk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asterisk import install


@pytest.mark.parametrize("version", ["22", "16"])
def test_partly_built_folder_is_not_installed(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "CACHE", tmp_path)
    (tmp_path / f"asterisk-{version}" / "usr/lib").mkdir(parents=True)
    assert (install.is_installed(version), install.installed_version(version)) == (False, None)


def test_the_other_version_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "CACHE", tmp_path)
    piece = tmp_path / "asterisk-16" / install.LAST_PIECE["16"]
    piece.parent.mkdir(parents=True)
    piece.touch()
    assert install.installed_version("22") == "16"
