"""One child, from its first start to its last end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from signal import Signals

from embedded.backoff import Backoff
from embedded.child import Child
from embedded.logs import put_aside
from embedded.spawning import Process, Spawn

LOG_SECONDS = 10.0
"""Between two looks at how long a log has grown."""
TAIL_BYTES = 4_000
TAIL_LINES = 12


class Happening(StrEnum):
    """What a supervisor tells about a child."""

    STARTED = "started"
    """Its process is there."""
    READY = "ready"
    """It does what it is there for, for the first time."""
    ENDED = "ended"
    """It ended though nobody asked it to; it will be started again."""
    KILLED = "killed"
    """It did not end in time when asked to."""
    STOPPED = "stopped"
    """It ended as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a child."""

    name: str
    happening: Happening
    pid: int
    status: int | None = None
    """Exit status, negative for the signal that ended it; None while it runs."""
    restart_seconds: float | None = None
    """Until it is started again; None where it is not."""


Observer = Callable[[Event], None]


class Life:
    """A child and its process. Everything is called by one thread, the one that lives as long as the child."""

    def __init__(self, child: Child, *, spawn: Spawn, backoff: Backoff, observe: Observer) -> None:
        self.child = child
        self.process: Process | None = None
        self.kept = False
        """Whether it is started again when it ends."""
        self._spawn = spawn
        self._backoff = backoff
        self._observe = observe
        self._failures = 0
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._log_start = 0
        self._log_at = 0.0
        self._stop_at: float | None = None

    def start(self, now: float) -> None:
        """Start the process.

        Raises:
            OSError: it cannot be started.
        """
        log = self.child.log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._restart_at = None
        self._started_at = now
        self.process = self._spawn(self.child)
        self._tell(Happening.STARTED)

    def tick(self, now: float) -> None:
        """Notice an end, and start again when it is time."""
        if self._restart_at is not None:
            if now >= self._restart_at:
                self._start_again(now)
        elif self.kept and self.ended():
            self._failures = self._backoff.failures(self._failures, now - self._started_at)
            self._wait(now)

    def ended(self) -> bool:
        """Whether no process is there. Those that an ended one left in its process group are killed."""
        if self.process is None or self.process.returncode is not None:
            return True
        pid = self.process.pid
        # Looked at before it is reaped: until then, its process group cannot be anybody else's.
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, Signals.SIGKILL)
        self.process.wait()
        return True

    def trim_log(self, now: float) -> None:
        """Put its log aside when it has grown long; looked at from time to time."""
        if now < self._log_at:
            return
        self._log_at = now + LOG_SECONDS
        # A full disk is no reason to look after the child no longer.
        with contextlib.suppress(OSError):
            if put_aside(self.child.log):
                self._log_start = 0

    def ask_to_stop(self, now: float) -> None:
        """Send the stop signal; from here on it is not started again."""
        self.kept, self._restart_at = False, None
        if not self.ended():
            self._signal(self.child.stop_signal)
            self._stop_at = now + self.child.stop_seconds

    def stopped(self, now: float, *, hurry: bool) -> bool:
        """Whether it ended after `ask_to_stop`; kills it when its time is over, or at once in a hurry."""
        if self.ended():
            if self._stop_at is not None:
                self._stop_at = None
                self._tell(Happening.STOPPED)
            return True
        if self._stop_at is not None and (hurry or now >= self._stop_at):
            self._stop_at = None
            self._tell(Happening.KILLED)
            self._signal(Signals.SIGKILL)
        return False

    def kill(self) -> None:
        """End it now, and return when it has ended."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        """The last lines of its log since it was started last; empty where there are none."""
        try:
            with self.child.log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, end - TAIL_BYTES))
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-TAIL_LINES:])

    def tell_ready(self) -> None:
        """Say that it is ready."""
        self._tell(Happening.READY)

    def _start_again(self, now: float) -> None:
        try:
            self.start(now)
        except OSError:
            self._failures += 1
            self._wait(now)

    def _wait(self, now: float) -> None:
        seconds = self._backoff.wait(self._failures)
        self._restart_at = now + seconds
        self._tell(Happening.ENDED, restart_seconds=seconds)

    def _signal(self, number: Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def _tell(self, happening: Happening, *, restart_seconds: float | None = None) -> None:
        if self.process is not None:
            pid, status = self.process.pid, self.process.returncode
            name = self.child.name
            event = Event(name=name, happening=happening, pid=pid, status=status, restart_seconds=restart_seconds)
            # Whoever is told may be gone: a terminal that was closed, a pipe that nobody reads. Children are not.
            with contextlib.suppress(Exception):
                self._observe(event)
