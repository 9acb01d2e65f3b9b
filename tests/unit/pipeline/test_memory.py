from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import OutOfMemory
from pipeline.memory import is_out_of_memory
from tests.conftest import REPOSITORY

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB"


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
        RuntimeError("could not create a primitive"),
        RuntimeError("can't start new thread"),
        MemoryError(),
        OutOfMemory(),
    ],
)
def test_want_of_memory_is_known_by_what_libraries_say(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: misaligned address"), ValueError("out of memory")])
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)


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
