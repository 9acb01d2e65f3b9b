"""Recordings come in, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Table, func, select, text, update

from api.bootstrap import Service
from api.http import file_submission as route
from api.http.app import create_app
from api.states import Pool
from api.storage.keys import source_key
from api.tables import idempotency_keys, jobs, recordings, tenants
from tests.integration.conftest import add_tenant

URL = "https://example.org/calls/one.wav?token=abc"
PATH = "/v1/recordings"
LIMIT = 9_000_000
"""Bytes: more than one part of an upload."""


@pytest.fixture
def count(service: Service) -> Callable[[Table], int]:
    def rows(table: Table) -> int:
        with service.database.system() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

    return rows


def slug(answer: Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def upload(client: TestClient, content: bytes = b"RIFF", key: str | None = None, **options: Any) -> Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    files = {"file": ("call.wav", content)}
    return client.post(PATH, files=files, data={"options": json.dumps(options)}, headers=headers)


def test_an_address_becomes_a_recording_with_a_queued_job(client: TestClient, service: Service) -> None:
    answer = client.post(
        PATH,
        json={"url": URL, "language": "en", "num_speakers": 2, "metadata": {"call": "7"}, "priority": "backfill"},
        headers={"X-Request-ID": "r-1"},
    )
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{body['job']['id']}"
    assert body["recording"]["name"] == "one.wav"
    assert body["recording"]["source"] == {"kind": "url", "url": "https://example.org/calls/one.wav"}
    assert body["recording"]["metadata"] == {"call": "7"}
    shown = {name: body["job"][name] for name in ("state", "pool", "priority", "options", "progress")}
    assert shown == {
        "state": "queued",
        "pool": "ingest",
        "priority": "backfill",
        "options": {"language": "en", "num_speakers": 2},
        "progress": 0.0,
    }
    with service.database.system() as connection:
        row = connection.execute(select(recordings.c.source, jobs.c.request_id).join(jobs)).one()
    assert tuple(row) == (URL, "r-1")


def test_a_file_lies_in_the_store_before_anyone_can_look_for_it(
    client: TestClient, service: Service, tenant: UUID
) -> None:
    body = upload(client, b"RIFF" * 1000, name="Tuesday", priority="backfill").json()
    key = source_key(tenant, UUID(body["recording"]["id"]))
    assert service.objects.get(key) == b"RIFF" * 1000
    assert body["recording"]["name"] == "Tuesday"
    assert body["recording"]["bytes"] == 4000
    assert body["job"]["priority"] == "backfill"


def test_options_may_come_after_the_file(client: TestClient) -> None:
    parts: dict[str, Any] = {"file": ("a.wav", b"RIFF"), "options": (None, '{"language": "de"}')}
    assert client.post(PATH, files=parts).json()["job"]["options"] == {"language": "de"}


def test_a_file_of_several_parts_arrives_whole(client: TestClient, service: Service, tenant: UUID) -> None:
    content = bytes(range(256)) * (4096 * 20)  # 20 MB
    body = upload(client, content).json()
    assert body["recording"]["bytes"] == len(content)
    assert service.objects.get(source_key(tenant, UUID(body["recording"]["id"]))) == content


def test_an_empty_file_is_the_workers_to_judge(client: TestClient) -> None:
    answer = upload(client, b"")
    assert answer.status_code == 202
    assert answer.json()["recording"]["bytes"] == 0


@pytest.mark.parametrize("name", ["../../x", "-i", "<script>", "a\0b", "x" * 5000, "日本.wav"])
def test_any_file_name_is_taken_as_text(client: TestClient, name: str) -> None:
    header = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode()
        + b'"\r\n\r\nRIFF\r\n--B--\r\n'
    )
    answer = client.post(PATH, content=header, headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert answer.status_code == 202 or len(name) > 4000
    assert answer.status_code in {202, 422}


@pytest.mark.parametrize(
    ("body", "status", "slug_", "pointer"),
    [
        ({"url": "http://example.org/a"}, 422, "url-not-allowed", None),
        ({"url": "https://10.0.0.1/a"}, 422, "url-not-allowed", None),
        ({"url": "s3://elsewhere/a"}, 422, "bucket-not-allowed", None),
        ({}, 422, "validation-error", "/url"),
        ({"url": 5}, 422, "validation-error", "/url"),
        ({"url": URL, "colour": "red"}, 422, "validation-error", "/colour"),
        ({"url": URL, "min_speakers": 3, "max_speakers": 2}, 422, "validation-error", "/min_speakers"),
        ({"url": URL, "language": "klingon"}, 422, "validation-error", "/language"),
        ({"url": URL, "model": "whisper-9"}, 422, "validation-error", "/model"),
        ({"url": URL, "callback_endpoints": [str(uuid4())]}, 422, "validation-error", "/callback_endpoints"),
    ],
)
def test_what_cannot_be_used_is_named(
    client: TestClient,
    count: Callable[[Table], int],
    body: dict[str, Any],
    status: int,
    slug_: str,
    pointer: str | None,
) -> None:
    answer = client.post(PATH, json=body)
    assert (answer.status_code, slug(answer)) == (status, slug_)
    assert [entry["pointer"] for entry in answer.json()["errors"]] == ([pointer] if pointer else [])
    assert count(recordings) == 0


@pytest.mark.parametrize(
    ("content", "content_type", "status", "slug_"),
    [
        (b"{", "application/json", 400, "malformed-json"),
        (b"\xff", "application/json", 400, "malformed-json"),
        (b'{"url": "https://example.org", "num_speakers": NaN}', "application/json", 422, "validation-error"),
        (b"[" * 100_000, "application/json", 400, "malformed-json"),
        (b"RIFF", "audio/wav", 415, "unsupported-media-type"),
        (b" " * 1_100_000, "application/json", 413, "payload-too-large"),
        (b"x", "multipart/form-data; boundary=B", 422, "validation-error"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    client: TestClient, content: bytes, content_type: str, status: int, slug_: str
) -> None:
    answer = client.post(PATH, content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, slug(answer)) == (status, slug_)


@pytest.mark.parametrize(
    "parts",
    [
        [("options", (None, "{}"))],
        [("file", ("a", b"RIFF")), ("options", (None, "{"))],
        [("file", ("a", b"RIFF")), ("options", (None, '{"model": "none"}'))],
        [("file", ("a", b"RIFF")), ("file", ("b", b"RIFF"))],
        [("file", ("a", b"RIFF")), ("colour", (None, "red"))],
    ],
)
def test_a_refused_form_leaves_nothing_behind(
    client: TestClient, count: Callable[[Table], int], parts: list[Any], service: Service, tenant: UUID
) -> None:
    answer = client.post(PATH, files=parts, headers={"Idempotency-Key": "k"})
    assert answer.status_code in {400, 422}
    assert (count(recordings), count(idempotency_keys)) == (0, 0)
    assert service.objects.delete_all(f"tenants/{tenant}/") == 0


@pytest.mark.parametrize("size", [LIMIT + 1, 2 * LIMIT])
def test_a_file_over_the_limit_is_refused_and_leaves_nothing_behind(
    service: Service, tenant: UUID, key_for: Callable[..., str], count: Callable[[Table], int], size: int
) -> None:
    """The first is found out while it is stored, the second says itself that it is too large."""
    smaller = replace(service, settings=service.settings.model_copy(update={"max_upload_bytes": LIMIT}))
    headers = {"Authorization": f"Bearer {key_for(tenant)}"}
    with TestClient(create_app(smaller), headers=headers) as client:
        answer = upload(client, b"x" * size, key="k")
    assert (answer.status_code, slug(answer)) == (413, "payload-too-large")
    assert str(LIMIT) in answer.json()["detail"]
    assert (count(recordings), count(idempotency_keys)) == (0, 0)
    assert service.objects.delete_all(f"tenants/{tenant}/") == 0


def test_a_recording_that_cannot_be_entered_leaves_no_file(
    client: TestClient, service: Service, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        message = "the database lost its power here"
        raise RuntimeError(message)

    monkeypatch.setattr(route, "enter", fail)
    assert upload(client).status_code == 500
    assert service.objects.delete_all(f"tenants/{tenant}/") == 0


def test_a_bucket_that_the_tenant_may_read_is_taken(service: Service, client: TestClient, tenant: UUID) -> None:
    with service.database.system() as connection:
        connection.execute(update(tenants).where(tenants.c.id == tenant).values(source_buckets=["calls"]))
    answer = client.post(PATH, json={"url": "s3://calls/2024/a.wav"})
    assert answer.status_code == 202
    assert answer.json()["recording"]["source"] == {"kind": "s3", "url": "s3://calls/2024/a.wav"}


def test_the_same_key_and_request_are_answered_the_same(client: TestClient, count: Callable[[Table], int]) -> None:
    first, second = (client.post(PATH, json={"url": URL}, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert count(jobs) == 1


def test_the_same_key_for_another_request_is_refused(client: TestClient, count: Callable[[Table], int]) -> None:
    headers = {"Idempotency-Key": "k"}
    client.post(PATH, json={"url": URL}, headers=headers)
    for answer in (client.post(PATH, json={"url": URL, "language": "en"}, headers=headers), upload(client, key="k")):
        assert (answer.status_code, slug(answer)) == (422, "idempotency-key-reused")
    assert count(jobs) == 1


def test_a_key_is_the_tenants_own(client: TestClient, stranger: TestClient, count: Callable[[Table], int]) -> None:
    for one in (client, stranger):
        assert one.post(PATH, json={"url": URL}, headers={"Idempotency-Key": "k"}).status_code == 202
    assert count(jobs) == 2


@pytest.mark.parametrize("key", ["x" * 256, "é"])
def test_a_key_that_cannot_be_one_is_refused(client: TestClient, key: str) -> None:
    answer = client.post(PATH, json={"url": URL}, headers={b"Idempotency-Key": key.encode()})
    assert (answer.status_code, slug(answer)) == (400, "idempotency-key-invalid")


def test_an_upload_is_answered_again_by_its_content(
    client: TestClient, count: Callable[[Table], int], service: Service, tenant: UUID
) -> None:
    first, second, other = upload(client, b"one", "k"), upload(client, b"one", "k"), upload(client, b"two", "k")
    assert second.json() == first.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert slug(other) == "idempotency-key-reused"
    assert count(jobs) == 1
    assert service.objects.delete_all(f"tenants/{tenant}/") == 1


def test_fifty_identical_requests_at_once_are_one_job(client: TestClient, count: Callable[[Table], int]) -> None:
    def submit(_: int) -> Response:
        return client.post(PATH, json={"url": URL}, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(submit, range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["job"]["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert (count(jobs), count(recordings)) == (1, 1)


def test_fifty_identical_uploads_at_once_are_one_job(client: TestClient, count: Callable[[Table], int]) -> None:
    """Those that come while the first is under way are told so; those that come later get its answer."""
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: upload(client, b"RIFF", "k"), range(50)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert {slug(answer) for answer in answers if answer.status_code == 409} <= {"request-in-progress"}
    assert len({answer.json()["job"]["id"] for answer in answers if answer.status_code == 202}) == 1
    assert (count(jobs), count(recordings)) == (1, 1)


def test_a_request_that_died_does_not_hold_its_key_for_ever(service: Service, client: TestClient, tenant: UUID) -> None:
    from api.idempotency import take

    take(service.database, tenant, "k")
    assert slug(upload(client, key="k")) == "request-in-progress"
    with service.database.system() as connection:
        connection.execute(update(idempotency_keys).values(expires_at=text("clock_timestamp() - interval '1 s'")))
    assert upload(client, key="k").status_code == 202


def test_a_tenant_over_its_quota_has_to_wait(
    service: Service, client: TestClient, tenant: UUID, stranger: TestClient, count: Callable[[Table], int]
) -> None:
    with service.database.system() as connection:
        connection.execute(update(tenants).where(tenants.c.id == tenant).values(max_queued=3))

    def submit(_: int) -> int:
        return client.post(PATH, json={"url": URL}).status_code

    with ThreadPoolExecutor(12) as threads:
        assert sorted(threads.map(submit, range(12))) == [202] * 3 + [429] * 9
    refused = upload(client)
    assert slug(refused) == "queue-quota-exceeded"
    assert int(refused.headers["retry-after"]) > 0
    assert count(jobs) == 3
    assert stranger.post(PATH, json={"url": URL}).status_code == 202


def test_a_tenant_that_asks_too_often_has_to_wait(
    service: Service, client: TestClient, key_for: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {key_for(add_tenant(service, max_requests_per_minute=2))}"}
    answers = [client.get("/v1/jobs", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert slug(answers[2]) == "rate-limited"
    assert int(answers[2].headers["retry-after"]) > 0


def test_a_job_is_sent_to_the_workers_right_after_its_submission(service: Service, client: TestClient) -> None:
    job = client.post(PATH, json={"url": URL}).json()["job"]["id"]
    client.app.state.shared.admitter.stop()  # type: ignore[attr-defined] # after its round
    assert service.queue.messages[Pool.INGEST] == [UUID(job)]  # type: ignore[attr-defined] # kept in memory
