"""Sends jobs: rows and a source object each, over several tenants and both priorities."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection, insert
from sqlalchemy.dialects.postgresql import insert as upsert
from uuid_utils.compat import uuid7

from api.bootstrap import Service
from api.errors import TemporarilyUnavailable
from api.sources import SourceKind
from api.states import JobState, Pool, Priority
from api.storage.keys import source_key
from api.tables import jobs, recordings, tenants
from api.webhooks import endpoints
from tests.chaos import books
from tests.chaos.observed import Expected
from tests.chaos.orders import POISON, Orders, all_orders
from tests.chaos.plan import Plan
from tests.chaos.stubs import recording

TENANTS: Final = 5
INTERACTIVE_SHARE: Final = 0.6
PATIENCE_SECONDS: Final = 60.0
T = TypeVar("T")


class Submitter:
    """A client that sends what is left of a plan's jobs, and knows what was accepted."""

    def __init__(self, service: Service, plan: Plan, webhook_url: str) -> None:
        self._service = service
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._recording = recording()
        self._orders = list(all_orders(plan))
        self._tenants = [self._make_tenant(number, webhook_url) for number in range(TENANTS)]
        self.accepted: dict[UUID, Expected] = {}

    def submit(self, number: int) -> None:
        """Send up to so many more."""
        for _ in range(min(number, self._plan.jobs - len(self.accepted))):
            self._submit_one()

    def _submit_one(self) -> None:
        number = len(self.accepted)
        orders = self._orders[number] if number < len(self._orders) else None
        tenant, name = self._chance.choice(self._tenants), f"recording-{number:05d}"
        priority = Priority.INTERACTIVE if self._chance.random() < INTERACTIVE_SHARE else Priority.BACKFILL
        recording_id, job_id = uuid7(), uuid7()
        source = {"id": recording_id, "tenant_id": tenant, "name": name, "source_kind": SourceKind.UPLOAD}
        job = {
            "id": job_id,
            "tenant_id": tenant,
            "recording_id": recording_id,
            "state": JobState.QUEUED,
            "pool": Pool.INGEST,
            "priority": priority,
            "options": {} if orders is None else orders.options(),
        }
        self._service.objects.put(source_key(tenant, recording_id), self._recording, "audio/flac")
        # Under ids of our own: sent again where the answer was lost, it is there once.
        insistently(self._service, lambda connection: _insert(connection, source, job))
        self.accepted[job_id] = books.expected(name, _end_of(orders))

    def _make_tenant(self, number: int, webhook_url: str) -> UUID:
        service = self._service
        with service.database.system() as connection:
            row = {"name": f"tenant-{number}", "weight": 1.0 + number}
            tenant: UUID = connection.execute(insert(tenants).values(row).returning(tenants.c.id)).scalar_one()
        with service.database.tenant(tenant) as connection:
            endpoints.create(connection, service.settings, tenant, url=webhook_url)
        return tenant


def insistently(service: Service, do: Callable[[Connection], T]) -> T:
    """Do something in a transaction, again and again while the database does not answer.

    Raises:
        TemporarilyUnavailable: it did not for a minute.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with service.database.system() as connection:
                return do(connection)
        except TemporarilyUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _insert(connection: Connection, source: dict[str, Any], job: dict[str, Any]) -> None:
    connection.execute(upsert(recordings).values(source).on_conflict_do_nothing())
    connection.execute(upsert(jobs).values(job).on_conflict_do_nothing())


def _end_of(orders: Orders | None) -> str:
    return str(JobState.DEAD if orders == POISON else JobState.SUCCEEDED)
