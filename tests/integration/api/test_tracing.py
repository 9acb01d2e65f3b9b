"""One trace, from the request over the queue and both pools to the webhook."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from opentelemetry.trace import StatusCode
from sqlalchemy import select

from api.jobs import lease
from api.jobs.lease import Claim
from api.outbound.client import OutboundClient, Posted
from api.outbound.urls import UrlRules
from api.states import Pool
from api.tables import jobs
from api.webhooks import endpoints
from api.webhooks.fan_out import fan_out
from pipeline.errors import CorruptMedia
from tests.unit.api.spans import Spans, id_of, parent_of, trace_of, traced
from workers.context import Context
from workers.delivery import deliver
from workers.execution import execute, settle
from workers.keeper import Keeper
from workers.stages import StageSpans, stage

if TYPE_CHECKING:
    from api.bootstrap import Service

URL = "https://example.org/mr-smith.wav?token=secret"


class Accepting(OutboundClient):
    """An endpoint that takes everything."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = 15.0) -> Posted:
        """Answer 204."""
        return Posted(status=204, retry_after=None, seconds=0.01, error=None)


@pytest.fixture
def spans() -> Iterator[Spans]:
    with traced() as kept:
        yield kept


def ingest(context: Context, held: Claim, keeper: Keeper) -> None:
    with stage("fetch"):
        pass
    settle(context, held, lambda connection: lease.hand_on(connection, held, Pool.PROCESS, audio_seconds=1.0))


def process(context: Context, held: Claim, keeper: Keeper) -> None:
    with StageSpans(keeper) as hook:
        hook("asr", 1, 1)
    settle(context, held, lambda connection: lease.succeed(connection, held))


def submitted(client: TestClient) -> UUID:
    answer = client.post("/v1/recordings", json={"url": URL}, headers={"X-Request-ID": "r-1"})
    assert answer.status_code == 202
    return UUID(answer.json()["job"]["id"])


def test_a_trace_leads_from_the_request_to_the_webhook(
    client: TestClient, service: Service, tenant: UUID, spans: Spans, tmp_path: Path
) -> None:
    with service.database.tenant(tenant) as connection:
        endpoints.create(connection, service.settings, tenant, url="https://example.org/hook?key=secret", events=())
    job = submitted(client)
    context = Context(service=service, work={Pool.INGEST: ingest, Pool.PROCESS: process}, scratch=tmp_path)
    assert execute(context, job, Pool.INGEST)
    assert execute(context, job, Pool.PROCESS)
    (delivery,) = fan_out(service)
    assert deliver(service, Accepting(UrlRules()), delivery, random.Random(1))

    request = spans.named("POST /v1/recordings")
    below = {span.name: parent_of(span) for span in spans.all()}
    assert {trace_of(span) for span in spans.all()} == {trace_of(request)}
    assert below["job.ingest"] == below["job.process"] == below["webhook"] == id_of(request)
    assert below["stage.fetch"] == id_of(spans.named("job.ingest"))
    assert below["stage.asr"] == id_of(spans.named("job.process"))
    assert (spans.named("job.process").attributes or {})["hansard.job_id"] == str(job)
    assert (spans.named("webhook").attributes or {})["http.response.status_code"] == 204
    assert not any(word in span.to_json() for span in spans.all() for word in ("secret", "smith"))


def test_an_attempt_that_fails_says_why_and_a_second_job_has_a_trace_of_its_own(
    client: TestClient, service: Service, spans: Spans, tmp_path: Path
) -> None:
    def failing(context: Context, held: Claim, keeper: Keeper) -> None:
        message = "what was in the file"
        raise CorruptMedia(message)

    job = submitted(client)
    assert execute(Context(service=service, work={Pool.INGEST: failing}, scratch=tmp_path), job, Pool.INGEST)
    failed = spans.named("job.ingest")
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "corrupt-media"
    assert "what was in the file" not in failed.to_json()
    again = UUID(client.post(f"/v1/jobs/{job}/requeue").json()["id"])
    with service.database.system() as connection:
        kept = connection.execute(select(jobs.c.traceparent).where(jobs.c.id == again)).scalar_one()
    assert kept is not None
    assert f"{trace_of(failed):032x}" not in kept


def test_without_traces_a_job_has_none(client: TestClient, service: Service) -> None:
    job = submitted(client)
    with service.database.system() as connection:
        assert connection.execute(select(jobs.c.traceparent).where(jobs.c.id == job)).scalar_one() is None
