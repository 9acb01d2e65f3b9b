from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import OutOfMemory
from pipeline.memory import BatchSize, is_out_of_memory
from tests.conftest import REPOSITORY

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB"


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


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(CUDA),
        RuntimeError("CUDA failed with error out of memory"),
        RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("std::bad_alloc"),
        MemoryError(),
        OutOfMemory(),
    ],
)
def test_want_of_memory_is_known_by_what_libraries_say(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: misaligned address"), ValueError("out of memory")])
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)


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


POOLS = """
import ctypes, sys
from threading import Barrier, Thread
from pipeline.memory import share_arenas
if int(sys.argv[1]):
    share_arenas(int(sys.argv[1]))
libc, here = ctypes.CDLL(None), Barrier(7)
libc.malloc.restype = ctypes.c_void_p

def take():
    held = libc.malloc(5000)
    here.wait()  # all at once: of a thread that has ended the next one takes the pool
    here.wait()

threads = [Thread(target=take) for _ in range(6)]
for thread in threads:
    thread.start()
here.wait()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
here.wait()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the pools are glibc's")
@pytest.mark.parametrize(("computing", "pools"), [(1, 1), (2, 4), (0, 7)])
def test_threads_share_pools_of_memory_as_so_many_compute_at_once(tmp_path: Path, computing: int, pools: int) -> None:
    """Of six threads and the first one each takes memory; without a word, each has its own pool."""
    told = tmp_path / "pools.xml"
    plain = {"PATH": os.environ["PATH"]}  # which says nothing to glibc
    subprocess.run([sys.executable, "-c", POOLS, str(computing), str(told)], check=True, cwd=REPOSITORY, env=plain)
    assert told.read_text().count("<heap nr=") == pools
