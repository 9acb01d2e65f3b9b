"""What version 2 of the database makes of the rows that it finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from api import migrations
from api.db import SYSTEM_ROLE, psycopg_url
from tests.integration.conftest import administration, url_of

if TYPE_CHECKING:
    from embedded.stores import Stores

OWNER, PASSWORD = "plain_owner", "of-a-test"


@pytest.fixture
def owned(stores: Stores) -> Iterator[str]:
    """An empty database, by the address of an owner who is no superuser: row level security holds for it as well."""
    name = f"owned_{uuid4().hex}"
    with administration(stores) as connection:
        connection.execute(text(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{PASSWORD}'"))
        connection.execute(text(f"GRANT hansard_tenant, hansard_system, hansard_reader TO {OWNER} WITH ADMIN OPTION"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {OWNER}"))
    scheme, _, place = url_of(stores, name).rpartition("@")
    yield f"{scheme.partition('//')[0]}//{OWNER}:{PASSWORD}@{place}"
    with administration(stores) as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        connection.execute(text(f"DROP OWNED BY {OWNER}"))
        connection.execute(text(f"DROP ROLE {OWNER}"))


def connected(url: str) -> Any:
    engine = create_engine(psycopg_url(url), poolclass=NullPool)
    return engine.begin()


def add_event(connection: Any, tenant: UUID, options: str) -> UUID:
    """An event of an ended job of such options, as version 1 wrote it."""
    recording, job, event = uuid4(), uuid4(), uuid4()
    values = {"tenant": tenant, "recording": recording, "job": job, "event": event, "options": options}
    for statement in (
        "INSERT INTO recordings (id, tenant_id, name, source_kind) VALUES (:recording, :tenant, 'a', 'url')",
        """
        INSERT INTO jobs (id, tenant_id, recording_id, state, pool, priority, options, finished_at)
        VALUES (:job, :tenant, :recording, 'succeeded', 'process', 'backfill', CAST(:options AS jsonb), now())
        """,
        "INSERT INTO outbox (id, tenant_id, type, job_id, data) VALUES (:event, :tenant, 'job.succeeded', :job, '{}')",
    ):
        connection.execute(text(statement), values)
    return event


def test_events_keep_the_endpoints_that_their_jobs_named_and_deletions_wait_for_late_writes(owned: str) -> None:
    migrations.upgrade(owned, "0001")
    tenant, endpoints = uuid4(), [uuid4(), uuid4()]
    with connected(owned) as connection:
        connection.execute(text(f"SET ROLE {SYSTEM_ROLE}"))
        connection.execute(text("INSERT INTO tenants (id, name) VALUES (:id, 'a')"), {"id": tenant})
        named = add_event(connection, tenant, f'{{"callback_endpoints": ["{endpoints[0]}", "{endpoints[1]}"]}}')
        unnamed = [add_event(connection, tenant, options) for options in ("{}", '{"callback_endpoints": []}')]
        deletion = "INSERT INTO deletions (recording_id, tenant_id, requested_by) VALUES (:id, :tenant, 'test')"
        connection.execute(text(deletion), {"id": uuid4(), "tenant": tenant})
    migrations.upgrade(owned)
    with connected(owned) as connection:
        assert migrations.drift(connection) == []
        connection.execute(text(f"SET ROLE {SYSTEM_ROLE}"))
        found = dict(tuple(row) for row in connection.execute(text("SELECT id, named_endpoints FROM outbox")))
        assert found == {named: endpoints} | dict.fromkeys(unnamed)
        left = "SELECT quiet_at > clock_timestamp() + interval '69 minutes', next_try_at <= now() FROM deletions"
        assert connection.execute(text(left)).all() == [(True, True)]
    migrations.downgrade(owned, "0001")
