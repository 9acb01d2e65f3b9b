"""The application as those who run it see it: readiness, a queue that is down, a server that is stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import func, select, update

from api.bootstrap import Service
from api.http.app import create_app
from api.queue import CeleryQueue
from api.recordings.orphans import LOST_AFTER, remove_orphans
from api.storage.s3 import S3Store, s3_client
from api.tables import api_keys, idempotency_keys, jobs, recordings, uploads
from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from api.settings import Settings

SERVE = "import sys; from api.http.server import serve; from api.settings import Settings; "
SERVE += "serve(Settings.from_environment(), '127.0.0.1', int(sys.argv[1]), int(sys.argv[2]))"
PATIENCE = 90.0


def test_it_is_ready_when_everything_answers(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ok", "silent": []}


@pytest.fixture
def without_redis(service: Service) -> Service:
    settings = service.settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    return replace(service, queue=CeleryQueue.connect(settings))


def test_a_redis_that_is_down_is_named_and_takes_no_replica_away(without_redis: Service) -> None:
    with TestClient(create_app(without_redis)) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "silent": ["queue"]}


def test_an_object_store_that_is_down_is_named_and_takes_no_replica_away(service: Service) -> None:
    away = service.settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9", "s3_timeout_seconds": 0.5})
    with TestClient(create_app(replace(service, objects=S3Store.connect(away)))) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "silent": ["objects"]}


def test_a_redis_that_is_down_fails_no_submission(
    without_redis: Service, tenant: UUID, key_for: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {key_for(tenant)}"}
    with TestClient(create_app(without_redis), headers=headers) as client:
        answer = client.post("/v1/recordings", json={"url": "https://example.org/a.wav"})
    assert answer.status_code == 202
    with without_redis.database.system() as connection:
        waiting = connection.execute(select(jobs.c.state, jobs.c.admitted_at)).one()
    assert tuple(waiting) == ("queued", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server process."""

    port: int
    process: int

    def connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def peak_memory(self) -> int:
        """Most bytes that it has held so far."""
        (line,) = (
            one for one in Path(f"/proc/{self.process}/status").read_text().splitlines() if one.startswith("VmHWM")
        )
        return int(line.split()[1]) * 1024


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """A server of one process."""
    with serving(settings) as server:
        yield server


