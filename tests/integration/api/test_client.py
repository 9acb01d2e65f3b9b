"""The client and its commands against the application behind a real port."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from api.bootstrap import Service
from api.client import ApiError, Client, Pace, RequestRefused, Unreachable
from api.jobs import lease
from api.keys import Scope
from api.results.publishing import publish
from api.results.reading import NATIVE, NATIVE_FILE
from api.states import Pool
from api.storage.keys import result_key, source_key
from api.tables import jobs
from pipeline.formats import write
from tests.conftest import REPOSITORY
from tests.unit.pipeline.formats.examples import CONVERSATION

LEASE = timedelta(minutes=1)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """Where the application listens."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    serving.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    serving.join()
    listening.close()


@pytest.fixture
def key(tenant: UUID, key_for: Callable[..., str]) -> str:
    return key_for(tenant)


@pytest.fixture
def http(address: str, key: str) -> Iterator[Client]:
    with Client(address, key) as made:
        yield made


@pytest.fixture
def hansard(address: str, key: str) -> Run:
    """Run the command as a user does, in a process of its own."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(REPOSITORY / "hansard.py"), *map(str, arguments), "--url", address, "--key", key]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / 'Gespräch "1";\n☎.wav'
    path.write_bytes(bytes(range(256)) * 4000)
    return path


def finish(service: Service, tenant: UUID, job_id: UUID) -> None:
    """Do what a worker does: take the job, tell how far it is, publish its result."""
    with service.database.system() as connection:
        held = lease.claim(connection, job_id, Pool.PROCESS, "worker-1", LEASE)
        assert held is not None
        lease.heartbeat(connection, held, LEASE, "asr", 0.5)
    stored = service.objects.put(
        result_key(tenant, held.recording_id, job_id, 1, NATIVE_FILE), write(CONVERSATION, NATIVE).encode(), "text/json"
    )
    with service.database.system() as connection:
        publish(connection, tenant, held.recording_id, job_id, CONVERSATION, {NATIVE_FILE: stored})
        lease.succeed(connection, held)


def slug_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ApiError) as raised:
        call()
    return raised.value.slug


def test_a_file_arrives_whole_whatever_it_is_called(http: Client, service: Service, tenant: UUID, talk: Path) -> None:
    made = http.submit_file(talk, {"metadata": {"case": "7"}, "num_speakers": 2})
    recording, job = made["recording"], made["job"]
    assert (recording["name"], recording["bytes"]) == ('Gespräch "1"; ☎.wav', talk.stat().st_size)
    assert (job["state"], job["options"]) == ("queued", {"num_speakers": 2})
    assert service.objects.get(source_key(tenant, UUID(recording["id"]))) == talk.read_bytes()
    assert [one["recording"]["id"] for one in http.recordings(metadata={"case": "7"})] == [recording["id"]]
    assert http.recording(recording["id"])["job"]["id"] == job["id"]


def test_the_same_key_is_the_same_job_and_another_file_is_refused(http: Client, talk: Path) -> None:
    first, second = (http.submit_file(talk, idempotency_key="once") for _ in range(2))
    assert first["job"]["id"] == second["job"]["id"]
    talk.write_bytes(b"another")
    assert slug_of(lambda: http.submit_file(talk, idempotency_key="once")) == "idempotency-key-reused"
    assert len(list(http.jobs())) == 1


def test_a_key_that_cannot_be_used_is_told_even_while_a_large_file_is_being_sent(
    address: str, tenant: UUID, key_for: Callable[..., str], tmp_path: Path
) -> None:
    large = tmp_path / "large.wav"
    with large.open("wb") as file:
        file.truncate(64 << 20)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for text, slug in (
        (key_for(tenant, expires_at=yesterday), "invalid-api-key"),
        ("hs_live_nobody", "invalid-api-key"),
        (key_for(tenant, Scope.READ), "missing-scope"),
    ):
        with Client(address, text) as client, pytest.raises(ApiError) as raised:
            client.submit_file(large)
        assert raised.value.slug == slug


def test_what_the_service_refuses_is_told_with_the_reason(http: Client) -> None:
    with pytest.raises(RequestRefused, match="language"):
        http.submit_url("https://example.com/talk.wav", {"language": "klingon"})
    assert slug_of(lambda: http.submit_url("http://127.0.0.1/x")) == "url-not-allowed"
    assert slug_of(lambda: http.submit_url("s3://others/x")) == "bucket-not-allowed"
    assert slug_of(lambda: http.job(uuid4())) == "not-found"
    assert list(http.jobs()) == []


def test_a_job_is_followed_to_its_result(
    http: Client, service: Service, tenant: UUID, queued: Callable[..., UUID]
) -> None:
    job_id = queued()
    told: list[tuple[str, float]] = []

    def on_progress(job: dict[str, Any]) -> None:
        told.append((job["state"], job["progress"]))
        if job["state"] == "queued":
            finish(service, tenant, job_id)

    job = http.wait(job_id, on_progress)
    assert job["state"] == "succeeded"
    assert told[0] == ("queued", 0.0)
    assert told[-1] == ("succeeded", 1.0)
    assert http.transcript(job["recording_id"], "srt").decode() == write(CONVERSATION, "srt")
    turns = list(http.turns(job["recording_id"]))
    assert [turn["number"] for turn in turns] == list(range(len(CONVERSATION.utterances)))
    assert slug_of(lambda: http.cancel(job_id)) == "job-already-finished"


def test_a_job_is_stopped_and_run_once_more(http: Client, talk: Path) -> None:
    made = http.submit_file(talk)
    recording_id, job_id = made["recording"]["id"], made["job"]["id"]
    assert slug_of(lambda: http.transcript(recording_id)) == "result-not-ready"
    assert http.cancel(job_id)["state"] == "cancelled"
    again = http.requeue(job_id)
    assert (again["state"], again["previous_id"]) == ("queued", job_id)
    assert [job["id"] for job in http.jobs(recording_id=recording_id)] == [again["id"], job_id]
    assert [job["id"] for job in http.jobs(state="cancelled")] == [job_id]
    assert dict(http.watch([job_id]))[job_id] == http.job(job_id)
    http.delete(recording_id)
    assert slug_of(lambda: http.recording(recording_id)) == "recording-deleted"
    assert slug_of(lambda: http.wait(again["id"])) == "not-found"


def test_endpoints_keys_and_tenants_are_administered(http: Client, address: str) -> None:
    made = http.webhooks.create("https://example.com/", ["job.dead"], "mine")
    endpoint = made["id"]
    assert made["secret"].startswith("whsec_")
    assert http.webhooks.rotate(endpoint)["secret"] != made["secret"]
    sent = http.webhooks.test(endpoint)
    assert [one["event_id"] for one in http.webhooks.deliveries(endpoint)] == [sent["event_id"]]
    assert http.webhooks.replay(endpoint, sent["event_id"]) == 1
    today = datetime.now(UTC)
    assert http.webhooks.replay_range(endpoint, after=today, before=today + timedelta(hours=1)) == 0
    assert http.webhooks.change(endpoint, enabled=False)["enabled"] is False
    assert [one["id"] for one in http.webhooks.list()] == [http.webhooks.get(endpoint)["id"]]
    http.webhooks.delete(endpoint)
    assert http.webhooks.list() == []

    acme = http.tenants.create("acme", weight=2.0, source_buckets=["in"])
    changed = http.tenants.update(acme["id"], max_queued=5, source_buckets=[])
    assert (changed["weight"], changed["max_queued"], changed["source_buckets"]) == (2.0, 5, [])
    assert "acme" in [one["name"] for one in http.tenants.list()]
    first = http.keys.create("first", ["read", "keys"], tenant_id=acme["id"], expires_at=today + timedelta(days=1))
    with Client(address, first["key"]) as other:
        assert [one["id"] for one in other.keys.list()] == [first["id"]]
        assert other.keys.revoke(first["id"])["revoked_at"] is not None
        assert slug_of(lambda: list(other.keys.list())) == "invalid-api-key"


def test_where_nobody_listens_the_service_is_unreachable(key: str) -> None:
    slept: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", key, pace=Pace(sleep=slept.append)) as client, pytest.raises(Unreachable):
        client.job(uuid4())
    assert len(slept) == 3


def test_the_commands_work_hand_in_hand(
    hansard: Run, service: Service, tenant: UUID, talk: Path, tmp_path: Path
) -> None:
    submitted = hansard("submit", talk, "--language", "en", "--metadata", "case=7")
    assert submitted.returncode == 0, submitted.stderr
    (job_id,) = submitted.stdout.split()
    listed = json.loads(hansard("jobs", "list", "--json").stdout)
    assert (listed["id"], listed["options"]) == (job_id, {"language": "en"})
    assert hansard("jobs", "cancel", job_id).stdout == f"{job_id}: cancelled\n"
    watched = hansard("jobs", "watch", job_id)
    assert (watched.returncode, watched.stderr) == (1, f"{job_id}: cancelled\n")
    repeated = hansard("jobs", "requeue", job_id)
    assert repeated.returncode == 0, repeated.stderr
    again = repeated.stdout.strip()
    with service.database.system() as connection:
        recording = connection.execute(select(jobs.c.recording_id).where(jobs.c.id == again)).scalar_one()
        held = lease.claim(connection, UUID(again), Pool.INGEST, "worker-1", LEASE)
        assert held is not None
        lease.hand_on(connection, held, Pool.PROCESS, audio_seconds=1.0)
    finish(service, tenant, UUID(again))
    for ident in (again, recording):
        read = hansard("transcript", ident, "-f", "vtt", "-o", tmp_path / "said.vtt")
        assert read.returncode == 0, read.stderr
        assert (tmp_path / "said.vtt").read_text() == write(CONVERSATION, "vtt")
    assert "succeeded" in hansard("recordings", "list", "--metadata", "case=7").stdout
    assert hansard("recordings", "delete", recording, "--yes").returncode == 0
    gone = hansard("recordings", "show", recording)
    assert gone.returncode == 1
    assert "[recording-deleted]" in gone.stderr
