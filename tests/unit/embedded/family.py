"""Tiny children, a clock that moves when it is told to, and a record of what happened."""

from __future__ import annotations

import sys
from pathlib import Path
from queue import Queue
from typing import Any

from embedded.child import Child
from embedded.life import Event, Happening

PATIENCE = 20.0
"""Seconds that a test waits for what has to happen."""
WAITS = "import time; time.sleep(600)"
"""A child that does nothing until it is stopped."""


def child(folder: Path, name: str, script: str = WAITS, **changes: Any) -> Child:
    return Child(name=name, command=(sys.executable, "-c", script), log=folder / f"{name}.log", **changes)


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Record:
    """What a supervisor told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._queue: Queue[Event] = Queue()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._queue.put(event)

    def next(self, happening: Happening) -> Event:
        """The next event of a kind, waited for."""
        while True:
            event = self._queue.get(timeout=PATIENCE)
            if event.happening is happening:
                return event

    def of(self, happening: Happening) -> list[str]:
        return [event.name for event in self.events if event.happening is happening]
