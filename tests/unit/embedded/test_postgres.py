"""What a Postgres whose supervisor was killed leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from embedded import postgres
from embedded.errors import ChildFailed
from embedded.postgres import _await_leftover


def leave(cluster: Path, pid: int) -> Path:
    file = cluster / "postmaster.pid"
    file.write_text(f"{pid}\n{cluster}\n")
    return file


def running_in(cluster: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, cwd=cluster)


def test_a_number_that_another_process_has_now_does_not_keep_postgres_from_starting(tmp_path: Path) -> None:
    file = leave(tmp_path, os.getpid())
    _await_leftover(tmp_path)
    assert not file.exists()


def test_a_number_that_nobody_has_does_not_either(tmp_path: Path) -> None:
    file = leave(tmp_path, 2**22 + 1)
    _await_leftover(tmp_path)
    assert not file.exists()


def test_one_that_is_still_ending_is_waited_for(tmp_path: Path) -> None:
    with running_in(tmp_path) as process:
        file = leave(tmp_path, process.pid)
        ending = Timer(0.1, process.kill)
        ending.start()
        _await_leftover(tmp_path)
        ending.join()
    assert not file.exists()


def test_one_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LEFTOVER_SECONDS", 0.0)
    with running_in(tmp_path) as process:
        leave(tmp_path, process.pid)
        with pytest.raises(ChildFailed, match=f"process {process.pid}"):
            _await_leftover(tmp_path)
        process.kill()
