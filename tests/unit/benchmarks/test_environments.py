"""Peers' environments: built once, and clear about why not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.peers import environments
from benchmarks.peers.environments import COMPLETE, REQUIREMENTS, Environment, PeerUnavailable, build

PIN = re.compile(r"^[A-Za-z0-9._-]+==\S+$")


def environment(cache: Path, runner: str = "json") -> Environment:
    return Environment(name="peer", runner=runner, cache=cache)


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A peer that needs nothing."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "peer.txt").write_text("# nothing\n")
    monkeypatch.setattr(environments, "REQUIREMENTS", folder)
    return folder


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_every_requirement_is_pinned(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not PIN.match(line)] == []


def test_other_requirements_are_another_environment(tmp_path: Path, requirements: Path) -> None:
    before = environment(tmp_path).folder
    (requirements / "peer.alone.txt").write_text("thing==1\n")
    assert environment(tmp_path).folder != before


def test_environment_is_built_once(tmp_path: Path, requirements: Path) -> None:
    said: list[str] = []
    python = build(environment(tmp_path), said.append)
    assert python.exists()
    assert python.resolve() == Path(sys.executable).resolve()
    marked = (environment(tmp_path).folder / COMPLETE).stat().st_mtime_ns
    assert build(environment(tmp_path), said.append, offline=True) == python
    assert (environment(tmp_path).folder / COMPLETE).stat().st_mtime_ns == marked


def test_peer_that_cannot_be_imported_says_what_to_do(tmp_path: Path, requirements: Path) -> None:
    broken = environment(tmp_path, runner="no_such_module")
    with pytest.raises(PeerUnavailable, match="No module named 'no_such_module'") as raised:
        build(broken, lambda line: None)
    assert str(broken.log) in str(raised.value)
    assert "--without" in str(raised.value)
    assert not (broken.folder / COMPLETE).exists()


def test_offline_refuses_to_fetch(tmp_path: Path, requirements: Path) -> None:
    with pytest.raises(PeerUnavailable, match="HANSARD_OFFLINE"):
        build(environment(tmp_path), lambda line: None, offline=True)
