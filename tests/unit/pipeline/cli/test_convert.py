from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.formats import write
from tests.conftest import REPOSITORY
from tests.unit.pipeline.cli.conftest import Cli
from tests.unit.pipeline.cli.fakes import transcript

HEAVY = ("torch", "av", "ctranslate2", "faster_whisper")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A result as `hansard transcribe` leaves it."""
    path = tmp_path / "talk.json"
    path.write_text(write(transcript("talk"), "json"))
    return path


def test_saved_result_is_written_in_other_formats(cli: Cli, saved: Path, tmp_path: Path) -> None:
    result = cli("convert", saved, "-o", tmp_path / "out", "-f", "srt,rttm,json")
    assert (result.code, result.out) == (0, "")
    out = tmp_path / "out"
    assert (out / "talk.srt").read_text() == write(transcript("talk"), "srt")
    assert (out / "talk.rttm").read_text() == write(transcript("talk"), "rttm")
    assert (out / "talk.json").read_text() == saved.read_text()


def test_without_formats_it_is_to_read_or_to_be_shown_as_subtitles(cli: Cli, saved: Path, tmp_path: Path) -> None:
    assert cli("convert", saved).out == write(transcript("talk"), "txt")
    assert cli("convert", "-", stdin=saved.read_bytes()).out == write(transcript("talk"), "txt")
    cli("convert", saved, "-o", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talk.srt", "talk.vtt"]


def test_saved_result_is_not_replaced(cli: Cli, saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    result = cli("convert", saved, "-o", tmp_path, "-f", "json", "--overwrite")
    assert (result.code, saved.read_bytes()) == (2, before)


def test_file_that_is_no_result_does_not_stop_the_others(cli: Cli, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    result = cli("convert", other, tmp_path / "absent.json", saved, "-o", tmp_path / "out")
    assert result.code == 1
    assert "[malformed-file]" in result.err
    assert "[source-not-found]" in result.err
    assert (tmp_path / "out" / "talk.srt").exists()


def test_folder_is_misuse(cli: Cli, tmp_path: Path) -> None:
    result = cli("convert", tmp_path)
    assert (result.code, "name the files in it" in result.err) == (2, True)


def test_nothing_heavy_is_loaded(saved: Path) -> None:
    script = f"""
import sys
import hansard
try:
    hansard.main(["convert", {str(saved)!r}])
finally:
    print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stderr.splitlines()[-1] == "[]"
    assert "Good morning." in done.stdout
