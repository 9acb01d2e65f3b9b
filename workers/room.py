"""Who may work beside whom in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LOOK_SECONDS: Final = 0.2
"""Between two looks at whether one who waits should still."""


class Room:
    """Jobs side by side, but for those that have taken a worker with them before: such a one has the process to itself.

    What it does to the process once more it does then to nobody else.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._alone = False
        self._wishing = 0

    @contextmanager
    def entered(self, *, alone: bool, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a place, and keep it; `check` is called while waiting, and what it raises ends the wait."""
        with self._changed:
            self._wishing += alone
            try:
                while self._alone or (self._inside if alone else self._wishing):
                    check()
                    self._changed.wait(LOOK_SECONDS)
                self._inside += 1
                self._alone = alone
            finally:
                self._wishing -= alone
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._alone = False
                self._changed.notify_all()
