"""A recording through the whole service: over HTTP to rows, objects and a signed webhook."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from sqlalchemy import func, select

from api.client import ApiError
from api.db import READER_ROLE
from api.http.answers import REPLAYED
from api.results.reading import TRANSCRIPT_FORMATS
from api.tables import jobs, transcripts
from embedded.consumer import consumer
from pipeline.formats import find, native
from pipeline.formats.registry import write_bytes
from pipeline.types import Transcript
from tests.e2e.customer import Customer, slug
from tests.e2e.places import bucket_client
from workers.progress import SPANS

if TYPE_CHECKING:
    from api.bootstrap import Service
    from embedded.system import System

pytestmark = pytest.mark.weights

KEY = "the-first-submission"
OPTIONS: Mapping[str, Any] = {"language": "en", "num_speakers": 2, "metadata": {"call": "7"}}
NOWHERE = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened to the sample conversation."""

    owner: Customer
    answer: httpx.Response
    webhook: Mapping[str, Any]
    """Verified with the stock library of the standard."""
    endpoint: str

    @property
    def recording(self) -> str:
        return str(self.answer.json()["recording"]["id"])

    @property
    def job(self) -> str:
        return str(self.answer.json()["job"]["id"])

    def transcript(self) -> Transcript:
        return native.parse(self.owner.client.transcript(self.recording))


@pytest.fixture(scope="module")
def story(new_customer: Callable[..., Customer], conversation: Path) -> Story:
    """The sample conversation as an upload, followed to its end."""
    owner = new_customer()
    with consumer() as listening:
        endpoint = owner.client.webhooks.create(listening.address)
        listening.secret = endpoint["secret"]
        answer = owner.upload(
            "talk.wav", conversation.read_bytes(), KEY, callback_endpoints=[endpoint["id"]], **OPTIONS
        )
        webhook = listening.events.get(timeout=60)
    return Story(owner=owner, answer=answer, webhook=webhook, endpoint=endpoint["id"])


@pytest.fixture
def stranger(customer: Customer) -> Customer:
    """Another tenant."""
    return customer


def test_an_upload_is_accepted_and_becomes_a_transcript_of_two_people(story: Story) -> None:
    assert story.answer.status_code == 202
    assert story.owner.client.job(story.job)["state"] == "succeeded"
    transcript = story.transcript()
    assert len(transcript.diarization.speakers) == 2
    assert len(transcript.words) > 60
    shown = story.owner.client.recording(story.recording)["recording"]
    assert (shown["name"], shown["duration"], shown["metadata"]) == ("talk.wav", 30.0, OPTIONS["metadata"])


def test_readers_find_the_turns_by_sql_alone_and_nothing_besides(story: Story, system: System) -> None:
    with psycopg.connect(system.stores.database_url, row_factory=dict_row) as connection:
        connection.execute(SQL("SET ROLE {}").format(Identifier(READER_ROLE)))
        mine = {
            view: connection.execute(
                SQL("SELECT * FROM {} WHERE recording_id = %s").format(Identifier(view)), [story.recording]
            ).fetchall()
            for view in ("v1_recordings", "v1_speakers", "v1_turns")
        }
        for hidden in ("jobs", "api_keys", "webhook_endpoints", "outbox"):
            with pytest.raises(InsufficientPrivilege), connection.transaction():
                connection.execute(SQL("SELECT 1 FROM {}").format(Identifier(hidden)))
    (recording,) = mine["v1_recordings"]
    assert (recording["name"], recording["language"]) == ("talk.wav", "en")
    assert {row["speaker"] for row in mine["v1_speakers"]} == {"SPEAKER_00", "SPEAKER_01"}
    turns = sorted(mine["v1_turns"], key=itemgetter("number"))
    same = ("number", "speaker", "start_seconds", "end_seconds", "text", "confidence", "overlap", "words")
    over_http = list(story.owner.client.turns(story.recording))
    assert [[row[name] for name in same] for row in turns] == [[turn[name] for name in same] for turn in over_http]
    assert [turn["text"] for turn in over_http] == [turn.text for turn in story.transcript().utterances]


def test_every_file_of_the_result_has_the_digest_size_and_type_that_its_row_tells(
    story: Story, service: Service
) -> None:
    with service.database.system() as connection:
        files = connection.execute(
            select(transcripts.c.artefacts).where(transcripts.c.job_id == story.job)
        ).scalar_one()
    assert {Path(name).suffix for name in files} == {
        *(".json", ".jsonl", ".rttm", ".srt", ".vtt", ".safetensors", ".npz"),
    }
    client = bucket_client(service.settings)
    for name, told in files.items():
        found = client.get_object(Bucket=service.settings.s3_bucket, Key=told["key"])
        content = found["Body"].read()
        assert told["key"].endswith(f"/{name}")
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (told["sha256"], told["bytes"])
        assert found["ContentType"] == told["content_type"]
    client.close()


