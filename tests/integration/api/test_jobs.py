"""Jobs: seen, followed, stopped, run once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import RowMapping, select

from api.bootstrap import Service
from api.jobs import lease
from api.states import Pool
from api.tables import outbox
from pipeline.errors import NoAudioStream

LEASE = timedelta(minutes=1)


@pytest.fixture
def running(service: Service, queued: Callable[..., UUID]) -> lease.Claim:
    """A job that a worker holds."""
    with service.database.system() as connection:
        held = lease.claim(connection, queued(), Pool.PROCESS, "worker-1", LEASE)
    assert held is not None
    return held


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def test_a_job_shows_where_it_stands(client: TestClient, service: Service, running: lease.Claim) -> None:
    with service.database.system() as connection:
        lease.heartbeat(connection, running, LEASE, "asr", 0.5)
    job = client.get(f"/v1/jobs/{running.job_id}").json()
    assert (job["state"], job["stage"], job["progress"], job["attempt"]) == ("running", "asr", 0.5, 1)
    assert job["eta_seconds"] >= 0
    assert job["links"]["recording"] == f"/v1/recordings/{running.recording_id}"


def test_a_failed_job_says_why(client: TestClient, service: Service, running: lease.Claim) -> None:
    with service.database.system() as connection:
        lease.fail(connection, running, NoAudioStream())
    job = client.get(f"/v1/jobs/{running.job_id}").json()
    assert job["error"] == {"type": "no-audio-stream", "detail": "The file holds no audio stream."}
    answer = client.get(f"/v1/recordings/{running.recording_id}/transcript")
    assert (answer.status_code, slug(answer)) == (409, "result-not-ready")
    assert "no-audio-stream" in answer.json()["detail"]


def test_jobs_are_listed_page_by_page(client: TestClient, queued: Callable[..., UUID]) -> None:
    made = [str(queued()) for _ in range(5)]
    seen, cursor = list[str](), None
    while True:
        page = client.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [job["id"] for job in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_jobs_are_listed_by_state_and_recording(
    client: TestClient, running: lease.Claim, queued: Callable[..., UUID]
) -> None:
    waiting = queued()

    def listed(**wanted: str) -> list[str]:
        return [job["id"] for job in client.get("/v1/jobs", params=wanted).json()["items"]]

    assert listed(state="running") == [str(running.job_id)]
    assert listed(state="queued") == [str(waiting)]
    assert listed(recording_id=str(running.recording_id)) == [str(running.job_id)]
    assert listed(recording_id=str(uuid4())) == []


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": 0}, {"limit": 201}, {"state": "lost"}, {"colour": "red"}])
def test_a_list_that_cannot_be_is_refused(client: TestClient, query: dict[str, Any]) -> None:
    answer = client.get("/v1/jobs", params=query)
    assert slug(answer) == ("invalid-cursor" if "cursor" in query else "validation-error")


def test_a_waiting_job_is_cancelled_at_once(
    client: TestClient, service: Service, queued: Callable[..., UUID], row_of: Callable[[UUID], RowMapping]
) -> None:
    job = queued()
    answer = client.post(f"/v1/jobs/{job}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    assert row_of(job)["finished_at"] is not None
    with service.database.system() as connection:
        told = connection.execute(select(outbox.c.type).where(outbox.c.job_id == job)).scalars().all()
    assert told == ["job.cancelled"]


def test_a_running_job_is_asked_to_stop(client: TestClient, service: Service, running: lease.Claim) -> None:
    answer = client.post(f"/v1/jobs/{running.job_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert answer.json()["cancel_requested_at"] is not None
    with service.database.system() as connection:
        assert lease.heartbeat(connection, running, LEASE, None, 0.0) is lease.Hold.CANCEL


def test_an_ended_job_cannot_be_cancelled(client: TestClient, queued: Callable[..., UUID]) -> None:
    job = queued()
    client.post(f"/v1/jobs/{job}/cancel")
    answer = client.post(f"/v1/jobs/{job}/cancel")
    assert (answer.status_code, slug(answer)) == (409, "job-already-finished")


def test_an_ended_job_is_run_once_more_as_a_new_job(
    client: TestClient, queued: Callable[..., UUID], row_of: Callable[[UUID], RowMapping]
) -> None:
    job = queued(options={"language": "de"}, priority="backfill")
    client.post(f"/v1/jobs/{job}/cancel")
    answer = client.post(f"/v1/jobs/{job}/requeue")
    assert answer.status_code == 202
    again = answer.json()
    assert (again["previous_id"], again["state"], again["pool"]) == (str(job), "queued", "ingest")
    assert (again["options"], again["priority"]) == ({"language": "de"}, "backfill")
    assert row_of(job)["state"] == "cancelled"
    found = client.get(f"/v1/recordings/{again['recording_id']}").json()
    assert found["job"]["id"] == again["id"]


def test_a_job_that_has_not_ended_is_not_run_once_more(client: TestClient, queued: Callable[..., UUID]) -> None:
    answer = client.post(f"/v1/jobs/{queued()}/requeue")
    assert (answer.status_code, slug(answer)) == (409, "result-not-ready")


def test_running_once_more_happens_once_a_key(client: TestClient, queued: Callable[..., UUID]) -> None:
    job = queued()
    client.post(f"/v1/jobs/{job}/cancel")
    first, second = (client.post(f"/v1/jobs/{job}/requeue", headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json()
    assert len(client.get("/v1/jobs").json()["items"]) == 2


def test_events_end_with_the_job(client: TestClient, queued: Callable[..., UUID]) -> None:
    job = queued()
    client.post(f"/v1/jobs/{job}/cancel")
    answer = client.get(f"/v1/jobs/{job}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [line for line in answer.text.splitlines() if line.startswith("event")] == ["event: progress", "event: end"]


def test_a_job_of_an_unknown_id_is_not_found(client: TestClient) -> None:
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/requeue")):
        answer = client.request(method, f"/v1/jobs/{uuid4()}{path}")
        assert (answer.status_code, slug(answer)) == (404, "not-found")
