"""Rounds that keep everything moving, whatever messages were lost: each idempotent, by any number of dispatchers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Connection

from api.audit import forget_audit
from api.bootstrap import Service
from api.errors import DatabaseUnavailable, TemporarilyUnavailable
from api.idempotency import forget_expired
from api.jobs.admission import admit, forget_lost
from api.jobs.promotion import promote
from api.jobs.reaping import reap
from api.logging import where
from api.recordings.erasure import finish_deletions
from api.recordings.orphans import remove_orphans
from api.recordings.retention import delete_expired, forget_deletions
from api.recordings.uploads import expire_uploads
from api.states import Pool
from api.webhooks.fan_out import fan_out
from api.webhooks.keeping import forget_events
from api.webhooks.resealing import reseal_secrets
from workers.delivery import send_due
from workers.metrics import DEAD, REAPED
from workers.queue_metrics import count_dead, observe_queues

LAST_SECONDS: Final = 5.0
"""That upkeep, which may be waiting for the object store, has to end in when told to stop."""
log = structlog.get_logger()


@dataclass(kw_only=True)
class Dispatcher:
    """Reaps, admits, fans out and deletes, round after round."""

    service: Service
    clock: Callable[[], float] = time.monotonic
    blind_until: float = field(default=float("-inf"))
    """Leases are not ended before: see `_reap`."""

    def run(self, stopping: threading.Event) -> None:
        """Go round until told to stop."""
        # Of its own: an object store that answers slowly must not keep jobs from those who wait for them.
        upkeep = threading.Thread(target=self._repeat, args=(stopping, self.upkeep), name="upkeep", daemon=True)
        upkeep.start()
        self._repeat(stopping, self.dispatch)
        upkeep.join(LAST_SECONDS)

    def round(self) -> Mapping[str, int]:
        """Do everything once; how much each part found to do. What cannot be done now is done in the next round."""
        return {**self.dispatch(), **self.upkeep()}

    def dispatch(self) -> Mapping[str, int]:
        """Do what somebody waits for."""
        return self._all(
            {
                "reaped": self._reap,
                "fanned_out": lambda: len(fan_out(self.service)),
                "deliveries_sent": lambda: send_due(self.service),
                **{f"{pool}_sent_again": self._forgetter(pool) for pool in Pool},
                "admitted": self._admit,
                **{f"{pool}_promoted": self._promoter(pool) for pool in Pool},
                "observed": self._observe,
            }
        )

    def upkeep(self) -> Mapping[str, int]:
        """Remove what is kept no longer."""
        settings = self.service.settings
        parts: dict[str, Callable[[], int]] = {
            "uploads_expired": self._in_transaction(expire_uploads),
            "orphans_removed": lambda: remove_orphans(self.service),
            "keys_forgotten": self._in_transaction(forget_expired),
            "expired": lambda: delete_expired(self.service),
            "deleted": lambda: finish_deletions(self.service),
            "events_forgotten": self._in_transaction(lambda one: forget_events(one, settings.event_retention_days)),
            "audit_forgotten": self._in_transaction(lambda one: forget_audit(one, settings.audit_retention_days)),
            "deletions_forgotten": self._in_transaction(
                lambda one: forget_deletions(one, settings.audit_retention_days)
            ),
            "secrets_resealed": lambda: reseal_secrets(self.service),
        }
        return self._all(parts)

    def _repeat(self, stopping: threading.Event, sweep: Callable[[], Mapping[str, int]]) -> None:
        while not stopping.is_set():
            sweep()
            stopping.wait(self.service.settings.sweep_seconds)

    def _all(self, parts: Mapping[str, Callable[[], int]]) -> Mapping[str, int]:
        done = {name: self._tried(name, part) for name, part in parts.items()}
        for name, number in done.items():
            if number:
                log.info("dispatcher.did", part=name, count=number)
        return done

    def _reap(self) -> int:
        """End expired leases, unless the database was away.

        Then nobody could send a heartbeat, and all are given the time to do so before they are taken for lost.
        """
        if self.clock() < self.blind_until:
            return 0
        with self.service.database.system() as connection:
            reaped = reap(connection)
            dead = count_dead(connection, reaped)
        REAPED.inc(len(reaped))
        DEAD.inc(dead)
        return len(reaped)

    def _observe(self) -> int:
        with self.service.database.system() as connection:
            observe_queues(connection)
        return 0

    def _in_transaction(self, part: Callable[[Connection], int]) -> Callable[[], int]:
        def run() -> int:
            with self.service.database.system() as connection:
                return part(connection)

        return run

    def _forgetter(self, pool: Pool) -> Callable[[], int]:
        return lambda: forget_lost(self.service.database, self.service.queue, pool)

    def _admit(self) -> int:
        return admit(self.service.database, self.service.queue, Pool, self.service.settings.window)

    def _promoter(self, pool: Pool) -> Callable[[], int]:
        return lambda: promote(self.service.database, self.service.queue, pool)

    def _tried(self, name: str, part: Callable[[], int]) -> int:
        try:
            return part()
        except TemporarilyUnavailable as error:
            log.warning("dispatcher.unavailable", part=name, error=error.slug)
            if isinstance(error, DatabaseUnavailable):
                self.blind_until = self.clock() + self.service.settings.lease_seconds
        except Exception as error:  # noqa: BLE001 - one part must not keep the others from their work
            log.error("dispatcher.failed", part=name, error=type(error).__name__, where=where(error))  # noqa: TRY400
        return 0
