"""Who may begin, and who has to wait until there is memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.memory_budget import HOUR_BYTES, JOB_BYTES, THREAD_BYTES, MemoryBudget, free_bytes, job_bytes

SOON = 5.0


class Crowd:
    """Recordings that begin when they may, and end when they are told."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.threads = ThreadPoolExecutor(8)
        self.inside: list[str] = []
        self.ends: dict[str, threading.Event] = {}
        self.waits: dict[str, threading.Event] = {}
        self.futures: dict[str, Future[None]] = {}

    def send(self, name: str, wanted: int, *, urgent: bool = False) -> None:
        """Let one ask, and go on once it is in, or waits."""
        self.ends[name], self.waits[name] = threading.Event(), threading.Event()
        self.futures[name] = self.threads.submit(self._work, name, wanted, urgent)
        until(lambda: name in self.inside or self.waits[name].is_set())

    def end(self, name: str) -> None:
        self.ends[name].set()
        self.futures[name].result(SOON)

    def _work(self, name: str, wanted: int, urgent: bool) -> None:
        with self.budget.reserved(wanted, urgent=urgent, alive=self.waits[name].set):
            self.inside.append(name)
            assert self.ends[name].wait(SOON)
            self.inside.remove(name)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline, "never"
        time.sleep(0.005)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    crowd = Crowd(MemoryBudget(111))  # of which 100 are for everybody
    yield crowd
    for end in crowd.ends.values():
        end.set()
    crowd.threads.shutdown()


def test_what_fits_together_runs_together(crowd: Crowd) -> None:
    crowd.send("a", 60)
    crowd.send("b", 40)
    assert crowd.inside == ["a", "b"]


def test_what_does_not_fit_waits_until_it_does(crowd: Crowd) -> None:
    crowd.send("a", 60)
    crowd.send("b", 41)
    assert crowd.inside == ["a"]
    crowd.end("a")
    until(lambda: crowd.inside == ["b"])


def test_a_long_recording_is_not_overtaken_for_ever(crowd: Crowd) -> None:
    for name, wanted in (("a", 60), ("long", 100), ("b", 10)):
        crowd.send(name, wanted)
    assert crowd.inside == ["a"]
    crowd.end("a")
    until(lambda: crowd.inside == ["long"])
    crowd.end("long")
    until(lambda: crowd.inside == ["b"])


def test_an_urgent_one_goes_before_those_that_wait(crowd: Crowd) -> None:
    for name, wanted, urgent in (("a", 60, False), ("long", 100, False), ("call", 10, True)):
        crowd.send(name, wanted, urgent=urgent)
    assert crowd.inside == ["a", "call"]


def test_what_fits_nowhere_runs_by_itself(crowd: Crowd) -> None:
    crowd.send("a", 10)
    crowd.send("giant", 1000)
    assert crowd.inside == ["a"]
    crowd.end("a")
    until(lambda: crowd.inside == ["giant"])
    crowd.send("b", 1)
    assert crowd.inside == ["giant"]


def test_who_gives_up_is_in_nobodys_way(crowd: Crowd) -> None:
    def give_up() -> None:
        raise InterruptedError

    crowd.send("a", 60)
    with pytest.raises(InterruptedError), crowd.budget.reserved(100, alive=give_up):
        pass
    crowd.send("b", 40)
    assert crowd.inside == ["a", "b"]


def test_what_fails_gives_its_memory_back(crowd: Crowd) -> None:
    with pytest.raises(ZeroDivisionError), crowd.budget.reserved(100):
        _ = 1 / 0
    crowd.send("a", 100)
    assert crowd.inside == ["a"]


def test_without_a_budget_everybody_begins() -> None:
    budget = MemoryBudget(None)
    with budget.reserved(10**15), budget.reserved(10**15):
        pass


def test_samples_are_what_a_recording_takes_most_of() -> None:
    hour = 3600 * 16_000 * 2
    assert job_bytes(0.0, 1) == JOB_BYTES
    assert job_bytes(0.0, 1, 3) == JOB_BYTES + 2 * THREAD_BYTES
    assert job_bytes(3600.0, 1) == JOB_BYTES + HOUR_BYTES + hour
    assert job_bytes(3600.0, 2) == JOB_BYTES + HOUR_BYTES + 3 * hour  # both, and their mixture


def test_a_short_urgent_one_fits_beside_the_longest(crowd: Crowd) -> None:
    crowd.send("giant", 1000)
    crowd.send("call", 10, urgent=True)
    assert crowd.inside == ["giant", "call"]
    crowd.send("b", 1)
    assert crowd.inside == ["giant", "call"]


GROUPS = "sys/fs/cgroup/"
MACHINE = {"proc/meminfo": "MemTotal:       1000 kB\nMemAvailable:    800 kB\n"}
CONTAINER = {GROUPS + "memory.max": "500000\n", GROUPS + "memory.current": "300000\n"}
OLDER = {
    GROUPS + "memory/memory.limit_in_bytes": "400000\n",
    GROUPS + "memory/memory.usage_in_bytes": "100000\n",
}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        (MACHINE, 800 * 1024),
        (MACHINE | CONTAINER, 200_000),
        (MACHINE | CONTAINER | {GROUPS + "memory.max": "max\n"}, 800 * 1024),
        # The system lets go of cached files.
        (MACHINE | CONTAINER | {GROUPS + "memory.stat": "anon 200000\ninactive_file 90000\n"}, 290_000),
        (MACHINE | OLDER, 300_000),
        (MACHINE | OLDER | {GROUPS + "memory/memory.stat": "cache 1\ntotal_inactive_file 5000\n"}, 305_000),
    ],
)
def test_what_is_free_is_what_machine_and_container_leave(
    tmp_path: Path, files: dict[str, str], free: int | None
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert free_bytes(tmp_path) == free
