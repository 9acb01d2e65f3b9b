"""Listening to the decoder's process: lines as they come, errors in part, silence for only so long."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from workers.sandbox.messages import LONGEST_LINE, Unintelligible

TICK_SECONDS = 0.5
"""How often `cancelled` is asked, and how long a pause in what the process says goes unnoticed."""
ERROR_BYTES = 4_096
"""The end of standard error that is kept: the last lines of a traceback."""
READ_BYTES = 65_536
START_SECONDS = 60.0
"""A process has this long until it begins to read; 0.13 s on an idle machine."""
EXIT_SECONDS = 5.0
"""A process that has closed its output has this long to end."""


class Stalled(Exception):
    """The process was heard of no more."""


class Conversation:
    """One process from its start to its end, read line by line."""

    def __init__(self, process: subprocess.Popen[bytes], stall_seconds: float) -> None:
        self.errors = b""
        """The end of what the process wrote to standard error."""
        self._process = process
        self._stall_seconds = stall_seconds
        self._deadline = time.monotonic() + START_SECONDS
        self._unfinished = b""

    def advanced(self) -> None:
        """Begin the time anew after which the process counts as stalled."""
        self._deadline = time.monotonic() + self._stall_seconds

    def lines(self, on_tick: Callable[[], None]) -> Iterator[bytes]:
        """Give each line, and call `on_tick` twice a second; ends with the process's output.

        Raises:
            Stalled: `advanced` was not called for too long.
            Unintelligible: a line is too long.
        """
        next_tick = time.monotonic() + TICK_SECONDS
        with selectors.DefaultSelector() as selector:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(max(0.0, min(next_tick, self._deadline) - time.monotonic())):
                    data = os.read(key.fd, READ_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is self._process.stderr:
                        self.errors = (self.errors + data)[-ERROR_BYTES:]
                    else:
                        yield from self._split(data)
                if time.monotonic() >= next_tick:
                    on_tick()
                    next_tick = time.monotonic() + TICK_SECONDS
                if time.monotonic() >= self._deadline:
                    raise Stalled

    def _split(self, data: bytes) -> Iterator[bytes]:
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        yield from lines
        if len(self._unfinished) > LONGEST_LINE:
            message = "a line without end"
            raise Unintelligible(message)

    def end(self) -> int:
        """Wait for the end of a process whose output has ended, and give its status; negative is a signal.

        Raises:
            Stalled: it goes on all the same.
        """
        try:
            return self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Stalled from None

    def kill(self) -> None:
        """End the process and all it may have started, and forget it."""
        if self._process.returncode is None:
            # The group is the process's own, and its number cannot be another's while it was not waited for.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
