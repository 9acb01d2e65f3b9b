"""Two parts at once: what they give, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest

from pipeline.hooks import Hook, NullHook
from pipeline.side_by_side import side_by_side, spread
from tests.conftest import REPOSITORY

SOON = 5.0
CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


def until_ended(step: Hook) -> None:
    """Report until that is refused."""
    for _ in range(10_000):
        step("asr", 0.0, 1.0)
        threading.Event().wait(0.001)
    pytest.fail("nobody ended it")


def fail(step: Hook) -> None:
    step("embedding", 0.0, 1.0)
    raise ZeroDivisionError


def test_both_run_at_the_same_time_and_give_what_they_found() -> None:
    meeting = threading.Barrier(2)

    def part(name: str) -> str:
        meeting.wait(SOON)
        return name

    assert side_by_side(lambda _: part("left"), lambda _: part("right"), NullHook()) == ("left", "right")


@pytest.mark.parametrize("failing", ["left", "right"])
def test_where_one_fails_the_other_ends(failing: str) -> None:
    left, right = (fail, until_ended) if failing == "left" else (until_ended, fail)
    with pytest.raises(ZeroDivisionError):
        side_by_side(left, right, NullHook())


def test_where_no_thread_can_be_had_one_comes_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    order: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", refused)
    assert side_by_side(lambda _: order.append("left"), lambda _: order.append("right"), NullHook()) == (None, None)
    assert order == ["right", "left"]


def test_a_hook_ends_both() -> None:
    def hook(stage: str, done: float, total: float) -> None:
        raise InterruptedError(stage)

    with pytest.raises(InterruptedError):
        side_by_side(until_ended, until_ended, hook)


def test_a_part_that_failed_is_not_hidden_by_one_that_was_done_before() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(fail, lambda _: None, NullHook())


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal: what a shell runs in the background is started with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def to_the_process() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def to_this_thread() -> None:
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("interrupt", [to_the_process, to_this_thread])
def test_an_interrupt_ends_the_other_part_as_well(interrupt: Callable[[], None]) -> None:
    """Ctrl-C while the main thread has nothing left to do but wait; sent to the other one, it does not wake it."""
    ended, waiting = threading.Event(), threading.Event()

    def left(step: Hook) -> None:
        assert waiting.wait(SOON)
        interrupt()
        try:
            until_ended(step)
        finally:
            ended.set()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(left, lambda _: waiting.set(), NullHook())
    assert ended.is_set()
    assert time.monotonic() - began < SOON


def test_both_know_whose_work_it_is() -> None:
    CALLER.set("anna")
    assert side_by_side(lambda _: CALLER.get(), lambda _: CALLER.get(), NullHook()) == ("anna", "anna")


def test_work_is_spread_over_threads_and_stays_in_order() -> None:
    meeting = threading.Barrier(3)

    def double(number: int) -> int:
        meeting.wait(SOON)
        return 2 * number

    assert spread(double, range(6), 3) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize(("items", "threads"), [(1, 8), (4, 1), (0, 3)])
def test_what_needs_no_thread_gets_none(items: int, threads: int) -> None:
    assert spread(lambda _: threading.current_thread(), range(items), threads) == [threading.current_thread()] * items


def test_what_a_thread_cannot_compute_any_more_is_computed_in_another() -> None:
    """Once, as memory may be short in that one, too."""
    tried: list[int] = []

    def make(fails: int) -> int:
        tried.append(threading.get_ident())
        if len(tried) <= fails:
            message = "could not create a primitive"
            raise RuntimeError(message)
        return threading.get_ident()

    here = threading.get_ident()
    assert spread(make, [1], 1) == tried[1:] != [here]
    tried.clear()
    with pytest.raises(RuntimeError, match="primitive"):
        spread(make, [9], 1)
    assert len(tried) == 2
    tried.clear()
    assert spread(make, [0], 1) == [here]


def test_other_errors_are_not_tried_again() -> None:
    tried: list[str] = []

    def fail(message: str) -> None:
        tried.append(message)
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="out of memory"):
        spread(fail, ["CUDA out of memory"], 1)
    assert len(tried) == 1


def test_threads_see_what_their_caller_set() -> None:
    CALLER.set("somebody")
    assert spread(lambda _: CALLER.get(), range(2), 2) == ["somebody"] * 2


def test_the_first_error_in_order_is_raised_and_what_has_not_begun_never_does() -> None:
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise ZeroDivisionError
        threading.Event().wait(0.1)
        raise ValueError

    with pytest.raises(ZeroDivisionError):
        spread(fail, range(50), 2)
    assert len(begun) < 10


TEAMS = """
import sys
from threadpoolctl import threadpool_info
from pipeline.device import bound_threads
from pipeline.hooks import NullHook
from pipeline.side_by_side import side_by_side, spread

def team(_):
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "openmp")

bound_threads()
print(*spread(team, range(2), 2), *side_by_side(team, team, NullHook()))
"""


def test_operations_have_one_thread_in_new_threads_as_well() -> None:
    """OpenMP counts for each thread by itself, and begins with all cores."""
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "7"}
    done = subprocess.run(
        [sys.executable, "-c", TEAMS], check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment
    )
    assert done.stdout.split() == ["1"] * 4
