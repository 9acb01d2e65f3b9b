"""The way between clients and the API. Some answers do not arrive; what they said is known all the same."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from threading import Lock
from typing import Final
from uuid import UUID

import httpx

from api.http.answers import REPLAYED

ACCEPTED: Final = 202
KEY_HEADER: Final = "Idempotency-Key"


class LosingAnswers(httpx.BaseTransport):
    """Used by several threads. Whether an answer gets lost depends on the request's key, and on how often it came."""

    def __init__(self, seed: int, share: float) -> None:
        self._inner = httpx.HTTPTransport()
        self._seed = seed
        self._share = share
        self._answers: Counter[str] = Counter()
        self._lock = Lock()
        self.seen: Counter[str] = Counter()
        """What came of requests: statuses, or what there was instead."""
        self.lost = 0
        self.replayed = 0
        """Answers that had been given before."""
        self.jobs: defaultdict[str, set[UUID]] = defaultdict(set)
        """By key, the jobs that answers named."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make a request; raises `ReadError` where its answer gets lost."""
        try:
            response = self._inner.handle_request(request)
            response.read()
        except httpx.TransportError as error:
            with self._lock:
                self.seen["no connection" if isinstance(error, httpx.ConnectError) else "no answer"] += 1
            raise
        with self._lock:
            if self._noted(request.headers[KEY_HEADER], response):
                message = "the answer was lost"
                raise httpx.ReadError(message)
        return response

    def close(self) -> None:
        """Close what is open."""
        self._inner.close()

    def _noted(self, key: str, response: httpx.Response) -> bool:
        """Write an answer down; whether it gets lost."""
        self.seen[str(response.status_code)] += 1
        self._answers[key] += 1
        if response.status_code == ACCEPTED:
            self.jobs[key].add(UUID(response.json()["job"]["id"]))
            self.replayed += REPLAYED in response.headers
        lost = random.Random(f"{self._seed} {key} {self._answers[key]}").random() < self._share
        self.lost += lost
        return lost
