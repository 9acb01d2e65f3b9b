from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.futures import result_of


class Block:
    """Something that takes memory."""


def test_what_the_other_thread_makes_is_waited_for() -> None:
    with ThreadPoolExecutor(1) as threads:
        assert result_of(threads.submit(lambda: 3)) == 3


def test_once_its_error_is_dealt_with_nothing_of_the_other_thread_is_held() -> None:
    """What had been allocated is free for another attempt, without waiting for the collector of cycles."""
    held: list[weakref.ref[Block]] = []

    def fail() -> None:
        block = Block()
        held.append(weakref.ref(block))
        raise MemoryError

    gc.disable()
    try:
        with ThreadPoolExecutor(1) as threads:
            with pytest.raises(MemoryError) as caught:
                result_of(threads.submit(fail))
            del caught
        assert held[0]() is None
    finally:
        gc.enable()
