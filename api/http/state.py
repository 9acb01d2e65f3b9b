"""What requests share, made once in a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from anyio import CapacityLimiter
from fastapi import Request

from api.admitter import Admitter
from api.bootstrap import Service
from api.cursors import Cursors
from api.http.readiness import Readiness
from api.http.stopping import Stopping
from api.keys import KeyRing
from api.quotas import QueueQuota, RateLimiter

UPLOADS_AT_ONCE: Final = 32
"""In a process; each holds a part of 8 MB in memory, and 2 MB on their way. More wait, and their clients with them."""
LOOKUPS_SHARE: Final = 4
"""One in so many connections, and no more, is for keys that nobody may ever have been given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The service, and what this process keeps beside it."""

    service: Service
    keys: KeyRing
    rates: RateLimiter
    quota: QueueQuota
    cursors: Cursors
    admitter: Admitter
    readiness: Readiness
    uploads: CapacityLimiter
    """Threads that write uploads to the object store."""
    lookups: CapacityLimiter
    """Threads that look up keys which were not seen before."""
    stopping: Stopping

    @classmethod
    def of(cls, service: Service) -> Shared:
        """Make everything; nothing is opened or started yet."""
        keys = [key.get_secret_value() for key in service.settings.secret_keys]
        return cls(
            service=service,
            keys=KeyRing(service.database),
            rates=RateLimiter(),
            quota=QueueQuota(),
            cursors=Cursors(keys),
            admitter=Admitter(service),
            readiness=Readiness(service),
            uploads=CapacityLimiter(UPLOADS_AT_ONCE),
            lookups=CapacityLimiter(max(1, service.settings.database_connections // LOOKUPS_SHARE)),
            stopping=Stopping(),
        )

    def close(self) -> None:
        """Stop what runs in the background; the service stays open, it is its maker's."""
        self.admitter.stop()
        self.readiness.close()


def parts_of(request: Request) -> Shared:
    """What requests share."""
    return cast("Shared", request.app.state.shared)


async def shared(request: Request) -> Shared:
    """Dependency: the same. A coroutine, so that it is called at once: a plain function would be sent to a thread."""
    return parts_of(request)
