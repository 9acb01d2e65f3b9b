"""Start a program that does not outlive the thread that starts it.

The kernel's parent of a process is a thread: a child dies with the thread that called `spawn`, not only with the
whole process (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import Signals
from typing import Protocol

from embedded.child import Account, Child

LAUNCH = Path(__file__).with_name("launch.py")


class Process(Protocol):
    """What a supervisor needs of a child of its process: a part of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Its id."""

    @property
    def returncode(self) -> int | None:
        """Exit status once `wait` has returned, negative for the signal that ended it."""

    def wait(self) -> int:
        """Wait for its end and take its exit status."""

    def send_signal(self, number: int, /) -> None:
        """Send a signal, unless it is known to have ended."""

    def kill(self) -> None:
        """End it without a word."""


Spawn = Callable[[Child], Process]
"""A way to start a child."""


def launched(
    command: Sequence[str], *, account: Account | None = None, death_signal: Signals = Signals.SIGKILL
) -> list[str]:
    """The command that runs `command` as `account`, to be started by this process itself."""
    who = "" if account is None else f"{account.uid}:{account.gid}:{int(account.namespace)}"
    interpreter = [sys.executable, "-I", "-S", str(LAUNCH)]
    return [*interpreter, str(os.getpid()), str(int(death_signal)), who, *command]


def spawn(child: Child) -> subprocess.Popen[bytes]:
    """Start a child.

    Raises:
        OSError: the interpreter, the log or the directory cannot be used. A program that cannot be started ends with
            status 127, and says why in the log.
    """
    with child.log.open("ab") as log:
        # Its own process group, so that a Ctrl-C at the terminal reaches the supervisor alone.
        return subprocess.Popen(  # noqa: S603 - the command is ours
            launched(child.command, account=child.account, death_signal=child.death_signal),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child.environment,
            cwd=child.directory,
            process_group=0,
        )
