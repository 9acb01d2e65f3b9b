from __future__ import annotations

import json
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from embedded.credentials import Credentials
from pipeline.errors import MalformedFile


def test_credentials_are_made_once(tmp_path: Path) -> None:
    made = Credentials.kept_in(tmp_path / "credentials.json")
    assert Credentials.kept_in(tmp_path / "credentials.json") == made


def test_every_directory_has_credentials_of_its_own() -> None:
    one, other = asdict(Credentials()), asdict(Credentials())
    assert len({*one.values(), *other.values()}) == 2 * len(one)


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    Credentials.kept_in(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_they_do_not_show_in_a_log_or_a_traceback() -> None:
    credentials = Credentials()
    assert not any(value in repr(credentials) for value in asdict(credentials).values())


@pytest.mark.parametrize("damage", ["cut", "one missing", "a number", "a list"])
def test_a_damaged_file_is_an_error_and_stays_as_it_is(tmp_path: Path, damage: str) -> None:
    """New passwords would lock everybody out of the databases made with the old ones."""
    file = tmp_path / "credentials.json"
    found = asdict(Credentials.kept_in(file))
    whole = json.dumps(found)
    others = {name: value for name, value in found.items() if name != "secret_key"}
    damaged = {
        "cut": whole[:-5],
        "one missing": json.dumps(others),
        "a number": json.dumps(others | {"secret_key": 1}),
        "a list": "[]",
    }[damage]
    file.write_text(damaged)
    with pytest.raises(MalformedFile, match="credentials"):
        Credentials.kept_in(file)
    assert file.read_text() == damaged
