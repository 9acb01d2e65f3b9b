from __future__ import annotations

import os
from pathlib import Path

import pytest

from embedded.accounts import SEEN_AS, _check_reachable, account_for
from embedded.child import Account
from embedded.errors import DataDirectoryUnusable


def test_a_normal_user_runs_postgres_as_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert account_for(tmp_path, Path("/usr/bin")) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root owns what root owns")
def test_root_is_somebody_else_inside_a_namespace(tmp_path: Path) -> None:
    assert account_for(tmp_path, Path("/usr/bin"), namespaces=True) == SEEN_AS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_directory_keeps_the_owner_that_it_got(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 54321)
    for namespaces in (True, False):
        assert account_for(tmp_path, Path("/usr/bin"), namespaces=namespaces) == Account(uid=12345, gid=54321)


def test_a_closed_folder_on_the_way_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    home.chmod(0o700)
    with pytest.raises(DataDirectoryUnusable, match=f"uid 65534.* cannot enter {home}, where {home / 'data'} lies"):
        _check_reachable(home / "data", Account(uid=65534, gid=65534))
