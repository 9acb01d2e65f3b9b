"""Whether the server was told to stop: for answers that go on for as long as anybody listens."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Hears the signals that stop the server when the server does, which then waits for what is under way."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self) -> bool:
        """Whether the server stops."""
        return self._told

    def tell(self) -> None:
        """Say that it does."""
        self._told = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear signals, and pass them on to the server. Where the server is a thread of a program, it gets none."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}

        def hear(number: int, frame: FrameType | None) -> None:
            self.tell()
            server = before[signal.Signals(number)]
            if callable(server):
                server(number, frame)

        for number, server in before.items():
            if callable(server):
                signal.signal(number, hear)
        try:
            yield
        finally:
            for number, server in before.items():
                if signal.getsignal(number) is hear:
                    signal.signal(number, server)
