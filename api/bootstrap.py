"""The parts of the service, wired once in a process."""

from __future__ import annotations

from dataclasses import dataclass

from api.db import Database
from api.queue import CeleryQueue, Queue
from api.settings import Settings
from api.storage import ObjectStore, S3Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What both edges, HTTP and the workers, work with."""

    settings: Settings
    database: Database
    objects: ObjectStore
    queue: Queue


def connect(settings: Settings) -> Service:
    """Wire the real parts; each opens its connections when it first needs them."""
    return Service(
        settings=settings,
        database=Database.connect(settings),
        objects=S3Store.connect(settings),
        queue=CeleryQueue.connect(settings),
    )
