"""Chunks of several recordings in one batch: short calls fill it together."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.asr.backend import AsrBackend
from pipeline.asr.batching import STAGE, Batching, Decoded, Kind, Order, decode_together, shortest_first
from pipeline.batch_size import no_room, short_of_memory
from pipeline.memory import free_cached, is_out_of_memory
from pipeline.side_by_side import anew
from pipeline.turnstile import Guest, Turnstile
from pipeline.types import Notice

GATHERING: Final = 3.0
"""Seconds that a batch which is not full waits, at most, for recordings that are on their way to the recognizer."""
LOOK: Final = 0.05
"""Seconds between two looks at whether that has changed."""

Answer = Decoded | Exception


@dataclass(eq=False)
class Desk:
    """Where one recording's orders wait, and what comes of them."""

    guest: Guest
    room: int
    """Chunks that may go through the model at once: fewer than asked for once memory was short."""
    waiting: list[Slip] = field(default_factory=list)
    """Not begun, in the order in which they will be."""
    begun: int = 0
    """In somebody's batch."""
    done: list[Answer] = field(default_factory=list)

    def taken(self) -> list[Decoded]:
        """Take away what is done; raises the first error in it."""
        answers, self.done = self.done, []
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [answer for answer in answers if isinstance(answer, Decoded)]


@dataclass(eq=False)
class Slip:
    """An order on its way."""

    desk: Desk
    order: Order
    answered: bool = False


class SharedBatches:
    """The chunks that the recordings of a process want decoded, by one model.

    There is no thread behind it: whoever's turn it is (`Turnstile`) runs a batch that begins with a chunk of its own
    and takes in those of others, who find theirs done when they come. A batch that is not full waits a little, while
    others use all places. Urgent recordings do not wait, and share batches with urgent ones only, as a larger batch
    takes longer.
    """

    def __init__(self, backend: AsrBackend, turnstile: Turnstile) -> None:
        self._backend = backend
        self.turnstile = turnstile
        self._changed = threading.Condition()
        self._desks: list[Desk] = []

    def batching(self, guest: Guest) -> Batching:
        """How a guest's recording is decoded."""
        return lambda _, most: GuestBatches(self, guest, most)

    def decode(self, desk: Desk) -> Iterator[list[Decoded]]:
        """Decode the orders on a desk; gives them as they are done.

        Raises what the model raises for a chunk of its own, `OutOfMemory` where that does not fit even alone; what it
        raises for somebody else's is theirs.
        """
        deadline = time.monotonic() + GATHERING
        with self._changed:
            self._desks.append(desk)
        try:
            while desk.waiting or desk.begun or desk.done:
                yield self._next(desk, deadline)
        finally:
            with self._changed:
                self._desks.remove(desk)

    def _next(self, desk: Desk, deadline: float) -> list[Decoded]:
        """Wait or work until something is done."""
        while True:
            self.turnstile.make_way(desk.guest)
            with self._changed:
                if desk.done:
                    return desk.taken()
                kind = self._ready(desk, deadline)
                batch = [] if kind is None else self._taken_up(desk, kind)
            if not batch:
                self._wait(desk, deadline)
                continue
            try:
                self._run(batch)
            except BaseException:
                self._put_back(batch)
                raise

    def _wait(self, desk: Desk, deadline: float) -> None:
        """Let others compute until something is done, or there is something to begin."""
        with self.turnstile.outside(desk.guest):
            while True:
                with self._changed:
                    if desk.done or self._ready(desk, deadline) is not None:
                        return
                    self._changed.wait(LOOK)
                desk.guest.alive()

    def _ready(self, desk: Desk, deadline: float) -> Kind | None:
        """Kind of a batch to begin now, with orders of one's own: the kind of which most wait.

        None where all of one's own are in others' batches, or where the batch would not be full and may become so.
        """
        waiting = Counter(slip.order.kind for one in (desk, *self._fellows(desk)) for slip in one.waiting)
        kinds = dict.fromkeys(slip.order.kind for slip in desk.waiting)
        kind = max(kinds, key=lambda kind: waiting[kind], default=None)
        hurried = desk.guest.urgent or time.monotonic() >= deadline
        if kind is None or waiting[kind] >= desk.room or hurried or not self.turnstile.crowded(desk.guest):
            return kind
        return None

    def _fellows(self, desk: Desk) -> list[Desk]:
        """The others whose orders may share a batch with these, who comes next first."""
        others = [other for other in self._desks if other is not desk and other.guest.urgent == desk.guest.urgent]
        return sorted(others, key=lambda other: other.guest.rank)

    def _taken_up(self, desk: Desk, kind: Kind) -> list[Slip]:
        """Take orders of a kind off the desks, one's own first."""
        batch: list[Slip] = []
        for one in (desk, *self._fellows(desk)):
            alike = [slip for slip in one.waiting if slip.order.kind == kind][: desk.room - len(batch)]
            one.waiting = [slip for slip in one.waiting if slip not in alike]
            one.begun += len(alike)
            batch += alike
        return batch

    def _run(self, batch: Sequence[Slip], *, freed: bool = False) -> None:
        """Decode a batch and put the answers on the desks; where that fails, each half by itself, down to one chunk."""
        error = self._tried(batch)
        if error is None:
            return
        short = is_out_of_memory(error)
        if len(batch) == 1 and (freed or not short):
            self._answer(batch, [no_room(STAGE) if short else error])
            return
        if short:
            free_cached()
        half = (len(batch) + 1) // 2
        for part in filter(None, (batch[:half], batch[half:])):
            for slip in part if short else ():
                slip.desk.room = min(slip.desk.room, half)
            self._run(part, freed=short)

    def _tried(self, batch: Sequence[Slip]) -> Exception | None:
        try:
            answers = anew(lambda: decode_together(self._backend, [slip.order for slip in batch]))
        except Exception as error:  # noqa: BLE001 - it is for those whose chunks they are
            return error.with_traceback(None)  # which holds on to what had been allocated
        self._answer(batch, answers)
        return None

    def _answer(self, batch: Sequence[Slip], answers: Sequence[Answer]) -> None:
        with self._changed:
            for slip, answer in zip(batch, answers, strict=True):
                slip.answered = True
                slip.desk.begun -= 1
                slip.desk.done.append(answer)
            self._changed.notify_all()

    def _put_back(self, batch: Sequence[Slip]) -> None:
        """Leave what has no answer to those whose it is."""
        with self._changed:
            for slip in reversed(batch):
                if not slip.answered:
                    slip.desk.begun -= 1
                    slip.desk.waiting.insert(0, slip)
            self._changed.notify_all()


class GuestBatches:
    """`Batcher` of one recording among others."""

    def __init__(self, shared: SharedBatches, guest: Guest, most: int) -> None:
        self._shared = shared
        self._guest = guest
        self._most = self._room = most

    def decode(self, orders: Sequence[Order]) -> Iterator[list[Decoded]]:
        """Decode everything, the shortest first."""
        desk = self.desk(orders)
        try:
            yield from self._shared.decode(desk)
        finally:
            self._room = desk.room

    def desk(self, orders: Sequence[Order]) -> Desk:
        """A desk with orders on it."""
        desk = Desk(self._guest, self._room)
        desk.waiting = [Slip(desk, order) for order in shortest_first(orders)]
        return desk

    def step(self) -> None:
        """Make way for who should compute."""
        self._shared.turnstile.make_way(self._guest)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Whether memory was short for a batch that it had a part in."""
        return short_of_memory(STAGE, self._room, self._most)
