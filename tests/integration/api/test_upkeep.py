"""What the service forgets in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from api.audit import forget_audit
from api.bootstrap import Service
from api.jobs.transition import NOW
from api.recordings.retention import forget_deletions
from api.tables import audit_log, deletions, outbox
from workers.dispatcher import Dispatcher

if TYPE_CHECKING:
    from sqlalchemy import Table

YEAR = timedelta(days=365, minutes=1)


def count(service: Service, table: Table) -> int:
    with service.database.system() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def delete_one(client: TestClient) -> str:
    ident = str(client.post("/v1/recordings", json={"url": "https://example.org/a.wav"}).json()["recording"]["id"])
    assert client.delete(f"/v1/recordings/{ident}").json()["finished_at"] is not None
    return ident


def test_an_old_audit_row_goes(client: TestClient, service: Service) -> None:
    for _ in range(2):
        delete_one(client)
    with service.database.system() as connection:
        first = select(func.min(audit_log.c.id)).scalar_subquery()
        connection.execute(update(audit_log).where(audit_log.c.id == first).values(at=NOW - YEAR))
        assert forget_audit(connection, 0) == 0, "0 keeps everything"
        assert [forget_audit(connection, 365) for _ in range(2)] == [1, 0]
    assert count(service, audit_log) == 1


def test_an_old_deletion_is_as_unknown_as_if_it_had_never_been(client: TestClient, service: Service) -> None:
    old, young = delete_one(client), delete_one(client)
    with service.database.system() as connection:
        mine = deletions.c.recording_id == old
        connection.execute(update(deletions).where(mine).values(finished_at=NOW - YEAR))
        assert forget_deletions(connection, 0) == 0
        assert [forget_deletions(connection, 365) for _ in range(2)] == [1, 0]
    assert [client.get(f"/v1/recordings/{ident}").status_code for ident in (old, young)] == [404, 410]


def test_a_deletion_that_is_not_done_with_stays_however_old(client: TestClient, service: Service) -> None:
    delete_one(client)
    with service.database.system() as connection:
        connection.execute(update(deletions).values(finished_at=None, requested_at=NOW - YEAR))
        assert forget_deletions(connection, 365) == 0


@pytest.mark.parametrize("kept", [False, True])
def test_the_dispatcher_forgets_what_the_settings_say(client: TestClient, service: Service, kept: bool) -> None:
    delete_one(client)
    limits = {"event_retention_days": 0, "audit_retention_days": 0} if kept else {}
    dispatcher = Dispatcher(service=replace(service, settings=service.settings.model_copy(update=limits)))
    dispatcher.round()
    with service.database.system() as connection:
        connection.execute(update(outbox).values(created_at=NOW - timedelta(days=31)))
        connection.execute(update(audit_log).values(at=NOW - YEAR))
        connection.execute(update(deletions).values(finished_at=NOW - YEAR))
    done = dispatcher.round()
    expected = (0, 0, 0) if kept else (2, 1, 1)
    assert (done["events_forgotten"], done["audit_forgotten"], done["deletions_forgotten"]) == expected
