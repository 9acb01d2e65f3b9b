from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from embedded.backoff import Backoff
from embedded.child import Child
from embedded.errors import ChildFailed, NotReady
from embedded.life import Happening
from embedded.supervisor import Supervisor
from tests.conftest import REPOSITORY
from tests.unit.embedded.family import PATIENCE, WAITS, Breaking, Clock, Record, alive, child, gone, wait_for_line

ENDS = "print('no such file'); raise SystemExit(3)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
PARENT = """
import sys
from pathlib import Path
from embedded.errors import NotReady
from embedded.supervisor import Supervisor
from tests.unit.embedded.family import WAITS, child

folder = Path(sys.argv[1])

def running(name):
    def ready():
        if (folder / f"{name}.log").read_text() != "running\\n":
            raise NotReady
    return child(folder, name, "print('running', flush=True); " + WAITS, ready=ready)

supervisor = Supervisor()
supervisor.start(running("a"), running("b"))
print(*supervisor.pids().values(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(record: Record, clock: Clock) -> Iterator[Supervisor]:
    backoff = Backoff(first_seconds=100.0, most_seconds=1_000.0, steady_seconds=500.0)
    with Supervisor(observe=record, clock=clock, backoff=backoff) as made:
        yield made


def test_children_run_until_they_are_stopped_in_reverse_order(
    tmp_path: Path, supervisor: Supervisor, record: Record
) -> None:
    for name in ("database", "api", "worker"):
        supervisor.start(child(tmp_path, name))
    pids = supervisor.pids()
    assert list(pids) == ["database", "api", "worker"]
    supervisor.stop()
    assert record.of(Happening.STOPPED) == ["worker", "api", "database"]
    assert supervisor.pids() == {}
    assert gone(*pids.values())


def test_a_later_child_starts_when_the_earlier_ones_are_ready(
    tmp_path: Path, supervisor: Supervisor, record: Record
) -> None:
    asked: list[int] = []

    def ready() -> None:
        asked.append(len(record.of(Happening.STARTED)))
        if len(asked) < 3:
            raise NotReady

    supervisor.start(child(tmp_path, "database", ready=ready))
    supervisor.start(child(tmp_path, "api"))
    assert asked == [1, 1, 1]
    told = [(event.name, event.happening) for event in record.events]
    assert told == [
        ("database", Happening.STARTED),
        ("database", Happening.READY),
        ("api", Happening.STARTED),
        ("api", Happening.READY),
    ]


def test_children_of_one_start_do_not_wait_for_one_another(tmp_path: Path, supervisor: Supervisor) -> None:
    started = [Flag(), Flag()]

    def ready(mine: int) -> None:
        started[mine].set()
        if not started[1 - mine].is_set():
            raise NotReady

    supervisor.start(child(tmp_path, "a", ready=lambda: ready(0)), child(tmp_path, "b", ready=lambda: ready(1)))
    assert set(supervisor.pids()) == {"a", "b"}


def test_what_has_to_be_done_before_is_done_once(
    tmp_path: Path, supervisor: Supervisor, record: Record, clock: Clock
) -> None:
    done: list[str] = []
    supervisor.start(child(tmp_path, "a", prepare=lambda: done.append(str(record.events))))
    os.kill(supervisor.pids()["a"], signal.SIGKILL)
    record.next(Happening.ENDED)
    clock.now += 100
    record.next(Happening.STARTED)
    assert done == ["[]"]


def test_a_child_that_ends_before_it_is_ready_fails_with_its_last_words(tmp_path: Path, supervisor: Supervisor) -> None:
    def ready() -> None:
        raise NotReady

    (tmp_path / "a.log").write_text("from an earlier start\n")
    with pytest.raises(ChildFailed, match=r"(?s)a ended with status 3; the end of .*/a.log:\nno such file$"):
        supervisor.start(child(tmp_path, "a", ENDS, ready=ready))


def test_a_child_that_is_not_ready_in_time_fails_with_the_reason(
    tmp_path: Path, supervisor: Supervisor, clock: Clock
) -> None:
    def ready() -> None:
        clock.now += 10
        message = "connection refused"
        raise NotReady(message)

    with pytest.raises(ChildFailed, match=r"a was not ready after 30 s \(connection refused\)"):
        supervisor.start(child(tmp_path, "a", ready=ready))


def test_a_failure_is_told_before_what_follows_from_it(tmp_path: Path, supervisor: Supervisor) -> None:
    def ready() -> None:
        raise NotReady

    with pytest.raises(ChildFailed, match="b ended with status 3"):
        supervisor.start(child(tmp_path, "a", ready=ready), child(tmp_path, "b", ENDS, ready=ready))


def test_a_mistake_in_a_readiness_check_is_not_taken_for_a_child_that_is_not_ready(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    def ready() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        supervisor.start(child(tmp_path, "a", ready=ready))


def test_a_program_that_does_not_exist_is_named(tmp_path: Path, supervisor: Supervisor) -> None:
    def ready() -> None:
        raise NotReady

    missing = Child(name="a", command=("/no/such/program",), log=tmp_path / "a.log", ready=ready)
    with pytest.raises(ChildFailed, match=r"(?s)status 127.*/no/such/program cannot be started"):
        supervisor.start(missing)


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(ChildFailed, match=r"a cannot be started: .*/nowhere"):
        supervisor.start(child(tmp_path, "a", directory=tmp_path / "nowhere"))


def test_a_child_that_ends_is_started_again_after_a_wait_that_doubles(
    tmp_path: Path, supervisor: Supervisor, record: Record, clock: Clock
) -> None:
    supervisor.start(child(tmp_path, "a"))
    pids = [record.next(Happening.STARTED).pid]
    for seconds in (100.0, 200.0, 400.0):
        os.kill(pids[-1], signal.SIGKILL)
        ended = record.next(Happening.ENDED)
        assert (ended.pid, ended.status, ended.restart_seconds) == (pids[-1], -signal.SIGKILL, seconds)
        assert supervisor.pids() == {}
        clock.now += seconds
        pids.append(record.next(Happening.STARTED).pid)
    assert supervisor.pids() == {"a": pids[-1]}
    assert gone(*pids[:-1])


def test_it_is_not_started_again_before_its_time(
    tmp_path: Path, supervisor: Supervisor, record: Record, clock: Clock
) -> None:
    supervisor.start(child(tmp_path, "a"), child(tmp_path, "b"))
    pids = supervisor.pids()
    os.kill(pids["a"], signal.SIGKILL)
    record.next(Happening.ENDED)
    clock.now += 99
    # The end of b was noticed by a later look than the one that could have started a.
    os.kill(pids["b"], signal.SIGKILL)
    record.next(Happening.ENDED)
    assert sorted(record.of(Happening.STARTED)) == ["a", "b"]


def test_a_child_that_ran_for_a_while_comes_back_soon_again(
    tmp_path: Path, supervisor: Supervisor, record: Record, clock: Clock
) -> None:
    supervisor.start(child(tmp_path, "a"))
    for seconds in (0.0, 499.0, 500.0):
        pid = record.next(Happening.STARTED).pid
        clock.now += seconds
        os.kill(pid, signal.SIGKILL)
        waited = record.next(Happening.ENDED).restart_seconds
        clock.now += waited or 0.0
        if seconds == 499.0:
            assert waited == 200.0
    assert waited == 100.0


def test_a_child_that_waits_to_be_started_again_is_not_started_by_a_stop(
    tmp_path: Path, supervisor: Supervisor, record: Record, clock: Clock
) -> None:
    supervisor.start(child(tmp_path, "a"))
    os.kill(supervisor.pids()["a"], signal.SIGKILL)
    record.next(Happening.ENDED)
    supervisor.stop()
    clock.now += 1_000
    assert record.of(Happening.STARTED) == ["a"]


def test_a_child_that_does_not_stop_in_time_is_killed(
    tmp_path: Path, supervisor: Supervisor, record: Record, clock: Clock
) -> None:
    supervisor.start(child(tmp_path, "a", DEAF, stop_seconds=3_600.0))
    assert wait_for_line(tmp_path / "a.log") == "deaf\n"
    stopping = Thread(target=supervisor.stop)
    stopping.start()
    assert not supervisor.wait(0.1)
    clock.now += 3_600
    stopping.join(PATIENCE)
    assert record.of(Happening.KILLED) == ["a"]
    assert supervisor.wait(0)


def test_in_a_hurry_it_is_killed_at_once(tmp_path: Path) -> None:
    hurry = Flag()
    with Supervisor(hurry=hurry) as supervisor:
        supervisor.start(child(tmp_path, "a", DEAF, stop_seconds=3_600.0))
        assert wait_for_line(tmp_path / "a.log") == "deaf\n"
        pid = supervisor.pids()["a"]
        hurry.set()
    assert gone(pid)


def test_a_child_is_asked_with_the_signal_that_it_understands(tmp_path: Path, record: Record) -> None:
    script = (
        "import signal, sys, time; signal.signal(signal.SIGQUIT, lambda *_: sys.exit(7)); "
        "print('listening', flush=True); time.sleep(600)"
    )
    with Supervisor(observe=record) as supervisor:
        supervisor.start(child(tmp_path, "a", script, stop_signal=signal.SIGQUIT))
        wait_for_line(tmp_path / "a.log")
    assert record.next(Happening.STOPPED).status == 7


def test_what_a_dead_child_leaves_in_its_group_is_killed_before_it_is_started_again(
    tmp_path: Path, supervisor: Supervisor, record: Record
) -> None:
    script = (
        "import subprocess, sys, time; "
        f"print(subprocess.Popen([sys.executable, '-c', {WAITS!r}]).pid, flush=True); time.sleep(600)"
    )
    supervisor.start(child(tmp_path, "a", script))
    grandchild = int(wait_for_line(tmp_path / "a.log"))
    os.kill(supervisor.pids()["a"], signal.SIGKILL)
    record.next(Happening.ENDED)
    assert gone(grandchild)


def test_a_signal_from_the_terminal_does_not_reach_children(tmp_path: Path, supervisor: Supervisor) -> None:
    """It goes to the group in the foreground; children are in groups of their own, and stopped in order."""
    supervisor.start(child(tmp_path, "a"), child(tmp_path, "b"))
    pids = set(supervisor.pids().values())
    assert {os.getpgid(pid) for pid in pids} == pids


def test_children_outlive_the_thread_that_asked_for_them(tmp_path: Path, supervisor: Supervisor) -> None:
    """The kernel takes the thread that forks for the parent."""
    asking = Thread(target=supervisor.start, args=(child(tmp_path, "a"),))
    asking.start()
    asking.join()
    pid = supervisor.pids()["a"]
    supervisor.start(child(tmp_path, "b"))
    assert supervisor.pids()["a"] == pid
    assert alive(pid)


def test_nothing_is_left_of_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert all(alive(pid) for pid in pids)
        parent.kill()
        parent.wait()
    assert len(pids) == 2
    assert gone(*pids)


def test_the_environment_and_the_directory_are_the_childs_own(tmp_path: Path, record: Record) -> None:
    script = "import os; print(os.getcwd(), os.environ.get('ONLY'), os.environ.get('HOME'), flush=True)"
    with Supervisor(observe=record, backoff=Backoff(first_seconds=1_000.0)) as supervisor:
        supervisor.start(child(tmp_path, "a", script, environment={"ONLY": "this"}, directory=tmp_path))
        assert wait_for_line(tmp_path / "a.log") == f"{tmp_path} this None\n"


def test_a_supervisor_that_fails_says_so_and_stops_its_children_first(tmp_path: Path, record: Record) -> None:
    """As it would have done: what they were working on is not lost with it."""
    clock = Breaking()
    supervisor = Supervisor(observe=record, clock=clock)
    supervisor.start(child(tmp_path, "a"))
    supervisor.start(child(tmp_path, "b"))
    pids = supervisor.pids()
    clock.failures = 1
    with pytest.raises(ChildFailed, match="the supervisor has failed"):
        supervisor.wait(PATIENCE)
    stopped = [(event.name, event.status) for event in record.events if event.happening is Happening.STOPPED]
    assert stopped == [("b", -signal.SIGTERM), ("a", -signal.SIGTERM)]
    assert gone(*pids.values())
    with contextlib.suppress(ChildFailed):
        supervisor.stop()


def test_children_that_cannot_be_stopped_by_a_supervisor_that_fails_are_killed(tmp_path: Path) -> None:
    clock = Breaking()
    supervisor = Supervisor(clock=clock)
    supervisor.start(child(tmp_path, "a"), child(tmp_path, "b"))
    pids = supervisor.pids()
    clock.failures = sys.maxsize
    with pytest.raises(ChildFailed, match="the supervisor has failed"):
        supervisor.wait(PATIENCE)
    assert gone(*pids.values())
    with contextlib.suppress(ChildFailed):
        supervisor.stop()
