"""Chunks of several recordings in one batch: short calls fill it together."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.asr.backend import AsrBackend
from pipeline.asr.batching import STAGE, Batching, Decoded, Kind, Order, decode_together
from pipeline.memory import free_cached, is_out_of_memory, no_room, short_of_memory
from pipeline.turnstile import Guest, Turnstile
from pipeline.types import Notice

GATHERING: Final = 3.0
"""Seconds that a batch which is not full waits, at most, for recordings that are on their way to the recognizer."""
LOOK: Final = 0.05
"""Seconds between two looks at whether that has changed."""

Answer = Decoded | Exception
Batch = list[tuple["_Desk", Order]]


@dataclass(eq=False)
class _Desk:
    """Where one recording's orders wait, and what comes of them."""

    guest: Guest
    waiting: deque[Order]
    """Not begun."""
    begun: int = 0
    """In somebody's batch."""
    done: list[Answer] = field(default_factory=list)
    smallest: int | None = None
    """Size of the smallest batch that memory was left for; None where it was never short."""

    def taken(self) -> list[Decoded]:
        """Take away what is done; raises the first error in it."""
        answers, self.done = self.done, []
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [answer for answer in answers if isinstance(answer, Decoded)]


class SharedBatches:
    """The chunks that the recordings of a process want decoded, by one model.

    There is no thread behind it: whoever's turn it is (`Turnstile`) runs a batch that begins with a chunk of its own
    and takes in those of others, who find theirs done when they come. A batch that is not full waits a little, while
    others compute. Urgent recordings do not wait, and share batches with urgent ones only, as a larger batch takes
    longer.
    """

    def __init__(self, backend: AsrBackend, turnstile: Turnstile) -> None:
        self._backend = backend
        self._turnstile = turnstile
        self._changed = threading.Condition()
        self._desks: list[_Desk] = []

    def batching(self, guest: Guest) -> Batching:
        """How a guest's recording is decoded."""
        return lambda _, most: GuestBatches(self, guest, most)

    def decode(self, desk: _Desk, most: int) -> Iterator[list[Decoded]]:
        """Decode the orders on a desk, at most `most` chunks at once; gives them as they are done.

        Raises what the model raises for a chunk of its own, `OutOfMemory` where that does not fit even alone; what it
        raises for somebody else's is theirs.
        """
        with self._changed:
            self._desks.append(desk)
        try:
            while desk.waiting or desk.begun or desk.done:
                yield self._next(desk, most)
        finally:
            with self._changed:
                self._desks.remove(desk)

    def _next(self, desk: _Desk, most: int) -> list[Decoded]:
        """Wait or work until something is done."""
        deadline = time.monotonic() + GATHERING
        while True:
            with self._changed:
                if desk.done:
                    return desk.taken()
                kind = self._ready(desk, most, deadline)
                batch = [] if kind is None else self._taken_up(desk, kind, most)
            if batch:
                self._run(batch)
                continue
            with self._turnstile.outside(desk.guest), self._changed:
                while not desk.done and self._ready(desk, most, deadline) is None:
                    self._changed.wait(LOOK)

    def _ready(self, desk: _Desk, most: int, deadline: float) -> Kind | None:
        """Kind of a batch to begin now, with orders of one's own: the kind of which most wait.

        None where all of one's own are in others' batches, or where the batch would not be full and may become so.
        """
        waiting = Counter(order.kind for one in (desk, *self._fellows(desk)) for order in one.waiting)
        kinds = dict.fromkeys(order.kind for order in desk.waiting)
        kind = max(kinds, key=lambda kind: waiting[kind], default=None)
        hurried = desk.guest.urgent or time.monotonic() >= deadline
        if kind is not None and waiting[kind] < most and not hurried and self._turnstile.others(desk.guest):
            return None
        return kind

    def _fellows(self, desk: _Desk) -> list[_Desk]:
        """The others whose orders may share a batch with these, who comes next first."""
        others = [other for other in self._desks if other is not desk and other.guest.urgent == desk.guest.urgent]
        return sorted(others, key=lambda other: other.guest.rank)

    def _taken_up(self, desk: _Desk, kind: Kind, most: int) -> Batch:
        """Take orders of a kind off the desks, one's own first."""
        batch: Batch = []
        for one in (desk, *self._fellows(desk)):
            alike = [order for order in one.waiting if order.kind == kind][: most - len(batch)]
            for order in alike:
                one.waiting.remove(order)
            one.begun += len(alike)
            batch += [(one, order) for order in alike]
        return batch

    def _run(self, batch: Batch, *, freed: bool = False) -> None:
        """Decode a batch and put the answers on the desks; where that fails, each half by itself, down to one chunk."""
        error = self._tried(batch)
        if error is None:
            return
        short = is_out_of_memory(error)
        if len(batch) == 1 and (freed or not short):
            self._deliver(batch, [no_room(STAGE) if short else error])
            return
        if short:
            free_cached()
        half = (len(batch) + 1) // 2
        for part in filter(None, (batch[:half], batch[half:])):
            for desk, _ in part if short else ():
                desk.smallest = min(desk.smallest or half, half)
            self._run(part, freed=short)

    def _tried(self, batch: Batch) -> Exception | None:
        try:
            answers = decode_together(self._backend, [order for _, order in batch])
        except Exception as error:  # noqa: BLE001 - it is for those whose chunks they are
            return error.with_traceback(None)  # which holds on to what had been allocated
        except BaseException:
            self._put_back(batch)
            raise
        self._deliver(batch, answers)
        return None

    def _deliver(self, batch: Batch, answers: Sequence[Answer]) -> None:
        with self._changed:
            for (desk, _), answer in zip(batch, answers, strict=True):
                desk.begun -= 1
                desk.done.append(answer)
            self._changed.notify_all()

    def _put_back(self, batch: Batch) -> None:
        with self._changed:
            for desk, order in reversed(batch):
                desk.begun -= 1
                desk.waiting.appendleft(order)
            self._changed.notify_all()


class GuestBatches:
    """`Batcher` of one recording among others."""

    def __init__(self, shared: SharedBatches, guest: Guest, most: int) -> None:
        self._shared = shared
        self._guest = guest
        self._most = most
        self._smallest = most

    def decode(self, orders: Sequence[Order]) -> Iterator[list[Decoded]]:
        """Decode everything, the shortest first."""
        desk = _Desk(self._guest, deque(sorted(orders, key=lambda order: (order.padded, order.chunk))))
        try:
            yield from self._shared.decode(desk, self._most)
        finally:
            self._smallest = min(self._smallest, desk.smallest or self._most)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Whether memory was short for a batch that it had a part in."""
        return short_of_memory(STAGE, self._smallest, self._most)
