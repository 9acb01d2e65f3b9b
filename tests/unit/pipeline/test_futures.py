from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from pipeline.futures import result_of, spread

SOON = 5.0
CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


class Block:
    """Something that takes memory."""


def test_what_the_other_thread_makes_is_waited_for() -> None:
    with ThreadPoolExecutor(1) as threads:
        assert result_of(threads.submit(lambda: 3)) == 3


def in_another_thread(fail: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as threads:
        result_of(threads.submit(fail))


def in_several_threads(fail: Callable[[], None]) -> None:
    spread(lambda _: fail(), range(3), 2)


@pytest.mark.parametrize("run", [in_another_thread, in_several_threads])
def test_once_its_error_is_dealt_with_nothing_of_the_other_thread_is_held(
    run: Callable[[Callable[[], None]], None],
) -> None:
    """What had been allocated is free for another attempt, without waiting for the collector of cycles."""
    held: list[weakref.ref[Block]] = []

    def fail() -> None:
        block = Block()
        held.append(weakref.ref(block))
        raise MemoryError

    gc.disable()
    try:
        with pytest.raises(MemoryError) as caught:
            run(fail)
        del caught
        assert [block() for block in held] == [None] * len(held)
        assert held
    finally:
        gc.enable()


def test_work_is_spread_over_threads_and_stays_in_order() -> None:
    meeting = threading.Barrier(3)

    def double(number: int) -> int:
        meeting.wait(SOON)
        return 2 * number

    assert spread(double, range(6), 3) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize(("items", "threads"), [(1, 8), (4, 1), (0, 3)])
def test_what_needs_no_thread_gets_none(items: int, threads: int) -> None:
    assert spread(lambda _: threading.current_thread(), range(items), threads) == [threading.current_thread()] * items


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
