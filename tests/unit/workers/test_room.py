from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.room import Room

SECONDS = 10.0


class Stop(Exception):
    """Ends a wait."""


def nothing() -> None:
    """Let it wait on."""


def test_ordinary_jobs_work_side_by_side() -> None:
    room, meeting = Room(), threading.Barrier(3)

    def work(_: int) -> None:
        with room.entered(alone=False, check=nothing):
            meeting.wait(SECONDS)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))


def test_a_suspect_is_alone() -> None:
    room, inside, most = Room(), [0], [0]
    lock = threading.Lock()

    def work(number: int) -> None:
        suspect = number % 3 == 0
        with room.entered(alone=suspect, check=nothing):
            with lock:
                inside[0] += 1
                if suspect:
                    most[0] = max(most[0], inside[0])
            threading.Event().wait(0.002)
            with lock:
                if suspect:
                    most[0] = max(most[0], inside[0])
                inside[0] -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(60)))
    assert most[0] == 1


def test_a_suspect_is_not_kept_waiting_by_those_who_come_after() -> None:
    room, first_may_go, order = Room(), threading.Event(), list[str]()
    entered, wishing = threading.Event(), threading.Event()

    def first() -> None:
        with room.entered(alone=False, check=nothing):
            entered.set()
            first_may_go.wait(SECONDS)

    def suspect() -> None:
        with room.entered(alone=True, check=wishing.set):
            order.append("suspect")

    def late() -> None:
        with room.entered(alone=False, check=first_may_go.set):
            order.append("late")

    with ThreadPoolExecutor(3) as threads:
        threads.submit(first)
        entered.wait(SECONDS)
        threads.submit(suspect)
        wishing.wait(SECONDS)
        threads.submit(late)
    assert order == ["suspect", "late"]


def test_a_wait_can_be_ended_and_leaves_nothing_behind() -> None:
    room = Room()

    def stop() -> None:
        raise Stop

    with room.entered(alone=False, check=nothing):
        with pytest.raises(Stop), room.entered(alone=True, check=stop):
            pass
        with room.entered(alone=False, check=stop):
            pass
