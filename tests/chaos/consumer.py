"""Whoever the webhooks are for: takes most at once, refuses some at first, and writes all of them down.

Also has a recording, for whoever is told where it is.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from uuid import UUID

from tests.chaos.stubs import recording

REFUSED_SHARE = 0.03


@dataclass
class Consumer:
    """Requests by webhook-id; for each, the digests of the bodies that came under it."""

    seed: int
    received: dict[UUID, list[str]] = field(default_factory=dict)
    refused: int = 0
    url: str = ""
    """Where webhooks go."""
    source: str = ""
    """Where the recording is."""
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def take(self, event: UUID, body: bytes) -> int:
        """Note a request; the status to answer with. What is refused is noted as well: it has arrived."""
        with self._lock:
            self.received.setdefault(event, []).append(hashlib.sha256(body).hexdigest())
            if self._chance.random() >= REFUSED_SHARE:
                return 204
            self.refused += 1
            return 500


@contextmanager
def listening(consumer: Consumer) -> Iterator[None]:
    """Serve on the loopback; the consumer's `url` and `source` are set."""
    file = recording()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(consumer.take(UUID(self.headers["webhook-id"]), body))
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(file)))
            self.end_headers()
            self.wfile.write(file)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        consumer.url, consumer.source = f"{address}/hook", f"{address}/recording.flac"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
