"""Being asked to stop: by Ctrl-C, by a service manager, by a terminal that is closed."""

from __future__ import annotations

import signal
from threading import Event as Flag
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """While it is entered, the first signal raises KeyboardInterrupt in the main thread, and later ones set `hurry`.

    So what is under way is left by the way of its `with` statements, in order, and a second Ctrl-C does not break into
    that but makes it short. To be entered by the main thread.
    """

    def __init__(self) -> None:
        self.hurry = Flag()
        self.signal: signal.Signals | None = None
        """The first one that came."""
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number)
            raise KeyboardInterrupt
        self.hurry.set()
