"""How Postgres goes about what is asked every few seconds: by way of indexes, also where tables hold years."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Connection, event, text

from api import keys
from api.audit import forget_audit
from api.bootstrap import Service, connect
from api.http.app import create_app
from api.jobs.admission import choose
from api.keys import Scope
from api.recordings.erasure import finish_deletions
from api.recordings.retention import delete_expired, forget_deletions
from api.results.reading import search_turns
from api.states import Pool
from api.webhooks.announcing import due
from api.webhooks.fan_out import fan_out_batch
from api.webhooks.keeping import forget_events
from api.webhooks.resealing import reseal_secrets
from api.webhooks.secrets import make_key
from tests.integration.conftest import TEMPLATE, administration, settings_for, url_of
from workers.queue_metrics import observe_queues

if TYPE_CHECKING:
    from embedded.stores import Stores

ROWS = 20_000
TENANTS = UUID(int=1), UUID(int=2)
FILLED = """
    INSERT INTO tenants (id, name) SELECT id, id::text FROM unnest(ARRAY[{tenants}]::uuid[]) id;
    CREATE TEMPORARY TABLE made ON COMMIT DROP AS
        SELECT number, gen_random_uuid() AS id, (ARRAY[{tenants}]::uuid[])[1 + mod(number, 2)] AS tenant_id,
               clock_timestamp() - make_interval(secs => number) AS at
        FROM generate_series(1, {rows}) number;
    INSERT INTO recordings (id, tenant_id, name, source_kind, created_at)
        SELECT id, tenant_id, 'a', 'url', at FROM made;
    INSERT INTO jobs (id, tenant_id, recording_id, state, pool, priority, options, created_at, finished_at, admitted_at)
        SELECT id, tenant_id, id, CASE WHEN number < 50 THEN 'queued' ELSE 'succeeded' END, 'process', 'backfill',
               '{{}}', at, CASE WHEN number >= 50 THEN at END, CASE WHEN number < 25 THEN at END
        FROM made;
    INSERT INTO transcripts (job_id, tenant_id, recording_id, language, duration, channels, words, warnings, provenance,
                             artefacts, quality, current)
        SELECT id, tenant_id, id, 'en', 1, 1, 1, '[]', '{{}}', '{{}}', '{{}}', true FROM made;
    INSERT INTO turns (job_id, tenant_id, recording_id, number, start_seconds, end_seconds, text, confidence, overlap,
                       words)
        SELECT id, tenant_id, id, 0, 0, 1, CASE WHEN number < 20 THEN 'rare' ELSE 'common' END || ' word' || number, 1,
               0, '[]'
        FROM made;
    INSERT INTO outbox (id, tenant_id, type, data, created_at, fanned_out_at)
        SELECT id, tenant_id, 'recording.deleted', '{{}}', at, at FROM made;
    INSERT INTO webhook_endpoints (id, tenant_id, url, secret) SELECT id, tenant_id, 'none', '0123abcd.' FROM made;
    INSERT INTO webhook_deliveries (id, tenant_id, endpoint_id, event_id, state, next_at, finished_at)
        SELECT id, tenant_id, id, id, CASE WHEN number < 50 THEN 'pending' ELSE 'delivered' END, at, at FROM made;
    INSERT INTO audit_log (tenant_id, actor, action, at) SELECT tenant_id, 'a', 'a', at FROM made;
    INSERT INTO deletions (recording_id, tenant_id, requested_by, finished_at) SELECT id, tenant_id, 'a', at FROM made
