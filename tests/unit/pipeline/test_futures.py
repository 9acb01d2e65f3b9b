from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.engine import _AmongOthers
from pipeline.futures import result_of
from pipeline.hooks import NullHook
from pipeline.side_by_side import side_by_side, spread
from pipeline.turnstile import Turnstile


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


def in_a_part(fail: Callable[[], None]) -> None:
    side_by_side(lambda _: fail(), lambda _: None, NullHook())


def in_the_engine(fail: Callable[[], None]) -> None:
    turnstile = Turnstile(2)
    with turnstile.admitted() as guest:
        _AmongOthers(turnstile, guest, overlaps=True).together(lambda _: fail(), lambda _: None, NullHook())


@pytest.mark.parametrize("run", [in_another_thread, in_several_threads, in_a_part, in_the_engine])
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
