"""What a supervisor has to know about a child process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who a child runs as, where that is not who starts it."""

    uid: int
    gid: int
    namespace: bool = False
    """The child only sees itself as `uid`, in a user namespace of its own; to the machine it stays who started it,
    and owns what they own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A program to be kept running. It is started in a process group of its own, with nothing on its standard input."""

    name: str
    command: tuple[str, ...]
    """The program by its full path, and its arguments. Others can read them: no secrets."""
    log: Path
    """Its output is appended to this file."""
    environment: Mapping[str, str] | None = None
    """The whole environment; by default the supervisor's own."""
    directory: Path | None = None
    """Where it runs; by default where the supervisor does."""
    account: Account | None = None
    prepare: Callable[[], None] | None = None
    """Done once, before the first start."""
    ready: Callable[[], None] | None = None
    """Returns when the child does what it is there for, and raises `NotReady` while it does not. By default a child is
    ready when it was started."""
    ready_seconds: float = 30.0
    """A child that is not ready after so long has failed to start."""
    stop_signal: Signals = Signals.SIGTERM
    stop_seconds: float = 10.0
    """A child that has not ended so long after `stop_signal` is killed."""
    death_signal: Signals = Signals.SIGKILL
    """What the kernel sends it when the supervisor dies without a word. Children of the child get none: a child that
    has any needs a signal on which it ends them."""
