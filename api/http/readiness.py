"""Whether the parts that the service needs answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from sqlalchemy import text

from api.bootstrap import Service
from api.states import Pool

PATIENCE_SECONDS: Final = 2.0
DATABASE: Final = "database"
"""Without it nothing can be answered; the others are not needed for everything."""


class Readiness:
    """Asks the parts that the service needs, all at once, and never the same part twice at once."""

    def __init__(self, service: Service) -> None:
        self._asked: Mapping[str, Callable[[], object]] = {
            DATABASE: lambda: _ask_database(service),
            "queue": lambda: service.queue.depth(Pool.INGEST),
            "objects": service.objects.check,
        }
        self._threads = ThreadPoolExecutor(len(self._asked), "readiness")
        self._answers: dict[str, Future[object]] = {}

    def silent(self) -> list[str]:
        """Names of the parts that do not answer, or not in time."""
        for name, ask in self._asked.items():
            if name not in self._answers or self._answers[name].done():
                self._answers[name] = self._threads.submit(ask)
        answers = dict(self._answers)
        wait(answers.values(), PATIENCE_SECONDS)
        return [name for name, found in answers.items() if not found.done() or found.exception() is not None]

    def close(self) -> None:
        """Ask no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask_database(service: Service) -> None:
    with service.database.system() as connection:
        connection.execute(text("SELECT 1"))
