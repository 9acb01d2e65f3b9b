"""Jobs that are stopped, and run once more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import RowMapping, select

from api.states import JobState, Pool
from api.tables import attempts, stage_outputs
from tests.e2e.customer import Customer
from tests.e2e.waiting import until
from workers.ingest import AUDIO_STAGE

if TYPE_CHECKING:
    from api.bootstrap import Service

pytestmark = pytest.mark.weights

CANCEL_SECONDS = 15.0
"""What is promised."""


def test_a_running_job_stops_within_seconds_of_being_told(customer: Customer, service: Service, long: Path) -> None:
    submitted = customer.client.submit_file(long)
    job_id = submitted["job"]["id"]

    def at_the_models() -> bool:
        job = customer.client.job(job_id)
        return (job["state"], job["pool"]) == (JobState.RUNNING, Pool.PROCESS)

    until(at_the_models)
    customer.client.cancel(job_id)
    job = customer.client.wait(job_id)
    assert job["state"] == "cancelled"
    assert seconds(job, "cancel_requested_at", "finished_at") <= CANCEL_SECONDS
    with service.database.system() as connection:
        outcomes = connection.execute(
            select(attempts.c.outcome).where(attempts.c.job_id == job_id).order_by(attempts.c.id)
        )
        assert outcomes.scalars().all() == ["handed_on", "cancelled"]


def seconds(job: Mapping[str, Any], start: str, end: str) -> float:
    return (datetime.fromisoformat(job[end]) - datetime.fromisoformat(job[start])).total_seconds()


def test_a_requeued_job_is_a_new_one_and_uses_the_decoded_audio_again(
    customer: Customer, service: Service, short: Path
) -> None:
    recording, first = customer.transcribed(short)
    before = customer.client.transcript(recording, "txt")
    again = customer.client.requeue(first["id"])
    assert (again["previous_id"], again["recording_id"]) == (first["id"], recording)
    job = customer.client.wait(again["id"])
    assert job["state"] == "succeeded"
    assert customer.client.job(first["id"])["state"] == "succeeded"
    assert customer.client.transcript(recording, "txt") == before
    old, new = (audio_of(service, one) for one in (first["id"], again["id"]))
    assert (old["object_key"], old["sha256"]) == (new["object_key"], new["sha256"])
    assert new["fence"] > old["fence"]
    assert f"/{old['fence']}" in old["object_key"]


def audio_of(service: Service, job_id: str) -> RowMapping:
    with service.database.system() as connection:
        statement = select(stage_outputs).where(stage_outputs.c.job_id == job_id, stage_outputs.c.stage == AUDIO_STAGE)
        return connection.execute(statement).mappings().one()
