"""Something done from time to time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from structlog.testing import capture_logs

from api.errors import DatabaseUnavailable
from api.http.beat import beating

EVERY = 0.01


def beats(act: Callable[[int], None], wanted: int) -> int:
    """How often it was done in a block that waits for something else until it was done so often, and a while after."""
    done, often = 0, threading.Event()

    def count() -> None:
        nonlocal done
        done += 1
        if done == wanted:
            often.set()
        act(done)

    async def wait() -> int:
        async with beating(count, EVERY):
            await asyncio.to_thread(often.wait)
        seen = done
        await asyncio.sleep(10 * EVERY)
        return done - seen

    assert asyncio.run(asyncio.wait_for(wait(), 10)) <= 1  # what had begun
    return done


def test_it_is_done_as_long_as_the_block_waits_and_no_longer() -> None:
    assert beats(lambda number: None, 3) >= 3


def test_a_database_that_is_away_for_a_moment_ends_nothing() -> None:
    def act(number: int) -> None:
        if number == 1:
            raise DatabaseUnavailable

    with capture_logs() as said:
        assert beats(act, 3) >= 3
    assert said == []


def test_a_mistake_is_told_and_ends_nothing() -> None:
    def act(number: int) -> None:
        if number == 1:
            message = "what was said"
            raise RuntimeError(message)

    with capture_logs() as said:
        assert beats(act, 3) >= 3
    assert [(one["event"], one["error"]) for one in said] == [("request.beat_failed", "RuntimeError")]
    assert "what was said" not in str(said)
