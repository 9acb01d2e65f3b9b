"""A consumer of webhooks, as a user would write one: it believes nothing that is not signed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from embedded.ports import LOOPBACK


class Consumer:
    """Listens on loopback; events that verify are in `events`, in the order in which they came."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.secret: str | None = None
        """Of the endpoint that was made for `address`; without it nothing verifies."""
        self.events: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Verify a request with the stock library of the standard, and keep what it says."""
        if self.secret is None:
            return False
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return False
        self.events.put(json.loads(body))
        return True


@contextmanager
def consumer() -> Iterator[Consumer]:
    """Listen for as long as it is entered."""
    listening: Consumer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken = listening.take(body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(204 if taken else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        listening = Consumer(f"http://{LOOPBACK}:{server.server_port}/events")
        thread = threading.Thread(target=server.serve_forever, name="consumer", daemon=True)
        thread.start()
        try:
            yield listening
        finally:
            server.shutdown()
            thread.join()
