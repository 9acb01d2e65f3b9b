"""Admission right after a submission, beside the request: a Redis that is slow or down delays nobody's answer.

The dispatcher admits every few seconds whatever happens here; this makes the usual wait a few milliseconds.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import Final

import structlog

from api.bootstrap import Service
from api.errors import TemporarilyUnavailable
from api.jobs.admission import admit
from api.states import Pool

PAUSE_SECONDS: Final = 0.05
"""Between two rounds: 200 submissions a second share 20 of them."""
_STOP_SECONDS: Final = 5.0
log = structlog.get_logger()


class Admitter:
    """One thread of a process; woken by submissions, which do not wait for it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._woken = Event()
        self._asked = Event()
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin to wait for submissions."""
        self._stopping.clear()
        self._thread = Thread(target=self._run, name="admitter", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that a job has come; any number of calls before the next round are one."""
        self._asked.set()
        self._woken.set()

    def stop(self) -> None:
        """End the thread, after a round for the jobs that have come."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            if self._asked.is_set():
                self._asked.clear()
                self._admit()
            if self._stopping.wait(PAUSE_SECONDS):
                return

    def _admit(self) -> None:
        service = self._service
        try:
            admit(service.database, service.queue, [Pool.INGEST], service.settings.window)
        except TemporarilyUnavailable as error:
            log.warning("admission.postponed", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens in a round
            log.warning("admission.failed", error=type(error).__name__)