def test_the_webhook_tells_of_the_job_and_says_nothing_that_was_said(story: Story) -> None:
    data = story.webhook["data"]
    assert (story.webhook["type"], data["job_id"], data["recording_id"], data["error"]) == (
        *("job.succeeded", story.job, story.recording, None),
    )
    assert story.owner.http.get(data["result"]).content == story.owner.client.transcript(story.recording)
    told = json.dumps(story.webhook)
    assert not [turn.text for turn in story.transcript().utterances if turn.text in told]
    assert "talk" not in told


def test_progress_is_told_on_the_way_and_never_falls(customer: Customer, long: Path) -> None:
    told = customer.events(customer.upload("long.wav", long.read_bytes()).json()["job"]["id"])
    names = [name for name, _ in told]
    assert names == ["progress"] * (len(names) - 1) + ["end"]
    reached = [job["progress"] for _, job in told]
    assert reached == sorted(reached)
    assert (reached[0], reached[-1]) == (0.0, 1.0)
    assert len(set(reached)) >= 4
    assert {job["stage"] for _, job in told} - {None} <= set(SPANS)
    assert len({job["stage"] for _, job in told} - {None}) >= 2


@pytest.mark.parametrize("name", TRANSCRIPT_FORMATS)
def test_the_transcript_is_to_be_had_in_every_format(story: Story, name: str) -> None:
    answer = story.owner.http.get(f"/v1/recordings/{story.recording}/transcript", params={"format": name})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == find(name).media_type
    assert nameless(answer.content) == nameless(write_bytes(story.transcript(), name))


def nameless(content: bytes) -> bytes:
    """A file without the ids that every drawing of an SVG makes up anew."""
    return re.sub(rb"(?<![0-9a-z])[mp][0-9a-f]{10}(?![0-9a-z])", b"", content) if b"<svg" in content else content


def test_the_same_request_again_is_answered_the_same_and_does_nothing(
    story: Story, conversation: Path, service: Service
) -> None:
    content = conversation.read_bytes()
    again = story.owner.upload("talk.wav", content, KEY, callback_endpoints=[story.endpoint], **OPTIONS)
    assert (again.status_code, again.json()) == (202, story.answer.json())
    assert again.headers[REPLAYED] == "true"
    assert REPLAYED not in story.answer.headers
    other = story.owner.upload("talk.wav", content, KEY, language="de")
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")
    with service.database.tenant(story.owner.tenant_id) as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 1


def test_another_tenant_sees_and_changes_nothing_of_it(story: Story, stranger: Customer) -> None:
    recording, job = f"/v1/recordings/{story.recording}", f"/v1/jobs/{story.job}"
    endpoint = f"/v1/webhook-endpoints/{story.endpoint}"
    requests = [
        *(("GET", recording), ("GET", f"{recording}/transcript"), ("GET", f"{recording}/turns")),
        *(("DELETE", recording), ("POST", f"{recording}/complete")),
        *(("GET", job), ("GET", f"{job}/events"), ("POST", f"{job}/cancel"), ("POST", f"{job}/requeue")),
        *(("GET", endpoint), ("DELETE", endpoint), ("POST", f"{endpoint}/test")),
        *(("POST", f"{endpoint}/rotate-secret"), ("GET", f"{endpoint}/deliveries")),
    ]
    for method, path in requests:
        # Word for word what is said of an id that nobody has.
        foreign = stranger.http.request(method, path)
        own = path.replace(story.recording, NOWHERE).replace(story.job, NOWHERE).replace(story.endpoint, NOWHERE)
        missing = stranger.http.request(method, own)
        assert (foreign.status_code, slug(foreign)) == (404, "not-found"), path
        assert {**foreign.json(), "request_id": ""} == {**missing.json(), "request_id": ""}
    word = max((word.text for word in story.transcript().words), key=len)
    assert list(story.owner.client.search(word))
    assert list(stranger.client.search(word)) == []
    assert (list(stranger.client.recordings()), list(stranger.client.jobs())) == ([], [])
    assert stranger.client.webhooks.list() == []
    with pytest.raises(ApiError, match="not all of these are webhook endpoints"):
        stranger.client.submit_url("https://example.org/a.wav", {"callback_endpoints": (story.endpoint,)})
    assert story.owner.client.job(story.job)["state"] == "succeeded"
