"""Real Postgres, Valkey and SeaweedFS, started once for all tests of a process; a database of its own for each test."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import RowMapping, insert, select, text, update

from api.states import JobState, Pool, Priority
from api.tables import jobs, recordings

if TYPE_CHECKING:
    from api.bootstrap import Service
    from api.settings import Settings
    from embedded.stores import Stores

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """The three servers; Postgres holds a migrated database that others are copied from."""
    from api.migrations import upgrade
    from embedded.stores import Stores

    with Stores.start(tmp_path_factory.mktemp("stores")) as running:
        with administration(running) as connection:
            connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
        upgrade(url_of(running, TEMPLATE))
        yield running


@pytest.fixture
def database_url(stores: Stores) -> Iterator[str]:
    """An empty database with all tables."""
    name = f"test_{uuid4().hex}"
    with administration(stores) as connection:
        # Reading the template's blocks into the log is quicker than a checkpoint before and after a copy of its files.
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY wal_log"))
    yield url_of(stores, name)
    with administration(stores) as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def settings(stores: Stores, database_url: str) -> Settings:
    """Settings that name the running servers."""
    return settings_for(stores, database_url)


@pytest.fixture
def service(settings: Settings, stores: Stores) -> Iterator[Service]:
    """The service on real servers; messages are kept in memory, where a test can look at them."""
    from api.bootstrap import connect
    from api.queue import InMemoryQueue

    wired = connect(settings)
    yield replace(wired, queue=InMemoryQueue())
    wired.database.close()


@pytest.fixture
def tenant(service: Service) -> UUID:
    """A tenant that may do everything."""
    return add_tenant(service)


def add_tenant(service: Service, **values: Any) -> UUID:
    """Make one more tenant."""
    from api.tables import tenants

    with service.database.system() as connection:
        row = {"name": f"tenant-{uuid4().hex[:8]}", **values}
        made: UUID = connection.execute(insert(tenants).values(row).returning(tenants.c.id)).scalar_one()
    return made


def settings_for(stores: Stores, database_url: str, **others: Any) -> Settings:
    """Settings that name running servers, with others."""
    from api.settings import Settings

    return Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(stores.redis_url),
        s3_endpoint=stores.objects.endpoint,
        s3_bucket=stores.objects.bucket,
        s3_access_key=SecretStr(stores.objects.access_key),
        s3_secret_key=SecretStr(stores.objects.secret_key),
        secret_keys=(SecretStr(base64.urlsafe_b64encode(bytes(32)).decode()),),
        **others,
    )


def administration(stores: Stores) -> Any:
    """A connection outside any transaction, to make and drop databases."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from api.db import psycopg_url

    return create_engine(psycopg_url(stores.database_url), isolation_level="AUTOCOMMIT", poolclass=NullPool).connect()


def url_of(stores: Stores, name: str) -> str:
    """The address of one of the databases."""
    return f"{stores.database_url.rpartition('/')[0]}/{name}"


@pytest.fixture
def queued(service: Service, tenant: UUID) -> Callable[..., UUID]:
    """Makes a queued job; its columns may be given."""

    def make(**values: Any) -> UUID:
        owner = values.pop("tenant_id", tenant)
        with service.database.system() as connection:
            recording = connection.execute(
                insert(recordings).values(tenant_id=owner, name="talk", source_kind="upload").returning(recordings.c.id)
            ).scalar_one()
            row = {
                "tenant_id": owner,
                "recording_id": recording,
                "state": JobState.QUEUED,
                "pool": Pool.PROCESS,
                "priority": Priority.INTERACTIVE,
            }
            made: UUID = connection.execute(insert(jobs).values(row | values).returning(jobs.c.id)).scalar_one()
        return made

    return make


@pytest.fixture
def row_of(service: Service) -> Callable[[UUID], RowMapping]:
    """Gives the row of a job."""

    def read(job: UUID) -> RowMapping:
        with service.database.system() as connection:
            return connection.execute(select(jobs).where(jobs.c.id == job)).mappings().one()

    return read


@pytest.fixture
def lease_runs_out(service: Service) -> Callable[[UUID], None]:
    """Lets the lease of a job end a second ago."""

    def run_out(job: UUID) -> None:
        with service.database.system() as connection:
            ended = text("clock_timestamp() - interval '1 second'")
            connection.execute(update(jobs).where(jobs.c.id == job).values(lease_until=ended))

    return run_out
