from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from workers.scratch import scratch_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_left_of_a_worker_that_ends() -> None:
    with scratch_folder() as folder:
        (folder / "audio.flac").write_bytes(b"said")
    assert not folder.exists()


def test_what_a_killed_worker_left_is_removed_by_the_next(temporary: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = temporary / f"hansard-{int(done.stdout)}-abc"
    left.mkdir()
    (left / "audio.flac").write_bytes(b"said")
    with scratch_folder():
        assert not left.exists()


def test_folders_of_workers_that_live_and_of_others_stay(temporary: Path) -> None:
    beside = [temporary / f"hansard-{os.getppid()}-abc", temporary / "hansard-notes-2026", temporary / "another"]
    for folder in beside:
        folder.mkdir()
    with scratch_folder():
        assert all(folder.is_dir() for folder in beside)
