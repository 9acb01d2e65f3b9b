from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fcntl import flock
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from workers.scratch import scratch_folder

WORKER = """
import os, sys, tempfile
from workers.scratch import scratch_folder
os.getpid = lambda: int(sys.argv[1])
with scratch_folder() as folder:
    (folder / "audio.flac").write_bytes(b"said")
    print(folder, flush=True)
    sys.stdin.read()
"""
NOBODY = 2**22
"""One more than the largest process id that Linux gives."""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def worker(temporary: Path, process_id: int) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A worker that takes itself for the process `process_id`, as in a container, and its folder."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(process_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={"TMPDIR": str(temporary)},
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_nothing_is_left_of_a_worker_that_ends(temporary: Path) -> None:
    with scratch_folder() as folder:
        (folder / "audio.flac").write_bytes(b"said")
    assert not list(temporary.iterdir())


def test_what_a_killed_worker_left_is_removed_by_the_next_one_of_the_same_number(temporary: Path) -> None:
    """In a container every worker is process 1, which lives."""
    with worker(temporary, 1) as (process, left):
        process.kill()
        process.wait()
    assert (left / "audio.flac").exists()
    with scratch_folder():
        assert not left.exists()


def test_the_folder_of_a_worker_that_lives_stays(temporary: Path) -> None:
    """Also of one in another container, whose number says nothing here."""
    with worker(temporary, NOBODY) as (_, theirs), scratch_folder() as ours:
        assert (theirs / "audio.flac").exists()
        assert ours != theirs


def test_folders_of_others_stay(temporary: Path) -> None:
    beside = [temporary / "hansard-1-abc", temporary / "hansard-notes-2026", temporary / "another"]
    for folder in beside:
        folder.mkdir()
    (temporary / "hansard-scratch-link").symlink_to(temporary / "another")
    (temporary / "hansard-scratch-file").touch()
    with scratch_folder():
        assert all(folder.is_dir() and not list(folder.iterdir()) for folder in beside)
        assert (temporary / "hansard-scratch-link").is_symlink()
        assert (temporary / "hansard-scratch-file").is_file()


@pytest.fixture
def passing() -> Callable[[], None]:
    """Another worker, which comes and goes, once."""
    waiting = [scratch_folder()]

    def come_and_go() -> None:
        if waiting:
            with waiting.pop():
                pass

    return come_and_go


def test_a_folder_that_is_swept_before_its_lock_is_made_is_replaced(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, passing: Callable[[], None]
) -> None:
    """A worker that starts meanwhile cannot tell it from a dead one's."""
    make = tempfile.mkdtemp

    def slow(**options: Any) -> str:
        folder: str = make(**options)
        passing()
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", slow)
    check_kept()
    assert not list(temporary.iterdir())


def test_a_folder_that_is_swept_before_its_lock_is_taken_is_replaced(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, passing: Callable[[], None]
) -> None:
    def slow(descriptor: int, operation: int) -> None:
        passing()
        flock(descriptor, operation)

    monkeypatch.setattr("workers.scratch.flock", slow)
    check_kept()
    assert not list(temporary.iterdir())


def test_workers_that_come_and_go_at_once_keep_what_is_theirs(temporary: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: check_kept(), range(200)))
    assert not list(temporary.iterdir())


def check_kept() -> None:
    """Make a folder, and find what was put into it when another worker has come."""
    with scratch_folder() as folder:
        (folder / "audio.flac").write_bytes(b"said")
        with scratch_folder():
            assert (folder / "audio.flac").exists()
