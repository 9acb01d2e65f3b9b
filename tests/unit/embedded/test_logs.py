from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.errors import ChildFailed, NotReady
from embedded.life import LOG_SECONDS
from embedded.logs import put_aside
from embedded.supervisor import Supervisor
from tests.unit.embedded.family import Clock, child, eventually, wait_for_line

SPEAKS = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: print("more than ten bytes", flush=True))
print("up", flush=True)
time.sleep(600)
"""
"""A child that says something whenever it gets a signal."""
SAID = "more than ten bytes\n"


@pytest.fixture(autouse=True)
def ten_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.logs.LOG_BYTES", 10)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(clock: Clock) -> Iterator[Supervisor]:
    with Supervisor(clock=clock) as made:
        yield made


def test_a_log_that_has_grown_long_is_put_aside_over_the_one_before(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for text in ("the first of two", "the second of two"):
        log.write_text(text)
        assert put_aside(log)
        assert ((tmp_path / "a.log.1").read_text(), log.read_text()) == (text, "")
    log.write_text("short")
    assert not put_aside(log)
    assert log.read_text() == "short"


def test_a_log_grows_no_longer_while_its_child_runs(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    log, old = tmp_path / "a.log", tmp_path / "a.log.1"
    supervisor.start(child(tmp_path, "a", SPEAKS))
    assert wait_for_line(log) == "up\n"
    make_it_speak(supervisor, "a")
    assert becomes(log, "up\n" + SAID)
    clock.now += LOG_SECONDS
    assert becomes(log, "")
    assert old.read_text() == "up\n" + SAID
    make_it_speak(supervisor, "a")
    assert becomes(log, SAID)


def test_a_log_that_was_long_before_is_put_aside(tmp_path: Path, supervisor: Supervisor) -> None:
    (tmp_path / "a.log").write_text("from an earlier start\n")
    supervisor.start(child(tmp_path, "a"))
    assert becomes(tmp_path / "a.log", "")
    assert (tmp_path / "a.log.1").read_text() == "from an earlier start\n"


def test_last_words_are_found_after_a_log_was_put_aside(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    log = tmp_path / "a.log"
    log.write_text("before\n")

    def ready() -> None:
        assert becomes(log, "before\nup\n")
        make_it_speak(supervisor, "a")
        assert becomes(log, "before\nup\n" + SAID)
        clock.now += LOG_SECONDS
        assert becomes(log, "")
        make_it_speak(supervisor, "a")
        assert becomes(log, SAID)
        os.kill(supervisor.pids()["a"], signal.SIGKILL)
        assert eventually(lambda: not supervisor.pids())
        raise NotReady

    with pytest.raises(ChildFailed, match=f"(?s)the end of .*/a.log:\n{SAID.strip()}$"):
        supervisor.start(child(tmp_path, "a", SPEAKS, ready=ready))


def test_a_log_that_cannot_be_put_aside_is_left_as_it_is(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    (tmp_path / "a.log.1").mkdir()
    supervisor.start(child(tmp_path, "a", SPEAKS), child(tmp_path, "b", SPEAKS))
    for name in ("a", "b"):
        assert wait_for_line(tmp_path / f"{name}.log") == "up\n"
        make_it_speak(supervisor, name)
        assert becomes(tmp_path / f"{name}.log", "up\n" + SAID)
    clock.now += LOG_SECONDS
    assert becomes(tmp_path / "b.log", "")
    assert (tmp_path / "a.log").read_text() == "up\n" + SAID
    assert not supervisor.wait(0)


def make_it_speak(supervisor: Supervisor, name: str) -> None:
    os.kill(supervisor.pids()[name], signal.SIGUSR1)


def becomes(log: Path, text: str) -> bool:
    """Whether a log comes to hold a text, waited for."""
    return eventually(lambda: log.read_text() == text)
