"""Starts children of a supervisor by having them forked, a tenth of a second each in place of seconds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Final

from embedded.child import Child
from embedded.spawning import Spawn, launched
from tests.chaos.nursery import Order
from tests.conftest import REPOSITORY

PR_SET_CHILD_SUBREAPER: Final = 36
START_SECONDS: Final = 120.0


class NurseryLost(Exception):
    """The process that others are forked from has ended, or hangs: its output says why."""


class Forked:
    """A process that has become a child of this one: what `Popen` is to one that it has started itself."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def wait(self) -> int:
        """Wait for its end; its exit status, negative for the signal that ended it."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it is known to have ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without a word."""
        self.send_signal(SIGKILL)


@dataclass(frozen=True, slots=True)
class Forking:
    """A way to start children whose command is `python -m` and a module that the nursery has imported."""

    orders: socket.socket

    def __call__(self, child: Child) -> Forked:
        """Start it."""
        interpreter, option, module, *arguments = child.command
        if (interpreter, option) != (sys.executable, "-m"):
            message = f"{child.name} is no module: it cannot be forked"
            raise ValueError(message)
        order = Order(
            module=module,
            arguments=tuple(arguments),
            environment=dict(os.environ if child.environment is None else child.environment),
            directory=str(child.directory or Path.cwd()),
            parent=os.getpid(),
        )
        try:
            with child.log.open("ab") as log:
                socket.send_fds(self.orders, [order.message()], [log.fileno()])
            return Forked(int(_heard(self.orders)))
        except OSError as error:
            # No case for another try, as a program would be that cannot be started now; and a late answer would be
            # taken for the next.
            self.orders.close()
            raise NurseryLost from error


@contextmanager
def nursery() -> Iterator[Spawn]:
    """Keep a process that has imported everything; children that it forks are this process's own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, _adopting():
        with theirs:
            command = launched([sys.executable, "-m", "tests.chaos.nursery", str(theirs.fileno())])
            # Libraries of linear algebra start threads as they are imported, unless told not to.
            alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            process = subprocess.Popen(command, cwd=REPOSITORY, env=alone, pass_fds=[theirs.fileno()], process_group=0)
        try:
            ours.settimeout(START_SECONDS)
            _heard(ours)
            yield Forking(ours)
        finally:
            process.kill()
            process.wait()


def _heard(orders: socket.socket) -> bytes:
    said = orders.recv(20)
    if not said:
        raise NurseryLost
    return said


@contextmanager
def _adopting() -> Iterator[None]:
    """Let orphans of this process's descendants fall to it."""
    kernel = CDLL(None)
    kernel.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        kernel.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
