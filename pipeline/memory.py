"""Memory of the process: whether it ran out, who shares it, and how it is given back."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Final

from pipeline.errors import OutOfMemory

_SPOILING: Final = "could not create a primitive"
# oneDNN, of a network that has run before: for want of memory.
_MARKS: Final = (
    "out of memory",  # CUDA, by torch and by CTranslate2
    "allocate memory",  # torch on a CPU, CTranslate2 on a CPU
    "alloc_failed",  # cuBLAS, cuDNN
    "bad_alloc",
    "could not create a memory object",  # oneDNN
    _SPOILING,
    "can't start new thread",  # for want of memory for its stack
)
_ARENA_MAX: Final = -8
# Of mallopt (malloc.h): how many pools there may be.


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory, on the GPU or beside it.

    torch and CTranslate2 raise `RuntimeError`; only the text tells what kind.
    """
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(mark in text for mark in _MARKS)


def spoils_its_thread(error: BaseException) -> bool:
    """Whether the thread that raised this computes nothing new any more, whatever memory there is by then.

    oneDNN's generator of code keeps, thread by thread, the error of having had no memory, and then fails for every
    shape that was not met before (https://github.com/uxlfoundation/oneDNN/issues/5907).
    """
    return isinstance(error, RuntimeError) and _SPOILING in str(error).lower()


def share_arenas(computing: int) -> None:
    """Let threads share pools of memory, where so many compute at once; nothing where the C library is not glibc.

    glibc makes up to eight pools a core, and what threads give back stays in theirs: eight recordings in turn, of which
    one computes at a time, took 2.4 GB instead of 1.3. One pool is enough for those. Where several compute they would
    wait for it (two: 8 % longer), and seldom do with twice as many pools. To be called once, before there are threads,
    which models bring along: a pool that is there stays, and so does the first number. Overrides `MALLOC_ARENA_MAX`.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1 if computing == 1 else 2 * computing)


def give_back() -> None:
    """Give the system all the memory that is not in use: that of torch's GPU cache, and what glibc keeps of freed."""
    free_cached()
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def free_cached() -> None:
    """Give the GPU memory that torch keeps for later back, so that others can have it: CTranslate2 takes its own."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
