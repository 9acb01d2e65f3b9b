"""Forks processes of the service off itself, with everything imported: importing is most of what a start costs.

`python -m tests.chaos.nursery SOCKET`, started by `forking`. It has one thread, so that its forks are safe, and runs
nothing of the service itself. A fork is orphaned at once, and so falls to whoever started the nursery.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Final, Self

from embedded.launch import die_with

MODULES: Final = (
    *("tests.chaos.worker", "tests.chaos.http_api", "workers.ingest", "workers.process", "api.http.app"),
    # What is imported only once it is wanted, and is wanted by every one of them.
    *("boto3.s3.inject", "celery.app.control", "celery.backends.redis", "celery.bin.celery", "celery.events"),
    *("celery.concurrency.thread", "celery.worker.autoscale", "celery.worker.consumer", "celery.worker.strategy"),
    *("encodings.idna", "kombu.transport.redis", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"),
    *("celery.app.events", "celery.app.log", "celery.apps.worker", "celery.fixups.django", "celery.loaders.app"),
    *("uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl"),
)
MOST_BYTES: Final = 256 * 1024
ADOPTION_SECONDS: Final = 10.0
"""Until a fork is the child of whoever asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A process that is wanted; its log comes with the message."""

    module: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    directory: str
    parent: int
    """Whose child it is to be."""

    @classmethod
    def read(cls, message: bytes) -> Self:
        """From one message."""
        return cls(**json.loads(message))

    def message(self) -> bytes:
        """As one message."""
        return json.dumps(asdict(self)).encode()

    def become(self, log: int) -> Callable[[], None]:
        """Be this process from now on; what it has to do is returned."""
        os.setpgid(0, 0)
        until = time.monotonic() + ADOPTION_SECONDS
        while os.getppid() != self.parent:
            if time.monotonic() > until:
                os._exit(1)  # It has died, and somebody else is the parent of us all.
            time.sleep(0.001)
        die_with(self.parent, SIGKILL)
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.environ.clear()
        os.environ.update(self.environment)
        tempfile.tempdir = None
        os.chdir(self.directory)
        sys.argv = [self.module, *self.arguments]
        main: Callable[[], None] = sys.modules[self.module].main
        return main


def serve(orders: socket.socket) -> Callable[[], None] | None:
    """Fork for as long as somebody asks. Returns None in the nursery, and in a fork what the fork has to do."""
    while True:
        message, logs, _, _ = socket.recv_fds(orders, MOST_BYTES, 1)
        if not message:
            return None
        (log,) = logs
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            if pid := os.fork():
                os.write(writing, str(pid).encode())
                os._exit(0)
            os.close(reading)
            os.close(writing)
            orders.close()
            return Order.read(message).become(log)
        os.close(writing)
        os.close(log)
        # Once the one between has ended, the fork has its new parent.
        os.waitpid(between, 0)
        orders.sendall(os.read(reading, MOST_BYTES))
        os.close(reading)


def main() -> None:
    """Import, then serve."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    for name in MODULES:
        importlib.import_module(name)
    # What is there by now is never garbage, and is not copied by looking for some.
    gc.collect()
    gc.freeze()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        sys.exit("something that was imported has started threads: forks would not be safe")
    orders.sendall(b"ready")
    if (work := serve(orders)) is not None:
        work()


if __name__ == "__main__":
    main()
