"""Running out of memory: halve the batch and go on; where a single item is too much, end with an error that says so."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from pipeline.errors import OutOfMemory
from pipeline.types import Notice

Item = TypeVar("Item")
Result = TypeVar("Result")

_MARKS: Final = (
    "out of memory",  # CUDA, by torch and by CTranslate2
    "allocate memory",  # torch on a CPU, CTranslate2 on a CPU
    "alloc_failed",  # cuBLAS, cuDNN
    "bad_alloc",
    "could not create a memory object",  # oneDNN
    "could not create a primitive",  # oneDNN: of a network that has run before, for want of memory
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


class BatchSize:
    """How many items go through a network at once: halved when memory runs out, for the rest of a recording."""

    def __init__(self, asked: int, stage: str) -> None:
        self.asked = asked
        self.size = asked
        self._stage = stage

    def over(
        self,
        items: Sequence[Item],
        run: Callable[[Sequence[Item]], Result],
        weight: int = 1,
        *,
        doubling: bool = False,
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """Give every batch with what `run` makes of it; a batch that does not fit is tried again as two.

        Each item counts as `weight`. `doubling`: only batches of 1, 2, 4, 8… items, for a network that keeps a plan for
        each size it meets. Raises `OutOfMemory` where one item alone does not fit.
        """
        first, freed = 0, False
        while first < len(items):
            number = min(len(items) - first, max(1, self.size // weight))
            batch = items[first : first + (1 << number.bit_length() - 1 if doubling else number)]
            try:
                result = run(batch)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(batch) == 1 and freed:
                    raise no_room(self._stage) from error
            else:
                yield batch, result
                first, freed = first + len(batch), False
                continue
            # Only here: the error held on to what had been allocated.
            free_cached()
            self.size, freed = min(self.size, max(1, len(batch) // 2) * weight), True

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader of the result should know."""
        return short_of_memory(self._stage, self.size, self.asked)


def short_of_memory(stage: str, size: int, asked: int) -> tuple[Notice, ...]:
    """Tell the reader that batches had to be smaller than asked for; nothing where they had not."""
    if size == asked:
        return ()
    message = (
        f"Memory ran out in {stage}: batches of {size} were used instead of {asked}. "
        "A smaller batch size, or fewer jobs at once, saves the attempt."
    )
    return (Notice("memory_short", message),)


def no_room(stage: str) -> OutOfMemory:
    """Say that not even one item fits."""
    return OutOfMemory(f"{stage}: there is not even memory for a batch of one")


def share_arenas(computing: int) -> None:
    """Let threads share pools of memory, as so many compute at once; nothing where the C library is not glibc.

    glibc makes up to eight pools a core, and what threads give back stays in theirs: eight recordings in turn, of which
    one computes at a time, took 2.4 GB instead of 1.3. One pool is enough for those. Where several compute they would
    wait for it (two: 8 % longer), and seldom do with twice as many pools. A pool that is there stays, so that this has
    to be called before there are threads. Overrides `MALLOC_ARENA_MAX`.
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
