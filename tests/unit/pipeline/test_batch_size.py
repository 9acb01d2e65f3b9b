from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.batch_size import BatchSize
from pipeline.errors import OutOfMemory

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB"
SOON = 5.0


class Machine:
    """Takes so many items at once, and no more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.batches: list[int] = []

    def run(self, batch: Sequence[int]) -> list[int]:
        self.batches.append(len(batch))
        if len(batch) > self.room:
            raise RuntimeError(CUDA)
        return [2 * item for item in batch]


@given(st.integers(0, 50), st.integers(1, 20), st.integers(1, 20))
def test_every_item_is_run_once_whatever_fits(items: int, asked: int, room: int) -> None:
    machine, sizes = Machine(room), BatchSize(asked, "hearing")
    done = list(sizes.over(range(items), machine.run))
    assert [item for batch, _ in done for item in batch] == list(range(items))
    assert [made for _, result in done for made in result] == [2 * item for item in range(items)]
    assert bool(sizes.notices) == (sizes.size < asked)


@pytest.mark.parametrize(("items", "batches"), [(7, [4, 2, 1]), (8, [8]), (13, [8, 4, 1]), (3, [2, 1]), (1, [1])])
def test_batches_may_be_of_few_sizes(items: int, batches: list[int]) -> None:
    machine, sizes = Machine(room=20), BatchSize(20, "hearing")
    done = list(sizes.over(range(items), machine.run, weight=2, doubling=True))
    assert machine.batches == batches
    assert [item for batch, _ in done for item in batch] == list(range(items))


def test_a_batch_that_does_not_fit_is_halved_for_good() -> None:
    machine, sizes = Machine(room=2), BatchSize(8, "hearing")
    list(sizes.over(range(10), machine.run))
    assert machine.batches == [8, 4, 2, 2, 2, 2, 2]
    list(sizes.over(range(3), machine.run))
    assert machine.batches[-2:] == [2, 1]
    (notice,) = sizes.notices
    assert notice.code == "memory_short"
    assert "hearing: batches of 2 were used instead of 8" in notice.message


def test_what_fits_is_no_news() -> None:
    sizes = BatchSize(8, "hearing")
    list(sizes.over(range(10), Machine(room=8).run))
    assert sizes.notices == ()


def test_a_single_item_that_does_not_fit_ends_it() -> None:
    machine = Machine(room=0)
    with pytest.raises(OutOfMemory, match="hearing"):
        list(BatchSize(4, "hearing").over(range(4), machine.run))
    assert machine.batches == [4, 2, 1]


def test_a_single_item_is_tried_once_more_after_others_have_given_memory_back() -> None:
    taken = [True]

    def run(batch: Sequence[int]) -> Sequence[int]:
        if taken.pop() if taken else False:
            raise RuntimeError(CUDA)
        return batch

    sizes = BatchSize(1, "hearing")
    assert [batch[0] for batch, _ in sizes.over(range(3), run)] == [0, 1, 2]
    assert sizes.notices == ()


def test_other_errors_pass() -> None:
    def run(batch: Sequence[int]) -> None:
        message = "CUDA error: an illegal memory access was encountered"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="illegal"):
        list(BatchSize(4, "hearing").over(range(4), run))


def test_batches_may_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2)

    def run(batch: Sequence[int]) -> list[int]:
        meeting.wait(SOON)
        return list(batch)

    sizes = BatchSize(3, "hearing")
    done = list(sizes.over(range(12), run, threads=2))
    assert (
        [list(batch) for batch, _ in done]
        == [made for _, made in done]
        == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    )


@pytest.mark.parametrize(("room", "sizes"), [(4, [4, 4]), (2, [4, 2, 2, 2, 2])])
def test_what_does_not_fit_at_the_same_time_goes_one_by_one_before_it_is_halved(room: int, sizes: list[int]) -> None:
    machine = Machine(room)

    def run(batch: Sequence[int]) -> list[int]:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(CUDA)
        return machine.run(batch)

    done = list(BatchSize(4, "hearing").over(range(8), run, threads=2))
    assert machine.batches == sizes
    assert [made for _, result in done for made in result] == [2 * item for item in range(8)]


def test_a_batch_that_was_alone_is_halved_at_once() -> None:
    machine = Machine(room=2)
    list(BatchSize(4, "hearing").over(range(4), machine.run, threads=8))
    assert machine.batches[0] == 4
    assert sorted(machine.batches[1:]) == [2, 2]
