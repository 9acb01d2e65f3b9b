"""What becomes of children when nobody can be told of them any longer."""

from __future__ import annotations

import errno
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from embedded.backoff import Backoff
from embedded.life import Event
from embedded.supervisor import Supervisor
from tests.conftest import REPOSITORY
from tests.unit.embedded.family import PATIENCE, child, eventually, wait_for_line

DRAINS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("drained", flush=True)))
print("up", flush=True)
time.sleep(600)
"""
UP = """
import fcntl, sys, termios
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from embedded import cli
from embedded.supervisor import Supervisor
from tests.unit.embedded.family import child
from tests.unit.embedded.test_telling import DRAINS

@contextmanager
def running(data, *, observe, hurry, **others):
    with Supervisor(observe=observe, hurry=hurry) as supervisor:
        supervisor.start(child(data, "a", DRAINS))
        supervisor.start(child(data, "b", DRAINS))
        yield SimpleNamespace(address="here", new_key=None, stores=SimpleNamespace(supervisor=supervisor))

sys.modules["embedded.system"] = SimpleNamespace(running=running)
if sys.stderr.isatty():
    fcntl.ioctl(2, termios.TIOCSCTTY, 0)
cli.up(Path(sys.argv[1]))
"""
"""`hansard up`, with two children in the place of the service."""


def up(folder: Path, **streams: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", UP, str(folder)]
    return subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True, **streams)


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.EIO, "gone"), ZeroDivisionError()])
def test_an_observer_that_fails_hurts_no_child(tmp_path: Path, error: Exception) -> None:
    def observe(_: Event) -> NoReturn:
        raise error

    with Supervisor(observe=observe, backoff=Backoff(first_seconds=0.01)) as supervisor:
        supervisor.start(child(tmp_path, "a", DRAINS), child(tmp_path, "b", DRAINS))
        before = supervisor.pids()
        assert wait_for_line(tmp_path / "a.log") == wait_for_line(tmp_path / "b.log") == "up\n"
        os.kill(before["a"], signal.SIGKILL)
        assert eventually(lambda: supervisor.pids().get("a", before["a"]) != before["a"])
        assert supervisor.pids()["b"] == before["b"]
        assert eventually(lambda: (tmp_path / "a.log").read_text() == "up\nup\n")
    assert (tmp_path / "b.log").read_text() == "up\ndrained\n"


def test_a_terminal_that_is_closed_lets_children_finish(tmp_path: Path) -> None:
    """The kernel sends SIGHUP, and takes nothing more for the terminal."""
    ours, theirs = pty.openpty()
    with up(tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        read_until(ours, b"ready;")
        assert both_say(tmp_path, "up\n")
        os.close(ours)
        process.wait(PATIENCE)
    assert both_say(tmp_path, "up\ndrained\n")


def test_a_pipe_that_nobody_reads_any_longer_hurts_no_child(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    with up(tmp_path, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        read_until(ours, b"ready;")
        assert both_say(tmp_path, "up\n")
        os.close(ours)
        for pid in children(process.pid):
            os.kill(pid, signal.SIGKILL)
        assert both_say(tmp_path, "up\nup\n")
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    assert both_say(tmp_path, "up\nup\ndrained\n")


def both_say(folder: Path, text: str) -> bool:
    """Whether the logs of both children come to hold a text, waited for."""
    return eventually(lambda: {(folder / f"{name}.log").read_text() for name in ("a", "b")} == {text})


def read_until(descriptor: int, word: bytes) -> None:
    said = b""
    while word not in said:
        said += os.read(descriptor, 1_000)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]
