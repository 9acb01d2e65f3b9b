from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.errors import DataDirectoryInUse
from embedded.lock import DataLock
from tests.conftest import REPOSITORY

HOLD = """
import sys
from pathlib import Path
from embedded.lock import DataLock
lock = DataLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_start_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    with DataLock(tmp_path), pytest.raises(DataDirectoryInUse, match=f"in use by process {os.getpid()} "):
        DataLock(tmp_path)


def test_a_released_directory_can_be_locked_again(tmp_path: Path) -> None:
    with DataLock(tmp_path):
        pass
    with DataLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataDirectoryInUse, match=f"process {holder.pid} "):
            DataLock(tmp_path)
        holder.kill()
        holder.wait()
    with DataLock(tmp_path):
        pass
