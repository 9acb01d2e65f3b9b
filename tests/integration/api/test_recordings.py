"""Recordings: listed, sent past the API, erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update

from api.bootstrap import Service
from api.errors import StorageUnavailable
from api.http.app import create_app
from api.jobs.transition import NOW
from api.recordings.erasure import LAST_WRITES
from api.recordings.uploads import ABANDONED_AFTER, expire_uploads
from api.storage import InMemoryStore, recording_prefix
from api.storage.keys import result_key
from api.tables import METADATA, audit_log, deletions, jobs, outbox, recordings

URL = "https://example.org/one.wav"
CANARY = "canary-7c1f"


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def submit(client: TestClient, **values: Any) -> dict[str, Any]:
    return dict(client.post("/v1/recordings", json={"url": URL, **values}).json())


def listed(client: TestClient, **wanted: Any) -> list[str]:
    return [one["recording"]["name"] for one in client.get("/v1/recordings", params=wanted).json()["items"]]


def test_recordings_are_found_by_what_was_said_of_them(client: TestClient) -> None:
    submit(client, name="a", metadata={"team": "x", "call": "1"})
    submit(client, name="b", metadata={"team": "x", "call": "2"})
    cancelled = submit(client, name="c")
    client.post(f"/v1/jobs/{cancelled['job']['id']}/cancel")
    assert listed(client) == ["c", "b", "a"]
    assert listed(client, metadata="team=x") == ["b", "a"]
    assert listed(client, metadata=["team=x", "call=1"]) == ["a"]
    assert listed(client, metadata="team=y") == []
    assert listed(client, status="cancelled") == ["c"]
    assert listed(client, created_after=cancelled["recording"]["created_at"]) == ["c"]
    assert listed(client, created_before=cancelled["recording"]["created_at"]) == ["b", "a"]


def test_a_cursor_goes_on_where_a_page_ended_and_in_its_list_only(client: TestClient) -> None:
    for name in "abc":
        submit(client, name=name, metadata={"team": "x"})
    first = client.get("/v1/recordings", params={"limit": 2, "metadata": "team=x"}).json()
    submit(client, name="d", metadata={"team": "x"})
    assert listed(client, cursor=first["next_cursor"], metadata="team=x") == ["a"]
    other = client.get("/v1/recordings", params={"cursor": first["next_cursor"]})
    assert (other.status_code, slug(other)) == (400, "invalid-cursor")


@pytest.mark.parametrize(
    "wanted",
    [
        {"metadata": "team"},
        {"metadata": "=x"},
        {"created_after": "2024-01-01"},
        {"created_after": "0001-01-01T00:00:00Z"},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(client: TestClient, wanted: dict[str, str]) -> None:
    assert slug(client.get("/v1/recordings", params=wanted)) == "validation-error"


def test_a_large_file_goes_past_the_api(client: TestClient, service: Service) -> None:
    started = client.post("/v1/uploads", json={"name": "long", "language": "en"})
    assert started.status_code == 201
    body = started.json()
    ident, form = body["recording"]["id"], body["upload"]
    assert body["job"]["state"] == "awaiting_upload"
    early = client.post(f"/v1/recordings/{ident}/complete")
    assert (early.status_code, slug(early)) == (422, "source-not-found")
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("x", b"RIFF" * 100)})
    assert sent.status_code in {200, 204}
    for _ in range(2):
        done = client.post(f"/v1/recordings/{ident}/complete")
        assert (done.status_code, done.json()["job"]["state"]) == (202, "queued")
    assert client.get(f"/v1/recordings/{ident}").json()["job"]["options"] == {"language": "en"}


def test_an_upload_that_never_came_is_cancelled(client: TestClient, service: Service) -> None:
    body = client.post("/v1/uploads", json={}).json()
    with service.database.system() as connection:
        assert expire_uploads(connection) == 0
        connection.execute(update(jobs).values(created_at=NOW - ABANDONED_AFTER - timedelta(seconds=1)))
        assert expire_uploads(connection) == 1
    assert client.get(f"/v1/jobs/{body['job']['id']}").json()["state"] == "cancelled"


def everything(service: Service) -> str:
    """All rows of all tables, as text."""
    with service.database.system() as connection:
        return "\n".join(
            str(connection.execute(text(f"SELECT jsonb_agg(t) FROM {table.name} t")).scalar())  # noqa: S608 - our own names
            for table in METADATA.sorted_tables
        )


def test_a_deleted_recording_leaves_nothing_but_the_fact(client: TestClient, service: Service, tenant: UUID) -> None:
    files = {"file": (f"{CANARY}.wav", CANARY.encode())}
    options = {"options": f'{{"metadata": {{"a": "{CANARY}"}}, "prompt": "{CANARY}"}}'}
    headers = {"Idempotency-Key": "k"}
    ident = UUID(client.post("/v1/recordings", files=files, data=options, headers=headers).json()["recording"]["id"])
    assert CANARY in everything(service)
    job = UUID(client.get(f"/v1/recordings/{ident}").json()["job"]["id"])
    service.objects.put(result_key(tenant, ident, job, 1, "transcript.json"), CANARY.encode(), "application/json")
    with service.database.system() as connection:
        connection.execute(update(recordings).values(created_at=NOW - LAST_WRITES))

    answer = client.delete(f"/v1/recordings/{ident}")
    assert answer.status_code == 202
    assert answer.json()["finished_at"] is not None
    assert CANARY not in everything(service)
    assert service.objects.delete_all(recording_prefix(tenant, ident)) == 0
    with service.database.system() as connection:
        assert connection.execute(select(audit_log.c.action, audit_log.c.subject)).all() == [
            ("recording.deleted", ident)
        ]
        assert connection.execute(select(deletions.c.objects)).scalar_one() == 2
        told = connection.execute(select(outbox.c.type).order_by(outbox.c.id)).scalars().all()
    assert sorted(told) == ["job.cancelled", "recording.deleted"]


@pytest.mark.parametrize("erased", [True, False])
def test_a_deleted_recording_is_gone_whether_or_not_it_is_erased(
    service: Service, tenant: UUID, key_for: Callable[..., str], erased: bool
) -> None:
    broken = service if erased else replace(service, objects=Unreachable())
    headers = {"Authorization": f"Bearer {key_for(tenant)}"}
    with TestClient(create_app(broken), headers=headers) as client:
        ident = submit(client)["recording"]["id"]
        assert (client.delete(f"/v1/recordings/{ident}").json()["finished_at"] is not None) is erased
        for method, path in (
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "/transcript"),
            ("GET", "/turns"),
            ("POST", "/complete"),
        ):
            answer = client.request(method, f"/v1/recordings/{ident}{path}")
            assert (answer.status_code, slug(answer)) == (410, "recording-deleted")
        assert listed(client) == []
        assert client.get("/v1/jobs").json()["items"] == []


class Unreachable(InMemoryStore):
    """An object store that does not answer."""

    def delete_all(self, prefix: str) -> int:
        raise StorageUnavailable
