"""Tiny children, a clock that moves when it is told to, and a record of what happened."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
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


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def eventually(happens: Callable[[], bool]) -> bool:
    """Whether something happens, waited for."""
    until = time.monotonic() + PATIENCE
    while not happens():
        if time.monotonic() >= until:
            return False
        time.sleep(0.01)
    return True


def gone(*pids: int) -> bool:
    """Whether processes have ended, waited for."""
    return eventually(lambda: not any(alive(pid) for pid in pids))


def wait_for_line(process_log: Path) -> str:
    """What a log holds once a line is complete."""
    eventually(lambda: process_log.exists() and "\n" in process_log.read_text())
    return process_log.read_text()


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Breaking(Clock):
    """A clock that can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0

    def __call__(self) -> float:
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        return super().__call__()


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
