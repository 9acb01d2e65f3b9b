"""What Postgres says, as what it means for those who wait: it is away, it is busy, or we made a mistake."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from api.db import Database
from api.errors import DatabaseBusy, DatabaseUnavailable
from api.tables import tenants, transcripts
from tests.integration.conftest import administration, settings_for

if TYPE_CHECKING:
    from api.bootstrap import Service
    from embedded.stores import Stores


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("RESET ROLE; SELECT pg_terminate_backend(pg_backend_pid())", DatabaseUnavailable),
        ("SET TRANSACTION READ ONLY; CREATE TABLE mine (id int)", DatabaseUnavailable),
        ("SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)", DatabaseBusy),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", DatabaseBusy),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", DatabaseBusy),
        ("DO $$ BEGIN RAISE SQLSTATE '57P03'; END $$", DatabaseUnavailable),
    ],
)
def test_an_outage_is_told_from_a_busy_moment(service: Service, statement: str, told: type[Exception]) -> None:
    """Leases are given time after an outage; a query that takes too long must not be taken for one."""
    with pytest.raises(told) as raised, service.database.system() as connection:
        connection.exec_driver_sql(statement)
    assert type(raised.value) is told


def test_a_mistake_of_ours_stays_one(service: Service) -> None:
    with pytest.raises(IntegrityError), service.database.system() as connection:
        connection.execute(insert(tenants).values(name="bad", weight=-1))


def test_a_process_without_a_free_connection_is_busy(
    stores: Stores, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.db.WAIT_SECONDS", 0.2)
    database = Database.connect(settings_for(stores, database_url, database_connections=1))
    with database.system(), pytest.raises(DatabaseBusy), database.system():
        pass
    database.close()


def test_a_connection_that_died_while_it_rested_is_replaced(
    stores: Stores, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that died a moment after its last use is not asked: whoever uses it is told that the database is away."""
    monkeypatch.setattr("api.db.TRUSTED_SECONDS", 0.5)
    database = Database.connect(settings_for(stores, database_url, database_connections=1))

    def killed() -> int:
        with database.system() as connection:
            pid: int = connection.execute(select(func.pg_backend_pid())).scalar_one()
        with administration(stores) as connection:
            connection.execute(select(func.pg_terminate_backend(pid, 5_000)))
        return pid

    first = killed()
    time.sleep(0.6)
    second = killed()
    assert second != first
    with pytest.raises(DatabaseUnavailable), database.system():
        pass
    assert killed() != second
    database.close()


def test_two_results_of_one_recording_may_come_at_once(service: Service, queued: Any, row_of: Any) -> None:
    from api.results.publishing import publish
    from tests.chaos.stubs import transcript_of

    first = queued()
    recording, tenant = row_of(first)["recording_id"], row_of(first)["tenant_id"]
    found = [first, *(queued(recording_id=recording) for _ in range(5))]

    def end(job: Any) -> None:
        with service.database.system() as connection:
            publish(connection, tenant, recording, job, transcript_of(str(uuid4())), {})
            connection.execute(text("SELECT pg_sleep(0.1)"))

    with ThreadPoolExecutor(len(found)) as pool:
        list(pool.map(end, found))
    with service.database.system() as connection:
        statement = select(func.count()).select_from(transcripts).where(transcripts.c.recording_id == recording)
        assert connection.execute(statement).scalar_one() == len(found)
        assert connection.execute(statement.where(transcripts.c.current)).scalar_one() == 1
