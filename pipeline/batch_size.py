"""Running out of memory: halve the batch and go on; where a single item is too much, end with an error that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pipeline.errors import OutOfMemory
from pipeline.memory import free_cached, is_out_of_memory
from pipeline.side_by_side import spread
from pipeline.types import Notice

Item = TypeVar("Item")
Result = TypeVar("Result")


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
        threads: int = 1,
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """Give every batch with what `run` makes of it; a batch that does not fit is tried again as two.

        Each item counts as `weight`. `doubling`: only batches of 1, 2, 4, 8… items, for a network that keeps a plan for
        each size it meets. `threads`: so many batches at the same time, until they do not fit. Raises `OutOfMemory`
        where one item alone does not fit.
        """
        first, freed = 0, False
        while first < len(items):
            batches, end = list[Sequence[Item]](), first
            while end < len(items) and len(batches) < threads:
                batches.append(self._next(items[end:], weight, doubling=doubling))
                end += len(batches[-1])
            try:
                results = spread(run, batches, threads)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(batches) == len(batches[0]) == 1 and freed:
                    raise no_room(self._stage) from error
            else:
                yield from zip(batches, results, strict=True)
                first, freed = end, False
                continue
            # Only here: the error held on to what had been allocated.
            free_cached()
            if len(batches) > 1:
                threads = 1
            else:
                self.size, freed = min(self.size, max(1, len(batches[0]) // 2) * weight), True

    def _next(self, items: Sequence[Item], weight: int, *, doubling: bool) -> Sequence[Item]:
        number = min(len(items), max(1, self.size // weight))
        return items[: 1 << number.bit_length() - 1 if doubling else number]

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
