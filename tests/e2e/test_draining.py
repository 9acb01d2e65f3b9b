"""A worker that is told to stop in the middle of a job."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import RowMapping, select

from api.states import JobState, Pool
from api.tables import attempts, jobs, stage_outputs
from embedded.system import DRAIN_SECONDS
from tests.e2e.customer import Customer
from tests.e2e.waiting import until
from tests.integration.embedded.household import alive

if TYPE_CHECKING:
    from uuid import UUID

    from api.bootstrap import Service
    from embedded.system import System

pytestmark = pytest.mark.weights

PROCESS = "process"
MARGIN_SECONDS = 20.0
"""It has to end well before it would be killed."""


def test_a_job_is_given_back_uncharged_and_goes_on_after_its_last_finished_stage(
    customer: Customer, system: System, service: Service, data: Path, long: Path
) -> None:
    said_before = len(events(data))
    job_id = customer.client.submit_file(long)["job"]["id"]
    # With stages behind it, and at least one ahead.
    until(lambda: len(stages(service, job_id)) >= 3 and row_of(service, job_id)["state"] == JobState.RUNNING)
    kept = stages(service, job_id)
    charged = row_of(service, job_id)["attempt"] - 1
    worker = system.stores.supervisor.pids()[PROCESS]
    told = time.monotonic()
    os.kill(worker, signal.SIGTERM)

    given_back = until(lambda: released(service, job_id))
    until(lambda: not alive(worker), DRAIN_SECONDS - MARGIN_SECONDS)
    assert time.monotonic() - told < DRAIN_SECONDS - MARGIN_SECONDS
    assert given_back["attempt"] == charged
    assert (given_back["crash_count"], given_back["failure_count"]) == (0, 0)

    job = customer.client.wait(job_id)
    assert (job["state"], job["error"], job["attempt"]) == ("succeeded", None, charged + 1)
    assert system.stores.supervisor.pids()[PROCESS] != worker
    with service.database.system() as connection:
        tried = connection.execute(
            select(attempts.c.pool, attempts.c.outcome).where(attempts.c.job_id == job_id).order_by(attempts.c.id)
        ).all()
    assert [tuple(one) for one in tried] == [
        (Pool.INGEST, "handed_on"),
        (Pool.PROCESS, "released"),
        (Pool.PROCESS, "succeeded"),
    ]
    # What was kept when it was told to stop was not computed again: it is still the first attempt's.
    after = stages(service, job_id)
    assert {name: after[name] for name in kept} == kept
    used = {event["stage"] for event in events(data)[said_before:] if event.get("event") == "checkpoint.used"}
    assert used >= kept.keys() - {"audio"}


def row_of(service: Service, job_id: str) -> RowMapping:
    with service.database.system() as connection:
        return connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one()


def released(service: Service, job_id: str) -> RowMapping | None:
    """The job while it waits for another worker."""
    row = row_of(service, job_id)
    return row if row["state"] == JobState.QUEUED and row["pool"] == Pool.PROCESS else None


def stages(service: Service, job_id: str | UUID) -> dict[str, int]:
    """The finished stages of a job, with the fence of the attempt that finished them."""
    statement = select(stage_outputs.c.stage, stage_outputs.c.fence).where(stage_outputs.c.job_id == job_id)
    with service.database.system() as connection:
        return {row.stage: row.fence for row in connection.execute(statement)}


def events(data: Path) -> list[dict[str, Any]]:
    """What the worker has logged."""
    lines = (data / "logs" / "process.log").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