"""

Plans = Callable[[Callable[[Service, Connection], Any]], str]


@pytest.fixture(scope="module")
def old_service(stores: Stores) -> Iterator[Service]:
    """A service that has run for long, with an old key for its secrets."""
    name = f"old_{uuid4().hex}"
    with administration(stores) as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY wal_log"))
    url = url_of(stores, name)
    keys = tuple(SecretStr(make_key()) for _ in range(2))
    settings = settings_for(stores, url, retention_days=30).model_copy(update={"secret_keys": keys})
    service = connect(settings)
    tenants = ", ".join(f"'{tenant}'" for tenant in TENANTS)
    with service.database.engine.begin() as connection:
        for statement in FILLED.format(tenants=tenants, rows=ROWS).split(";"):
            connection.exec_driver_sql(statement)
    with service.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    yield service
    service.database.close()
    with administration(stores) as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def plans(old_service: Service) -> Plans:
    """Gives the plans of all statements of an act, as they are prepared: without looking at what is asked for."""

    def explained(act: Callable[[Service, Connection], Any]) -> str:
        engine, asked = old_service.database.engine, list[tuple[str, dict[str, Any]]]()

        def note(*given: Any) -> None:
            asked.append((given[2], given[3]))

        event.listen(engine, "before_cursor_execute", note)
        with old_service.database.system() as connection:
            act(old_service, connection)
        event.remove(engine, "before_cursor_execute", note)
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            return "\n".join(plan_of(connection, *one) for one in asked)

    return explained


def plan_of(connection: Connection, statement: str, parameters: dict[str, Any]) -> str:
    """The plan of a statement as a driver sends it; nothing for one that sets the role, or how others are planned."""
    if statement.startswith(("SELECT set_config", "SET LOCAL")):
        connection.exec_driver_sql(statement, parameters)
        return ""
    names = list(parameters)

    def numbered_and_typed(found: re.Match[str]) -> str:
        kind = "::interval" if isinstance(parameters[found[1]], timedelta) else ""
        return f"${names.index(found[1]) + 1}{kind}"

    numbered = re.sub(r"%\((\w+)\)s", numbered_and_typed, statement)
    connection.exec_driver_sql(f"PREPARE asked AS {numbered}")
    values = ", ".join(sql.Literal(value).as_string(None) for value in parameters.values())
    plan = connection.exec_driver_sql(f"EXPLAIN EXECUTE asked{f'({values})' if values else ''}").scalars().all()
    connection.exec_driver_sql("DEALLOCATE asked")
    return "\n".join(plan)


@pytest.mark.parametrize(
    ("act", "indexes"),
    [
        (lambda service, _: delete_expired(service), {"ix_recordings_created_at"}),
        (lambda service, _: finish_deletions(service), {"ix_deletions_unfinished"}),
        (lambda _, connection: forget_deletions(connection, 365), {"ix_deletions_finished"}),
        (lambda _, connection: forget_audit(connection, 365), {"ix_audit_log_at"}),
        (lambda _, connection: forget_events(connection, 30), {"ix_outbox_fanned_out"}),
        (lambda _, connection: fan_out_batch(connection), {"ix_outbox_waiting"}),
        (lambda _, connection: due(connection, 1000), {"ix_webhook_deliveries_due"}),
        (
            lambda service, _: reseal_secrets(service),
            {"ix_webhook_endpoints_secret", "ix_webhook_endpoints_previous_secret"},
        ),
        (
            lambda _, connection: observe_queues(connection),
            {"ix_jobs_waiting", "ix_jobs_admitted", "ix_webhook_deliveries_due"},
        ),
        (
            lambda _, connection: search_turns(connection, TENANTS[0], "rare", before=None, limit=50),
            {"ix_turns_tenant_id_search"},
        ),
        (
            # As the foreign key asks, for every job that goes.
            lambda _, connection: connection.execute(
                text("UPDATE ONLY jobs SET previous_id = NULL WHERE :id = previous_id"), {"id": uuid4()}
            ),
            {"ix_jobs_previous_id"},
        ),
    ],
    ids=["retention", "erasure", "deletions", "audit", "events", "fan-out", "deliveries", "keys", "metrics", "search",
         "previous job"],
)  # fmt: skip
def test_no_table_is_read_as_a_whole(
    plans: Plans, act: Callable[[Service, Connection], Any], indexes: set[str]
) -> None:
    plan = plans(act)
    assert "Seq Scan" not in plan, plan
    assert not re.search("(Filter|Cond): .*clock_timestamp", plan), plan
    assert {index for index in indexes if index not in plan} == set(), plan


def test_admission_reads_the_jobs_that_wait_and_no_others(plans: Plans) -> None:
    plan = plans(lambda _, connection: choose(connection, Pool, 16))
    assert "Seq Scan on jobs" not in plan, plan
    assert {"ix_jobs_waiting", "ix_jobs_admitted"} <= set(re.findall(r"ix_\w+", plan)), plan
    # Joined to those that were chosen, all that wait would be read once there are many.
    assert re.search(r"Index Cond: \(id = ANY \(chosen\.ids\)\)", plan), plan


def test_a_search_by_the_api_is_served_by_the_index(old_service: Service, plans: Plans) -> None:
    """In a transaction of the tenant's it would be read word by word: see `search_turns`."""
    with old_service.database.system() as connection:
        key = keys.create_key(connection, TENANTS[0], "k", [Scope.READ]).text
    client = TestClient(create_app(old_service), headers={"Authorization": f"Bearer {key}"})

    def search(*_: object) -> None:
        assert len(client.get("/v1/search", params={"q": "rare"}).json()["items"]) == 9

    plan = plans(search)
    assert re.search("Index Cond: .*search @@", plan), plan
