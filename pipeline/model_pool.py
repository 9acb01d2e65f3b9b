"""Loaded models by name: shared while they are used, kept for a while after, and never too many at once."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pipeline.memory import give_back
from pipeline.turnstile import LOOK, nobody_asks

Model = TypeVar("Model")
Name = str | None
"""None: the model for whoever names none."""

IDLE_SECONDS: Final = 900.0

_COLLECTING: Final = threading.Lock()
# Python does not wait for a collection under way in another thread: it collects nothing.


@dataclass(eq=False)
class _Slot(Generic[Model]):
    """A model that is loaded, or is being loaded."""

    model: Model | None = None
    users: int = 0
    left: float = 0.0
    """When the last user left."""


@dataclass(eq=False)
class _Ticket:
    """Somebody who wants a model."""

    name: Name


class ModelPool(Generic[Model]):
    """Models that are loaded when somebody needs them.

    Pinned ones stay. Of the others no more than `most` are in memory: for another one the one that was not used for
    longest goes, or, where all are in use, whoever needs it waits; those who come after it for models that are loaded
    wait behind it, so that its turn comes. Those that nobody has used for `idle_seconds` go by themselves.
    """

    def __init__(
        self,
        load: Callable[[Name], Model],
        *,
        pinned: Collection[Name] = (),
        most: int = 1,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._pinned = frozenset(pinned)
        self._most = most
        self._idle = idle_seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._slots: dict[Name, _Slot[Model]] = {}
        self._queue: list[_Ticket] = []
        """Who waits for a model, in the order in which they came."""
        self._timer: threading.Timer | None = None

    @property
    def loaded(self) -> tuple[Name, ...]:
        """Names of the models in memory."""
        with self._changed:
            return tuple(name for name, slot in self._slots.items() if slot.model is not None)

    @contextmanager
    def using(self, name: Name, alive: Callable[[], None] = nobody_asks) -> Iterator[Model]:
        """Hold a model, which is loaded first where it is not; others load and use theirs meanwhile.

        `alive` is called now and then while there is no room for it, or somebody else loads it. Raises what `load`
        raises, and what `alive` raises.
        """
        slot = self._entered(name, alive)
        try:
            yield self._model(name, slot)
        finally:
            with self._changed:
                slot.users -= 1
                slot.left = self._clock()
                self._changed.notify_all()
                self._wake()

    def unload_idle(self) -> None:
        """Let go of what nobody has used for long enough."""
        with self._changed:
            now = self._clock()
            for name in [name for name in self._unused() if now - self._slots[name].left >= self._idle]:
                del self._slots[name]
            self._timer = None
            self._wake()
        _let_go()

    def _entered(self, name: Name, alive: Callable[[], None]) -> _Slot[Model]:
        """Count as a user of a slot, once it is loaded, or is one's own to load."""
        ticket = _Ticket(name)
        with self._changed:
            self._queue.append(ticket)
        try:
            while True:
                with self._changed:
                    before = set(self._slots)
                    slot = self._taken(ticket)
                    if slot is None:
                        self._changed.wait(LOOK)
                if before - set(self._slots):
                    _let_go()
                if slot is not None:
                    return slot
                alive()
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _taken(self, ticket: _Ticket) -> _Slot[Model] | None:
        """A place with a model that is loaded, or a new slot to load it into; None where there is neither yet."""
        slot, name = self._slots.get(ticket.name), ticket.name
        if slot is not None and slot.model is not None and not self._is_wanted_room(ticket):
            slot.users += 1
            return slot
        if slot is None and self._made_room(name):
            self._slots[name] = _Slot(users=1)
            return self._slots[name]
        return None

    def _is_wanted_room(self, ticket: _Ticket) -> bool:
        """Whether somebody who came before waits for a model to go, and this is one that could."""
        earlier = self._queue[: self._queue.index(ticket)]
        return ticket.name not in self._pinned and any(other.name not in self._slots for other in earlier)

    def _made_room(self, name: Name) -> bool:
        """Let go of an unused model where there is no room for another; False where all are in use."""
        if name in self._pinned or len(self._slots.keys() - self._pinned) < self._most:
            return True
        gone = min(self._unused(), key=lambda unused: self._slots[unused].left, default=name)
        if gone == name:
            return False
        del self._slots[gone]
        return True

    def _model(self, name: Name, slot: _Slot[Model]) -> Model:
        if slot.model is None:
            try:
                model = self._load(name)
            except BaseException:
                with self._changed:
                    del self._slots[name]  # whoever waits for it tries by itself
                raise
            with self._changed:
                slot.model = model
                self._changed.notify_all()
        return slot.model

    def _unused(self) -> list[Name]:
        return [name for name, slot in self._slots.items() if not slot.users and name not in self._pinned]

    def _wake(self) -> None:
        """Look for idle models when the next of them is due."""
        unused = [self._slots[name].left for name in self._unused()]
        if unused and self._timer is None:
            self._timer = threading.Timer(max(0.0, min(unused) + self._idle - self._clock()), self.unload_idle)
            self._timer.daemon = True
            self._timer.start()


def _let_go() -> None:
    """Give the memory of what was just dropped back: models hold on to themselves in cycles."""
    with _COLLECTING:
        gc.collect()
    give_back()