@contextmanager
def serving(settings: Settings, workers: int = 1) -> Iterator[Server]:
    """A server, which is told to stop at the end, and does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    variables = {
        f"HANSARD_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings
        if name.startswith(("database_url", "redis_url", "s3_")) and value is not None
    }
    variables["HANSARD_SECRET_KEYS"] = settings.secret_keys[0].get_secret_value()
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port), str(workers)],
        env=os.environ | variables,
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            _wait_for(port, process)
            yield Server(port=port, process=process.pid)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE)
            if process.returncode != -signal.SIGKILL:  # which only a test sends
                assert process.returncode in {0, -signal.SIGTERM}
                assert [json.loads(line)["event"] for line in said.splitlines()] != []
        finally:
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server did not start")


def test_a_server_follows_a_job_and_ends_when_told(
    server: Server, service: Service, tenant: UUID, key_for: Callable[..., str], queued: Callable[..., UUID]
) -> None:
    job, headers = queued(), {"Authorization": f"Bearer {key_for(tenant)}"}
    with (
        closing(server.connection()) as following,
        closing(server.connection()) as other,
    ):
        following.request("GET", f"/v1/jobs/{job}/events", headers=headers)
        with following.getresponse() as events:
            lines = iter(events.readline, b"")
            assert next(line for line in lines if line.startswith(b"event")) == b"event: progress\n"
            other.request("POST", f"/v1/jobs/{job}/cancel", headers=headers)
            assert other.getresponse().status == 202
            assert [line for line in lines if line.startswith(b"event")] == [b"event: progress\n", b"event: end\n"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_stops_lets_those_go_who_follow_a_job(
    settings: Settings, tenant: UUID, key_for: Callable[..., str], queued: Callable[..., UUID], workers: int
) -> None:
    """They would follow it for as long as it waits; requests that end by themselves have 30 s to do so."""
    job, headers = queued(), {"Authorization": f"Bearer {key_for(tenant)}"}
    with serving(settings, workers) as server, closing(server.connection()) as following:
        following.request("GET", f"/v1/jobs/{job}/events", headers=headers)
        with following.getresponse() as events:
            lines = iter(events.readline, b"")
            assert next(line for line in lines if line.startswith(b"event")) == b"event: progress\n"
            told = time.monotonic()
            os.kill(server.process, signal.SIGTERM)
            assert not any(line.startswith(b"event") for line in lines)
            assert time.monotonic() - told < 10


def test_who_follows_a_job_with_a_key_that_ends_is_told_so(
    server: Server, service: Service, tenant: UUID, key_for: Callable[..., str], queued: Callable[..., UUID]
) -> None:
    job, headers = queued(), {"Authorization": f"Bearer {key_for(tenant)}"}
    with closing(server.connection()) as following:
        following.request("GET", f"/v1/jobs/{job}/events", headers=headers)
        with following.getresponse() as events:
            lines = iter(events.readline, b"")
            assert next(line for line in lines if line.startswith(b"event")) == b"event: progress\n"
            with service.database.system() as connection:
                connection.execute(update(api_keys).values(revoked_at=func.clock_timestamp()))
            assert next(line for line in lines if line.startswith(b"event")) == b"event: error\n"
            assert b"invalid-api-key" in next(lines)


def test_a_server_of_several_processes_is_one(settings: Settings, tenant: UUID, key_for: Callable[..., str]) -> None:
    """What they count is added up, and one that dies is replaced and its counts stay."""
    headers = {"Authorization": f"Bearer {key_for(tenant)}"}
    with serving(settings, workers=2) as server:
        _until(lambda: len(_processes_of(server)) == 2)
        for _ in range(20):
            assert _asked(server, "/v1/jobs", headers)[0] == 200
        counted = 'hansard_http_requests_total{method="GET",route="/v1/jobs",status="200"} 20.0'
        assert all(counted in _asked(server, "/metrics")[1] for _ in range(10))
        before = _processes_of(server)
        os.kill(before[0], signal.SIGKILL)
        _until(lambda: len(set(_processes_of(server)) - set(before)) == 1)
        _until(lambda: _asked(server, "/readyz")[0] == 200)
        assert all(counted in _asked(server, "/metrics")[1] for _ in range(10))


def _asked(server: Server, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    with closing(server.connection()) as connection:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def _processes_of(server: Server) -> list[int]:
    """Ids of those that serve; multiprocessing starts another, which keeps its books."""
    children = Path(f"/proc/{server.process}/task/{server.process}/children").read_text().split()
    return [int(one) for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def test_an_upload_that_breaks_off_leaves_nothing_behind(
    server: Server, service: Service, tenant: UUID, key_for: Callable[..., str]
) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(_half_an_upload(key_for(tenant)))
        _until(lambda: _rows(service, idempotency_keys) == 1)
    _until(lambda: _rows(service, idempotency_keys) == 0)
    assert (_rows(service, recordings), _rows(service, uploads)) == (0, 0)
    assert service.objects.delete_all(f"tenants/{tenant}/") == 0


def _half_an_upload(key: str) -> bytes:
    return (
        b"POST /v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\nIdempotency-Key: k\r\n"
        b"Content-Type: multipart/form-data; boundary=B\r\n"
        + f"Authorization: Bearer {key}\r\n\r\n".encode()
        + b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + b"x" * 10_000_000
    )


def test_what_a_killed_server_had_of_an_upload_is_removed_later(
    server: Server, service: Service, tenant: UUID, key_for: Callable[..., str]
) -> None:
    client = s3_client(service.settings, service.settings.s3_endpoint)

    def begun() -> list[Any]:
        found = client.list_multipart_uploads(Bucket=service.settings.s3_bucket, Prefix=f"tenants/{tenant}/")
        return list(found.get("Uploads", ()))

    with socket.create_connection(("127.0.0.1", server.port)) as sending:
        sending.sendall(_half_an_upload(key_for(tenant)))
        _until(lambda: begun() != [])
        os.kill(server.process, signal.SIGKILL)
    with service.database.system() as connection:
        connection.execute(update(uploads).values(heard_at=uploads.c.heard_at - LOST_AFTER))
    assert remove_orphans(service) == 1
    assert (begun(), _rows(service, uploads), _rows(service, recordings)) == ([], 0, 0)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_an_upload_is_never_whole_in_memory(server: Server, tenant: UUID, key_for: Callable[..., str]) -> None:
    headers = {"Authorization": f"Bearer {key_for(tenant)}", "Content-Type": "multipart/form-data; boundary=B"}

    def upload(megabytes: int) -> None:
        with closing(server.connection()) as connection:
            connection.request("POST", "/v1/recordings", _form(megabytes), headers, encode_chunked=True)
            assert connection.getresponse().status == 202

    upload(1)
    before = server.peak_memory()
    upload(300)
    assert server.peak_memory() - before < 64 << 20


def _form(megabytes: int) -> Iterator[bytes]:
    yield b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    yield from (bytes(1 << 20) for _ in range(megabytes))
    yield b"\r\n--B--\r\n"


def _rows(service: Service, table: object) -> int:
    with service.database.system() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type] # a table


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
