"""Results: in any format, page by page, by what was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.bootstrap import Service
from api.results.publishing import publish
from api.results.reading import NATIVE, NATIVE_FILE, TRANSCRIPT_FORMATS
from api.storage.keys import result_key
from api.tables import jobs
from pipeline.formats import write, write_bytes
from pipeline.formats.registry import find
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION, said, transcript, turn

Publish = Callable[..., UUID]


@pytest.fixture
def published(service: Service, tenant: UUID, queued: Callable[..., UUID]) -> Publish:
    """Gives a recording a result; its id."""

    def make(result: Transcript = CONVERSATION, job: UUID | None = None) -> UUID:
        job = job or queued(state="succeeded", finished_at="2024-01-01T00:00:00Z")
        with service.database.system() as connection:
            recording: UUID = connection.execute(select(jobs.c.recording_id).where(jobs.c.id == job)).scalar_one()
        key = result_key(tenant, recording, job, 1, NATIVE_FILE)
        stored = service.objects.put(key, write(result, NATIVE).encode(), "application/json")
        with service.database.system() as connection:
            publish(connection, tenant, recording, job, result, {NATIVE_FILE: stored})
        return recording

    return make


@pytest.mark.parametrize("name", TRANSCRIPT_FORMATS)
def test_a_transcript_is_given_in_every_format(client: TestClient, published: Publish, name: str) -> None:
    answer = client.get(f"/v1/recordings/{published()}/transcript", params={"format": name})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == find(name).media_type
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="talk{find(name).suffix}"')
    if answer.headers["content-type"].startswith("image/"):
        # A drawing holds ids and the day it was made: the same picture, not the same bytes.
        assert len(answer.content) > 1000
    else:
        assert answer.content == write_bytes(CONVERSATION, name)


def test_the_native_format_is_the_usual_one(client: TestClient, published: Publish) -> None:
    body = client.get(f"/v1/recordings/{published()}/transcript").json()
    assert body == json.loads(write(CONVERSATION, "json"))


@pytest.mark.parametrize("name", ["docx", "gif", "", "JSON"])
def test_a_format_that_there_is_not_is_refused(client: TestClient, published: Publish, name: str) -> None:
    answer = client.get(f"/v1/recordings/{published()}/transcript", params={"format": name})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/format")


def texts(client: TestClient, path: str, **wanted: Any) -> list[str]:
    return [item["text"] for item in client.get(path, params=wanted).json()["items"]]


def test_turns_come_in_order_page_by_page(client: TestClient, published: Publish) -> None:
    path = f"/v1/recordings/{published()}/turns"
    first = client.get(path, params={"limit": 3}).json()
    assert [item["number"] for item in first["items"]] == [0, 1, 2]
    assert first["items"][0] | {"words": []} == {
        "recording_id": path.split("/")[3],
        "job_id": first["items"][0]["job_id"],
        "number": 0,
        "speaker": "SPEAKER_00",
        "role": None,
        "channel": None,
        "start_seconds": 0.5,
        "end_seconds": 2.0,
        "text": "Hello, this is Ann.",
        "confidence": first["items"][0]["confidence"],
        "overlap": 0.25,
        "words": [],
    }
    assert texts(client, path, limit=3, cursor=first["next_cursor"]) == ["Fine, thanks."]


def test_pages_stay_with_the_transcript_that_they_began_with(
    client: TestClient, service: Service, published: Publish, tenant: UUID, queued: Callable[..., UUID]
) -> None:
    recording = published()
    path = f"/v1/recordings/{recording}/turns"
    cursor = client.get(path, params={"limit": 3}).json()["next_cursor"]
    again = queued(state="succeeded", finished_at="2024-01-01T00:00:00Z")
    with service.database.system() as connection:
        connection.execute(jobs.update().where(jobs.c.id == again).values(recording_id=recording))
    published(transcript([said("Anew.", 0.0, 1.0)], [turn(0.0, 1.0)]), again)
    assert texts(client, path) == ["Anew."]
    assert texts(client, path, cursor=cursor) == ["Fine, thanks."]


def test_turns_are_found_by_what_was_said(client: TestClient, published: Publish) -> None:
    published()
    published(transcript([said("The invoice, Ann, is late.", 0.0, 2.0)], [turn(0.0, 2.0)]))
    assert texts(client, "/v1/search", q="ann") == [
        "The invoice, Ann, is late.",
        "Hi Ann! How are you?",
        "Hello, this is Ann.",
    ]
    assert texts(client, "/v1/search", q="ann -invoice -hello") == ["Hi Ann! How are you?"]
    assert texts(client, "/v1/search", q='"this is"') == ["Hello, this is Ann."]
    assert texts(client, "/v1/search", q="nobody") == []
    first = client.get("/v1/search", params={"q": "ann", "limit": 2}).json()
    assert texts(client, "/v1/search", q="ann", limit=2, cursor=first["next_cursor"]) == ["Hello, this is Ann."]


def test_nobody_finds_what_others_said(stranger: TestClient, published: Publish) -> None:
    published()
    assert texts(stranger, "/v1/search", q="ann") == []
