"""What the tasks of one worker process share."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from api.bootstrap import Service
from api.jobs.lease import Claim
from api.states import Pool
from workers.ending import end_in_order
from workers.keeper import Keeper, Rhythm
from workers.room import Room


class Work(Protocol):
    """What a pool does to a job: the whole of it, with the fenced write at the end."""

    def __call__(self, context: Context, held: Claim, keeper: Keeper, /) -> None:
        """Do it; errors decide what becomes of the job (see `workers.execution`)."""


def nobody(point: str, held: Claim) -> None:
    """Hear that a point was reached, and do nothing."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One worker process."""

    service: Service
    work: Mapping[Pool, Work]
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    scratch: Path
    """Folder for files of the job at hand."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the worker was told to stop."""
    first_to_lose_the_device: threading.Lock = field(default_factory=threading.Lock)
    """Taken for good by the job that finds that the GPU has failed: those beside it find the same."""
    room: Room = field(default_factory=Room)
    chance: random.Random = field(default_factory=random.SystemRandom)
    end: Callable[[], None] = end_in_order
    """Ends the process where it cannot go on."""
    reached: Callable[[str, Claim], None] = nobody
    """Told at every boundary between stages: where tests let a worker die."""

    @property
    def rhythm(self) -> Rhythm:
        """How often leases are prolonged."""
        settings = self.service.settings
        return Rhythm(
            lease=timedelta(seconds=settings.lease_seconds),
            heartbeat=timedelta(seconds=settings.heartbeat_seconds),
            patience=timedelta(seconds=settings.hang_seconds),
        )
