from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.client import ApiError, Unreachable
from tests.unit.api.client.service import JOB_ID, Answer, Clock, Service, event, job, problem, stream

DONE = job("succeeded", 1.0)
STREAM, POLL = f"GET /v1/jobs/{JOB_ID}/events", f"GET /v1/jobs/{JOB_ID}"


def follow(*answers: Answer, clock: Clock | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    service = Service(*answers)
    seen: list[dict[str, Any]] = []
    with service.client(clock, outage=100.0) as client:
        last = client.wait(JOB_ID, seen.append)
    assert last == seen[-1]
    return seen, service.asked


def asked(*states: dict[str, Any]) -> list[Answer]:
    return [httpx.Response(200, json=state) for state in states]


def test_a_job_is_told_as_it_changes_until_it_has_ended() -> None:
    running = job("running", 0.5, name="a\u2028b")
    seen, requests = follow(stream(b": hello\n\n", event("progress", running), event("end", DONE), b"never read"))
    assert seen == [running, DONE]
    assert requests == [STREAM]


def test_a_connection_that_breaks_is_made_anew() -> None:
    clock = Clock()
    broken = stream(event("progress", job("running", 0.2)), httpx.ReadError("reset"))
    cut = stream(event("progress", job("running", 0.4)), b"event: progress\nda")
    seen, requests = follow(broken, cut, httpx.ConnectError("restarting"), stream(event("end", DONE)), clock=clock)
    assert [one["progress"] for one in seen] == [0.2, 0.4, 1.0]
    assert requests == [STREAM] * 4
    assert clock.slept == [1.0] * 3


@pytest.mark.parametrize(
    "barren",
    [
        stream(b": held back\n\n"),
        stream(httpx.ReadTimeout("silence")),
        stream(b"data: <html>\n\n"),
        httpx.Response(200, text="<html>"),
        problem("internal-error", 500),
    ],
)
def test_where_nothing_is_told_the_job_is_asked_for(barren: httpx.Response) -> None:
    seen, requests = follow(barren, problem("internal-error", 502), *asked(job(), DONE))
    assert [one["state"] for one in seen] == ["queued", "succeeded"]
    assert requests == [STREAM, STREAM, POLL, POLL]


def test_an_outage_is_waited_out_but_not_for_ever() -> None:
    clock = Clock()
    down = httpx.ConnectError("down")
    seen, _ = follow(*[down] * 20, *asked(DONE), clock=clock)
    assert seen == [DONE]
    with pytest.raises(Unreachable):
        follow(down, clock=(clock := Clock()))
    assert 100 < clock.now < 110


def test_an_error_in_the_stream_is_raised() -> None:
    gone = {"type": "urn:hansard:problem:recording-deleted", "status": 410, "detail": "gone"}
    with pytest.raises(ApiError) as raised:
        follow(stream(event("progress", job()), event("error", gone)))
    assert raised.value.slug == "recording-deleted"


@pytest.mark.parametrize(("slug", "status"), [("not-found", 404), ("invalid-api-key", 401)])
def test_a_job_that_may_not_be_seen_is_not_asked_for_again(slug: str, status: int) -> None:
    service = Service(problem(slug, status))
    with service.client() as client, pytest.raises(ApiError) as raised:
        client.wait(JOB_ID)
    assert raised.value.slug == slug
    assert service.asked == [STREAM]


def test_several_jobs_are_asked_for_in_turns_and_one_that_is_gone_stops_no_other() -> None:
    service = Service(*asked(job(ident="a"), job("failed", ident="b")), problem("recording-deleted", 410), *asked(DONE))
    with service.client() as client:
        found = list(client.watch(["a", "b", "c"]))
    assert [(ident, one if isinstance(one, ApiError) else one["state"]) for ident, one in found[:2]] == [
        ("a", "queued"),
        ("b", "failed"),
    ]
    assert isinstance(found[2][1], ApiError)
    assert found[3] == ("a", DONE)
    assert [path.rpartition("/")[2] for path in service.asked] == ["a", "b", "c", "a"]
