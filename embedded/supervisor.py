"""Start children in order, keep them running, stop them in reverse order.

One thread does everything that concerns processes: a child dies with the thread that started it (see `spawning`), so
that thread has to live for as long as the children do, whoever asks for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Self

from embedded.backoff import Backoff
from embedded.child import Child
from embedded.errors import ChildFailed, NotReady
from embedded.life import Event, Life, Observer
from embedded.spawning import Spawn, spawn

TICK_SECONDS = 0.02
"""Between two looks at the children; at 20 ms, 8 children cost 0.2 % of a core."""


class Supervisor:
    """Children of one process. Dies with all of them; also after a kill -9 nothing of them is left.

    Args:
        backoff: waits before a child that ended is started again.
        observe: is told what happens to children, in the supervisor's thread or in a thread of its own; must return
            soon. What it raises is ignored.
        hurry: once set, children that are being stopped are killed at once.
        clock: seconds that only grow.
        spawn: starts a process, in the supervisor's thread.
    """

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        observe: Observer | None = None,
        hurry: Flag | None = None,
        clock: Callable[[], float] = time.monotonic,
        spawn: Spawn = spawn,
    ) -> None:
        self._backoff = backoff or Backoff()
        self._observe = observe or _ignore
        self._hurry = hurry or Flag()
        self._clock = clock
        self._spawn = spawn
        self._steps: list[list[Life]] = []
        self._requests: SimpleQueue[tuple[Life, Future[None]]] = SimpleQueue()
        self._stopping = Flag()
        self._stopped = Flag()
        # A daemon, so that a process that forgets to stop can end; its children then end with it.
        self._thread = Thread(target=self._supervise, name="supervisor", daemon=True)
        self._failure: BaseException | None = None
        self._thread.start()

    def start(self, *children: Child) -> None:
        """Start children side by side, and return when all of them are ready. Those of a later call come after.

        From then on they are started again whenever they end. What fails here is not; it stays to be stopped.

        Raises:
            ChildFailed: a child ended or ran out of time before it was ready; with the last lines of its log.
        """
        step = [Life(child, spawn=self._spawn, backoff=self._backoff, observe=self._observe) for child in children]
        self._steps.append(step)
        given_up = Flag()
        with ThreadPoolExecutor(max_workers=max(1, len(step)), thread_name_prefix="starting") as pool:
            try:
                futures = [pool.submit(self._start, life, given_up) for life in step]
                wait_for(futures, return_when=FIRST_EXCEPTION)
            finally:
                given_up.set()
        failures = [error for error in (future.exception() for future in futures) if error is not None]
        # The others were given up for the sake of the first: what they say is a consequence.
        failures.sort(key=lambda error: isinstance(error, _GivenUp))
        if failures:
            raise failures[0]

    def stop(self) -> None:
        """Stop all children, those of the last `start` first, and return when they have ended.

        Raises:
            ChildFailed: the supervisor itself has failed, and with it its children.
        """
        self._stopping.set()
        self.wait()
        self._thread.join()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until everything was stopped, by whomever; False when `seconds` are over before that.

        Raises:
            ChildFailed: the supervisor itself has failed.
        """
        stopped = self._stopped.wait(seconds)
        if self._failure is not None:
            message = f"the supervisor has failed: {self._failure}"
            raise ChildFailed(message) from self._failure
        return stopped

    def pids(self) -> dict[str, int]:
        """Process ids of the children that run now, by name."""
        lives = [life for step in self._steps for life in step]
        return {
            life.child.name: life.process.pid
            for life in lives
            if life.process is not None and life.process.returncode is None
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, life: Life, given_up: Flag) -> None:
        if life.child.prepare is not None:
            life.child.prepare()
        started: Future[None] = Future()
        self._requests.put((life, started))
        while not wait_for([started], timeout=TICK_SECONDS).done:
            if self._stopped.is_set():
                raise _GivenUp
        started.result()
        self._await_ready(life, given_up)
        life.kept = True
        life.tell_ready()

    def _await_ready(self, life: Life, given_up: Flag) -> None:
        child = life.child
        until = self._clock() + child.ready_seconds
        while child.ready is not None:
            reason = _reason(child.ready)
            process = life.process
            if process is not None and process.returncode is not None:
                raise ChildFailed(_told(f"{child.name} ended with status {process.returncode}", life))
            if reason is None:
                return
            if self._clock() >= until:
                message = f"{child.name} was not ready after {child.ready_seconds:g} s ({reason})"
                raise ChildFailed(_told(message, life))
            if given_up.wait(TICK_SECONDS) or self._stopping.is_set():
                raise _GivenUp

    def _supervise(self) -> None:
        try:
            self._noting_failure(self._keep)
            self._stopping.set()
            # Also where keeping them has failed: a worker hands its jobs back, a database closes its files.
            for step in reversed(self._steps):
                self._noting_failure(partial(self._stop_step, step))
            for life in (life for step in reversed(self._steps) for life in step):
                life.kill()
        finally:
            self._stopped.set()

    def _noting_failure(self, part: Callable[[], None]) -> None:
        try:
            part()
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, and the children have to end
            self._failure = self._failure or error

    def _keep(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            self._serve_requests()
            self._look()

    def _serve_requests(self) -> None:
        while True:
            try:
                life, started = self._requests.get_nowait()
            except Empty:
                return
            try:
                life.start(self._clock())
            except OSError as error:
                started.set_exception(ChildFailed(f"{life.child.name} cannot be started: {error}"))
            else:
                started.set_result(None)

    def _look(self) -> None:
        now = self._clock()
        for life in (life for step in tuple(self._steps) for life in step):
            if life.kept:
                life.tick(now)
            else:
                life.ended()
            life.trim_log(now)

    def _stop_step(self, step: Sequence[Life]) -> None:
        for life in step:
            life.ask_to_stop(self._clock())
        running = list(step)
        while running := [life for life in running if not life.stopped(self._clock(), hurry=self._hurry.is_set())]:
            time.sleep(TICK_SECONDS)


class _GivenUp(ChildFailed):
    """The child was given up while it started, since another one failed or all are being stopped."""


def _reason(ready: Callable[[], None]) -> str | None:
    try:
        ready()
    except NotReady as error:
        return str(error)
    return None


def _told(message: str, life: Life) -> str:
    said = life.said()
    return f"{message}; the end of {life.child.log}:\n{said}" if said else f"{message}; it wrote nothing to its log"


def _ignore(_event: Event) -> None:
    pass
